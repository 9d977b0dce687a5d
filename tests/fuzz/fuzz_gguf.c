/* GGUF from memory: whatever the bytes are, what is handed out lies within them and passes the format's rules; and so
 * is its tokenizer read or refused. */
#include "fuzz/fuzz.h"

#include "base/dtype.h"
#include "formats/tensors.h"

#define TEXT(length, bytes)     length "\0\0\0\0\0\0\0" bytes
#define PAIR(length, key, kind) TEXT(length, key) kind "\0\0\0"

const fuzz_seed_t fuzz_seeds[] = {
    FUZZ_SEED("GGUF\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    /* two pairs, a matrix of F32 */
    FUZZ_SEED(
        "GGUF\x03\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0" PAIR("\x14", "general.architecture", "\x08")
            TEXT("\x05", "llama") PAIR("\x11", "llama.block_count", "\x04") "\x02\0\0\0" TEXT(
                "\x11", "token_embd.weight") "\x02\0\0\0\x02\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                             "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                             "\0\0\0\0"),
    /* the factors of frequencies, an array of strings, an alignment */
    FUZZ_SEED("GGUF\x02\0\0\0\x01\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0" PAIR("\x14", "general.architecture", "\x08")
                  TEXT("\x05", "qwen3") PAIR("\x01", "k", "\x09") "\x08\0\0\0\x02\0\0\0\0\0\0\0" TEXT("\x01", "a")
                      TEXT("\x01", "b") PAIR("\x11", "general.alignment", "\x04") "\x08\0\0\0" TEXT(
                          "\x11", "rope_freqs.weight") "\x01\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                                       "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80\x3f\0\0\x80"
                                                       "\x3f\0\0\0\0\0\0\0\0"),
    {NULL, 0},
};
const fuzz_seed_t fuzz_pieces[] = {
    FUZZ_SEED("\xff\xff\xff\xff\xff\xff\xff\xff"),
    FUZZ_SEED("\0\0\0\0\0\0\0\x80"),
    FUZZ_SEED("\x09\0\0\0\x09\0\0\0\x01\0\0\0\0\0\0\0"),
    FUZZ_SEED("\x09\0\0\0"),
    FUZZ_SEED("\x08\0\0\0"),
    FUZZ_SEED("\0\0\0\0"),
    FUZZ_SEED("\x0e\0\0\0"),
    FUZZ_SEED("\x20\0\0\0\0\0\0\0"),
    FUZZ_SEED("\x10\0\0\0llama.expert_count"),
    FUZZ_SEED("\x12\0\0\0\0\0\0\0rope.scaling.type"),
    {NULL, 0},
};

static void check_table(const pt__file_tensors_t *file, const uint8_t *data, size_t size)
{
    const pt__tensors_t *table = pt__file_tensors_table(file);
    for (int64_t i = 0; i < table->n_entries; i++) {
        const pt__entry_t *entry = &table->entries[i];
        const uint8_t *begin = entry->data;
        int64_t elements = -1;
        if (begin < data || entry->bytes < 0 || entry->bytes > data + size - begin ||
            pt__tensors_find(table, entry->name) != entry ||
            pt__sizes_elements("", entry->rank, entry->shape, &elements) != PT_OK ||
            pt__dtype_bytes(entry->dtype, elements) != entry->bytes)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pt_context_t *context = fuzz_context();
    const pt_load_options_t place = {.struct_size = sizeof place, .data = data, .bytes = (int64_t)size};
    pt__file_tensors_t *file;
    pt_tokenizer_t *tokenizer;
    int64_t held = pt_context_bytes(context);
    if (pt__file_tensors_parse(context, &pt__format_gguf, "fuzz", data, (int64_t)size, &file) == PT_OK) {
        check_table(file, data, size);
        pt__file_tensors_close(file);
    } else if (*pt__error_message() == 0) {
        abort();
    }
    if (size > 0 && pt_tokenizer_open(context, NULL, &place, &tokenizer) == PT_OK)
        pt_tokenizer_free(tokenizer);
    if (pt_context_bytes(context) != held)
        abort();
    return 0;
}
