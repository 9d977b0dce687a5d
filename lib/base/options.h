/* Options structs that carry their size: any pairing of old and new caller and library works. */
#ifndef PT__OPTIONS_H
#define PT__OPTIONS_H

#include "base/status.h"

enum {
    PT__STRUCT_LEAST = 8,       /* bytes: no struct with a size was ever smaller */
    PT__STRUCT_GREATEST = 65536 /* far beyond any struct of any version */
};

/* PT_ERR_VERSION where one of the struct's `size` bytes is set beyond the `known` ones. */
pt_status_t pt__struct_check_tail(const void *structure, uint32_t size, uint32_t known, const char *name);
/* Fills the struct's `size` bytes from source's `known`: the prefix that both have, and zeros after it. */
void pt__struct_fill(void *structure, uint32_t size, const void *source, uint32_t known);

/* For an init function: writes min(size, known) bytes of `defaults` with the caller's size in front. PT_ERR_ARGUMENT
 * where options is NULL or size is below `least` (the size of the struct's first version is fine: least = 8). */
pt_status_t pt__options_init(void *options, uint32_t size, const void *defaults, uint32_t known, const char *name);

/* For a function that takes options: `out` (known bytes) first holds the defaults; then min(options' size, known)
 * bytes are copied over. NULL options leave the defaults. A tail that the library does not know must be all zero,
 * else PT_ERR_VERSION. */
pt_status_t pt__options_read(const void *options, void *out, uint32_t known, const char *name);

/* For a struct that the library fills: copies min(result's size, known) bytes of `filled`, keeping the caller's
 * struct_size. NULL is ignored. */
pt_status_t pt__result_write(void *result, const void *filled, uint32_t known, const char *name);

#endif
