/* A fuzz target defines LLVMFuzzerTestOneInput, as libFuzzer asks for, and the seeds below. It is built with
 * fuzz/replay.c, which feeds it mutations of the seeds that are the same in every run, so that any compiler can run
 * it for some seconds; for hours of it:
 *   clang -g -fsanitize=fuzzer,address,undefined -Iinclude -Ilib -Itests tests/fuzz/fuzz_csv.c libpretrain.a ... */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "pretrain.h"

typedef struct fuzz_seed {
    const char *bytes;
    size_t size;
} fuzz_seed_t;

#define FUZZ_SEED(literal)          \
    {                               \
        literal, sizeof literal - 1 \
    }

/* Valid inputs, from which mutations start, and pieces that a mutation may insert: both end with size 0. */
extern const fuzz_seed_t fuzz_seeds[];
extern const fuzz_seed_t fuzz_pieces[];

/* A context of one thread; the hooks both or neither. */
static inline pt_context_t *fuzz_context_with(pt_allocate_fn allocate, pt_release_fn release)
{
    pt_context_t *context;
    pt_context_options_t options;
    pt_context_options_init(&options, sizeof options);
    options.threads = 1;
    options.allocate = allocate;
    options.release = release;
    if (pt_context_create(&options, &context) != PT_OK)
        abort();
    return context;
}

/* One for all inputs. */
static inline pt_context_t *fuzz_context(void)
{
    static pt_context_t *context;
    if (!context)
        context = fuzz_context_with(NULL, NULL);
    return context;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
