/* The ring of slots between those who make samples and the one who uses them. Producers claim slots in the order of the
 * data, one at a time, and fill what they have claimed in any order, several at once; the consumer is given them in the
 * order of the data. Without threads the consumer's call claims and fills, and nothing is locked. No lock is held while
 * a slot is claimed or filled. */
#ifndef PT__RING_H
#define PT__RING_H

#include <pthread.h>

#include "data/collate.h"
#include "data/staging.h"

typedef struct pt__slot { /* samples that follow each other */
    pt__staging_t staging;
    pt__collate_t *collates; /* [n_requests]: each slot converts into buffers of its own */
    const void **data;       /* [n_requests] */
    pt__offsets_t offsets;
    pt__rows_t rows;
    pt__cursor_t begin; /* of its first sample */
    int64_t samples;
    int32_t last_of_batch, last_of_epoch;
    int32_t is_filled;
    pt_status_t status; /* of claiming and filling it; the message belongs to it */
    char message[PT__MESSAGE_SIZE];
} pt__slot_t;

/* A failure to claim or to fill ends the ring: nothing is claimed after it, and the slots before it are handed out. */
typedef pt_status_t (*pt__slot_fn)(void *owner, pt__slot_t *slot);

typedef struct pt__ring {
    pt__memory_t *memory;
    void *owner;
    pt__slot_fn claim; /* what the slot is to hold; in order, one call at a time */
    pt__slot_fn fill;  /* in any order, several at once */
    pt__slot_t *slots; /* [n_slots]; slot number i of the data lies at i % n_slots */
    int64_t n_slots;
    int64_t first;   /* the oldest slot that was not given back */
    int32_t handed;  /* whether the consumer holds it */
    int64_t claimed; /* slots before this one have been claimed */
    int32_t claiming, finished, stop;
    int32_t n_threads; /* 0: the consumer's own */
    pthread_t *threads;
    pt__nesting_t nesting; /* of the thread that started them */
    pthread_mutex_t lock;
    pthread_cond_t filled, changed;
} pt__ring_t;

/* Starts up to so many threads; where the system gives none, the ring works without. */
pt_status_t pt__ring_start(pt__ring_t *ring, int32_t threads);
void pt__ring_stop(pt__ring_t *ring);
/* The slot `offset` behind the next one to hand out, once it is filled. Never asked for behind a slot whose status is
 * not PT_OK. */
pt__slot_t *pt__ring_wait(pt__ring_t *ring, int64_t offset);
/* Changes what the consumer holds: `handed` slots (0 or 1) from the next one on, `dropped` of them given back to the
 * producers. */
void pt__ring_move(pt__ring_t *ring, int64_t dropped, int32_t handed);

#endif
