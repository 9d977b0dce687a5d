/* Datasets whose samples a host's callback writes: map style (the library says which), stream style (the next ones),
 * and maps of another dataset (the samples that it is handed, made into others). The callback is called on the thread
 * that called the stage, or, where the dataset declares itself thread-safe, also on a loader's threads. One call at a
 * time, as views of one dataset are handles that threads may use at once, unless it declares itself concurrent. No lock
 * is held meanwhile: who finds the callback busy waits for its end. A call from within the callback back into its own
 * dataset is refused, not waited for, on whichever thread it comes. */
#include <pthread.h>
#include <string.h>

#include "base/unfinished.h"
#include "data/sources.h"

typedef struct state {
    pt_fetch_fn call;
    void *user;
    pt_destroy_fn destroy;
    int32_t concurrent;
    pthread_mutex_t lock; /* of is_busy */
    pthread_cond_t idle;
    int32_t is_busy; /* the callback runs; not where concurrent */
} state_t;

pt__nesting_t *pt__nesting(void)
{
    static _Thread_local pt__nesting_t nesting;
    return &nesting;
}

static pt_status_t check_nesting(const state_t *state)
{
    const pt__nesting_t *nesting = pt__nesting();
    for (int32_t i = 0; i < nesting->depth; i++)
        if (nesting->within[i] == state)
            return pt__fail(PT_ERR_BUSY,
                            "the dataset is in use: it was asked for samples from within its own callback");
    if (nesting->depth == PT__MOST_NESTED)
        return pt__fail(PT_ERR_BUSY, "datasets are asked for samples from within each other's callbacks, %d deep",
                        PT__MOST_NESTED);
    return PT_OK;
}

static void enter(state_t *state)
{
    pt__nesting_t *nesting = pt__nesting();
    nesting->within[nesting->depth++] = state;
    if (state->concurrent)
        return;
    pthread_mutex_lock(&state->lock);
    while (state->is_busy)
        pthread_cond_wait(&state->idle, &state->lock);
    state->is_busy = 1;
    pthread_mutex_unlock(&state->lock);
}

static void leave(state_t *state)
{
    pt__nesting()->depth--;
    if (state->concurrent)
        return;
    pthread_mutex_lock(&state->lock);
    state->is_busy = 0;
    pthread_cond_signal(&state->idle);
    pthread_mutex_unlock(&state->lock);
}

static pt_status_t end_call(void *object)
{
    leave(object);
    return PT_OK;
}

static pt_status_t fetch(pt_dataset_t *dataset, pt_batch_t *batch)
{
    state_t *state = dataset->state;
    PT__TRY(check_nesting(state));
    enter(state);
    pt__pool_rest(dataset->context->pool); /* the host's code may take long: no thread of ours spins meanwhile */
    pt__unfinished_push(end_call, state);
    state->call(state->user, batch);
    pt__unfinished_pop();
    leave(state);
    return PT_OK;
}

static int32_t make_lock(state_t *state)
{
    if (pthread_mutex_init(&state->lock, NULL) != 0)
        return 0;
    if (pthread_cond_init(&state->idle, NULL) == 0)
        return 1;
    pthread_mutex_destroy(&state->lock);
    return 0;
}

static void release_state(pt__memory_t *memory, state_t *state)
{
    pthread_cond_destroy(&state->idle);
    pthread_mutex_destroy(&state->lock);
    pt__release(memory, state);
}

static void destroy(pt_dataset_t *dataset)
{
    state_t *state = dataset->state;
    if (state->destroy != NULL) {
        pt__kept_error_t kept;
        pt__error_keep(&kept);
        state->destroy(state->user);
        pt__error_return(&kept);
    }
    release_state(&dataset->context->memory, state);
}

/* A map that keeps a field's name keeps its classes. */
static int64_t class_count(const pt_dataset_t *dataset, const char *field)
{
    const pt_dataset_t *origin = dataset->origin;
    if (origin == NULL || origin->source->class_count == NULL || pt__dataset_find(dataset, field) < 0)
        return 0;
    return origin->source->class_count(origin, field);
}

static const char *class_name(const pt_dataset_t *dataset, const char *field, int64_t index)
{
    const pt_dataset_t *origin = dataset->origin;
    if (origin == NULL || origin->source->class_name == NULL || pt__dataset_find(dataset, field) < 0)
        return NULL;
    return origin->source->class_name(origin, field, index);
}

static const pt__source_t source = {.name = "callback",
                                    .fetch = fetch,
                                    .destroy = destroy,
                                    .class_count = class_count,
                                    .class_name = class_name,
                                    .is_hosts = 1};

pt_status_t pt__callback_create(pt_context_t *context, pt_dataset_t *origin, const pt_field_spec_t *fields,
                                int32_t n_fields, int64_t length, uint32_t flags, const pt__callback_t *callback,
                                pt_dataset_t **out)
{
    state_t *state;
    *out = NULL;
    PT__TRY(pt__allocate(&context->memory, 1, sizeof *state, "dataset of a callback", &state));
    state->call = callback->call;
    state->user = callback->user;
    state->destroy = callback->destroy;
    state->concurrent = (flags & PT_DATASET_CONCURRENT) != 0;
    if (!make_lock(state)) {
        pt__release(&context->memory, state);
        return pt__fail(PT_ERR_MEMORY, "the system gives no lock for the dataset");
    }
    pt_status_t status = pt__dataset_make(context, &source, state, fields, n_fields, length, flags, out);
    if (status != PT_OK)
        release_state(&context->memory, state);
    else if (origin != NULL)
        (*out)->origin = pt__dataset_retain(origin);
    return status;
}
