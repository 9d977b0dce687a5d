/* Golden values that stand in a safetensors file, by name. */
#ifndef GOLDEN_TENSORS_H
#define GOLDEN_TENSORS_H

#include <stdio.h>

#include "formats/tensors.h"
#include "support/samples.h"

typedef struct golden_tensors {
    pt_context_t *context;
    int64_t held; /* bytes, by the context itself */
    pt__file_tensors_t *file;
} golden_tensors_t;

static inline golden_tensors_t golden_tensors_open(const char *path)
{
    golden_tensors_t golden = {.context = samples_context()};
    golden.held = pt_context_bytes(golden.context);
    ck_ok(pt__file_tensors_open(golden.context, &pt__format_safetensors, suite_source(path), 0, &golden.file));
    return golden;
}

static inline void golden_tensors_close(golden_tensors_t *golden)
{
    pt__file_tensors_close(golden->file);
    ck_assert_int_eq(pt_context_bytes(golden->context), golden->held);
    pt_context_free(golden->context);
}

/* "KIND/NAME", or KIND where the name is NULL */
static inline const pt__entry_t *golden_entry(const golden_tensors_t *golden, const char *kind, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, name == NULL ? "%s" : "%s/%s", kind, name);
    const pt__entry_t *entry = pt__tensors_find(pt__file_tensors_table(golden->file), path);
    ck_assert_msg(entry != NULL, "no %s", path);
    return entry;
}

#endif
