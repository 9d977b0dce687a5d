/* Views: a dataset that shows another one's samples in part or in another order. A view fetches nothing; it
 * translates indices, and the dataset at the end of the chain fetches. A shuffle keeps no table. */
#include <string.h>

#include "base/random.h"
#include "data/sources.h"

typedef struct state {
    int64_t *indices; /* SELECT: [length]; else NULL */
    int64_t first;
    int32_t shuffled;
    uint64_t seed;
    pt__permutation_t permutation; /* where shuffled */
} state_t;

static void translate(const pt_dataset_t *dataset, int64_t *indices, int64_t count)
{
    const state_t *state = dataset->state;
    for (int64_t i = 0; i < count; i++)
        indices[i] = state->indices != NULL ? state->indices[indices[i]] : state->first + indices[i];
    if (state->shuffled)
        pt__permutation_apply(&state->permutation, indices, count);
}

static void release_state(pt__memory_t *memory, state_t *state)
{
    pt__release(memory, state->indices);
    pt__release(memory, state);
}

static void destroy(pt_dataset_t *dataset)
{
    release_state(&dataset->context->memory, dataset->state);
}

static int64_t class_count(const pt_dataset_t *dataset, const char *field)
{
    const pt_dataset_t *origin = dataset->origin;
    return origin->source->class_count != NULL ? origin->source->class_count(origin, field) : 0;
}

static const char *class_name(const pt_dataset_t *dataset, const char *field, int64_t index)
{
    const pt_dataset_t *origin = dataset->origin;
    return origin->source->class_name != NULL ? origin->source->class_name(origin, field, index) : NULL;
}

static const pt__source_t source = {
    .name = "view", .translate = translate, .destroy = destroy, .class_count = class_count, .class_name = class_name};

/* Makes the view that `like` describes; its indices are copied. */
static pt_status_t make(pt_dataset_t *origin, const state_t *like, int64_t count, pt_dataset_t **out)
{
    pt__memory_t *memory = &origin->context->memory;
    state_t *state;
    pt_status_t status;
    *out = NULL;
    if (origin->length < 0)
        return pt__fail(PT_ERR_UNSUPPORTED,
                        "a stream has no views: its samples come in the order in which its callback gives them");
    PT__TRY(pt__allocate(memory, 1, sizeof *state, "view of a dataset", &state));
    *state = *like;
    state->indices = NULL;
    if (state->shuffled)
        pt__permutation_make(state->seed, origin->length, &state->permutation);
    if (like->indices != NULL) {
        PT__TRY_OUT(pt__allocate_uninitialised(memory, (size_t)count, sizeof *state->indices, "indices of a view",
                                               &state->indices));
        memcpy(state->indices, like->indices, (size_t)count * sizeof *state->indices);
    }
    PT__TRY_OUT(
        pt__dataset_make(origin->context, &source, state, origin->fields, origin->n_fields, count, origin->flags, out));
    (*out)->origin = pt__dataset_retain(origin);
out:
    if (status != PT_OK)
        release_state(memory, state);
    return status;
}

static pt_status_t check_range(const pt_dataset_t *origin, int64_t first, int64_t count)
{
    if (origin->length >= 0 && (first < 0 || count < 1 || first > origin->length || count > origin->length - first))
        return pt__fail(PT_ERR_ARGUMENT, "%lld samples from %lld on, expected at least 1 within the dataset's %lld",
                        (long long)count, (long long)first, (long long)origin->length);
    return PT_OK;
}

pt_status_t pt__view_subset(pt_dataset_t *origin, int64_t first, int64_t count, pt_dataset_t **out)
{
    PT__TRY(check_range(origin, first, count));
    return make(origin, &(state_t){.first = first}, count, out);
}

pt_status_t pt__view_select(pt_dataset_t *origin, const int64_t *indices, int64_t count, pt_dataset_t **out)
{
    if (count < 1)
        return pt__fail(PT_ERR_ARGUMENT, "%lld indices, expected at least 1", (long long)count);
    for (int64_t i = 0; origin->length >= 0 && i < count; i++) {
        if (indices[i] < 0 || indices[i] >= origin->length)
            return pt__fail(PT_ERR_ARGUMENT, "index %lld is %lld, expected 0 to %lld", (long long)i,
                            (long long)indices[i], (long long)origin->length - 1);
    }
    return make(origin, &(state_t){.indices = (int64_t *)(uintptr_t)indices}, count, out);
}

pt_status_t pt__view_shuffle(pt_dataset_t *origin, uint64_t seed, int64_t first, int64_t count, pt_dataset_t **out)
{
    PT__TRY(check_range(origin, first, count));
    return make(origin, &(state_t){.first = first, .shuffled = 1, .seed = seed}, count, out);
}
