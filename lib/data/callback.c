/* Datasets whose samples a host's callback writes: map style (the library says which), stream style (the next ones),
 * and maps of another dataset (the samples that it is handed, made into others). The callback is called on the thread
 * that called the stage, or, where the dataset declares itself thread-safe, also on a loader's threads. One call at a
 * time, as views of one dataset are handles that threads may use at once, unless it declares itself concurrent. No lock
 * is held but the dataset's own. A call from within the callback back into its own dataset is refused, not waited
 * for. */
#include <pthread.h>
#include <string.h>

#include "data/sources.h"

enum { CALLERS = 64 }; /* concurrent calls whose threads are remembered; calls beyond that are made all the same */

typedef struct state {
    pt_fetch_fn call;
    void *user;
    pt_destroy_fn destroy;
    int32_t concurrent;
    pthread_mutex_t lock;              /* one call at a time, where not concurrent */
    atomic_uintptr_t callers[CALLERS]; /* the threads whose calls are under way; 0: none */
} state_t;

/* A number that only the calling thread has. */
static uintptr_t this_thread(void)
{
    static _Thread_local char place;
    return (uintptr_t)&place;
}

static int32_t is_within_call(state_t *state)
{
    uintptr_t self = this_thread();
    for (int32_t i = 0; i < (state->concurrent ? CALLERS : 1); i++) {
        if (atomic_load_explicit(&state->callers[i], memory_order_relaxed) == self)
            return 1;
    }
    return 0;
}

/* Waits until the callback may be called; returns the place that remembers the caller, CALLERS where there is none. */
static int32_t enter(state_t *state)
{
    uintptr_t none = 0;
    int32_t place = 0;
    if (!state->concurrent)
        pthread_mutex_lock(&state->lock);
    while (place < CALLERS && !atomic_compare_exchange_strong_explicit(&state->callers[place], &none, this_thread(),
                                                                       memory_order_relaxed, memory_order_relaxed)) {
        none = 0;
        place++;
    }
    return place;
}

static void leave(state_t *state, int32_t place)
{
    if (place < CALLERS)
        atomic_store_explicit(&state->callers[place], 0, memory_order_relaxed);
    if (!state->concurrent)
        pthread_mutex_unlock(&state->lock);
}

static pt_status_t fetch(pt_dataset_t *dataset, pt_batch_t *batch)
{
    state_t *state = dataset->state;
    if (is_within_call(state))
        return pt__fail(PT_ERR_BUSY, "the dataset is in use: it was asked for samples from within its own callback");
    int32_t place = enter(state);
    pt__pool_rest(dataset->context->pool); /* the host's code may take long: no thread of ours spins meanwhile */
    state->call(state->user, batch);
    leave(state, place);
    return PT_OK;
}

static void release_state(pt__memory_t *memory, state_t *state)
{
    pthread_mutex_destroy(&state->lock);
    pt__release(memory, state);
}

static void destroy(pt_dataset_t *dataset)
{
    state_t *state = dataset->state;
    if (state->destroy != NULL)
        state->destroy(state->user);
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
    for (int32_t i = 0; i < CALLERS; i++)
        atomic_init(&state->callers[i], 0);
    if (pthread_mutex_init(&state->lock, NULL) != 0) {
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
