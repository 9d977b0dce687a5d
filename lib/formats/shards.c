/* The index of a model whose tensors are in several files, as Hugging Face writes it ("model.safetensors.index.json",
 * "pytorch_model.bin.index.json"):
 *
 *   {"metadata": {"total_size": BYTES}, "weight_map": {"TENSOR": "FILE", ...}}
 *
 * Each file is of a format of its own and stands beside the index. The tensors are those of the index, each in the file
 * that it says, and those files have no others. total_size is not compared with them: writers count tied tensors once
 * or several times, and converters leave it as it was. */
#include <string.h>

#include "base/json.h"
#include "base/sort.h"
#include "base/text.h"
#include "formats/format.h"

enum { LARGEST = 1 << 26, LONGEST_NAME = 255 };

static int32_t probe(const uint8_t *bytes, int64_t size)
{
    int64_t at = 0;
    while (at < size && (bytes[at] == ' ' || bytes[at] == '\n' || bytes[at] == '\r' || bytes[at] == '\t'))
        at++;
    return at < size && bytes[at] == '{';
}

/* A member of the map: key is the tensor, string the file. */
static pt_status_t check_member(const pt__json_t *member)
{
    if (member->kind != PT__JSON_STRING)
        return pt__json_fail(member, PT_ERR_FORMAT, "%s, expected the name of a file",
                             pt__json_kind_name(member->kind));
    if (strlen(member->key) != (size_t)member->key_length || strlen(member->string) != (size_t)member->length)
        return pt__json_fail(member, PT_ERR_FORMAT, "a zero byte in its name, or in its file's");
    if (member->length == 0 || member->length > LONGEST_NAME || strchr(member->string, '/') != NULL ||
        strchr(member->string, '\\') != NULL || strcmp(member->string, "..") == 0 || strcmp(member->string, ".") == 0)
        return pt__json_fail(member, PT_ERR_FORMAT, "\"%.80s\", expected the name of a file beside the index",
                             member->string);
    return PT_OK;
}

/* By file, then by tensor. */
static int compare_members(const void *a, const void *b, void *user)
{
    const pt__json_t *x = a, *y = b;
    (void)user;
    const int order = strcmp(x->string, y->string);
    return order != 0 ? order : strcmp(x->key, y->key);
}

static pt_status_t path_beside(pt__file_tensors_t *file, const char *name, char **out)
{
    const char *slash = strrchr(file->path, '/');
    pt__text_t text = pt__text_start(&file->context->memory);
    pt__text_add_bytes(&text, file->path, slash == NULL ? 0 : slash + 1 - file->path);
    pt__text_add(&text, "%s", name);
    return pt__text_take(&text, out, NULL);
}

static pt_status_t open_shard(pt__file_tensors_t *file, const char *name, pt__file_tensors_t **shard)
{
    char *path;
    PT__TRY(path_beside(file, name, &path));
    pt_status_t status = pt__file_tensors_open_part(file, NULL, path, shard);
    pt__release(&file->context->memory, path);
    return status == PT_OK ? PT_OK : pt__fail_within(status, "a shard");
}

/* Both are in the order of their names, so that the first that is not in both shows; `members` are `count` of one
 * file's. */
static pt_status_t take_shard(pt__file_tensors_t *file, const pt__json_t *map, const void *const *members,
                              int64_t count)
{
    const char *name = ((const pt__json_t *)members[0])->string;
    pt__file_tensors_t *shard = NULL;
    PT__TRY(open_shard(file, name, &shard));
    const pt__tensors_t *table = pt__file_tensors_table(shard);
    for (int64_t i = 0; i < count; i++) {
        const pt__json_t *member = members[i];
        const pt__entry_t *entry = pt__tensors_find(table, member->key);
        if (entry == NULL)
            return pt__fail(PT_ERR_FORMAT, "tensor \"%.80s\" is not in %.80s, where the index says", member->key, name);
        file->table.entries[file->table.n_entries++] = *entry;
    }
    for (int64_t i = 0; table->n_entries > count && i < table->n_entries; i++) {
        const pt__json_t *member = pt__json_find(map, table->entries[i].name);
        if (member == NULL || strcmp(member->string, name) != 0)
            return pt__fail(PT_ERR_FORMAT, "tensor \"%.80s\" is in %.80s, but the index says %.80s",
                            table->entries[i].name, name, member == NULL ? "nothing of it" : member->string);
    }
    if (file->n_parts == 1) {
        file->table.pairs = table->pairs;
        file->table.n_pairs = table->n_pairs;
    }
    return PT_OK;
}

static pt_status_t take_members(pt__file_tensors_t *file, const pt__json_t *map, const void **members)
{
    int64_t count = 0;
    for (const pt__json_t *member = map->first; member != NULL; member = member->next) {
        PT__TRY(check_member(member));
        members[count++] = member;
    }
    pt__sort(members, count, compare_members, NULL);
    for (int64_t begin = 0, end; begin < count; begin = end) {
        const char *name = ((const pt__json_t *)members[begin])->string;
        for (end = begin + 1; end < count && strcmp(((const pt__json_t *)members[end])->string, name) == 0;)
            end++;
        PT__TRY(take_shard(file, map, members + begin, end - begin));
    }
    return PT_OK;
}

static pt_status_t read_index(pt__file_tensors_t *file, const pt__json_t *root)
{
    const pt__json_t *map;
    const void **members;
    if (pt__json_find(root, "weight_map") == NULL)
        return pt__fail(PT_ERR_FORMAT, "JSON without \"weight_map\", expected an index of shards");
    PT__TRY(pt__json_get_object(root, "weight_map", PT__JSON_REQUIRED, &map));
    PT__TRY(pt__file_tensors_allocate(file, map->length, sizeof *file->table.entries, "tensors of shards",
                                      &file->table.entries));
    PT__TRY(pt__allocate(&file->context->memory, (size_t)map->length, sizeof *members, "tensors of shards", &members));
    pt_status_t status = take_members(file, map, members);
    pt__release(&file->context->memory, members);
    return status;
}

static pt_status_t read_text(pt__file_tensors_t *file)
{
    pt__json_document_t *document;
    const pt__json_t *root;
    if (file->path == NULL)
        return pt__fail(PT_ERR_UNSUPPORTED, "an index of shards needs the files beside it: open it by its path");
    if (file->is_part)
        return pt__fail(PT_ERR_FORMAT, "it is an index of shards itself");
    if (file->size > LARGEST)
        return pt__fail(PT_ERR_FORMAT, "an index of %lld bytes, expected at most %d", (long long)file->size, LARGEST);
    PT__TRY(
        pt__json_parse(&file->context->memory, "the index", (const char *)file->bytes, file->size, &document, &root));
    pt_status_t status = read_index(file, root);
    pt__json_free(document); /* names are the shards' */
    return status;
}

static pt_status_t open_file(pt__file_tensors_t *file)
{
    pt_status_t status = read_text(file);
    return status == PT_OK ? pt__file_tensors_sort(file) : pt__fail_within(status, "%s", file->name);
}

const pt__format_t pt__format_shards = {.name = "an index of shards", .probe = probe, .open = open_file};
