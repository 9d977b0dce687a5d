/* A device: the table of kernels through which ops reach arithmetic, the memory that these compute on, and what stands
 * around a run. A context has one. Each kind of device is a folder beside this file; nothing outside it knows more of
 * it than what stands here.
 *
 * Memory. What a device allocates only its kernels may follow: to all others the address is a name, from which they
 * count on (address + bytes) and which they hand to kernels and to the calls below. So arenas, stored tensors,
 * gradients, slots and constants are never read or written by the host. Kernels follow no address of the host, unless
 * the device shares the host's memory.
 *
 * Order and failure. Between enter and leave the device belongs to one thread, whichever of a context's models it works
 * for; kernels are called there and nowhere else. They return nothing: a device that fails keeps it to itself until
 * leave, which gives the first failure since enter and forgets it. Whatever kernels wrote since enter is then of no
 * use. Who is to go on only if all went well asks for it by check, which waits for the kernels that were called. Memory
 * calls come from any thread, between enter and leave or not; a download waits for the kernels that were called before
 * it. They fail with PT_ERR_DEVICE, allocate also with PT_ERR_MEMORY. */
#ifndef PT__DEVICE_H
#define PT__DEVICE_H

#include <stdint.h>

#include "base/memory.h"
#include "kernels/kernels.h"

typedef struct pt__device pt__device_t;

typedef struct pt__device_calls { /* what a kind of device does beside computing */
    const char *name;             /* "cpu" */
    int32_t shares_host_memory;   /* kernels may follow the host's addresses, and between runs the host theirs */
    void (*free)(pt__device_t *device);
    /* One line for printing; lives as long as the device. */
    const char *(*describe)(pt__device_t *device);
    pt_status_t (*enter)(pt__device_t *device); /* after a failure there is nothing to leave */
    pt_status_t (*check)(pt__device_t *device); /* between the two */
    pt_status_t (*leave)(pt__device_t *device);
    /* At least 64-byte aligned, any content; not between enter and leave. */
    pt_status_t (*allocate)(pt__device_t *device, int64_t bytes, const char *what, void **out);
    void (*release)(pt__device_t *device, void *block); /* never NULL */
    pt_status_t (*upload)(pt__device_t *device, void *dst, const void *src, int64_t bytes);   /* src: the host's */
    pt_status_t (*download)(pt__device_t *device, void *dst, const void *src, int64_t bytes); /* dst: the host's */
    pt_status_t (*copy)(pt__device_t *device, void *dst, const void *src, int64_t bytes); /* within; or to itself */
    pt_status_t (*clear)(pt__device_t *device, void *dst, int64_t bytes);                 /* to zeros */
} pt__device_calls_t;

struct pt__device { /* the first member of each kind's own struct */
    const pt__kernels_t *kernels;
    const pt__device_calls_t *calls;
};

static inline void pt__device_free(pt__device_t *device) /* NULL is ignored */
{
    if (device != NULL)
        device->calls->free(device);
}

/* Around everything that calls kernels on behalf of one model. In between the calling thread computes in the library's
 * float mode; leaving gives it back exactly the host's. So never around a host's callback, its allocator and log
 * included. */
static inline pt_status_t pt__device_enter(pt__device_t *device)
{
    return device->calls->enter(device);
}

static inline pt_status_t pt__device_check(pt__device_t *device)
{
    return device->calls->check(device);
}

static inline pt_status_t pt__device_leave(pt__device_t *device)
{
    return device->calls->leave(device);
}

static inline const char *pt__device_describe(pt__device_t *device)
{
    return device->calls->describe(device);
}

static inline pt_status_t pt__device_allocate(pt__device_t *device, int64_t bytes, const char *what, void *out)
{
    return device->calls->allocate(device, bytes, what, out);
}

static inline void pt__device_release(pt__device_t *device, void *block) /* NULL is ignored */
{
    if (block != NULL)
        device->calls->release(device, block);
}

static inline pt_status_t pt__device_upload(pt__device_t *device, void *dst, const void *src, int64_t bytes)
{
    return device->calls->upload(device, dst, src, bytes);
}

static inline pt_status_t pt__device_download(pt__device_t *device, void *dst, const void *src, int64_t bytes)
{
    return device->calls->download(device, dst, src, bytes);
}

static inline pt_status_t pt__device_copy(pt__device_t *device, void *dst, const void *src, int64_t bytes)
{
    return device->calls->copy(device, dst, src, bytes);
}

static inline pt_status_t pt__device_clear(pt__device_t *device, void *dst, int64_t bytes)
{
    return device->calls->clear(device, dst, bytes);
}

/* Device memory as the host can read it, and as it can write it whole: the place itself on a device that shares the
 * host's memory, else a block of `memory`, filled by a download, or uploaded when writing ends. Each begin that
 * succeeds needs its end. Where something went wrong in between, writing ends with that status, which it returns, and
 * uploads nothing. */
pt_status_t pt__device_read_begin(pt__device_t *device, pt__memory_t *memory, const void *src, int64_t bytes,
                                  const char *what, const void **host);
void pt__device_read_end(pt__device_t *device, pt__memory_t *memory, const void *host);
pt_status_t pt__device_write_begin(pt__device_t *device, pt__memory_t *memory, void *dst, int64_t bytes,
                                   const char *what, void **host);
pt_status_t pt__device_write_end(pt__device_t *device, pt__memory_t *memory, void *dst, void *host, int64_t bytes,
                                 pt_status_t status);

#endif
