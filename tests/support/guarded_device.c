/* See guarded_device.h. The kernels' wrappers are generated from kernels.h (guard_kernels.py), so that all are
 * there. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "support/guarded_device.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "api/context_api.h"
#include "kernels/cpu/cpu_device.h"

enum { MOST_BLOCKS = 512 };

typedef struct block {
    char *begin;
    size_t bytes, pages; /* asked for, and mapped */
} block_t;

typedef struct guarded {
    pt__device_t base;
    pt__device_t *cpu;
    pt__memory_t *memory;
    pthread_mutex_t lock; /* of all that follows */
    block_t blocks[MOST_BLOCKS];
    int64_t n_blocks;
    int64_t open; /* calls under way */
    int64_t count, fail_at;
    int32_t has_failed; /* since it was entered */
    int32_t is_entered;
} guarded_t;

static guarded_t *guarded(pt__device_t *device)
{
    return (guarded_t *)(void *)device;
}

static pt__device_t *guarded_cpu(pt__device_t *device)
{
    return guarded(device)->cpu;
}

static void end_process(const char *why)
{
    fprintf(stderr, "guarded device: %s\n", why);
    abort();
}

/* With the lock held. */
static void protect(const guarded_t *self, int rights)
{
    for (int64_t i = 0; i < self->n_blocks; i++)
        if (mprotect(self->blocks[i].begin, self->blocks[i].pages, rights) != 0)
            end_process("mprotect failed");
}

static void open_memory(guarded_t *self)
{
    if (self->open++ == 0)
        protect(self, PROT_READ | PROT_WRITE);
}

static void close_memory(guarded_t *self)
{
    if (--self->open == 0)
        protect(self, PROT_NONE);
}

/* Whether this call's turn to fail has come. */
static int fails(guarded_t *self)
{
    return ++self->count == self->fail_at;
}

static pt_status_t failure(const guarded_t *self)
{
    return pt__fail(PT_ERR_DEVICE, "the guarded device failed at its call %lld", (long long)self->fail_at);
}

/* Before a kernel: whether it is to run. */
static int guarded_open(pt__device_t *device)
{
    guarded_t *self = guarded(device);
    pthread_mutex_lock(&self->lock);
    if (!self->is_entered)
        end_process("a kernel is called without entering");
    self->has_failed |= fails(self);
    open_memory(self);
    int runs = !self->has_failed;
    pthread_mutex_unlock(&self->lock);
    return runs;
}

static void guarded_close(pt__device_t *device)
{
    guarded_t *self = guarded(device);
    pthread_mutex_lock(&self->lock);
    close_memory(self);
    pthread_mutex_unlock(&self->lock);
}

static const block_t *find(const guarded_t *self, const void *address)
{
    for (int64_t i = 0; i < self->n_blocks; i++)
        if ((uintptr_t)address >= (uintptr_t)self->blocks[i].begin &&
            (uintptr_t)address <= (uintptr_t)self->blocks[i].begin + self->blocks[i].bytes)
            return &self->blocks[i];
    return NULL;
}

/* What a kernel follows must be the device's. */
static void guarded_check(pt__device_t *device, const void *address, const char *what)
{
    guarded_t *self = guarded(device);
    pthread_mutex_lock(&self->lock);
    if (address != NULL && find(self, address) == NULL)
        end_process(what);
    pthread_mutex_unlock(&self->lock);
}

#include "guarded_kernels.h"

static pt_status_t enter(pt__device_t *device)
{
    guarded_t *self = guarded(device);
    pthread_mutex_lock(&self->lock);
    pt_status_t status = fails(self) ? failure(self) : PT_OK;
    pthread_mutex_unlock(&self->lock);
    PT__TRY(status);
    PT__TRY(pt__device_enter(self->cpu));
    self->is_entered = 1;
    return PT_OK;
}

static pt_status_t check(pt__device_t *device)
{
    guarded_t *self = guarded(device);
    PT__TRY(pt__device_check(self->cpu));
    return self->has_failed ? failure(self) : PT_OK;
}

static pt_status_t leave(pt__device_t *device)
{
    guarded_t *self = guarded(device);
    int32_t has_failed = self->has_failed;
    self->is_entered = self->has_failed = 0;
    PT__TRY(pt__device_leave(self->cpu));
    return has_failed ? failure(self) : PT_OK;
}

static pt_status_t allocate(pt__device_t *device, int64_t bytes, const char *what, void **out)
{
    guarded_t *self = guarded(device);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    block_t block = {.bytes = (size_t)bytes, .pages = ((size_t)bytes / page + 1) * page};
    *out = NULL;
    pthread_mutex_lock(&self->lock);
    if (self->is_entered)
        end_process("memory is allocated between enter and leave");
    pt_status_t status = fails(self) ? failure(self) : PT_OK;
    if (status == PT_OK && self->n_blocks == MOST_BLOCKS)
        end_process("more blocks than the test device can hold");
    if (status == PT_OK) {
        block.begin = mmap(NULL, block.pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block.begin == MAP_FAILED)
            status = pt__fail(PT_ERR_MEMORY, "out of memory: %s, %lld bytes", what, (long long)bytes);
    }
    if (status == PT_OK) {
        memset(block.begin, 0xFF, block.pages); /* NaN, if read before it is written */
        mprotect(block.begin, block.pages, PROT_NONE);
        self->blocks[self->n_blocks++] = block;
        *out = block.begin;
    }
    pthread_mutex_unlock(&self->lock);
    return status;
}

static void release(pt__device_t *device, void *memory)
{
    guarded_t *self = guarded(device);
    pthread_mutex_lock(&self->lock);
    for (int64_t i = 0;; i++) {
        if (i == self->n_blocks)
            end_process("memory is released that is not held");
        if (self->blocks[i].begin != memory)
            continue;
        munmap(memory, self->blocks[i].pages);
        self->blocks[i] = self->blocks[--self->n_blocks];
        break;
    }
    pthread_mutex_unlock(&self->lock);
}

/* One call that moves bytes; away and here: the device's addresses, NULL where there is none, and the host's. */
static pt_status_t move(pt__device_t *device, void *dst, const void *src, int64_t bytes, const void *away,
                        const void *also_away, const void *here)
{
    guarded_t *self = guarded(device);
    pthread_mutex_lock(&self->lock);
    const block_t *block = find(self, away);
    if (block == NULL || (uintptr_t)away + (uintptr_t)bytes > (uintptr_t)block->begin + block->bytes)
        end_process("bytes are moved from or to what is not the device's");
    if (also_away != NULL && find(self, also_away) == NULL)
        end_process("bytes are copied from what is not the device's");
    if (here != NULL && find(self, here) != NULL)
        end_process("the host's end of a move is the device's");
    pt_status_t status = fails(self) ? failure(self) : PT_OK;
    if (status == PT_OK) {
        open_memory(self);
        if (src == NULL)
            memset(dst, 0, (size_t)bytes);
        else if (src != dst)
            memcpy(dst, src, (size_t)bytes);
        close_memory(self);
    }
    pthread_mutex_unlock(&self->lock);
    return status;
}

static pt_status_t upload(pt__device_t *device, void *dst, const void *src, int64_t bytes)
{
    return move(device, dst, src, bytes, dst, NULL, src);
}

static pt_status_t download(pt__device_t *device, void *dst, const void *src, int64_t bytes)
{
    return move(device, dst, src, bytes, src, NULL, dst);
}

static pt_status_t copy(pt__device_t *device, void *dst, const void *src, int64_t bytes)
{
    return move(device, dst, src, bytes, dst, src, NULL);
}

static pt_status_t clear(pt__device_t *device, void *dst, int64_t bytes)
{
    return move(device, dst, NULL, bytes, dst, NULL, NULL);
}

static const char *describe(pt__device_t *device)
{
    (void)device;
    return "guarded";
}

static void end(pt__device_t *device)
{
    guarded_t *self = guarded(device);
    if (self->n_blocks != 0)
        end_process("memory is still held when the device ends");
    pt__device_free(self->cpu);
    pthread_mutex_destroy(&self->lock);
    pt__release(self->memory, self);
}

static const pt__device_calls_t calls = {.name = "guarded",
                                         .free = end,
                                         .describe = describe,
                                         .enter = enter,
                                         .check = check,
                                         .leave = leave,
                                         .allocate = allocate,
                                         .release = release,
                                         .upload = upload,
                                         .download = download,
                                         .copy = copy,
                                         .clear = clear};

static pt_status_t make(void *user, const pt_context_options_t *options, pt__memory_t *memory, pt__pool_t *pool,
                        pt__device_t **out)
{
    guarded_t *self;
    (void)user, (void)options;
    *out = NULL;
    PT__TRY(pt__allocate(memory, 1, sizeof *self, "device", &self));
    self->base = (pt__device_t){.kernels = &guarded_kernels, .calls = &calls};
    self->memory = memory;
    pt_status_t status = pt__cpu_create(memory, pool, PT__LEVEL_COUNT, PT__GEMM_AUTO, &self->cpu);
    if (status != PT_OK) {
        pt__release(memory, self);
        return status;
    }
    pthread_mutex_init(&self->lock, NULL);
    *out = &self->base;
    return PT_OK;
}

pt_status_t guarded_context(const pt_context_options_t *options, pt_context_t **out)
{
    *out = NULL;
    return pt__context_create_with(options, make, NULL, out);
}

void guarded_count_from_here(pt_context_t *context, int64_t fail_at)
{
    guarded_t *self = guarded(context->device);
    self->count = 0;
    self->fail_at = fail_at;
}

int64_t guarded_count(const pt_context_t *context)
{
    return guarded(context->device)->count;
}

int64_t guarded_blocks(const pt_context_t *context)
{
    return guarded(context->device)->n_blocks;
}
