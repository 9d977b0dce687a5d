/* JSON lines of any content. */
#include "fuzz/fuzz_table.h"

const fuzz_seed_t fuzz_seeds[] = {
    FUZZ_SEED("{\"text\": \"a\\u00e9\", \"label\": \"x\", \"x\": [1, 2], \"ids\": [1, 2]}\n{\"text\": \"b\", "
              "\"label\": \"y\", \"x\": [-1e3, 0.5], \"ids\": [3]}\n"),
    FUZZ_SEED("\xEF\xBB\xBF\n{\"ids\":[0],\"x\":[1,2],\"label\":-5,\"text\":\"\\ud83d\\ude00\",\"more\":{\"deep\":["
              "null,true]}}\r\n"),
    {NULL, 0},
};
const fuzz_seed_t fuzz_pieces[] = {
    FUZZ_SEED("{"),
    FUZZ_SEED("}"),
    FUZZ_SEED("["),
    FUZZ_SEED("]"),
    FUZZ_SEED("\""),
    FUZZ_SEED("\\"),
    FUZZ_SEED("\\ud800"),
    FUZZ_SEED("\n"),
    FUZZ_SEED("1e999"),
    FUZZ_SEED("-9223372036854775809"),
    FUZZ_SEED("2147483648"),
    FUZZ_SEED("null"),
    FUZZ_SEED(","),
    FUZZ_SEED("\"text\":\"\","),
    {NULL, 0},
};

static pt_status_t open_table(pt_context_t *context, const char *path, pt_dataset_t **out)
{
    const pt_column_t columns[4] = {{.field = "text", .source = "text", .kind = PT_COLUMN_TEXT, .max_length = 5},
                                    {.field = "label", .source = "label", .kind = PT_COLUMN_CLASS},
                                    {.field = "x", .source = "x", .kind = PT_COLUMN_NUMBER, .count = 2},
                                    {.field = "ids", .source = "ids", .kind = PT_COLUMN_TOKENS, .max_length = 3}};
    return pt_dataset_create_from_jsonl(context, path, columns, 4, sizeof(pt_column_t), NULL, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_table(data, size, open_table);
}
