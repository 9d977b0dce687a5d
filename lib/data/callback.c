/* Datasets whose samples a host's callback writes: map style (the library says which) and stream style (the next ones). The callback is
 * called on the thread that called the stage, or, where the dataset declares itself thread-safe, also on a loader's thread, and one call
 * at a time: views of one dataset are handles that threads may use at once. No lock is held but the dataset's own. A call from within
 * the callback back into its own dataset is refused, not waited for. */
#include <pthread.h>
#include <string.h>

#include "data/sources.h"

typedef struct state {
    pt_fetch_fn fetch; /* NULL: a stream */
    pt_next_fn next;
    void *user;
    pt_destroy_fn destroy;
    pthread_mutex_t lock;    /* one call at a time */
    atomic_uintptr_t caller; /* the thread whose call is under way; 0: none */
} state_t;

/* A number that only the calling thread has. */
static uintptr_t this_thread(void)
{
    static _Thread_local char place;
    return (uintptr_t)&place;
}

/* Refuses a call from within the dataset's own callback; else waits until the callback may be called. */
static pt_status_t enter(state_t *state)
{
    uintptr_t self = this_thread();
    if (atomic_load_explicit(&state->caller, memory_order_relaxed) == self)
        return pt__fail(PT_ERR_BUSY, "the dataset is in use: it was asked for samples from within its own callback");
    pthread_mutex_lock(&state->lock);
    atomic_store_explicit(&state->caller, self, memory_order_relaxed);
    return PT_OK;
}

static void leave(state_t *state)
{
    atomic_store_explicit(&state->caller, 0, memory_order_relaxed);
    pthread_mutex_unlock(&state->lock);
}

static pt_status_t fetch(pt_dataset_t *dataset, pt_batch_t *batch)
{
    state_t *state = dataset->state;
    PT__TRY(enter(state));
    pt__pool_rest(dataset->context->pool); /* the host's code may take long: no thread of ours spins meanwhile */
    if (state->fetch != NULL)
        state->fetch(state->user, batch);
    else
        state->next(state->user, batch);
    leave(state);
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

static const pt__source_t source = {.name = "callback", .fetch = fetch, .destroy = destroy};

pt_status_t pt__callback_create(pt_context_t *context, const pt_field_spec_t *fields, int32_t n_fields, int64_t length,
                                uint32_t flags, pt_fetch_fn fetch_samples, pt_next_fn next, void *user,
                                pt_destroy_fn destroy_user, pt_dataset_t **out)
{
    state_t *state;
    *out = NULL;
    PT__TRY(pt__allocate(&context->memory, 1, sizeof *state, "dataset of a callback", &state));
    state->fetch = fetch_samples;
    state->next = next;
    state->user = user;
    state->destroy = destroy_user;
    atomic_init(&state->caller, 0);
    if (pthread_mutex_init(&state->lock, NULL) != 0) {
        pt__release(&context->memory, state);
        return pt__fail(PT_ERR_MEMORY, "the system gives no lock for the dataset");
    }
    pt_status_t status = pt__dataset_make(context, &source, state, fields, n_fields, length, flags, out);
    if (status != PT_OK)
        release_state(&context->memory, state);
    return status;
}
