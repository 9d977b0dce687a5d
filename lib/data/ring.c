/* Producers and consumer of a loader: see ring.h.
 *
 *   slots:  [ handed out | claimed: filled, being filled, filled, ... | free, free, ... ]
 *             first        first + handed                             claimed            first + n_slots
 */
#include "data/ring.h"

#include <signal.h>
#include <string.h>

static pt__slot_t *slot_at(const pt__ring_t *ring, int64_t number)
{
    return &ring->slots[ring->n_slots == 1 ? 0 : number % ring->n_slots];
}

static void keep_message(pt__slot_t *slot)
{
    strncpy(slot->message, pt__error_message(), sizeof slot->message - 1);
    slot->message[sizeof slot->message - 1] = 0;
}

/* ---- Without threads ---- */

static void produce(pt__ring_t *ring)
{
    pt__slot_t *slot = slot_at(ring, ring->claimed++);
    pt__error_clear();
    slot->status = ring->claim(ring->owner, slot);
    if (slot->status == PT_OK)
        slot->status = ring->fill(ring->owner, slot);
    if (slot->status != PT_OK)
        keep_message(slot);
    slot->is_filled = 1;
}

/* ---- With threads ---- */

/* Called with the lock, returns with it. */
static void claim_and_fill(pt__ring_t *ring)
{
    pt__slot_t *slot = slot_at(ring, ring->claimed);
    ring->claiming = 1;
    slot->is_filled = 0;
    pthread_mutex_unlock(&ring->lock);

    pt__error_clear();
    pt_status_t status = ring->claim(ring->owner, slot);

    pthread_mutex_lock(&ring->lock);
    ring->claimed++;
    ring->claiming = 0;
    ring->finished |= status != PT_OK;
    pthread_cond_broadcast(&ring->changed);
    pthread_mutex_unlock(&ring->lock);

    if (status == PT_OK)
        status = ring->fill(ring->owner, slot);
    slot->status = status;
    if (status != PT_OK)
        keep_message(slot);

    pthread_mutex_lock(&ring->lock);
    ring->finished |= status != PT_OK;
    slot->is_filled = 1;
    pthread_cond_signal(&ring->filled);
}

static void *run_producer(void *argument)
{
    pt__ring_t *ring = argument;
    *pt__nesting() = ring->nesting;
    pthread_mutex_lock(&ring->lock);
    while (!ring->stop && !ring->finished) {
        if (ring->claiming || ring->claimed - ring->first == ring->n_slots)
            pthread_cond_wait(&ring->changed, &ring->lock);
        else
            claim_and_fill(ring);
    }
    pthread_mutex_unlock(&ring->lock);
    return NULL;
}

static int32_t make_locks(pt__ring_t *ring)
{
    if (pthread_mutex_init(&ring->lock, NULL) != 0)
        return 0;
    if (pthread_cond_init(&ring->filled, NULL) == 0) {
        if (pthread_cond_init(&ring->changed, NULL) == 0)
            return 1;
        pthread_cond_destroy(&ring->filled);
    }
    pthread_mutex_destroy(&ring->lock);
    return 0;
}

static void free_locks(pt__ring_t *ring)
{
    pthread_cond_destroy(&ring->changed);
    pthread_cond_destroy(&ring->filled);
    pthread_mutex_destroy(&ring->lock);
}

/* The threads take no signals: they are the host's. */
pt_status_t pt__ring_start(pt__ring_t *ring, int32_t threads)
{
    sigset_t all, before;
    PT__TRY(pt__allocate(ring->memory, (size_t)threads, sizeof *ring->threads, "threads of a loader", &ring->threads));
    if (!make_locks(ring))
        return PT_OK;
    ring->nesting = *pt__nesting();
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_mutex_lock(&ring->lock); /* none begins before it is known how many there are */
    while (ring->n_threads < threads &&
           pthread_create(&ring->threads[ring->n_threads], NULL, run_producer, ring) == 0)
        ring->n_threads++;
    pthread_mutex_unlock(&ring->lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (ring->n_threads == 0)
        free_locks(ring);
    return PT_OK;
}

void pt__ring_stop(pt__ring_t *ring)
{
    if (ring->n_threads > 0) {
        pthread_mutex_lock(&ring->lock);
        ring->stop = 1;
        pthread_cond_broadcast(&ring->changed);
        pthread_mutex_unlock(&ring->lock);
        for (int32_t i = 0; i < ring->n_threads; i++)
            pthread_join(ring->threads[i], NULL);
        free_locks(ring);
        ring->n_threads = 0;
    }
    pt__release(ring->memory, ring->threads);
    ring->threads = NULL;
}

/* ---- The consumer ---- */

pt__slot_t *pt__ring_wait(pt__ring_t *ring, int64_t offset)
{
    int64_t number = ring->first + ring->handed + offset;
    pt__slot_t *slot = slot_at(ring, number);
    if (ring->n_threads == 0) {
        while (ring->claimed <= number)
            produce(ring);
        return slot;
    }
    pthread_mutex_lock(&ring->lock);
    while (ring->claimed <= number || !slot->is_filled)
        pthread_cond_wait(&ring->filled, &ring->lock);
    pthread_mutex_unlock(&ring->lock);
    return slot;
}

void pt__ring_move(pt__ring_t *ring, int64_t dropped, int32_t handed)
{
    if (ring->n_threads > 0)
        pthread_mutex_lock(&ring->lock);
    ring->first += ring->handed + dropped;
    ring->handed = handed;
    if (ring->n_threads > 0) {
        pthread_cond_broadcast(&ring->changed);
        pthread_mutex_unlock(&ring->lock);
    }
}
