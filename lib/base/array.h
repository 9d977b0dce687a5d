/* pt_array_t as the library reads it, and receivers: what a host takes numbers out with, filled piece by piece. */
#ifndef PT__ARRAY_H
#define PT__ARRAY_H

#include "base/elements.h"

/* A host's view of numbers that go in: read by its size, its dtype and data checked. `what` begins messages. */
pt_status_t pt__array_read(const pt_array_t *given, uint32_t size, const char *what, pt_array_t *out);
/* Elements and, where the view has one, shape are those that are expected: PT_ERR_SHAPE. */
pt_status_t pt__array_expect(const pt_array_t *array, const char *what, int32_t rank, const int64_t *shape,
                             int64_t elements);
/* The same, of a view that says how many elements it has, or its shape: options of which an old caller's array had only
 * an address are not read beyond their end. */
pt_status_t pt__array_expect_stated(const pt_array_t *array, const char *what, int32_t rank, const int64_t *shape,
                                    int64_t elements);
/* Its values in this dtype: its own where they have it and stand aligned, else converted into *copy, which the caller
 * releases whatever comes of it (NULL: there is none). */
pt_status_t pt__array_convert(pt__memory_t *memory, const pt_array_t *array, const char *what, int32_t dtype,
                              int64_t elements, const void **values, void **copy);

/* A view that numbers go out to. It counts all that comes; once there is no room for a piece nothing more is
 * written. */
typedef struct pt__receiver {
    pt_array_t view; /* the host's; elements and samples count */
    const char *what;
    int32_t dtype; /* of what comes */
    int32_t asks;  /* the host wants to know elements and samples, and has no room for any */
    int32_t is_short;
} pt__receiver_t;

/* Reads the host's view and checks it; `what` begins messages and lives as long as the receiver. */
pt_status_t pt__receiver_open(const pt_array_t *given, uint32_t size, const char *what, pt__receiver_t *receiver);
/* What will come: its dtype, and the shape of a sample (max_length 0: not ragged). dtype is a public one. */
void pt__receiver_describe(pt__receiver_t *receiver, int32_t dtype, int32_t rank, const int64_t *shape,
                           int64_t max_length);
/* 1 where the next piece is wanted and has room; 0: it is only to be counted. */
int32_t pt__receiver_takes(pt__receiver_t *receiver, int64_t elements, int64_t samples);
/* Where values of the dtype that comes may be written in place; NULL: they are to be converted by pt__receiver_put. */
void *pt__receiver_place(const pt__receiver_t *receiver);
/* Puts the next piece there, of which pt__receiver_takes said 1. `values` may be what pt__receiver_place gave. */
pt_status_t pt__receiver_put(const pt__receiver_t *receiver, const void *values, int64_t elements);
/* Where the lengths of the next samples go; NULL: nobody wants them, or there is no room. */
int64_t *pt__receiver_lengths(const pt__receiver_t *receiver);
/* Counts a piece, after it was put or not. */
void pt__receiver_count(pt__receiver_t *receiver, int64_t elements, int64_t samples);
/* At the end: PT_ERR_ARGUMENT with the whole need where there was no room for it. */
pt_status_t pt__receiver_finish(const pt__receiver_t *receiver);
/* Tells the host what there was; returns status. */
pt_status_t pt__receiver_close(const pt__receiver_t *receiver, pt_array_t *given, uint32_t size, pt_status_t status);
/* All of it at once: data, elements, dtype, rank and shape, and of a ragged sample its length as max_length with
 * samples 1. given NULL: the host does not want it. */
pt_status_t pt__array_give(const pt_array_t *values, const char *what, pt_array_t *given, uint32_t size);

#endif
