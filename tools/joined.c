#include "joined.h"

#include <stdlib.h>
#include <string.h>

#include "output.h"

enum { FIELDS_AT_MOST = 8 };

/* ---- Names ------------------------------------------------------------------------------------------------------- */

void names_free(names_t *names)
{
    for (int64_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    *names = (names_t){NULL, 0};
}

int names_add(names_t *names, const char *name)
{
    char **items = names->items, *copy = malloc(strlen(name) + 1);
    if (names->count % 64 == 0)
        items = realloc(items, (size_t)(names->count + 64) * sizeof *items);
    if (items)
        names->items = items;
    if (!items || !copy) {
        free(copy);
        return 0;
    }
    names->items[names->count++] = strcpy(copy, name);
    return 1;
}

int64_t names_find(const names_t *names, const char *name)
{
    for (int64_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i], name) == 0)
            return i;
    }
    return -1;
}

static int is_whole(const char *name)
{
    size_t sign = name[0] == '-', digits = strspn(name + sign, "0123456789");
    return digits > 0 && name[sign + digits] == 0;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int by_value(const void *a, const void *b)
{
    long long left = strtoll(*(char *const *)a, NULL, 10), right = strtoll(*(char *const *)b, NULL, 10);
    return (left > right) - (left < right);
}

int names_of_datasets(pt_dataset_t *const *datasets, int64_t count, names_t *names)
{
    int are_whole = 1;
    for (int64_t i = 0; i < count; i++) {
        for (int64_t j = 0; j < pt_dataset_class_count(datasets[i], "label"); j++) {
            const char *name = pt_dataset_class_name(datasets[i], "label", j);
            are_whole &= is_whole(name);
            if ((i == 0 || names_find(names, name) < 0) && !names_add(names, name))
                return 0;
        }
    }
    if (count > 1 && names->count > 0)
        qsort(names->items, (size_t)names->count, sizeof *names->items, are_whole ? by_value : by_bytes);
    return 1;
}

int names_of_model(const pt_model_t *model, names_t *names)
{
    for (int64_t i = 0; i < pt_model_class_count(model); i++) {
        if (!names_add(names, pt_model_class_name(model, i)))
            return 0;
    }
    return 1;
}

/* ---- The dataset ------------------------------------------------------------------------------------------------- */

typedef struct part {
    pt_dataset_t *dataset;
    /* of its first sample in the whole */
    int64_t begin;
    /* [classes] of the file: their numbers in the whole; NULL: labels stay */
    int32_t *numbers;
    int64_t classes;
    /* labels are rows with a number for each class of the file; classes of the whole */
    int32_t has_rows;
    int64_t all_classes;
} part_t;

typedef struct joined {
    part_t *parts;
    int64_t count, length;
} joined_t;

static void destroy(void *user)
{
    joined_t *joined = user;
    for (int64_t i = 0; i < joined->count; i++) {
        pt_dataset_free(joined->parts[i].dataset);
        free(joined->parts[i].numbers);
    }
    free(joined->parts);
    free(joined);
}

/* How many of the samples from `first` on lie in one part; they become that part's own. */
static int64_t find_part(const joined_t *joined, int64_t *indices, int64_t count, int64_t *part)
{
    int64_t low = 0, high = joined->count;
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        if (joined->parts[middle].begin <= indices[0])
            low = middle;
        else
            high = middle;
    }
    const int64_t begin = joined->parts[low].begin,
                  end = low + 1 < joined->count ? joined->parts[low + 1].begin : joined->length;
    int64_t here = 0;
    for (; here < count && indices[here] >= begin && indices[here] < end; here++)
        indices[here] -= begin;
    *part = low;
    return here;
}

static int is_of_rows(const pt_field_spec_t *field)
{
    return field->dtype == PT_FLOAT32 && field->rank == 1 && strcmp(field->name, "label") == 0;
}

/* Rows of labels, each number where the whole has its class. */
static pt_status_t read_rows(const part_t *part, const int64_t *indices, int64_t count, pt_array_t *view)
{
    const int64_t all = part->all_classes;
    float *rows = malloc((size_t)(count * part->classes) * sizeof *rows), *to = view->data;
    pt_array_t read = {.dtype = PT_FLOAT32, .data = rows, .capacity = count * part->classes};
    if (!rows)
        return PT_ERR_MEMORY;
    pt_status_t status = pt_dataset_read(part->dataset, indices, count, "label", &read, sizeof read);
    for (int64_t i = 0; status == PT_OK && i < count; i++) {
        memset(to + i * all, 0, (size_t)all * sizeof *to);
        for (int64_t j = 0; j < part->classes; j++)
            to[i * all + part->numbers[j]] = rows[i * part->classes + j];
    }
    free(rows);
    view->elements = count * all;
    return status;
}

/* Of what files give: int32, float32, and the bytes of pictures. */
static int64_t element_bytes(const pt_array_t *field)
{
    return field->dtype == PT_UINT8 ? 1 : 4;
}

/* One field of samples of one part, behind what the field has: `elements` of them, of `samples` samples. */
static pt_status_t read_field(const part_t *part, const int64_t *indices, int64_t count, pt_array_t *field,
                              int64_t elements, int64_t samples, int64_t *read)
{
    pt_array_t view = {.dtype = field->dtype,
                       .data = (char *)field->data + elements * element_bytes(field),
                       .capacity = field->capacity - elements};
    if (field->lengths) {
        view.lengths = field->lengths + samples;
        view.lengths_capacity = count;
    }
    const int is_label = strcmp(field->name, "label") == 0;
    pt_status_t status = is_label && part->numbers && part->has_rows
                             ? read_rows(part, indices, count, &view)
                             : pt_dataset_read(part->dataset, indices, count, field->name, &view, sizeof view);
    int32_t *labels = view.data;
    for (int64_t i = 0; status == PT_OK && is_label && part->numbers && !part->has_rows && i < view.elements; i++)
        labels[i] = part->numbers[labels[i]];
    *read = view.elements;
    return status;
}

static void fetch(void *user, pt_batch_t *batch)
{
    const joined_t *joined = user;
    int64_t elements[FIELDS_AT_MOST] = {0}, *indices = malloc((size_t)batch->capacity * sizeof *indices);
    pt_status_t status = indices ? PT_OK : PT_ERR_MEMORY;
    if (indices)
        memcpy(indices, batch->indices, (size_t)batch->capacity * sizeof *indices);
    for (int64_t first = 0, count, number; status == PT_OK && first < batch->capacity; first += count) {
        count = find_part(joined, indices + first, batch->capacity - first, &number);
        for (int32_t f = 0; f < batch->n_fields && status == PT_OK; f++) {
            pt_array_t *field = (pt_array_t *)((char *)batch->fields + (size_t)f * batch->field_size);
            int64_t read = 0;
            status = read_field(&joined->parts[number], indices + first, count, field, elements[f], first, &read);
            elements[f] += read;
        }
    }
    free(indices);
    batch->filled = batch->capacity;
    batch->status = status;
}

static int field_of(const pt_dataset_t *dataset, const char *name, pt_field_spec_t *field)
{
    for (int32_t f = 0; f < pt_dataset_field_count(dataset); f++) {
        if (pt_dataset_field(dataset, f, field, sizeof *field) == PT_OK && strcmp(field->name, name) == 0)
            return 1;
    }
    return 0;
}

/* Where the file numbers a class otherwise than the names do. */
static int set_numbers(part_t *part, const char *path, const names_t *names)
{
    const int64_t classes = part->classes = pt_dataset_class_count(part->dataset, "label");
    pt_field_spec_t field;
    part->has_rows = field_of(part->dataset, "label", &field) && is_of_rows(&field);
    part->all_classes = names->count;
    int same = !part->has_rows || classes == names->count;
    part->numbers = malloc((size_t)(classes + 1) * sizeof *part->numbers);
    if (!part->numbers)
        return fail("no memory for the classes of %s", path);
    for (int64_t i = 0; i < classes; i++) {
        const char *name = pt_dataset_class_name(part->dataset, "label", i);
        int64_t number = names_find(names, name);
        if (number < 0)
            return fail("%s: label \"%s\" is none of the model's %lld classes, which begin with \"%s\"", path, name,
                        (long long)names->count, names->items[0]);
        part->numbers[i] = (int32_t)number;
        same &= number == i;
    }
    if (same) {
        free(part->numbers);
        part->numbers = NULL;
    }
    return EXIT_DONE;
}

/* A field of one part, and of another: ragged where lengths differ. */
static int widen(pt_field_spec_t *field, const pt_field_spec_t *other, const char *path, const char *other_path)
{
    const int is_ragged = field->rank > 0 && field->shape[0] == PT_DIM_TOKENS;
    const int other_is_ragged = other->rank > 0 && other->shape[0] == PT_DIM_TOKENS;
    const int64_t rows = is_ragged ? field->max_length : field->shape[0];
    const int64_t other_rows = other_is_ragged ? other->max_length : other->shape[0];
    if (other->dtype != field->dtype || other->rank != field->rank)
        return fail("%s and %s: their fields \"%s\" are of different kinds", path, other_path, field->name);
    if (field->rank == 0 || (!is_ragged && !other_is_ragged && rows == other_rows))
        return EXIT_DONE;
    if (field->dtype != PT_INT32)
        return fail("%s has %lld numbers a sample in \"%s\", %s %lld", path, (long long)rows, field->name, other_path,
                    (long long)other_rows);
    field->shape[0] = PT_DIM_TOKENS;
    field->max_length = rows > other_rows ? rows : other_rows;
    return EXIT_DONE;
}

/* Whether its width is that of all classes, whatever a part's is. */
static int is_numbered_row(const part_t *part, const pt_field_spec_t *field)
{
    return part->all_classes > 0 && is_of_rows(field);
}

/* The fields that all parts have. Of tokens, the labels that only some have follow from the tokens. */
static int common_fields(const joined_t *joined, const char *const *paths, pt_field_spec_t *fields, int32_t *n_fields)
{
    const pt_dataset_t *first = joined->parts[0].dataset;
    int status = EXIT_DONE;
    *n_fields = 0;
    for (int32_t f = 0; f < pt_dataset_field_count(first) && *n_fields < FIELDS_AT_MOST; f++) {
        pt_field_spec_t *field = &fields[*n_fields], other;
        int64_t found = 1;
        TRY(pt_dataset_field(first, f, field, sizeof *field));
        for (; found < joined->count && field_of(joined->parts[found].dataset, field->name, &other); found++) {
            if (!is_numbered_row(&joined->parts[found], &other) &&
                (status = widen(field, &other, paths[0], paths[found])) != EXIT_DONE)
                return status;
        }
        if (is_numbered_row(&joined->parts[0], field))
            field->shape[0] = joined->parts[0].all_classes;
        *n_fields += found == joined->count;
    }
out:
    return status;
}

int joined_create(pt_context_t *context, pt_dataset_t **datasets, const char *const *paths, int64_t count,
                  const names_t *names, pt_dataset_t **out)
{
    pt_field_spec_t fields[FIELDS_AT_MOST];
    int32_t n_fields;
    int status = EXIT_DONE, same = 1;
    joined_t *joined = calloc(1, sizeof *joined);
    part_t *parts = calloc((size_t)count, sizeof *parts);
    *out = NULL;
    if (!joined || !parts) {
        for (int64_t i = 0; i < count; i++)
            pt_dataset_free(datasets[i]);
        free(joined);
        free(parts);
        return fail("no memory for %lld files", (long long)count);
    }
    joined->parts = parts;
    joined->count = count;
    for (int64_t i = 0; i < count; i++) {
        parts[i] = (part_t){.dataset = datasets[i], .begin = joined->length};
        joined->length += pt_dataset_length(datasets[i]);
    }
    for (int64_t i = 0; i < count && names && names->count > 0 && status == EXIT_DONE; i++) {
        status = set_numbers(&parts[i], paths[i], names);
        same &= parts[i].numbers == NULL;
    }
    if (status != EXIT_DONE)
        goto out;
    if (count == 1 && same) {
        *out = parts[0].dataset;
        parts[0].dataset = NULL;
        goto out;
    }
    status = common_fields(joined, paths, fields, &n_fields);
    if (status != EXIT_DONE)
        goto out;
    TRY(pt_dataset_create_map(context, fields, n_fields, sizeof *fields, joined->length, PT_DATASET_THREAD_SAFE, fetch,
                              joined, destroy, out));
    return EXIT_DONE;
out:
    destroy(joined);
    return status;
}
