/* The table of model families, from models.def. pt_model_create_from_config looks "model_type" up here. */
#include <string.h>

#include "models/models.h"

#define PT__MODEL(name) extern const pt__family_t pt__family_##name;
#include "models/models.def"
#undef PT__MODEL

static const pt__family_t *const families[] = {
#define PT__MODEL(name) &pt__family_##name,
#include "models/models.def"
#undef PT__MODEL
};

enum { FAMILIES = sizeof families / sizeof families[0] };

const pt__family_t *pt__family_find(const char *name)
{
    for (int32_t i = 0; i < FAMILIES; i++)
        if (strcmp(families[i]->name, name) == 0)
            return families[i];
    return NULL;
}

const pt__family_t *pt__family_at(int32_t index)
{
    return index >= 0 && index < FAMILIES ? families[index] : NULL;
}
