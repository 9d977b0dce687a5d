#include "heading.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json_scan.h"
#include "output.h"

enum { LONGEST_LINE = 1 << 22, LONGEST_NAME = 1024 };

static int read_keys(heading_t *heading, slice_t object)
{
    int64_t members = json_count(object), n = 0;
    char name[LONGEST_NAME];
    if (members > 0 && (heading->counts = calloc((size_t)members, sizeof *heading->counts)) == NULL)
        return fail("no memory for the keys of a table");
    for (slice_t key = json_key(object, (slice_t){NULL, NULL}); key.begin; key = json_key(object, key)) {
        if (!json_copy_string(key, name, sizeof name))
            continue;
        slice_t value = json_member(object, name);
        heading->counts[n++] = value.begin && *value.begin == '[' ? json_count(value) : -1;
        if (!names_add(&heading->names, name))
            return fail("no memory for the keys of a table");
    }
    return EXIT_DONE;
}

/* Cells by RFC 4180, up to the end of the first record. */
static int read_cells(heading_t *heading, const char *at, const char *end, char separator, int has_headings)
{
    char name[LONGEST_NAME];
    size_t length = 0;
    int quoted = 0, is_over = 0;
    if (end - at >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    while (!is_over) {
        int at_end = at >= end || (!quoted && (*at == '\n' || *at == '\r'));
        if (at_end || (!quoted && *at == separator)) {
            name[length] = 0;
            if (!has_headings)
                snprintf(name, sizeof name, "#%lld", (long long)heading->names.count + 1);
            if (!names_add(&heading->names, name))
                return fail("no memory for the headings of a table");
            length = 0;
            is_over = at_end;
        } else if (*at == '"' && quoted && at + 1 < end && at[1] == '"') {
            if (length + 1 < sizeof name)
                name[length++] = *at;
            at++;
        } else if (*at == '"') {
            quoted = !quoted;
        } else if (length + 1 < sizeof name) {
            name[length++] = *at;
        }
        at++;
    }
    return EXIT_DONE;
}

int heading_read(const char *path, int is_json, char separator, int has_headings, heading_t *heading)
{
    *heading = (heading_t){0};
    FILE *file = fopen(path, "rb");
    if (!file)
        return fail("%s: %s", path, strerror(errno));
    int status = EXIT_DONE;
    char *text = malloc(LONGEST_LINE);
    size_t length = text ? fread(text, 1, LONGEST_LINE, file) : 0;
    if (!text || ferror(file))
        status = fail("%s: %s", path, text ? strerror(errno) : "no memory for its first line");
    if (status == EXIT_DONE && is_json) {
        const char *begin = text, *end = text + length;
        while (begin < end && (*begin == '\n' || *begin == '\r' || *begin == ' '))
            begin++;
        const char *line_end = memchr(begin, '\n', (size_t)(end - begin));
        status = read_keys(heading, json_whole_text(begin, (size_t)((line_end ? line_end : end) - begin)));
    } else if (status == EXIT_DONE && length > 0) {
        status = read_cells(heading, text, text + length, separator, has_headings);
    }
    free(text);
    fclose(file);
    return status;
}

void heading_free(heading_t *heading)
{
    names_free(&heading->names);
    free(heading->counts);
    *heading = (heading_t){0};
}

int heading_has(const heading_t *heading, const char *name)
{
    return names_find(&heading->names, name) >= 0;
}

int64_t heading_count(const heading_t *heading, const char *name)
{
    int64_t index = names_find(&heading->names, name);
    return index >= 0 && heading->counts ? heading->counts[index] : -1;
}
