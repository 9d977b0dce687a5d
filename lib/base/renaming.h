/* Other spellings of tensors' names: what files of other programs call a network's parameters, as rules that a model
 * family lists. Read where such a file is loaded, and the other way round where one is written. */
#ifndef PT__RENAMING_H
#define PT__RENAMING_H

#include <stddef.h>
#include <stdint.h>

typedef struct pt__renaming {
    /* A name of the file's: "blk.*.attn_q.weight"; each '*' is any run of characters, at most PT__RENAMING_RUNS. */
    const char *theirs;
    /* The parameter's name, with as many '*', which stand for the same runs in the same order. */
    const char *ours;
    int32_t is_transposed; /* a matrix that the file has the other way round */
    /* The file has `parts` equal pieces of its first dimension end to end; this rule is for the piece of number `part`.
     * 0: it has the parameter alone. */
    int32_t part, parts;
} pt__renaming_t;

enum { PT__RENAMING_RUNS = 4 };

/* Writes what stands for `name` in `to`, cut to the buffer's size, where it is of the form `from`: (theirs, ours) reads
 * a file, (ours, theirs) writes one. 0: it is of another form. The first of several ways to match holds in which each
 * run is as short as it can be. */
int32_t pt__renaming_apply(const char *from, const char *to, const char *name, char *out, size_t size);

#endif
