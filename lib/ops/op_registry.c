/* pt__op_find, pt__op_count and pt__op_at over the families that ops.def names. Called while graphs are built; a step
 * of a plan holds its op's descriptor. */
#include "ops/op_registry.h"

#include <string.h>

static const pt__op_family_t *const families[] = {
#define PT__OP(file) &pt__##file,
#include "ops/ops.def"
#undef PT__OP
};

enum { FAMILIES = (int)(sizeof families / sizeof families[0]) };

int32_t pt__op_count(void)
{
    int32_t count = 0;
    for (int32_t i = 0; i < FAMILIES; i++)
        count += families[i]->count;
    return count;
}

const pt__op_t *pt__op_at(int32_t index)
{
    for (int32_t i = 0; i < FAMILIES && index >= 0; i++) {
        if (index < families[i]->count)
            return &families[i]->ops[index];
        index -= families[i]->count;
    }
    return NULL;
}

const pt__op_t *pt__op_find(const char *name)
{
    for (int32_t i = 0; i < FAMILIES; i++)
        for (int32_t j = 0; j < families[i]->count; j++)
            if (strcmp(families[i]->ops[j].name, name) == 0)
                return &families[i]->ops[j];
    return NULL;
}
