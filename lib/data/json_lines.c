/* See json_lines.h. */
#include "data/json_lines.h"

#include <string.h>

#include "base/file.h"

static int32_t is_blank(const char *text, int64_t length)
{
    for (int64_t i = 0; i < length; i++) {
        if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r')
            return 0;
    }
    return 1;
}

static pt_status_t read_line(pt__memory_t *memory, const char *text, int64_t length, pt__json_line_fn *take, void *user,
                             int32_t *is_taken)
{
    pt__json_document_t *document;
    const pt__json_t *root;
    if (is_blank(text, length))
        return PT_OK;
    *is_taken = 1;
    PT__TRY(pt__json_parse(memory, "JSON", text, length, &document, &root));
    pt_status_t status = take(user, root);
    pt__json_free(document);
    return status;
}

static pt_status_t read_lines(pt__memory_t *memory, const char *path, const char *at, int64_t left,
                              pt__json_line_fn *take, void *user)
{
    int32_t is_taken = 0;
    if (left >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0) {
        at += 3;
        left -= 3;
    }
    for (int64_t line = 1; left > 0; line++) {
        const char *end = memchr(at, '\n', (size_t)left);
        int64_t length = end != NULL ? end - at : left;
        pt_status_t status = read_line(memory, at, length, take, user, &is_taken);
        if (status != PT_OK)
            return pt__fail_within(status, "%s: line %lld", path, (long long)line);
        length = end != NULL ? length + 1 : length;
        at += length;
        left -= length;
    }
    return is_taken ? PT_OK
                    : pt__fail(PT_ERR_FORMAT, "%s: expected one JSON object a line, found no line with anything in it",
                               path);
}

pt_status_t pt__json_lines_read(pt__memory_t *memory, const char *path, pt__json_line_fn *take, void *user)
{
    pt__mapping_t mapping;
    PT__TRY(pt__file_map(memory, path, &mapping));
    pt_status_t status = read_lines(memory, path, (const char *)mapping.bytes, mapping.size, take, user);
    pt__file_unmap(&mapping);
    return status;
}

int32_t pt__json_lines_are(const uint8_t *bytes, int64_t size)
{
    int64_t at = size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    while (at < size && strchr(" \t\r\n", bytes[at]) != NULL && bytes[at] != 0)
        at++;
    return at < size && bytes[at] == '{';
}
