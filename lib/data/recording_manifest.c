/* Lists of recordings: JSON lines, CSV and TSV with headings, and LJSpeech's metadata; see recording_set.h. */
#include <string.h>

#include "base/file.h"
#include "data/classes.h"
#include "data/csv_records.h"
#include "data/json_lines.h"
#include "data/recording_set.h"

enum { PATH, TEXT, LABEL, COLUMNS, NAMES = 5 };

/* The usual names of each column, as NeMo, Hugging Face and Common Voice have them. */
static const char *const usual[COLUMNS][NAMES] = {
    {"audio_filepath", "audio", "file_name", "path"}, {"text", "transcript", "sentence", "transcription"}, {"label"}};

typedef struct list {
    pt__recording_set_t *set;
    const char *names[COLUMNS][NAMES]; /* up to a NULL */
    int32_t is_asked[COLUMNS];         /* the host named it */
    int32_t has_clips;                 /* there is a directory "clips" beside the list */
    pt__classes_t classes;
} list_t;

static pt_status_t begin(list_t *list, pt__recording_set_t *set, const pt_audio_options_t *options)
{
    const char *const keys[COLUMNS] = {options->path_key, options->text_key, options->label_key};
    pt__file_about_t about;
    char path[PT__PATH_SIZE];
    *list = (list_t){.set = set, .classes = {.memory = set->files.memory}};
    memcpy(list->names, usual, sizeof usual);
    for (int32_t i = 0; i < COLUMNS; i++) {
        list->is_asked[i] = keys[i] != NULL;
        if (keys[i] != NULL) {
            list->names[i][0] = keys[i];
            list->names[i][1] = NULL;
        }
    }
    pt__file_set_root_above(&set->files);
    PT__TRY(pt__path_join(set->files.root, "clips", path, sizeof path));
    list->has_clips = pt__file_exists(path) && pt__file_look(path, &about) == PT_OK && about.is_directory;
    return PT_OK;
}

/* Common Voice's are in "clips". */
static pt_status_t add_line(list_t *list, const pt__recording_line_t *line)
{
    char path[PT__PATH_SIZE], within[PT__PATH_SIZE];
    pt__recording_line_t moved = *line;
    if (list->has_clips && line->name[0] != '/') {
        PT__TRY(pt__path_join(list->set->files.root, line->name, path, sizeof path));
        PT__TRY(pt__path_join("clips", line->name, within, sizeof within));
        if (!pt__file_exists(path))
            moved.name = within;
    }
    return pt__recording_set_add(list->set, &moved);
}

/* ---- JSON lines ---- */

static pt_status_t find_member(const list_t *list, const pt__json_t *object, int32_t column, const pt__json_t **out)
{
    *out = NULL;
    for (int32_t i = 0; i < NAMES && list->names[column][i] != NULL && *out == NULL; i++)
        *out = pt__json_find(object, list->names[column][i]);
    if (*out == NULL && (list->is_asked[column] || column == PATH))
        return pt__fail(PT_ERR_FORMAT, "the object has no key \"%s\"", list->names[column][0]);
    return PT_OK;
}

static pt_status_t add_object(void *user, const pt__json_t *object)
{
    list_t *list = user;
    pt__recording_line_t line = {.label = -1};
    const pt__json_t *members[COLUMNS];
    if (object->kind != PT__JSON_OBJECT)
        return pt__fail(PT_ERR_FORMAT, "expected an object, found %s", pt__json_kind_name(object->kind));
    for (int32_t i = 0; i < COLUMNS; i++)
        PT__TRY(find_member(list, object, i, &members[i]));
    if (members[PATH]->kind != PT__JSON_STRING || members[PATH]->length == 0 ||
        (int64_t)strlen(members[PATH]->string) != members[PATH]->length)
        return pt__json_fail(members[PATH], PT_ERR_FORMAT, "expected a path");
    line.name = members[PATH]->string;
    if (members[TEXT] != NULL && members[TEXT]->kind != PT__JSON_STRING)
        return pt__json_fail(members[TEXT], PT_ERR_FORMAT, "expected a string");
    if (members[TEXT] != NULL) {
        line.text = members[TEXT]->string;
        line.text_length = members[TEXT]->length;
    }
    if (members[LABEL] != NULL)
        PT__TRY(pt__classes_add_json(&list->classes, members[LABEL], &line.label));
    PT__TRY(pt__json_get_number(object, "offset", PT__JSON_OPTIONAL, 0, 1e9, &line.offset));
    PT__TRY(pt__json_get_number(object, "duration", PT__JSON_OPTIONAL, 0, 1e9, &line.duration));
    return add_line(list, &line);
}

pt_status_t pt__recording_manifest_read(pt__recording_set_t *set, const pt_audio_options_t *options, const char *path)
{
    list_t list;
    PT__TRY(begin(&list, set, options));
    pt_status_t status = pt__json_lines_read(set->files.memory, path, add_object, &list);
    if (status == PT_OK)
        status = pt__file_set_order_classes(&set->files, &list.classes, 0);
    pt__classes_free(&list.classes);
    return status;
}

/* ---- Tables ---- */

static pt_status_t find_column(const list_t *list, pt__csv_t *csv, int32_t column, int64_t *place)
{
    *place = -1;
    for (int32_t i = 0; i < NAMES && list->names[column][i] != NULL && *place < 0; i++)
        for (int64_t k = 0; k < csv->n_cells && *place < 0; k++) {
            const char *bytes;
            int64_t length;
            PT__TRY(pt__csv_plain_bytes(csv, &csv->cells[k], &bytes, &length));
            if (length == (int64_t)strlen(list->names[column][i]) &&
                memcmp(bytes, list->names[column][i], (size_t)length) == 0)
                *place = k;
        }
    if (*place < 0 && (list->is_asked[column] || column == PATH))
        return pt__fail(PT_ERR_NOT_FOUND, "%s: no column is headed \"%s\"", csv->path, list->names[column][0]);
    return PT_OK;
}

/* The first cell's bytes as a string. */
static pt_status_t copy_path(pt__csv_t *csv, const pt__cell_t *cell, char path[PT__PATH_SIZE])
{
    const char *bytes;
    int64_t length;
    PT__TRY(pt__csv_plain_bytes(csv, cell, &bytes, &length));
    if (length < 1 || length >= PT__PATH_SIZE || memchr(bytes, 0, (size_t)length) != NULL)
        return pt__fail(PT_ERR_FORMAT, "expected a path, found %lld bytes", (long long)length);
    memcpy(path, bytes, (size_t)length);
    path[length] = 0;
    return PT_OK;
}

static pt_status_t add_record(list_t *list, pt__csv_t *csv, const int64_t *places)
{
    pt__recording_line_t line = {.label = -1};
    char path[PT__PATH_SIZE];
    const char *bytes;
    int64_t length;
    PT__TRY(copy_path(csv, &csv->cells[places[PATH]], path));
    line.name = path;
    if (places[LABEL] >= 0) {
        PT__TRY(pt__csv_plain_bytes(csv, &csv->cells[places[LABEL]], &bytes, &length));
        PT__TRY(pt__classes_add_name(&list->classes, bytes, length, &line.label));
    }
    if (places[TEXT] >= 0)
        PT__TRY(pt__csv_plain_bytes(csv, &csv->cells[places[TEXT]], &line.text, &line.text_length));
    return add_line(list, &line);
}

static pt_status_t read_table(list_t *list, pt__csv_t *csv)
{
    int64_t places[COLUMNS], columns;
    PT__TRY(pt__csv_read_record(csv));
    columns = csv->n_cells;
    for (int32_t i = 0; i < COLUMNS; i++)
        PT__TRY(find_column(list, csv, i, &places[i]));
    while (!pt__csv_is_at_end(csv)) {
        PT__TRY(pt__csv_read_record(csv));
        if (csv->n_cells != columns)
            return pt__fail(PT_ERR_FORMAT, "%s: line %lld has %lld columns, expected %lld as the first line has",
                            csv->path, (long long)csv->cells[0].line, (long long)csv->n_cells, (long long)columns);
        const long long line = csv->cells[0].line;
        pt_status_t status = add_record(list, csv, places);
        if (status != PT_OK)
            return pt__fail_within(status, "%s: line %lld", csv->path, line);
    }
    return PT_OK;
}

pt_status_t pt__recording_table_read(pt__recording_set_t *set, const pt_audio_options_t *options, const char *path,
                                     char separator)
{
    pt__mapping_t mapping;
    list_t list;
    PT__TRY(begin(&list, set, options));
    PT__TRY(pt__file_map(set->files.memory, path, &mapping));
    pt__csv_t csv = pt__csv_begin(set->files.memory, path, (const char *)mapping.bytes, mapping.size, separator);
    csv.is_unquoted = separator == '\t'; /* Common Voice's sentences have quotation marks as they are */
    pt_status_t status = read_table(&list, &csv);
    if (status == PT_OK)
        status = pt__file_set_order_classes(&set->files, &list.classes, 1);
    pt__csv_free(&csv);
    pt__file_unmap(&mapping);
    pt__classes_free(&list.classes);
    return status;
}

/* ---- LJSpeech ---- */

int32_t pt__recording_find(const pt__recording_set_t *set, const char *directory, const char *name, char *path)
{
    static const char *const endings[] = {".wav", ".flac", ".ogg", ".opus", ".mp3"};
    char within[PT__PATH_SIZE], whole[PT__PATH_SIZE];
    const size_t length = strlen(name);
    if (pt__path_join(directory, name, path, PT__PATH_SIZE - 8) != PT_OK || length == 0)
        return 0;
    if (directory[0] == 0)
        memcpy(path, name, length + 1);
    const size_t end = strlen(path);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        memcpy(within, path, end);
        memcpy(within + end, endings[i], strlen(endings[i]) + 1);
        if (pt__path_join(set->files.root, within, whole, sizeof whole) == PT_OK && pt__file_exists(whole)) {
            memcpy(path, within, end + strlen(endings[i]) + 1);
            return 1;
        }
    }
    return 0;
}

static pt_status_t add_metadata(pt__recording_set_t *set, pt__csv_t *csv)
{
    const pt__cell_t *last = &csv->cells[csv->n_cells - 1];
    char name[PT__PATH_SIZE], path[PT__PATH_SIZE];
    pt__recording_line_t line = {.label = -1, .text = last->bytes, .text_length = last->length};
    if (csv->n_cells != 2 && csv->n_cells != 3)
        return pt__fail(PT_ERR_FORMAT, "expected name|text|normalised text, found %lld columns",
                        (long long)csv->n_cells);
    if (last->length == 0 && csv->n_cells == 3) {
        line.text = csv->cells[1].bytes;
        line.text_length = csv->cells[1].length;
    }
    PT__TRY(copy_path(csv, &csv->cells[0], name));
    if (!pt__recording_find(set, "wavs", name, path) && !pt__recording_find(set, "", name, path))
        memcpy(path, name, strlen(name) + 1); /* told of when it is looked at */
    pt__error_clear();
    line.name = path;
    return pt__recording_set_add(set, &line);
}

pt_status_t pt__recording_metadata_read(pt__recording_set_t *set, const char *path)
{
    pt__mapping_t mapping;
    pt_status_t status = PT_OK;
    pt__file_set_root_above(&set->files);
    PT__TRY(pt__file_map(set->files.memory, path, &mapping));
    pt__csv_t csv = pt__csv_begin(set->files.memory, path, (const char *)mapping.bytes, mapping.size, '|');
    csv.is_unquoted = 1;
    while (status == PT_OK && !pt__csv_is_at_end(&csv)) {
        status = pt__csv_read_record(&csv);
        const long long line = csv.n_cells > 0 ? csv.cells[0].line : 0;
        if (status == PT_OK)
            status = add_metadata(set, &csv);
        if (status != PT_OK)
            pt__fail_within(status, "%s: line %lld", path, line);
    }
    pt__csv_free(&csv);
    pt__file_unmap(&mapping);
    return status;
}
