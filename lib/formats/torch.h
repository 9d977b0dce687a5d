/* What the kinds of torch's checkpoints share: a state dict in a pickle, and storages beside it. */
#ifndef PT__TORCH_H
#define PT__TORCH_H

#include "formats/format.h"
#include "formats/pickle.h"

/* The names that pickles of state dicts may have. */
extern const pt__pickle_global_t pt__torch_globals[];
extern const int32_t pt__torch_n_globals;

/* A storage, as a pickle's reference says it: ("storage", TYPE, KEY, place, elements). */
typedef struct pt__torch_storage {
    const pt__pickle_t *key; /* a string */
    int32_t dtype;           /* 0: one that the library does not know, or the tensor says it */
    int64_t element;         /* bytes */
    int64_t elements;
    /* Old pickles have storages that are a part of another one: where in it, in elements, and how many. */
    int64_t part_begin, part_elements;
} pt__torch_storage_t;
pt_status_t pt__torch_storage_read(const pt__pickle_t *reference, pt__torch_storage_t *out);

/* Finds a storage's bytes, elements * element of them. */
typedef pt_status_t pt__torch_find_fn(void *user, const pt__torch_storage_t *storage, const uint8_t **data);

/* Fills the file's table with the tensors of the state dict that the pickle is, or has. */
pt_status_t pt__torch_state_read(pt__file_tensors_t *file, const pt__pickle_t *root, pt__torch_find_fn *find,
                                 void *user);

#endif
