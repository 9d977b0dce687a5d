/* A device: the table of kernels through which ops reach arithmetic, and the memory that these compute on. A context has one. Each kind
 * of device is a folder beside this file; nothing outside it knows more of it than what stands here.
 *
 * Between enter and leave the device belongs to one thread, whichever of a context's models it works for; kernels are called there and
 * nowhere else. */
#ifndef PT__DEVICE_H
#define PT__DEVICE_H

#include <stdint.h>

#include "base/memory.h"
#include "kernels/kernels.h"

typedef struct pt__device pt__device_t;

typedef struct pt__device_calls { /* what a kind of device does beside computing */
    const char *name;             /* "cpu" */
    void (*free)(pt__device_t *device);
    /* One line for printing; lives as long as the device. */
    const char *(*describe)(pt__device_t *device);
    void (*enter)(pt__device_t *device);
    void (*leave)(pt__device_t *device);
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

/* Around everything that calls kernels on behalf of one model. In between the calling thread computes in the library's float mode; leaving
 * gives it back exactly the host's. So never around a host's callback, its allocator and log included. */
static inline void pt__device_enter(pt__device_t *device)
{
    device->calls->enter(device);
}

static inline void pt__device_leave(pt__device_t *device)
{
    device->calls->leave(device);
}

static inline const char *pt__device_describe(pt__device_t *device)
{
    return device->calls->describe(device);
}

#endif
