/* Structs that begin with their own size: how an older or newer caller and this library agree on one.
 *
 * Called at the entry of every public function that takes options or fills a result. The first four bytes are the
 * caller's sizeof; fields are only ever appended and 0 means the default, so the common prefix always means the same
 * on both sides. A size that no such struct has is refused before anything is read or written: it comes from a
 * struct that was not initialised. */
#include "base/options.h"

#include <string.h>

static pt_status_t check_size(uint32_t size, const char *name)
{
    if (size < PT__STRUCT_LEAST || size > PT__STRUCT_GREATEST)
        return pt__fail(PT_ERR_ARGUMENT,
                        "%s: struct_size is %lu, expected the struct's size (%d to %d bytes): initialise it first",
                        name, (unsigned long)size, PT__STRUCT_LEAST, PT__STRUCT_GREATEST);
    return PT_OK;
}

static uint32_t size_of(const void *structure)
{
    uint32_t size;
    memcpy(&size, structure, sizeof size);
    return size;
}

pt_status_t pt__struct_check_tail(const void *structure, uint32_t size, uint32_t known, const char *name)
{
    const unsigned char *bytes = structure;
    for (uint32_t i = known; i < size; i++) {
        if (bytes[i] != 0)
            return pt__fail(
                PT_ERR_VERSION,
                "%s: byte %lu of %lu is set, but this library (%d.%d.%d) knows %lu bytes: it needs a newer library",
                name, (unsigned long)i, (unsigned long)size, PT_VERSION_MAJOR, PT_VERSION_MINOR, PT_VERSION_PATCH,
                (unsigned long)known);
    }
    return PT_OK;
}

void pt__struct_fill(void *structure, uint32_t size, const void *source, uint32_t known)
{
    const uint32_t common = size < known ? size : known;
    memcpy(structure, source, common);
    memset((unsigned char *)structure + common, 0, size - common);
}

/* The same, with the struct's own size in front. */
static void fill(void *structure, uint32_t size, const void *source, uint32_t known)
{
    pt__struct_fill(structure, size, source, known);
    memcpy(structure, &size, sizeof size);
}

pt_status_t pt__options_init(void *options, uint32_t size, const void *defaults, uint32_t known, const char *name)
{
    if (options == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "%s: the struct to initialise is NULL", name);
    PT__TRY(check_size(size, name));
    fill(options, size, defaults, known);
    return PT_OK;
}

pt_status_t pt__options_read(const void *options, void *out, uint32_t known, const char *name)
{
    if (options == NULL)
        return PT_OK;
    uint32_t size = size_of(options);
    PT__TRY(check_size(size, name));
    PT__TRY(pt__struct_check_tail(options, size, known, name));
    memcpy(out, options, size < known ? size : known);
    memcpy(out, &known, sizeof known);
    return PT_OK;
}

pt_status_t pt__result_write(void *result, const void *filled, uint32_t known, const char *name)
{
    if (result == NULL)
        return PT_OK;
    uint32_t size = size_of(result);
    PT__TRY(check_size(size, name));
    fill(result, size, filled, known);
    return PT_OK;
}
