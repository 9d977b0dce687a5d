/* What stands at a path: directories as data sets of speech have them, or a list, told by content; see
 * recording_set.h. */
#include <string.h>

#include "base/file.h"
#include "data/json_lines.h"
#include "data/recording_set.h"

enum { DEEPEST = 32 /* directories within each other: links may lead in a circle */, SNIFFED = 4096 };

static int32_t ends_with(const char *name, const char *ending)
{
    const size_t length = strlen(name), end = strlen(ending);
    return length >= end && strcmp(name + length - end, ending) == 0;
}

/* ---- LibriSpeech ---- */

static int64_t find_blank(const char *text, int64_t length)
{
    int64_t at = 0;
    while (at < length && text[at] != ' ' && text[at] != '\t')
        at++;
    return at;
}

/* "NAME TEXT", of a recording in this directory, from the root. */
static pt_status_t add_line(pt__recording_set_t *set, const char *directory, const char *text, int64_t length)
{
    char name[PT__PATH_SIZE], path[PT__PATH_SIZE];
    const int64_t end = find_blank(text, length), begin = end + (end < length);
    const pt__recording_line_t line = {.name = path, .text = text + begin, .text_length = length - begin, .label = -1};
    if (end == 0 || end >= PT__PATH_SIZE - 16 || memchr(text, 0, (size_t)end) != NULL)
        return pt__fail(PT_ERR_FORMAT, "expected the name of a recording and its transcript");
    memcpy(name, text, (size_t)end);
    name[end] = 0;
    if (!pt__recording_find(set, directory, name, path))
        PT__TRY(pt__path_join(directory, name, path, sizeof path)); /* told of when it is looked at */
    pt__error_clear();
    return pt__recording_set_add(set, &line);
}

static pt_status_t add_transcripts(pt__recording_set_t *set, const char *directory, const char *path)
{
    pt__mapping_t mapping;
    pt_status_t status = PT_OK;
    PT__TRY(pt__file_map(set->files.memory, path, &mapping));
    const char *at = (const char *)mapping.bytes, *end = at + mapping.size;
    for (long long line = 1; at < end && status == PT_OK; line++) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        int64_t length = (next != NULL ? next : end) - at;
        const int64_t whole = length + (next != NULL);
        length -= length > 0 && at[length - 1] == '\r';
        if (length > 0)
            status = add_line(set, directory, at, length);
        if (status != PT_OK)
            pt__fail_within(status, "%s: line %lld", path, line);
        at += whole;
    }
    pt__file_unmap(&mapping);
    return status;
}

/* All transcripts in a directory and below it. A directory that cannot be read is passed over. */
static pt_status_t walk(pt__recording_set_t *set, const char *directory, int32_t depth)
{
    char **names, *path = NULL;
    int64_t count;
    pt_status_t status = pt__directory_list(set->files.memory, directory, &names, &count);
    if (status != PT_OK)
        return depth == 0 ? status : pt__file_set_skip(&set->files, -1, directory, status);
    PT__TRY_OUT(pt__allocate_uninitialised(set->files.memory, PT__PATH_SIZE, 1, "path", &path));
    const char *within = directory + strlen(set->files.root);
    within += within[0] == '/';
    for (int64_t i = 0; i < count; i++) {
        pt__file_about_t about;
        if (names[i][0] == '.')
            continue;
        PT__TRY_OUT(pt__path_join(directory, names[i], path, PT__PATH_SIZE));
        if (ends_with(names[i], ".trans.txt"))
            PT__TRY_OUT(add_transcripts(set, within, path));
        else if (strchr(names[i], '.') == NULL && depth < DEEPEST && pt__file_look(path, &about) == PT_OK &&
                 about.is_directory)
            PT__TRY_OUT(walk(set, path, depth + 1));
    }
out:
    pt__release(set->files.memory, path);
    pt__release(set->files.memory, names);
    return status;
}

/* ---- What it is ---- */

static pt_status_t read_list(pt__recording_set_t *set, const pt_audio_options_t *options, const char *path)
{
    pt__mapping_t mapping;
    PT__TRY(pt__file_map(set->files.memory, path, &mapping));
    const char *bytes = (const char *)mapping.bytes;
    const int64_t size = mapping.size < SNIFFED ? mapping.size : SNIFFED;
    const int32_t is_json = pt__json_lines_are(mapping.bytes, size);
    const char *end = memchr(bytes, '\n', (size_t)size);
    const size_t first = end != NULL ? (size_t)(end - bytes) : (size_t)size;
    const int32_t has_tab = memchr(bytes, '\t', first) != NULL, has_bar = memchr(bytes, '|', first) != NULL,
                  is_text = memchr(bytes, 0, (size_t)size) == NULL && size > 0;
    pt__file_unmap(&mapping);
    if (is_json)
        return pt__recording_manifest_read(set, options, path);
    if (is_text && (has_tab || ends_with(path, ".tsv")))
        return pt__recording_table_read(set, options, path, '\t');
    if (is_text && has_bar)
        return pt__recording_metadata_read(set, path);
    if (is_text && ends_with(path, ".csv"))
        return pt__recording_table_read(set, options, path, ',');
    return pt__fail(PT_ERR_UNSUPPORTED,
                    "%s: expected a directory of recordings, a recording, or a list in JSON lines, CSV or TSV", path);
}

/* A list that the directory has, under its usual name; NULL: none. */
static const char *usual_list(char *const *names, int64_t count)
{
    static const char *const usual[] = {"metadata.csv", "metadata.jsonl", "manifest.jsonl", "train.tsv"};
    for (size_t k = 0; k < sizeof usual / sizeof usual[0]; k++)
        for (int64_t i = 0; i < count; i++)
            if (strcmp(names[i], usual[k]) == 0)
                return usual[k];
    return NULL;
}

/* The root is a list's until now. */
static pt_status_t read_listed(pt__recording_set_t *set, const pt_audio_options_t *options, const char *directory,
                               const char *name)
{
    char path[PT__PATH_SIZE], *root;
    PT__TRY(pt__path_join(directory, name, path, sizeof path));
    PT__TRY(pt__string_copy(set->files.memory, path, &root));
    pt__release(set->files.memory, set->files.root);
    set->files.root = root;
    return read_list(set, options, path);
}

static pt_status_t read_directory(pt__recording_set_t *set, const pt__recording_calls_t *calls,
                                  const pt_audio_options_t *options, const char *path)
{
    char **names;
    int64_t count;
    PT__TRY(pt__directory_list(set->files.memory, path, &names, &count));
    const char *list = usual_list(names, count);
    pt__release(set->files.memory, names);
    if (list != NULL)
        return read_listed(set, options, path, list);
    PT__TRY(walk(set, path, 0));
    return set->files.samples > 0 ? PT_OK : pt__file_folders_read(&set->files, calls->named, path);
}

pt_status_t pt__recordings_read(pt__recording_set_t *set, const pt__recording_calls_t *calls,
                                const pt_audio_options_t *options, const char *path)
{
    pt__file_about_t about;
    PT__TRY(pt__file_look(path, &about));
    if (about.is_directory)
        return read_directory(set, calls, options, path);
    if (!about.is_regular)
        return pt__fail(PT_ERR_FORMAT, "%s: no directory and no regular file", path);
    if (calls->named(path) == 0)
        return read_list(set, options, path);
    const char *slash = strrchr(path, '/');
    const pt__recording_line_t line = {.name = slash == NULL ? path : slash + 1, .label = -1};
    pt__file_set_root_above(&set->files);
    return pt__recording_set_add(set, &line);
}
