/* The CPU as a device, for whoever makes one. */
#ifndef PT__CPU_DEVICE_H
#define PT__CPU_DEVICE_H

#include "kernels/cpu/cpu.h"

/* level PT__LEVEL_COUNT asks for the best. PT_ERR_UNSUPPORTED where the level cannot run here. Allocates the
 * workspaces that the matrix door needs, so that nothing on the hot path allocates. */
pt_status_t pt__cpu_create(pt__memory_t *memory, pt__pool_t *pool, pt__level_t level, pt__gemm_backend_t backend,
                           pt__device_t **out);

/* From here on the device does without the features of the processor that are not in the mask: so that tests come to
 * every way. */
void pt__cpu_mask_features(pt__device_t *device, uint32_t mask);

#endif
