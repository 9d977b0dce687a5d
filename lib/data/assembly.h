/* Assembly: micro-batches by rows, put together from the samples of slots. Where rows limit batches, where one ends is
 * known only when its samples are there; so slots hold samples that are likely to fit, and what fits is copied. Called
 * by the loader. */
#ifndef PT__ASSEMBLY_H
#define PT__ASSEMBLY_H

#include "data/ring.h"
#include "data/taken.h"

typedef struct pt__assembly {
    pt__memory_t *memory;
    const pt__collate_t *collates; /* [n_requests]; the loader's */
    int32_t n_requests;
    pt__taken_t batch_limit, micro_limit; /* the most of a batch, of a micro-batch */
    pt__taken_t batch, micro;             /* taken for the ones under way */
    int32_t batch_is_full;                /* the next sample does not fit into it */
    char **buffers;                       /* [n_requests] */
    int64_t *capacity;                    /* [n_requests] bytes */
    const void **data;                    /* [n_requests] */
    pt__offsets_t offsets;
    int64_t bytes;
} pt__assembly_t;

/* Limits of 0 are none. */
pt_status_t pt__assembly_create(pt__memory_t *memory, const pt__collate_t *collates, int32_t n_requests,
                                const pt__loader_options_t *options, pt__assembly_t *out);
void pt__assembly_free(pt__assembly_t *assembly); /* one that is all zero is ignored */
/* Begins a micro-batch; a batch goes on until pt__assembly_end_batch. */
void pt__assembly_begin(pt__assembly_t *assembly);
void pt__assembly_end_batch(pt__assembly_t *assembly);
/* Takes the slot's samples from `first` on as far as they fit; *taken says how many. A sample that no micro-batch can
 * hold is refused when its turn has come. is_stream: it has no index to be called by. */
pt_status_t pt__assembly_append(pt__assembly_t *assembly, const pt__slot_t *slot, int64_t first, int32_t is_stream,
                                int64_t *taken);

#endif
