/* Sorting that allocates nothing and takes n log n steps on any input: qsort of the C library promises neither. */
#ifndef PT__SORT_H
#define PT__SORT_H

#include <stdint.h>

/* Negative, 0 or positive, as strcmp; user is passed through. */
typedef int (*pt__compare_fn)(const void *a, const void *b, void *user);

/* Sorts an array of pointers by what they point to. Equal ones end in any order. */
void pt__sort(const void **items, int64_t count, pt__compare_fn compare, void *user);

#endif
