/* A model as a GGUF file: the family's tensors under the names and in the order that llama.cpp has for them, the
 * configuration and what belongs to the model as metadata (gguf_companions.c). Vectors, and what llama.cpp looks up as
 * float32, are float32 whatever is asked for; blocks that stay what they are, are copied. */
#include <string.h>

#include "base/blocks.h"
#include "base/dtype.h"
#include "base/gguf_metadata.h"
#include "base/plane_order.h"
#include "formats/tensors.h"
#include "train/model.h"

enum { MOST_PLANES = 1024 };

typedef struct saving {
    const pt_model_t *model;
    pt__memory_t *memory;
    pt__tensors_t tensors;
    char (*names)[PT_MAX_NAME];   /* [tensors] */
    const pt__renaming_t **rules; /* [tensors] */
    int32_t moves_planes;         /* to the order that the family's files have */
    int32_t to_side_by_side;
    float *values, *turned; /* of the tensor that is brought */
    void *stored;           /* the same as it is written */
    float factors[MOST_PLANES];
} saving_t;

/* ---- One tensor ---- */

/* ours [columns, rows] as theirs [rows, columns] */
static void turn(const pt__entry_t *entry, const float *ours, float *theirs)
{
    const int64_t rows = entry->shape[0], columns = entry->shape[1];
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++)
            theirs[r * columns + c] = ours[c * rows + r];
}

static pt_status_t convert(const pt__entry_t *entry, const float *values, int64_t elements, void *dst)
{
    if (entry->dtype != PT__BLOCK_Q8_0)
        return pt__dtype_convert(entry->name, PT_FLOAT32, values, entry->dtype, dst, elements);
    const int64_t bad = pt__blocks_from_floats(values, elements, dst);
    if (bad >= 0)
        return pt__fail(PT_ERR_ARGUMENT, "%s: elements %lld to %lld are too large for blocks of Q8_0", entry->name,
                        (long long)bad, (long long)bad + 31);
    return PT_OK;
}

/* Blocks, which are a file's and so the host's memory, as they are. */
static void bring_blocks(const saving_t *saving, const pt__entry_t *entry, const pt__stored_t *stored, int64_t width,
                         const void **bytes)
{
    *bytes = stored->value;
    if (width == 0)
        return;
    pt__planes_move(stored->value, entry->shape[0], entry->bytes / entry->shape[0], width, saving->to_side_by_side,
                    saving->stored);
    *bytes = saving->stored;
}

static pt_status_t bring(void *user, const pt__entry_t *entry, const void **bytes)
{
    saving_t *saving = user;
    const int64_t index = entry - saving->tensors.entries;
    const pt__stored_t *stored = &saving->model->store.tensors[index];
    const float *values = saving->values;
    const int64_t width = saving->moves_planes ? pt__planes_width(saving->model, stored->name) : 0;
    if (stored->dtype == entry->dtype && pt__dtype_unit(stored->dtype).elements > 1) {
        bring_blocks(saving, entry, stored, width, bytes);
        return PT_OK;
    }
    PT__TRY(pt__stored_get(&saving->model->store, stored, saving->values));
    if (saving->rules[index]->is_transposed && entry->rank == 2) {
        turn(entry, values, saving->turned);
        values = saving->turned;
    } else if (width > 0) {
        const int64_t rows = entry->shape[0], row_bytes = stored->elements / rows * (int64_t)sizeof *values;
        pt__planes_move(values, rows, row_bytes, width, saving->to_side_by_side, saving->turned);
        values = saving->turned;
    }
    *bytes = saving->stored;
    return convert(entry, values, stored->elements, saving->stored);
}

static void let_go(void *user, const void *bytes)
{
    (void)user, (void)bytes;
}

/* ---- The table ---- */

static const pt__renaming_t *find_rule(const saving_t *saving, const char *name, char theirs[PT_MAX_NAME])
{
    for (const pt__renaming_t *rule = saving->model->family->gguf; rule->theirs != NULL; rule++)
        if (rule->parts == 0 && pt__renaming_apply(rule->ours, rule->theirs, name, theirs, PT_MAX_NAME))
            return rule;
    return NULL;
}

/* llama.cpp has tables of positions and of token types in float32 alone. */
static int32_t dtype_of(const pt__entry_t *entry, int32_t dtype)
{
    if (entry->rank < 2 || strncmp(entry->name, "position_embd.", 14) == 0 ||
        strncmp(entry->name, "token_types.", 12) == 0 ||
        entry->shape[entry->rank - 1] % pt__dtype_unit(dtype).elements != 0)
        return PT_FLOAT32;
    return dtype;
}

static pt_status_t add_entry(saving_t *saving, int64_t index, int32_t dtype)
{
    const pt__stored_t *stored = &saving->model->store.tensors[index];
    pt__entry_t *entry = &saving->tensors.entries[index];
    const pt__renaming_t *rule = find_rule(saving, stored->name, saving->names[index]);
    if (rule == NULL)
        return pt__fail(PT_ERR_UNSUPPORTED, "tensor \"%s\" has no name in a GGUF file of the family %s", stored->name,
                        saving->model->family->name);
    saving->rules[index] = rule;
    *entry = (pt__entry_t){.name = saving->names[index], .rank = stored->shape.rank, .is_away = 1};
    for (int32_t i = 0; i < entry->rank; i++)
        entry->shape[i] = stored->shape.size[rule->is_transposed && entry->rank == 2 ? 1 - i : i];
    entry->dtype = dtype_of(entry, dtype == 0 ? stored->dtype : dtype);
    entry->bytes = pt__dtype_bytes(entry->dtype, stored->elements);
    saving->tensors.n_entries = index + 1;
    return PT_OK;
}

/* Behind the model's own: what frequencies of positions are divided by. */
static pt_status_t add_factors(saving_t *saving, const char *config)
{
    pt__entry_t *entry = &saving->tensors.entries[saving->tensors.n_entries];
    int64_t planes = 0;
    PT__TRY(pt__gguf_rope_factors(saving->model->context, config, saving->factors, MOST_PLANES, &planes));
    if (planes == 0)
        return PT_OK;
    *entry = (pt__entry_t){.name = PT__GGUF_ROPE_FACTORS,
                           .dtype = PT_FLOAT32,
                           .rank = 1,
                           .shape = {planes},
                           .data = saving->factors,
                           .bytes = planes * (int64_t)sizeof *saving->factors};
    saving->tensors.n_entries++;
    return PT_OK;
}

static pt_status_t make_table(saving_t *saving, const char *config, int32_t dtype)
{
    const pt__store_t *store = &saving->model->store;
    const size_t count = (size_t)store->count;
    int64_t most = 0;
    PT__TRY(pt__allocate(saving->memory, count + 1, sizeof *saving->tensors.entries, "GGUF file",
                         &saving->tensors.entries));
    PT__TRY(pt__allocate(saving->memory, count, sizeof *saving->names, "GGUF file", &saving->names));
    PT__TRY(pt__allocate(saving->memory, count, sizeof *saving->rules, "GGUF file", (void *)&saving->rules));
    for (int64_t i = 0; i < store->count; i++) {
        PT__TRY(add_entry(saving, i, dtype));
        most = store->tensors[i].elements > most ? store->tensors[i].elements : most;
    }
    PT__TRY(add_factors(saving, config));
    PT__TRY(pt__allocate_uninitialised(saving->memory, (size_t)most, sizeof(float), "GGUF file", &saving->values));
    PT__TRY(pt__allocate_uninitialised(saving->memory, (size_t)most, sizeof(float), "GGUF file", &saving->turned));
    return pt__allocate_uninitialised(saving->memory, (size_t)most, sizeof(float), "GGUF file", &saving->stored);
}

/* ---- The whole ---- */

static pt_status_t choose_order(saving_t *saving)
{
    const pt__offer_t *offer = &saving->model->trunk->offer;
    saving->to_side_by_side = pt__gguf_is_side_by_side(saving->model->family->name);
    saving->moves_planes = offer->turned != NULL && offer->side_by_side != saving->to_side_by_side;
    if (offer->turned == NULL && offer->side_by_side && !saving->to_side_by_side)
        return pt__fail(PT_ERR_UNSUPPORTED, "config: rope_interleaved is true, expected false in a GGUF file of %s",
                        saving->model->family->name);
    return PT_OK;
}

/* What most of the numbers are, as llama.cpp numbers kinds of files. */
static void put_file_type(const saving_t *saving, pt__gguf_metadata_t *metadata)
{
    static const struct {
        int32_t dtype;
        uint32_t number;
    } kinds[] = {{PT_FLOAT32, 0},      {PT_FLOAT16, 1},      {PT_BFLOAT16, 32},   {PT__BLOCK_Q4_0, 2},
                 {PT__BLOCK_Q4_1, 3},  {PT__BLOCK_Q8_0, 7},  {PT__BLOCK_Q5_0, 8}, {PT__BLOCK_Q5_1, 9},
                 {PT__BLOCK_Q4_K, 15}, {PT__BLOCK_Q5_K, 17}, {PT__BLOCK_Q6_K, 18}};
    int64_t most = -1;
    uint32_t number = 0;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        int64_t elements = 0;
        for (int64_t i = 0; i < saving->model->store.count; i++)
            if (saving->tensors.entries[i].dtype == kinds[k].dtype)
                elements += saving->model->store.tensors[i].elements;
        if (elements > most)
            number = kinds[k].number;
        most = elements > most ? elements : most;
    }
    pt__gguf_put_uint32(metadata, "general.file_type", number);
    pt__gguf_put_uint32(metadata, "general.quantization_version", 2);
}

pt_status_t pt__gguf_save(pt_model_t *model, const char *path, const pt_save_options_t *options, int32_t dtype)
{
    saving_t saving = {.model = model, .memory = &model->context->memory};
    pt__gguf_metadata_t metadata = {.text = pt__text_start(saving.memory)};
    char *config = NULL;
    pt_status_t status;
    if (model->family == NULL || model->family->gguf == NULL)
        return pt__fail(PT_ERR_UNSUPPORTED, "a GGUF file of %s, expected a family that llama.cpp knows",
                        model->family == NULL ? "a network of the host's own" : model->family->name);
    saving.tensors = (pt__tensors_t){.bring = bring, .let_go = let_go, .user = &saving};
    PT__TRY_OUT(pt__store_materialize(&model->store));
    PT__TRY_OUT(pt__class_names_config(model, &config));
    PT__TRY_OUT(pt__gguf_put_config(model->context, config, &metadata));
    PT__TRY_OUT(choose_order(&saving));
    PT__TRY_OUT(make_table(&saving, config, dtype));
    put_file_type(&saving, &metadata);
    PT__TRY_OUT(pt__gguf_companions(model, config, &metadata));
    PT__TRY_OUT(pt__place_write_gguf(model->context, path, options, &metadata, &saving.tensors));
out:
    pt__text_free(&metadata.text);
    pt__release(saving.memory, config);
    pt__release(saving.memory, saving.tensors.entries);
    pt__release(saving.memory, saving.names);
    pt__release(saving.memory, (void *)saving.rules);
    pt__release(saving.memory, saving.values);
    pt__release(saving.memory, saving.turned);
    pt__release(saving.memory, saving.stored);
    return status;
}
