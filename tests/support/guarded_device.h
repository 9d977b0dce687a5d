/* A device whose memory has no access rights but while one of its kernels or memory calls runs: code that follows a
 * device's address outside of them ends the process, and so does a kernel that is handed an address of the host. It
 * computes as the CPU does, to the same bits. Its n-th call can be made to fail. */
#ifndef SUPPORT_GUARDED_DEVICE_H
#define SUPPORT_GUARDED_DEVICE_H

#include "kernels/device.h"

/* A context on such a device, with the threads, seed and allocator that the options say. */
pt_status_t guarded_context(const pt_context_options_t *options, pt_context_t **out);

/* Kernel and memory calls, and entering, from now on; the one numbered `fail_at`, from 1, fails, and until the
 * device is left all kernels after it do nothing. 0: none. */
void guarded_count_from_here(pt_context_t *context, int64_t fail_at);
int64_t guarded_count(const pt_context_t *context);
/* Blocks of the device's memory that are held. */
int64_t guarded_blocks(const pt_context_t *context);

#endif
