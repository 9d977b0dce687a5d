/* The table of ops: every op file gives a family of descriptors, ops.def names the files, op_registry.c looks names up.
 * To add an op: write op_NAME.c, end it with PT__OP_FAMILY(op_NAME, ...), and add PT__OP(op_NAME) to ops.def. */
#ifndef PT__OP_REGISTRY_H
#define PT__OP_REGISTRY_H

#include "graph/op.h"

typedef struct pt__op_family {
    const pt__op_t *ops;
    int32_t count;
} pt__op_family_t;

#define PT__OP(file) extern const pt__op_family_t pt__##file;
#include "ops/ops.def"
#undef PT__OP

/* Ends an op file: `descriptors` is its static array of pt__op_t. */
#define PT__OP_FAMILY(file, descriptors) \
    const pt__op_family_t pt__##file = {descriptors, (int32_t)(sizeof descriptors / sizeof descriptors[0])};

/* For the descriptors: an op's sample cases and how many they are. A build without tests, of which nobody reads them,
 * has none: they take 50 KB. */
#ifdef PT__WITHOUT_CASES
#define PT__CASES(array) .cases = sizeof array > 0 ? NULL : array
#else
#define PT__CASES(array) .cases = array, .n_cases = (int32_t)(sizeof array / sizeof array[0])
#endif

#endif
