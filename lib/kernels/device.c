/* Reading and writing device memory from the host, without a copy where both are one. */
#include "kernels/device.h"

pt_status_t pt__device_read_begin(pt__device_t *device, pt__memory_t *memory, const void *src, int64_t bytes,
                                  const char *what, const void **host)
{
    void *block;
    *host = device->calls->shares_host_memory ? src : NULL;
    if (*host != NULL)
        return PT_OK;
    PT__TRY(pt__allocate_uninitialised(memory, (size_t)bytes, 1, what, &block));
    pt_status_t status = pt__device_download(device, block, src, bytes);
    if (status == PT_OK)
        *host = block;
    else
        pt__release(memory, block);
    return status;
}

void pt__device_read_end(pt__device_t *device, pt__memory_t *memory, const void *host)
{
    if (!device->calls->shares_host_memory)
        pt__release(memory, (void *)(uintptr_t)host);
}

pt_status_t pt__device_write_begin(pt__device_t *device, pt__memory_t *memory, void *dst, int64_t bytes,
                                   const char *what, void **host)
{
    *host = dst;
    if (device->calls->shares_host_memory)
        return PT_OK;
    return pt__allocate_uninitialised(memory, (size_t)bytes, 1, what, host);
}

pt_status_t pt__device_write_end(pt__device_t *device, pt__memory_t *memory, void *dst, void *host, int64_t bytes,
                                 pt_status_t status)
{
    if (device->calls->shares_host_memory)
        return status;
    if (status == PT_OK)
        status = pt__device_upload(device, dst, host, bytes);
    pt__release(memory, host);
    return status;
}
