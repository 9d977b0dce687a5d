/* Datasets of recordings: names, transcripts and lengths are known when the dataset is made, rows are computed when
 * they are asked for, on whichever thread asks. A recording that turns out broken is noted, and the next good one
 * stands in for it, transcript and class with it: which that is depends on the files alone. */
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "data/file_samples.h"
#include "data/recording_set.h"
#include "data/sources.h"

typedef struct state {
    pt__recording_set_t set;   /* first, as it begins with its files: see file_samples.h */
    pt__recording_set_t noise; /* without samples where none of recordings is added */
    pt__recording_calls_t calls;
    void *maker;
    int32_t bins;
    int32_t transcript, label; /* numbers of these fields; 0: there is none */
    int32_t lengths_vary;
} state_t;

/* ---- Samples ---- */

typedef struct place { /* where a batch's next rows go */
    float *rows;
    int64_t made; /* rows of the last sample */
    int32_t *ids;
    char *path, *noise_path;
    uint64_t key; /* of the next sample */
} place_t;

static pt_status_t make(pt_dataset_t *dataset, int64_t sample, const char *path, void *user)
{
    const state_t *state = dataset->state;
    place_t *place = user;
    const pt__recording_t *recording = &state->set.recordings[sample];
    const pt__clip_t clip = {path, recording->offset, recording->duration};
    pt__clip_t noise = {.path = place->noise_path};
    if (state->noise.files.samples > 0) {
        pt__random_t random = pt__random_start(pt__random_key(place->key, 1));
        const int64_t chosen = pt__random_below(&random, state->noise.files.samples);
        PT__TRY(pt__file_set_path(&state->noise.files, chosen, place->noise_path));
        noise.offset = state->noise.recordings[chosen].offset;
        noise.duration = state->noise.recordings[chosen].duration;
    }
    return state->calls.make(state->maker, &clip, state->noise.files.samples > 0 ? &noise : NULL, place->key,
                             dataset->fields[0].max_length, place->rows, &place->made);
}

/* The i-th sample of a batch and what goes with it. */
static pt_status_t put_sample(pt_dataset_t *dataset, pt_batch_t *batch, int64_t i, place_t *place)
{
    const state_t *state = dataset->state;
    const pt__recording_set_t *set = &state->set;
    int64_t sample = batch->indices[i];
    place->key = pt__batch_key(batch, i);
    PT__TRY(pt__file_samples_make(dataset, &sample, place->path, make, place));
    batch->fields[0].lengths[i] = place->made;
    place->rows += place->made * state->bins;
    if (state->transcript > 0) {
        const int64_t begin = set->id_begins[sample], count = set->id_begins[sample + 1] - begin;
        memcpy(place->ids, set->ids + begin, (size_t)count * sizeof *place->ids);
        batch->fields[state->transcript].lengths[i] = count;
        place->ids += count;
    }
    if (state->label > 0)
        ((int32_t *)batch->fields[state->label].data)[i] = set->files.labels[sample];
    return PT_OK;
}

static pt_status_t fetch(pt_dataset_t *dataset, pt_batch_t *batch)
{
    const state_t *state = dataset->state;
    place_t place = {.rows = batch->fields[0].data,
                     .ids = state->transcript > 0 ? batch->fields[state->transcript].data : NULL};
    pt_status_t status = PT_OK;
    PT__TRY(pt__allocate_uninitialised(&dataset->context->memory, 2, PT__PATH_SIZE, "path", &place.path));
    place.noise_path = place.path + PT__PATH_SIZE;
    for (int64_t i = 0; i < batch->capacity && status == PT_OK; i++)
        status = put_sample(dataset, batch, i, &place);
    pt__release(&dataset->context->memory, place.path);
    PT__TRY(status);
    batch->filled = batch->capacity;
    batch->status = PT_OK;
    return PT_OK;
}

static void lengths(const pt_dataset_t *dataset, int32_t field, const int64_t *indices, int64_t count, int64_t *out)
{
    const pt__recording_set_t *set = &((const state_t *)dataset->state)->set;
    for (int64_t i = 0; i < count; i++)
        out[i] = field == 0 ? set->recordings[indices[i]].rows
                            : set->id_begins[indices[i] + 1] - set->id_begins[indices[i]];
}

static int32_t lengths_vary(const pt_dataset_t *dataset)
{
    return ((const state_t *)dataset->state)->lengths_vary;
}

static int64_t find_longest_text(const pt__recording_set_t *set)
{
    int64_t longest = 0;
    for (int64_t i = 0; i < set->files.samples; i++) {
        const int64_t length = set->id_begins[i + 1] - set->id_begins[i];
        longest = length > longest ? length : longest;
    }
    return longest;
}

static void release(pt_context_t *context, state_t *state)
{
    if (state->maker != NULL)
        state->calls.end(state->maker);
    pt__recording_set_free(&state->set);
    pt__recording_set_free(&state->noise);
    pt__release(&context->memory, state);
}

static void destroy(pt_dataset_t *dataset)
{
    release(dataset->context, dataset->state);
}

static const pt__source_t source = {.name = "recordings",
                                    .fetch = fetch,
                                    .lengths = lengths,
                                    .lengths_vary = lengths_vary,
                                    .destroy = destroy,
                                    .class_count = pt__file_samples_class_count,
                                    .class_name = pt__file_samples_class_name,
                                    .sample_name = pt__file_samples_name,
                                    .skipped_count = pt__file_samples_skipped_count,
                                    .skipped = pt__file_samples_skipped};

/* ---- Making ---- */

static pt_status_t read_all(pt_context_t *context, state_t *state, const pt_audio_options_t *options, const char *path)
{
    pt__recording_set_t *set = &state->set;
    pt__file_set_t *files = &set->files;
    PT__TRY(pt__recordings_read(set, &state->calls, options, path));
    PT__TRY(pt__recording_set_survey(set, options, &state->calls, state->maker));
    PT__TRY(pt__recording_set_encode(set, options->tokenizer, state->calls.encode));
    if (files->samples == 0)
        return files->n_skipped > 0
                   ? pt__fail(PT_ERR_FORMAT, "%s: no recording; passed over: %s", path, files->skipped[0].text)
                   : pt__fail(PT_ERR_FORMAT, "%s: there is no recording", path);
    for (int64_t i = 0; i < files->n_skipped; i++)
        pt__log(context, PT_LOG_INFO, "passed over: %s", files->skipped[i].text);
    return options->classes != NULL ? pt__file_set_number(files, path, options->classes, options->n_classes) : PT_OK;
}

/* Lists that have more than recordings to say serve too. */
static pt_status_t read_noise(pt_context_t *context, state_t *state, const pt_audio_options_t *options)
{
    PT__TRY(pt__recording_set_init(&state->noise, &context->memory, options->noise_path,
                                   (options->flags & PT_AUDIO_STRICT) != 0));
    PT__TRY(pt__recordings_read(&state->noise, &state->calls, options, options->noise_path));
    PT__TRY(pt__recording_set_probe(&state->noise, &state->calls, state->maker));
    for (int64_t i = 0; i < state->noise.files.n_skipped; i++)
        pt__log(context, PT_LOG_WARNING, "noise: passed over: %s", state->noise.files.skipped[i].text);
    return PT_OK;
}

static pt_status_t make_dataset(pt_context_t *context, state_t *state, pt_dataset_t **out)
{
    const pt__recording_set_t *set = &state->set;
    pt_field_spec_t fields[3] = {{.name = "frames",
                                  .dtype = PT_FLOAT32,
                                  .rank = 2,
                                  .shape = {PT_DIM_TOKENS, state->bins},
                                  .max_length = set->most_rows}};
    int32_t count = 1;
    if (set->has_texts) {
        state->transcript = count;
        fields[count++] = (pt_field_spec_t){.name = "transcript",
                                            .dtype = PT_INT32,
                                            .rank = 1,
                                            .shape = {PT_DIM_TOKENS},
                                            .max_length = find_longest_text(set)};
    }
    if (set->files.labels != NULL) {
        state->label = count;
        fields[count++] = (pt_field_spec_t){.name = "label", .dtype = PT_INT32};
    }
    return pt__dataset_make(context, &source, state, fields, count, set->files.samples, PT_DATASET_CONCURRENT, out);
}

pt_status_t pt__recordings_create(pt_context_t *context, const char *path, const pt_audio_options_t *options,
                                  const pt__recording_calls_t *calls, pt_dataset_t **out)
{
    state_t *state;
    pt_status_t status;
    *out = NULL;
    PT__TRY(calls->check(options));
    PT__TRY(pt__allocate(&context->memory, 1, sizeof *state, "dataset of recordings", &state));
    state->calls = *calls;
    PT__TRY_OUT(pt__recording_set_init(&state->set, &context->memory, path, (options->flags & PT_AUDIO_STRICT) != 0));
    PT__TRY_OUT(calls->begin(&context->memory, options, &state->maker, &state->bins));
    state->lengths_vary = options->speed_least != 1 || options->speed_most != 1;
    PT__TRY_OUT(read_all(context, state, options, path));
    if (options->noise_path != NULL)
        PT__TRY_OUT(read_noise(context, state, options));
    PT__TRY_OUT(make_dataset(context, state, out));
out:
    if (status != PT_OK)
        release(context, state);
    return status;
}
