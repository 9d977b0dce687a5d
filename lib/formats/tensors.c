/* Finding things in a table of tensors. */
#include "formats/tensors.h"

#include <string.h>

const pt__entry_t *pt__tensors_find(const pt__tensors_t *tensors, const char *name)
{
    int64_t low = 0, high = tensors->n_entries;
    for (int64_t i = 0; !tensors->sorted && i < tensors->n_entries; i++) {
        if (strcmp(tensors->entries[i].name, name) == 0)
            return &tensors->entries[i];
    }
    while (tensors->sorted && low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = strcmp(tensors->entries[middle].name, name);
        if (order == 0)
            return &tensors->entries[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const pt__entry_t *pt__tensors_find_within(const pt__tensors_t *tensors, const char *prefix, const char *name)
{
    const pt__entry_t *entry = pt__tensors_find(tensors, name);
    size_t length = prefix == NULL ? 0 : strlen(prefix);
    if (entry != NULL || length == 0 || strncmp(name, prefix, length) != 0)
        return entry;
    return pt__tensors_find(tensors, name + length);
}

const char *pt__tensors_value(const pt__tensors_t *tensors, const char *key)
{
    for (int64_t i = 0; i < tensors->n_pairs; i++) {
        if (strcmp(tensors->pairs[i].key, key) == 0)
            return tensors->pairs[i].value;
    }
    return NULL;
}

int pt__entry_compare_places(const void *a, const void *b, void *user)
{
    const pt__entry_t *x = a, *y = b;
    (void)user;
    if (x->data != y->data)
        return (const uint8_t *)x->data < (const uint8_t *)y->data ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}
