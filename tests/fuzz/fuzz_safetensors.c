/* safetensors from memory: whatever the bytes are, what is handed out lies within them and passes the format's
 * rules. */
#include "fuzz/fuzz.h"

#include "formats/tensors.h"

const fuzz_seed_t fuzz_seeds[] = {
    FUZZ_SEED("\x02\0\0\0\0\0\0\0{}"),
    FUZZ_SEED(
        "\x3C\0\0\0\0\0\0\0{\"test\":{\"dtype\":\"I32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}0123456789abcdef"),
    FUZZ_SEED("\x99\0\0\0\0\0\0\0{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_"
              "offsets\":[0,4]},"
              "\"pretrain.checksum\":{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[4,12]}}    012301234567"),
    {NULL, 0},
};
const fuzz_seed_t fuzz_pieces[] = {
    FUZZ_SEED("0"),
    FUZZ_SEED("-"),
    FUZZ_SEED("9223372036854775807"),
    FUZZ_SEED("18446744073709551616"),
    FUZZ_SEED("[4611686018427387904,2]"),
    FUZZ_SEED("\"BF16\""),
    FUZZ_SEED("{"),
    FUZZ_SEED("}"),
    FUZZ_SEED("["),
    FUZZ_SEED("]"),
    FUZZ_SEED("\""),
    FUZZ_SEED("\\u0000"),
    FUZZ_SEED(","),
    FUZZ_SEED(",\"b\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}"),
    {NULL, 0},
};

static void check_table(const pt__file_tensors_t *file, const uint8_t *data, size_t size)
{
    const pt__tensors_t *table = pt__file_tensors_table(file);
    for (int64_t i = 0; i < table->n_entries; i++) {
        const pt__entry_t *entry = &table->entries[i];
        const uint8_t *begin = entry->data;
        if (begin < data || entry->bytes < 0 || begin + entry->bytes > data + size ||
            pt__tensors_find(table, entry->name) != entry)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pt_context_t *context = fuzz_context();
    pt__file_tensors_t *file;
    int64_t held = pt_context_bytes(context);
    if (pt__file_tensors_parse(context, &pt__format_safetensors, "fuzz", data, (int64_t)size, &file) == PT_OK) {
        check_table(file, data, size);
        (void)pt__file_tensors_verify(file, NULL);
        pt__file_tensors_close(file);
    } else if (*pt__error_message() == 0) {
        abort();
    }
    if (pt_context_bytes(context) != held)
        abort();
    return 0;
}
