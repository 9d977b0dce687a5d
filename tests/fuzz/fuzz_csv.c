/* CSV files of any content; the first byte chooses the options. */
#include "fuzz/fuzz_table.h"

const fuzz_seed_t fuzz_seeds[] = {
    FUZZ_SEED("0text,label,x,y\na,b,1,2\n\"c,\"\"d\",b,3.5,-4e1\r\n"),
    FUZZ_SEED("0\xEF\xBB\xBFlabel,text,x,y\r\n1,one,1,2\r\n02,\"two\n\",3,4\r\n\r\n"),
    FUZZ_SEED("3text\tlabel\t5\t6\n"),
    FUZZ_SEED("7text\tlabel\tx\t\n"),
    {NULL, 0},
};
const fuzz_seed_t fuzz_pieces[] = {
    FUZZ_SEED("\""), FUZZ_SEED("\"\""),  FUZZ_SEED(","),   FUZZ_SEED("\n"), FUZZ_SEED("\r\n"),          FUZZ_SEED("\r"),
    FUZZ_SEED("\t"), FUZZ_SEED("1e999"), FUZZ_SEED("nan"), FUZZ_SEED("-0"), FUZZ_SEED("\n\"a\",1,2,3"), FUZZ_SEED("x"),
    {NULL, 0},
};

static pt_table_options_t options;

static pt_status_t open_table(pt_context_t *context, const char *path, pt_dataset_t **out)
{
    static const char *const names[2] = {"y", "x"};
    const pt_column_t headed[3] = {{.field = "text", .source = "text", .kind = PT_COLUMN_TEXT, .max_length = 5},
                                   {.field = "label", .source = "label", .kind = PT_COLUMN_CLASS},
                                   {.field = "x", .sources = names, .kind = PT_COLUMN_NUMBER, .count = 2}};
    const pt_column_t placed[3] = {
        {.field = "text", .source = "#1", .kind = PT_COLUMN_TEXT, .max_length = 5},
        {.field = "label", .source = "#2", .kind = PT_COLUMN_CLASS},
        {.field = "x", .source = "#3", .kind = PT_COLUMN_NUMBER, .count = 2, .flags = PT_COLUMN_FILL, .missing = -1}};
    return pt_dataset_create_from_csv(context, path, options.flags & PT_TABLE_NO_HEADINGS ? placed : headed, 3,
                                      sizeof(pt_column_t), &options, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    options = (pt_table_options_t){.struct_size = sizeof options,
                                   .flags = data[0] & 1 ? PT_TABLE_NO_HEADINGS : 0,
                                   .separator = data[0] & 2 ? '\t' : 0,
                                   .missing = data[0] & 4 ? "x" : NULL};
    return fuzz_table(data + 1, size - 1, open_table);
}
