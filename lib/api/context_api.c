/* Contexts: made here, because only here are memory, threads and device known together; ended by whoever holds the
 * last reference. */
#include "api/api.h"
#include "api/context_api.h"
#include "base/context.h"
#include "base/log.h"
#include "kernels/cpu/cpu_device.h"

enum { MOST_THREADS = 1024 };

static const pt_context_options_t defaults = {.struct_size = (uint32_t)sizeof(pt_context_options_t)};

pt_status_t pt_context_options_init(pt_context_options_t *options, uint32_t struct_size)
{
    PT__ENTER();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_context_options_t");
}

static pt_status_t check(const pt_context_options_t *options)
{
    if (options->flags != 0)
        return pt__fail(PT_ERR_ARGUMENT, "pt_context_options_t: flags is %#lx, expected 0",
                        (unsigned long)options->flags);
    if (options->threads < 0 || options->threads > MOST_THREADS)
        return pt__fail(PT_ERR_ARGUMENT, "pt_context_options_t: threads is %d, expected 0 to %d", (int)options->threads,
                        MOST_THREADS);
    if (options->gemm < PT_GEMM_AUTO || options->gemm > PT_GEMM_CBLAS)
        return pt__fail(PT_ERR_ARGUMENT, "pt_context_options_t: gemm is %d, which is not one of PT_GEMM_...",
                        (int)options->gemm);
    if (options->log_level < 0 || options->log_level > PT_LOG_DEBUG)
        return pt__fail(PT_ERR_ARGUMENT,
                        "pt_context_options_t: log_level is %d, which is neither 0 nor one of PT_LOG_...",
                        (int)options->log_level);
    if ((options->allocate == NULL) != (options->release == NULL))
        return pt__fail(
            PT_ERR_ARGUMENT,
            "pt_context_options_t: %s is NULL and the other is not, expected both or neither of allocate and release",
            options->allocate == NULL ? "allocate" : "release");
    if (options->processor != NULL && pt__level_find(options->processor) == PT__LEVEL_COUNT)
        return pt__fail(
            PT_ERR_ARGUMENT,
            "pt_context_options_t: processor is \"%s\", expected \"portable\", \"avx2\", \"avx512\" or \"neon\"",
            options->processor);
    return PT_OK;
}

static void end(pt_context_t *context)
{
    pt__memory_t memory;
    pt__device_free(context->device);
    pt__pool_free(context->pool);
    pt__log_lock_free(&context->memory, context->log_lock);
    pthread_mutex_destroy(&context->message_lock);
    /* The block holds the memory that it goes back to: only the hooks matter for the last release. */
    pt__memory_init(&memory, context->memory.allocate, context->memory.release, context->memory.user);
    pt__release(&memory, context);
}

/* The context's own block comes from a memory that stands aside, whose counts then move in. */
static pt_status_t allocate(const pt_context_options_t *options, pt_context_t **out)
{
    pt__memory_t memory;
    pt_context_t *context;
    pt__memory_init(&memory, options->allocate, options->release, options->memory_user);
    PT__TRY(pt__allocate(&memory, 1, sizeof *context, "context", &context));
    if (pthread_mutex_init(&context->message_lock, NULL) != 0) {
        pt__release(&memory, context);
        return pt__fail(PT_ERR_MEMORY, "out of memory: lock of a context");
    }
    pt__memory_init(&context->memory, options->allocate, options->release, options->memory_user);
    atomic_init(&context->memory.bytes, atomic_load(&memory.bytes));
    atomic_init(&context->memory.peak_bytes, atomic_load(&memory.peak_bytes));
    atomic_init(&context->references, 1);
    atomic_init(&context->identities, 0);
    context->end = end;
    *out = context;
    return PT_OK;
}

static pt_status_t create_cpu(void *user, const pt_context_options_t *options, pt__memory_t *memory, pt__pool_t *pool,
                              pt__device_t **out)
{
    pt__level_t level = options->processor != NULL ? pt__level_find(options->processor) : PT__LEVEL_COUNT;
    (void)user;
    return pt__cpu_create(memory, pool, level, (pt__gemm_backend_t)options->gemm, out);
}

pt_status_t pt__context_create_with(const pt_context_options_t *options, pt__device_factory_t make_device, void *user,
                                    pt_context_t **out)
{
    pt_context_options_t known = defaults;
    pt_context_t *context = NULL;
    pt_status_t status;
    PT__TRY(pt__options_read(options, &known, (uint32_t)sizeof known, "pt_context_options_t"));
    PT__TRY(check(&known));
    PT__TRY(allocate(&known, &context));
    context->seed = known.seed;
    context->log = known.log;
    context->log_user = known.log_user;
    context->log_level = known.log_level != 0 ? known.log_level : PT_LOG_WARNING;
    if (context->log != NULL)
        PT__TRY_OUT(pt__log_lock_create(&context->memory, &context->log_lock));
    PT__TRY_OUT(pt__pool_create(&context->memory, known.threads, &context->pool));
    PT__TRY_OUT(make_device(user, &known, &context->memory, context->pool, &context->device));
    *out = context;
    return PT_OK;
out:
    pt__context_release(context);
    return status;
}

pt_status_t pt_context_create(const pt_context_options_t *options, pt_context_t **out)
{
    PT__ENTER();
    PT__NEED_OUT(out);
    return pt__context_create_with(options, create_cpu, NULL, out);
}

void pt_context_free(pt_context_t *context)
{
    if (context != NULL)
        pt__context_release(context);
}

size_t pt_context_last_error(const pt_context_t *context, char *buffer, size_t size)
{
    return context != NULL ? pt__context_message(context, buffer, size) : pt__message_copy("", buffer, size);
}

int64_t pt_context_bytes(const pt_context_t *context)
{
    return context != NULL ? (int64_t)atomic_load_explicit(&context->memory.bytes, memory_order_relaxed) : 0;
}

int64_t pt_context_peak_bytes(const pt_context_t *context)
{
    return context != NULL ? (int64_t)atomic_load_explicit(&context->memory.peak_bytes, memory_order_relaxed) : 0;
}

const char *pt_context_describe(pt_context_t *context)
{
    return context != NULL ? pt__device_describe(context->device) : "";
}
