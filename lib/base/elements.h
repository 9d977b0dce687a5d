/* Arrays of structs whose size comes beside them: any pairing of old and new caller and library works, as with structs
 * that carry their size (base/options.h). An element that is shorter than the library's lacks fields, which are then 0;
 * one that is longer has fields that the library does not know, which must be 0. */
#ifndef PT__ELEMENTS_H
#define PT__ELEMENTS_H

#include "base/memory.h"

/* One element of `size` bytes into `out`, of `known` bytes. PT_ERR_ARGUMENT for a size that no such struct has,
 * PT_ERR_VERSION where a field that the library does not know is set. The element needs no alignment. */
pt_status_t pt__element_read(const void *element, uint32_t size, void *out, uint32_t known, const char *name);

/* The fields that the caller's element of `size` bytes has, from `filled`, of `known` bytes; what it has beyond them
 * becomes 0. Not for a size that no such struct has. */
pt_status_t pt__element_write(void *element, uint32_t size, const void *filled, uint32_t known, const char *name);

/* `count` elements, `size` bytes from each to the next, as an array of elements of `known` bytes in *out, a block to be
 * released. On failure *out is NULL. */
pt_status_t pt__elements_copy(pt__memory_t *memory, const void *elements, int64_t count, uint32_t size, uint32_t known,
                              const char *name, void *out);

#endif
