/* A context on a device of the caller's making: the one place where a kind of device is chosen. */
#ifndef PT__CONTEXT_API_H
#define PT__CONTEXT_API_H

#include "base/context.h"
#include "kernels/device.h"

/* Makes the context's device; options are checked and complete. Memory and pool outlive the device. */
typedef pt_status_t (*pt__device_factory_t)(void *user, const pt_context_options_t *options, pt__memory_t *memory,
                                            pt__pool_t *pool, pt__device_t **out);

/* pt_context_create, which chooses the CPU, with another factory. *out is NULL before. */
pt_status_t pt__context_create_with(const pt_context_options_t *options, pt__device_factory_t make_device, void *user,
                                    pt_context_t **out);

#endif
