/* Arrays of structs whose size comes beside them: how an older or newer caller and this library agree on one. Called at
 * the entry of every public function that takes or fills such structs. */
#include "base/elements.h"

#include <string.h>

enum {
    LEAST_SIZE = 8,       /* no such struct was ever smaller */
    GREATEST_SIZE = 65536 /* far beyond any struct of any version */
};

static pt_status_t check_size(uint32_t size, const char *name)
{
    if (size < LEAST_SIZE || size > GREATEST_SIZE)
        return pt__fail(PT_ERR_ARGUMENT, "%s of %lu bytes each, expected the struct's size, %d to %d", name,
                        (unsigned long)size, LEAST_SIZE, GREATEST_SIZE);
    return PT_OK;
}

pt_status_t pt__element_read(const void *element, uint32_t size, void *out, uint32_t known, const char *name)
{
    const uint32_t common = size < known ? size : known;
    const unsigned char *bytes = element;
    PT__TRY(check_size(size, name));
    for (uint32_t i = known; i < size; i++) {
        if (bytes[i] != 0)
            return pt__fail(
                PT_ERR_VERSION,
                "%s: byte %lu of %lu is set, but this library (%d.%d.%d) knows %lu bytes: it needs a newer library",
                name, (unsigned long)i, (unsigned long)size, PT_VERSION_MAJOR, PT_VERSION_MINOR, PT_VERSION_PATCH,
                (unsigned long)known);
    }
    memcpy(out, element, common);
    memset((unsigned char *)out + common, 0, known - common);
    return PT_OK;
}

pt_status_t pt__element_write(void *element, uint32_t size, const void *filled, uint32_t known, const char *name)
{
    const uint32_t common = size < known ? size : known;
    PT__TRY(check_size(size, name));
    memcpy(element, filled, common);
    memset((unsigned char *)element + common, 0, size - common);
    return PT_OK;
}

pt_status_t pt__elements_copy(pt__memory_t *memory, const void *elements, int32_t count, uint32_t size, uint32_t known,
                              const char *name, void *out)
{
    unsigned char *copies;
    const void *none = NULL;
    memcpy(out, &none, sizeof none);
    PT__TRY(check_size(size, name));
    PT__TRY(pt__allocate_uninitialised(memory, (size_t)count, known, name, &copies));
    for (int64_t i = 0; i < count; i++) {
        pt_status_t status = pt__element_read((const unsigned char *)elements + i * (int64_t)size, size,
                                              copies + i * (int64_t)known, known, name);
        if (status != PT_OK) {
            pt__release(memory, copies);
            return pt__fail_within(status, "element %lld", (long long)i);
        }
    }
    memcpy(out, &copies, sizeof copies);
    return PT_OK;
}
