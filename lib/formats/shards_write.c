/* Writing a model's tensors as several safetensors files with an index (shards.c shows it).
 *
 * An index that stands there names whole files at any moment: new shards get names that none has, then the index is put
 * in place of the old one, then what it does not name any more is removed. So "model-00001-of-00002.safetensors" is
 * "model-2-00001-of-00002.safetensors" where the first is in use, and the other way round the next time. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/sort.h"
#include "base/text.h"
#include "formats/tensors.h"

static const char ending[] = ".safetensors";

enum { MOST_SHARDS = 99999, DIGITS = 5 };

typedef struct set {
    pt_context_t *context;
    const char *path;
    const pt__tensors_t *tensors;
    char *directory, *stem; /* of the path: "DIRECTORY/", "STEM" without the ending; directory may be "" */
    char *index;            /* the path of the index */
    int32_t number;         /* in the names of shards, where it is not 1 */
    int32_t shards;
    int64_t *first;       /* [shards + 1] index of each shard's first tensor */
    int32_t may_be_named; /* the new index is being put in place: even where that fails, it may be there */
} set_t;

/* ---- Names ---- */

static pt_status_t name_set(set_t *set)
{
    pt__memory_t *memory = &set->context->memory;
    const char *slash = strrchr(set->path, '/'), *name = slash == NULL ? set->path : slash + 1;
    size_t length = strlen(name);
    const size_t tail = sizeof ending - 1;
    if (length > tail && strcmp(name + length - tail, ending) == 0)
        length -= tail;
    if (length == 0)
        return pt__fail(PT_ERR_ARGUMENT, "%s: no name of a file", *set->path ? set->path : "an empty path");
    pt__text_t directory = pt__text_start(memory), stem = pt__text_start(memory), index = pt__text_start(memory);
    pt__text_add_bytes(&directory, set->path, name - set->path);
    pt__text_add_bytes(&stem, name, (int64_t)length);
    pt__text_add(&index, "%s" PT__SHARDS_INDEX, set->path);
    pt_status_t status = pt__text_take(&directory, &set->directory, NULL);
    if (status == PT_OK)
        status = pt__text_take(&stem, &set->stem, NULL);
    if (status == PT_OK)
        status = pt__text_take(&index, &set->index, NULL);
    pt__text_free(&directory);
    pt__text_free(&stem);
    pt__text_free(&index);
    return status;
}

static pt_status_t shard_name(const set_t *set, int32_t shard, int32_t with_directory, char **out)
{
    pt__text_t text = pt__text_start(&set->context->memory);
    pt__text_add(&text, "%s%s", with_directory ? set->directory : "", set->stem);
    if (set->number > 1)
        pt__text_add(&text, "-%d", (int)set->number);
    pt__text_add(&text, "-%05d-of-%05d%s", (int)shard + 1, (int)set->shards, ending);
    return pt__text_take(&text, out, NULL);
}

static const char *skip_digits(const char *at, int32_t *digits)
{
    for (*digits = 0; *at >= '0' && *at <= '9'; at++)
        ++*digits;
    return at;
}

/* The number in a name that a shard of this set may have: 1 where it has none; 0: it is another file. */
static int32_t number_of(const set_t *set, const char *name)
{
    const size_t length = strlen(set->stem);
    int32_t number = 1, digits;
    if (strncmp(name, set->stem, length) != 0 || name[length] != '-')
        return 0;
    const char *at = name + length + 1, *end = skip_digits(at, &digits);
    if (digits > 0 && digits < DIGITS && *end == '-') {
        for (number = 0; at < end; at++)
            number = number * 10 + *at - '0';
        at = end + 1;
    }
    end = skip_digits(at, &digits);
    if (digits != DIGITS || strncmp(end, "-of-", 4) != 0)
        return 0;
    end = skip_digits(end + 4, &digits);
    return digits == DIGITS && strcmp(end, ending) == 0 ? number : 0;
}

static pt_status_t list_directory(const set_t *set, char ***names, int64_t *count)
{
    return pt__directory_list(&set->context->memory, *set->directory ? set->directory : ".", names, count);
}

/* The least number that no file of the directory has. */
static pt_status_t choose_number(set_t *set)
{
    char **names;
    int64_t count;
    int32_t is_used = 1;
    PT__TRY(list_directory(set, &names, &count));
    for (set->number = 0; is_used;) {
        set->number++;
        is_used = 0;
        for (int64_t i = 0; i < count && !is_used; i++)
            is_used = number_of(set, names[i]) == set->number;
    }
    pt__release(&set->context->memory, names);
    return PT_OK;
}

/* ---- Shards ---- */

/* Tensors in their order, as many as fit; a shard has one at least. */
static pt_status_t cut(set_t *set, int64_t most)
{
    const pt__tensors_t *tensors = set->tensors;
    int64_t bytes = 0;
    PT__TRY(
        pt__allocate(&set->context->memory, (size_t)tensors->n_entries + 1, sizeof *set->first, "shards", &set->first));
    for (int64_t i = 0; i < tensors->n_entries; i++) {
        const int64_t more = tensors->entries[i].bytes;
        if (i > set->first[set->shards] && (bytes > most || more > most - bytes)) {
            if (set->shards + 1 >= MOST_SHARDS)
                return pt__fail(PT_ERR_ARGUMENT, "%s: more than %d shards of %lld bytes, pt_save_options.shard_bytes",
                                set->path, MOST_SHARDS, (long long)most);
            set->first[++set->shards] = i;
            bytes = 0;
        }
        bytes += more;
    }
    set->first[++set->shards] = tensors->n_entries;
    return PT_OK;
}

static pt__tensors_t tensors_of(const set_t *set, int32_t shard)
{
    pt__tensors_t part = *set->tensors;
    part.entries = set->tensors->entries + set->first[shard];
    part.n_entries = set->first[shard + 1] - set->first[shard];
    return part;
}

static pt_status_t write_shard(set_t *set, int32_t shard)
{
    const pt__tensors_t part = tensors_of(set, shard);
    char *path;
    PT__TRY(shard_name(set, shard, 1, &path));
    pt_status_t status = pt__safetensors_write(set->context, path, &part, 0);
    pt__release(&set->context->memory, path);
    return status;
}

/* ---- The index ---- */

typedef struct member {
    const char *tensor;
    int32_t shard;
} member_t;

static int compare_members(const void *a, const void *b, void *user)
{
    (void)user;
    return strcmp(((const member_t *)a)->tensor, ((const member_t *)b)->tensor);
}

static pt_status_t add_members(const set_t *set, pt__text_t *text, const void *const *sorted)
{
    for (int64_t i = 0; i < set->tensors->n_entries; i++) {
        const member_t *member = sorted[i];
        char *name;
        PT__TRY(shard_name(set, member->shard, 0, &name));
        pt__text_add(text, "%s\n    ", i > 0 ? "," : "");
        pt__json_add_string(text, member->tensor, (int64_t)strlen(member->tensor));
        pt__text_add(text, ": ");
        pt__json_add_string(text, name, (int64_t)strlen(name));
        pt__release(&set->context->memory, name);
    }
    return PT_OK;
}

/* By tensor, as the reference does. */
static pt_status_t make_index(const set_t *set, pt__text_t *text)
{
    pt__memory_t *memory = &set->context->memory;
    const int64_t count = set->tensors->n_entries;
    member_t *members = NULL;
    const void **sorted = NULL;
    int64_t bytes = 0;
    pt_status_t status;
    PT__TRY_OUT(pt__allocate(memory, (size_t)count, sizeof *members, "index of shards", &members));
    PT__TRY_OUT(pt__allocate(memory, (size_t)count, sizeof *sorted, "index of shards", &sorted));
    for (int32_t shard = 0; shard < set->shards; shard++)
        for (int64_t i = set->first[shard]; i < set->first[shard + 1]; i++) {
            members[i] = (member_t){.tensor = set->tensors->entries[i].name, .shard = shard};
            sorted[i] = &members[i];
            bytes += set->tensors->entries[i].bytes;
        }
    pt__sort(sorted, count, compare_members, NULL);
    pt__text_add(text, "{\n  \"metadata\": {\n    \"total_size\": %lld\n  },\n  \"weight_map\": {", (long long)bytes);
    PT__TRY_OUT(add_members(set, text, sorted));
    pt__text_add(text, "\n  }\n}\n");
    status = text->status;
out:
    pt__release(memory, sorted);
    pt__release(memory, members);
    return status;
}

static pt_status_t write_index(set_t *set)
{
    pt__text_t text = pt__text_start(&set->context->memory);
    pt__writer_t *writer = NULL;
    pt_status_t status;
    PT__TRY_OUT(make_index(set, &text));
    PT__TRY_OUT(pt__writer_begin(&set->context->memory, set->index, &writer));
    PT__TRY_OUT(pt__writer_write(writer, text.data, text.length));
    set->may_be_named = 1;
    PT__TRY_OUT(pt__writer_commit(&writer));
out:
    pt__writer_abandon(&writer);
    pt__text_free(&text);
    return status;
}

/* ---- The set ---- */

static pt_status_t remove_within(const set_t *set, const char *name)
{
    pt__text_t text = pt__text_start(&set->context->memory);
    char *path;
    pt__text_add(&text, "%s%s", set->directory, name);
    PT__TRY(pt__text_take(&text, &path, NULL));
    pt_status_t status = pt__file_remove(path);
    pt__release(&set->context->memory, path);
    return status;
}

/* Shards of this number, or with `only` 0 those of all others. */
static pt_status_t remove_shards(const set_t *set, int32_t number, int32_t only)
{
    char **names;
    int64_t count;
    pt_status_t status = PT_OK;
    PT__TRY(list_directory(set, &names, &count));
    for (int64_t i = 0; status == PT_OK && i < count; i++) {
        const int32_t has = number_of(set, names[i]);
        if (has > 0 && (only ? has == number : has != number))
            status = remove_within(set, names[i]);
    }
    pt__release(&set->context->memory, names);
    return status;
}

static pt_status_t write_new(set_t *set)
{
    PT__TRY(choose_number(set));
    for (int32_t shard = 0; shard < set->shards; shard++)
        PT__TRY(write_shard(set, shard));
    return write_index(set);
}

/* Readers take a whole file before an index, so that it goes once the index is there, and the other way round. */
static pt_status_t write_shards(set_t *set)
{
    pt_status_t status = write_new(set);
    if (status == PT_OK) {
        if (pt__file_is_regular(set->path))
            PT__TRY(pt__file_remove(set->path));
        return remove_shards(set, set->number, 0);
    }
    pt__kept_error_t kept;
    pt__error_keep(&kept);
    if (!set->may_be_named && set->number > 0)
        (void)remove_shards(set, set->number, 1);
    pt__error_return(&kept);
    return status;
}

static pt_status_t write_whole(set_t *set)
{
    PT__TRY(pt__safetensors_write(set->context, set->path, set->tensors, 0));
    if (!pt__file_is_regular(set->index))
        return PT_OK;
    PT__TRY(pt__file_remove(set->index));
    return remove_shards(set, 0, 0);
}

static pt_status_t count_bytes(void *user, int64_t bytes)
{
    *(int64_t *)user += bytes;
    return PT_OK;
}

pt_status_t pt__shards_bytes(pt_context_t *context, const pt__tensors_t *tensors, int64_t shard_bytes, int64_t *bytes)
{
    set_t set = {.context = context, .path = "", .tensors = tensors};
    *bytes = 0;
    pt_status_t status = cut(&set, shard_bytes);
    for (int32_t shard = 0; status == PT_OK && shard < set.shards; shard++) {
        const pt__tensors_t part = tensors_of(&set, shard);
        status = pt__safetensors_write_to(context, &(pt__sink_t){.begin = count_bytes, .user = bytes}, &part, 0);
    }
    pt__release(&context->memory, set.first);
    return status;
}

pt_status_t pt__shards_write(pt_context_t *context, const char *path, const pt__tensors_t *tensors, int64_t shard_bytes)
{
    set_t set = {.context = context, .path = path, .tensors = tensors};
    pt_status_t status;
    PT__TRY_OUT(name_set(&set));
    PT__TRY_OUT(cut(&set, shard_bytes));
    PT__TRY_OUT(set.shards == 1 ? write_whole(&set) : write_shards(&set));
out:
    pt__release(&context->memory, set.first);
    pt__release(&context->memory, set.index);
    pt__release(&context->memory, set.stem);
    pt__release(&context->memory, set.directory);
    return status;
}
