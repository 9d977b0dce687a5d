/* Contexts: options of every size and value, memory that is counted and given back, lives that outlast their handle. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "base/log.h"
#include "kernels/cpu/gemm_backend.h"
#include "support/failing_allocator.h"
#include "support/failing_io.h"
#include "support/suite.h"

static pt_context_options_t options_of(int32_t threads)
{
    pt_context_options_t options;
    ck_ok(pt_context_options_init(&options, sizeof options));
    options.threads = threads;
    return options;
}

START_TEST(test_init)
{
    pt_context_options_t options;
    memset(&options, 0x55, sizeof options);
    ck_ok(pt_context_options_init(&options, 16)); /* an older caller's struct: not a byte behind it */
    ck_assert_uint_eq(options.struct_size, 16);
    ck_assert_int_eq(options.threads, 0);
    ck_assert_uint_eq(options.seed, 0x5555555555555555u);
    ck_fails(pt_context_options_init(NULL, sizeof options), PT_ERR_ARGUMENT, "NULL");
    ck_fails(pt_context_options_init(&options, 0), PT_ERR_ARGUMENT, "struct_size");
}
END_TEST

START_TEST(test_create)
{
    pt_context_t *context = NULL;
    pt_context_options_t options = options_of(2);
    ck_ok(pt_context_create(NULL, &context));
    pt_context_free(context);
    options.seed = 7;
    ck_ok(pt_context_create(&options, &context));
    ck_assert_uint_eq(context->seed, 7);
    ck_assert_int_eq(pt__pool_threads(context->pool), 2);
    ck_assert_int_gt(pt_context_bytes(context), 0);
    ck_assert_int_ge(pt_context_peak_bytes(context), pt_context_bytes(context));
    ck_assert_uint_gt(strlen(pt_context_describe(context)), 0);
    ck_assert_ptr_null(strchr(pt_context_describe(context), '\n'));
    pt_context_free(context);
    ck_assert_str_eq(pt_context_describe(NULL), "");
    ck_assert_int_eq(pt_context_peak_bytes(NULL), 0);
}
END_TEST

static void check_refused(const pt_context_options_t *options, pt_status_t status, const char *part)
{
    pt_context_t *context = (pt_context_t *)options; /* anything but NULL */
    ck_fails(pt_context_create(options, &context), status, part);
    ck_assert_ptr_null(context);
}

START_TEST(test_wrong_options)
{
    struct {
        pt_context_options_t known;
        uint64_t more;
    } newer = {.known = options_of(1)};
    ck_fails(pt_context_create(NULL, NULL), PT_ERR_ARGUMENT, "out is NULL");
    pt_context_options_t options = options_of(-1);
    check_refused(&options, PT_ERR_ARGUMENT, "threads is -1");
    options.threads = 100000;
    check_refused(&options, PT_ERR_ARGUMENT, "threads is 100000");
    options = options_of(1);
    options.flags = 4;
    check_refused(&options, PT_ERR_ARGUMENT, "flags is 0x4");
    options = options_of(1);
    options.gemm = 3;
    check_refused(&options, PT_ERR_ARGUMENT, "gemm is 3");
    options = options_of(1);
    options.log_level = 5;
    check_refused(&options, PT_ERR_ARGUMENT, "log_level is 5");
    options = options_of(1);
    options.allocate = failing_allocate;
    check_refused(&options, PT_ERR_ARGUMENT, "release is NULL");
    options = options_of(1);
    options.release = failing_release;
    check_refused(&options, PT_ERR_ARGUMENT, "allocate is NULL");
    options = options_of(1);
    options.processor = "abacus";
    check_refused(&options, PT_ERR_ARGUMENT, "\"abacus\"");
    options = options_of(1);
    options.struct_size = 3;
    check_refused(&options, PT_ERR_ARGUMENT, "struct_size");
    newer.known.struct_size = sizeof newer;
    newer.more = 1;
    check_refused(&newer.known, PT_ERR_VERSION, "newer");
    newer.more = 0; /* a newer caller that asks for nothing new */
    pt_context_t *context;
    ck_ok(pt_context_create(&newer.known, &context));
    pt_context_free(context);
}
END_TEST

START_TEST(test_processors)
{
    static const char *const names[] = {"portable", "avx2", "avx512", "neon"};
    int32_t made = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        pt_context_options_t options = options_of(1);
        pt_context_t *context;
        options.processor = names[i];
        pt_status_t status = pt_context_create(&options, &context);
        ck_assert_msg(status == PT_OK || status == PT_ERR_UNSUPPORTED, "%s: %s", names[i], pt_last_error());
        if (status == PT_OK) {
            ck_assert_ptr_nonnull(strstr(pt_context_describe(context), names[i]));
            made++;
        }
        pt_context_free(context);
    }
    ck_assert_int_ge(made, 1);
}
END_TEST

/* What is made from a context keeps it; the last one ends it, and every byte goes back. */
/* Every processor level by itself and with its own matrix kernels; cblas where the library is built with one. */
START_TEST(test_matrix_kernels)
{
    static const char *const processors[] = {NULL, "portable"};
    for (size_t i = 0; i < sizeof processors / sizeof processors[0]; i++) {
        for (int32_t gemm = PT_GEMM_AUTO; gemm <= PT_GEMM_CBLAS; gemm++) {
            pt_context_t *context = NULL;
            pt_context_options_t options = options_of(1);
            options.processor = processors[i];
            options.gemm = gemm;
            if (gemm == PT_GEMM_CBLAS && pt__gemm_cblas_name() == NULL) {
                check_refused(&options, PT_ERR_UNSUPPORTED,
                              "cblas were asked for (PT_GEMM_CBLAS); this library is built without a CBLAS");
                continue;
            }
            if (pt_context_create(&options, &context) != PT_OK && i == 1)
                continue; /* a library without this level: test_processors */
            ck_assert_ptr_nonnull(context);
            const char *text = pt_context_describe(context);
            if (gemm == PT_GEMM_OWN || pt__gemm_cblas_name() == NULL)
                ck_assert_msg(strstr(text, "own kernels") != NULL, "%s", text);
            if (gemm == PT_GEMM_CBLAS)
                ck_assert_msg(strstr(text, "products: cblas") != NULL, "%s", text);
            ck_assert_msg((strstr(text, "no BLAS") != NULL) == (pt__gemm_cblas_name() == NULL), "%s", text);
            pt_context_free(context);
        }
    }
}
END_TEST

START_TEST(test_life)
{
    failing_allocator_t allocator;
    pt_context_options_t options = options_of(2);
    pt_context_t *context;
    pt_optimizer_t *optimizer;
    failing_allocator_start(&allocator, 0);
    failing_allocator_hooks(&allocator, &options);
    ck_ok(pt_context_create(&options, &context));
    ck_assert_int_eq(pt_context_bytes(context), atomic_load(&allocator.bytes));
    ck_ok(pt_optimizer_create(context, NULL, &optimizer));
    ck_assert_int_eq(pt_context_bytes(context), atomic_load(&allocator.bytes));
    pt_context_free(context);
    ck_assert_int_gt(atomic_load(&allocator.live), 0);
    pt_optimizer_free(optimizer);
    ck_assert_int_eq(atomic_load(&allocator.live), 0);
    ck_assert_int_eq(atomic_load(&allocator.wrong), 0);
}
END_TEST

START_TEST(test_failing_allocations)
{
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, {
        pt_context_options_t options = options_of(3);
        pt_context_t *context;
        failing_allocator_hooks(&allocator, &options);
        status = pt_context_create(&options, &context);
        ck_assert((status == PT_OK) == (context != NULL));
        pt_context_free(context);
    }, status);
}
END_TEST

typedef struct heard {
    int32_t lines, level;
    char last[128];
} heard_t;

static void hear(void *user, int32_t level, const char *message)
{
    heard_t *heard = user;
    heard->lines++;
    heard->level = level;
    snprintf(heard->last, sizeof heard->last, "%s", message);
}

/* Locks, conditions and threads are the system's to give. */
START_TEST(test_what_the_system_refuses)
{
    static const failing_io_t kinds[] = {FAILING_MUTEX, FAILING_CONDITION};
    failing_allocator_t allocator;
    pt_context_options_t options = options_of(3);
    pt_context_t *context;
    failing_allocator_hooks(&allocator, &options);
    options.log = hear;
    options.log_user = &(heard_t){0};
    for (int i = 0; i < 2; i++)
        for (long n = 1, calls = n; calls >= n; n++) {
            failing_allocator_start(&allocator, 0);
            failing_io_arm(kinds[i], n, EAGAIN);
            pt_status_t status = pt_context_create(&options, &context);
            calls = failing_io_calls(kinds[i]);
            failing_io_disarm();
            ck_assert_int_eq(status, calls < n ? PT_OK : PT_ERR_MEMORY);
            ck_assert_msg(status == PT_OK || strstr(pt_last_error(), "out of memory: lock") != NULL, "%ld: %s", n,
                          pt_last_error());
            ck_assert((context != NULL) == (status == PT_OK));
            pt_context_free(context);
            ck_assert_int_eq(atomic_load(&allocator.live), 0);
        }
    failing_io_arm(FAILING_THREAD, 2, EAGAIN);
    ck_ok(pt_context_create(&options, &context)); /* with the threads that there are */
    failing_io_disarm();
    ck_assert_int_eq(pt__pool_threads(context->pool), 2);
    pt_context_free(context);
    ck_assert_int_eq(atomic_load(&allocator.live), 0);
}
END_TEST

START_TEST(test_log)
{
    static const int32_t wanted[] = {0, PT_LOG_ERROR, PT_LOG_DEBUG};
    static const int32_t lines[] = {2, 1, 4}; /* of one line a level; 0 stands for warnings */
    for (int32_t i = 0; i < 3; i++) {
        heard_t heard = {0};
        pt_context_options_t options = options_of(1);
        pt_context_t *context;
        options.log = hear;
        options.log_user = &heard;
        options.log_level = wanted[i];
        ck_ok(pt_context_create(&options, &context));
        heard.lines = 0;
        for (int32_t level = PT_LOG_ERROR; level <= PT_LOG_DEBUG; level++)
            pt__log(context, level, "level %d\nof %s", (int)level, "four");
        ck_assert_int_eq(heard.lines, lines[i]);
        ck_assert_int_eq(heard.level, lines[i]);
        ck_assert_ptr_null(strchr(heard.last, '\n'));
        pt_context_free(context);
    }
}
END_TEST

SUITE("context_api", 30, test_init, test_create, test_wrong_options, test_processors, test_matrix_kernels, test_life,
      test_failing_allocations, test_what_the_system_refuses, test_log)
