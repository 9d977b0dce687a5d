/* An open file's tensors under the names, and in the order, that a model has for them: other spellings
 * (base/renaming.h), matrices that stand the other way round, several parameters in one tensor, planes of heads in
 * another order (base/plane_order.h). */
#include <string.h>

#include "base/plane_order.h"
#include "base/renaming.h"
#include "formats/format.h"

/* Everything from this entry's first rule on that is for a piece of the same tensor. */
static int32_t count_rules(const pt__renaming_t *rule)
{
    int32_t count = 1;
    while (rule->parts > 0 && count < rule->parts && rule[count].theirs != NULL &&
           strcmp(rule[count].theirs, rule->theirs) == 0)
        count++;
    return count;
}

static const pt__renaming_t *find_rule(const pt__renaming_t *rules, const char *name)
{
    char unused[PT_MAX_NAME];
    for (const pt__renaming_t *rule = rules; rule->theirs != NULL; rule++)
        if (pt__renaming_apply(rule->theirs, rule->ours, name, unused, sizeof unused))
            return rule;
    return NULL;
}

/* Piece `part` of `parts` equal ones of the first dimension; elements that stand in blocks are whole blocks in each
 * row. */
static pt_status_t cut(const pt__file_tensors_t *file, const pt__renaming_t *rule, pt__entry_t *entry)
{
    if (entry->rank == 0 || entry->shape[0] % rule->parts != 0)
        return pt__fail(PT_ERR_SHAPE, "%s: tensor \"%s\" holds %d parameters, expected a first size that they divide",
                        file->name, entry->name, (int)rule->parts);
    entry->shape[0] /= rule->parts;
    entry->bytes /= rule->parts;
    entry->data = (const uint8_t *)entry->data + rule->part * entry->bytes;
    return PT_OK;
}

static pt_status_t rename_entry(pt__file_tensors_t *file, const pt__renaming_t *rule, const pt__entry_t *from,
                                pt__entry_t *to)
{
    char name[PT_MAX_NAME];
    char *kept;
    *to = *from;
    if (rule->parts > 0)
        PT__TRY(cut(file, rule, to));
    if (rule->is_transposed && from->rank == 2) {
        to->shape[0] = from->shape[1];
        to->shape[1] = from->shape[0];
        to->is_transposed = !from->is_transposed;
    }
    pt__renaming_apply(rule->theirs, rule->ours, from->name, name, sizeof name);
    const size_t size = strlen(name) + 1;
    PT__TRY(pt__file_tensors_allocate(file, (int64_t)size, 1, "names of tensors", &kept));
    memcpy(kept, name, size);
    to->name = kept;
    return PT_OK;
}

pt_status_t pt__file_tensors_rename(pt__file_tensors_t *file, const pt__renaming_t *rules)
{
    const pt__tensors_t *table = &file->table;
    pt__entry_t *entries;
    int64_t count = 0, done = 0;
    int32_t any = 0;
    if (rules == NULL)
        return PT_OK;
    for (int64_t i = 0; i < table->n_entries; i++) {
        const pt__renaming_t *rule = find_rule(rules, table->entries[i].name);
        any = any || rule != NULL;
        count += rule == NULL ? 1 : count_rules(rule);
    }
    if (!any)
        return PT_OK;
    PT__TRY(pt__file_tensors_allocate(file, count, sizeof *entries, "names of tensors", &entries));
    for (int64_t i = 0; i < table->n_entries; i++) {
        const pt__entry_t *from = &table->entries[i];
        const pt__renaming_t *rule = find_rule(rules, from->name);
        if (rule == NULL)
            entries[done++] = *from;
        for (int32_t r = 0; rule != NULL && r < count_rules(rule); r++)
            PT__TRY(rename_entry(file, rule + r, from, &entries[done++]));
    }
    file->table.entries = entries;
    file->table.n_entries = count;
    return pt__file_tensors_sort(file);
}

pt_status_t pt__file_tensors_move_planes(pt__file_tensors_t *file,
                                         int64_t (*width_of)(const void *user, const char *name), const void *user,
                                         int32_t to_side_by_side)
{
    for (int64_t i = 0; i < file->table.n_entries; i++) {
        pt__entry_t *entry = &file->table.entries[i];
        const int64_t width = width_of(user, entry->name);
        void *moved;
        /* of another shape than the model's, which is told where shapes are compared */
        if (width == 0 || entry->rank == 0 || entry->is_transposed || entry->bytes == 0 || entry->shape[0] % width != 0)
            continue;
        PT__TRY(pt__file_tensors_allocate_uninitialised(file, entry->bytes, 1, "queries and keys in another order",
                                                        &moved));
        pt__planes_move(entry->data, entry->shape[0], entry->bytes / entry->shape[0], width, to_side_by_side, moved);
        entry->data = moved;
    }
    return PT_OK;
}
