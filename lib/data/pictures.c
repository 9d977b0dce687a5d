/* Datasets of pictures: which files there are is known when the dataset is made, what is in them when they are asked
 * for, on whichever thread asks. A broken one is noted, and the next good one stands in for it: which that is depends
 * on the files alone. */
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "data/file_samples.h"
#include "data/gunzip.h"
#include "data/json_lines.h"
#include "data/picture_readers.h"
#include "data/sources.h"

enum { USUAL_SIDE = 224 };
#define MOST_FILE ((int64_t)1 << 30)

typedef struct state {
    pt__file_set_t set; /* first: see file_samples.h */
    pt__picture_calls_t calls;
    pt_image_options_t options; /* sizes and channels known */
} state_t;

/* ---- Samples ---- */

typedef struct place { /* where the next sample goes, and its key */
    uint8_t *pixels;
    uint64_t key;
} place_t;

static pt_status_t make_from_file(pt_dataset_t *dataset, int64_t sample, const char *path, void *user)
{
    state_t *state = dataset->state;
    pt__memory_t *memory = &dataset->context->memory;
    const place_t *place = user;
    char *bytes;
    int64_t size;
    pt__file_about_t about;
    (void)sample;
    PT__TRY(pt__file_look(path, &about));
    if (!about.is_regular) /* a pipe would wait, a device may have no end */
        return pt__fail(PT_ERR_FORMAT, "no regular file");
    PT__TRY(pt__file_read(memory, path, MOST_FILE, &bytes, &size));
    pt_status_t status = state->calls.from_file(memory, &state->options, (const uint8_t *)bytes, size, place->key,
                                                place->pixels);
    pt__release(memory, bytes);
    return status;
}

static pt_status_t make_from_pixels(pt_dataset_t *dataset, int64_t sample, const place_t *place)
{
    const state_t *state = dataset->state;
    const pt__file_set_t *set = &state->set;
    const int64_t stride = (int64_t)set->width * set->channels;
    const pt__picture_t picture = {.pixels = set->pixels + sample * set->height * stride,
                                   .stride = stride,
                                   .width = set->width,
                                   .height = set->height,
                                   .channels = set->channels};
    return state->calls.from_picture(&dataset->context->memory, &state->options, &picture, place->key, place->pixels);
}

static pt_status_t fetch(pt_dataset_t *dataset, pt_batch_t *batch)
{
    const state_t *state = dataset->state;
    const pt_image_options_t *options = &state->options;
    const int64_t bytes = (int64_t)options->height * options->width * options->channels;
    place_t place = {.pixels = batch->fields[0].data};
    char *path;
    pt_status_t status = PT_OK;
    PT__TRY(pt__allocate_uninitialised(&dataset->context->memory, PT__PATH_SIZE, 1, "path", &path));
    for (int64_t i = 0; i < batch->capacity && status == PT_OK; i++, place.pixels += bytes) {
        int64_t sample = batch->indices[i];
        place.key = pt__batch_key(batch, i);
        status = state->set.pixels != NULL ? make_from_pixels(dataset, sample, &place)
                                           : pt__file_samples_make(dataset, &sample, path, make_from_file, &place);
        if (state->set.labels != NULL)
            ((int32_t *)batch->fields[1].data)[i] = state->set.labels[sample];
    }
    pt__release(&dataset->context->memory, path);
    PT__TRY(status);
    batch->filled = batch->capacity;
    batch->status = PT_OK;
    return PT_OK;
}

static void destroy(pt_dataset_t *dataset)
{
    state_t *state = dataset->state;
    pt__file_set_free(&state->set);
    pt__release(&dataset->context->memory, state);
}

static const pt__source_t source = {.name = "pictures",
                                    .fetch = fetch,
                                    .destroy = destroy,
                                    .class_count = pt__file_samples_class_count,
                                    .class_name = pt__file_samples_class_name,
                                    .sample_name = pt__file_samples_name,
                                    .skipped_count = pt__file_samples_skipped_count,
                                    .skipped = pt__file_samples_skipped};

/* ---- What stands at the path ---- */

/* The one file of pictures in IDX's format among these names; NULL: there is none. */
static pt_status_t find_idx(const char *path, char *const *names, int64_t count, const char **out)
{
    *out = NULL;
    for (int64_t i = 0; i < count; i++) {
        if (!pt__idx_named(names[i]))
            continue;
        if (*out != NULL)
            return pt__fail(PT_ERR_ARGUMENT, "%s: has both %s and %s: give the path of one of them", path, *out,
                            names[i]);
        *out = names[i];
    }
    return PT_OK;
}

static pt_status_t read_directory(state_t *state, const char *path)
{
    pt__file_set_t *set = &state->set;
    char **names, file[PT__PATH_SIZE];
    const char *idx;
    int64_t count;
    pt_status_t status;
    PT__TRY(pt__directory_list(set->memory, path, &names, &count));
    PT__TRY_OUT(find_idx(path, names, count, &idx));
    if (idx != NULL) {
        PT__TRY_OUT(pt__path_join(path, idx, file, sizeof file));
        PT__TRY_OUT(pt__idx_read(set, file));
    } else if (pt__cifar_named(names, count)) {
        PT__TRY_OUT(pt__cifar_read_directory(set, &state->calls, path, names, count));
    } else {
        PT__TRY_OUT(pt__file_folders_read(set, state->calls.named, path));
    }
out:
    pt__release(set->memory, names);
    return status;
}

/* One picture: the directory that it lies in is the root of its name. */
static pt_status_t read_picture(pt__file_set_t *set, const char *path)
{
    const char *slash = strrchr(path, '/');
    pt__file_set_root_above(set);
    return pt__file_set_add_file(set, slash == NULL ? path : slash + 1, -1);
}

static pt_status_t read_one_file(state_t *state, const char *path)
{
    pt__file_set_t *set = &state->set;
    uint8_t *bytes;
    int64_t size;
    if (state->calls.named(path) == 1)
        return read_picture(set, path);
    PT__TRY(pt__gunzip_file(set->memory, path, (int64_t)1 << 33, &bytes, &size));
    const int32_t is_idx = pt__idx_is(bytes, size), is_cifar = pt__cifar_is(path, bytes, size),
                  is_list = pt__json_lines_are(bytes, size);
    pt__release(set->memory, bytes);
    if (is_idx)
        return pt__idx_read(set, path);
    if (is_cifar)
        return pt__cifar_read_file(set, &state->calls, path);
    if (is_list)
        return pt__picture_list_read(set, path);
    return pt__fail(PT_ERR_UNSUPPORTED,
                    "%s: expected a directory of pictures, a picture, an IDX or CIFAR file, or a list of pictures in "
                    "JSON lines",
                    path);
}

static pt_status_t read_all(pt_context_t *context, state_t *state, const char *path)
{
    pt__file_set_t *set = &state->set;
    pt__file_about_t about;
    PT__TRY(pt__file_look(path, &about));
    if (!about.is_directory && !about.is_regular)
        return pt__fail(PT_ERR_FORMAT, "%s: no directory and no regular file", path);
    PT__TRY(about.is_directory ? read_directory(state, path) : read_one_file(state, path));
    if (set->samples == 0)
        return set->n_skipped > 0
                   ? pt__fail(PT_ERR_FORMAT, "%s: no picture; passed over: %s", path, set->skipped[0].text)
                   : pt__fail(PT_ERR_FORMAT, "%s: no picture", path);
    if (set->n_skipped > 0)
        pt__log(context, PT_LOG_WARNING, "%s: %lld passed over, the first being %s", path, (long long)set->n_skipped,
                set->skipped[0].text);
    return PT_OK;
}

static void settle_sizes(state_t *state)
{
    pt_image_options_t *options = &state->options;
    const pt__file_set_t *set = &state->set;
    if (options->height == 0) {
        options->height = set->pixels != NULL ? set->height : USUAL_SIDE;
        options->width = set->pixels != NULL ? set->width : USUAL_SIDE;
    }
    if (options->channels == 0)
        options->channels = set->pixels != NULL ? set->channels : 3;
}

pt_status_t pt__pictures_create(pt_context_t *context, const char *path, const pt_image_options_t *options,
                                const pt__picture_calls_t *calls, pt_dataset_t **out)
{
    state_t *state;
    pt_status_t status;
    *out = NULL;
    PT__TRY(calls->check(options));
    PT__TRY(pt__allocate(&context->memory, 1, sizeof *state, "dataset of pictures", &state));
    state->calls = *calls;
    state->options = *options;
    PT__TRY_OUT(pt__file_set_init(&state->set, &context->memory, path, (options->flags & PT_IMAGE_STRICT) != 0));
    state->set.channels = options->channels;
    PT__TRY_OUT(read_all(context, state, path));
    if (options->classes != NULL)
        PT__TRY_OUT(pt__file_set_number(&state->set, path, options->classes, options->n_classes));
    state->options.classes = NULL; /* the host's */
    settle_sizes(state);
    PT__TRY_OUT(calls->check(&state->options)); /* shorter_side, now that the size is known */
    const pt_field_spec_t fields[2] = {
        {.name = "pixel_values",
         .dtype = PT_UINT8,
         .rank = 3,
         .shape = {state->options.height, state->options.width, state->options.channels}},
        {.name = "label", .dtype = PT_INT32}};
    PT__TRY_OUT(pt__dataset_make(context, &source, state, fields, state->set.labels != NULL ? 2 : 1, state->set.samples,
                                 PT_DATASET_CONCURRENT, out));
out:
    if (status != PT_OK) {
        pt__file_set_free(&state->set);
        pt__release(&context->memory, state);
    }
    return status;
}
