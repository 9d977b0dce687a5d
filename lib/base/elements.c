/* Arrays of structs whose size comes beside them: how an older or newer caller and this library agree on one. Called at
 * the entry of every public function that takes or fills such structs. */
#include "base/elements.h"

#include <string.h>

#include "base/options.h"

static pt_status_t check_size(uint32_t size, const char *name)
{
    if (size < PT__STRUCT_LEAST || size > PT__STRUCT_GREATEST)
        return pt__fail(PT_ERR_ARGUMENT, "%s of %lu bytes each, expected the struct's size, %d to %d", name,
                        (unsigned long)size, PT__STRUCT_LEAST, PT__STRUCT_GREATEST);
    return PT_OK;
}

pt_status_t pt__element_read(const void *element, uint32_t size, void *out, uint32_t known, const char *name)
{
    PT__TRY(check_size(size, name));
    PT__TRY(pt__struct_check_tail(element, size, known, name));
    pt__struct_fill(out, known, element, size);
    return PT_OK;
}

pt_status_t pt__element_write(void *element, uint32_t size, const void *filled, uint32_t known, const char *name)
{
    PT__TRY(check_size(size, name));
    pt__struct_fill(element, size, filled, known);
    return PT_OK;
}

pt_status_t pt__elements_copy(pt__memory_t *memory, const void *elements, int64_t count, uint32_t size, uint32_t known,
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
