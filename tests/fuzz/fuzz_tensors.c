/* Files of tensors of every format, of any content: told by it behind a first byte 't'; behind an 'i' an index of
 * shards, in a directory that has two of them. What is handed out can be read, and closing gives all memory back. */
#include "fuzz/fuzz.h"

#include "base/dtype.h"
#include "formats/tensors.h"
#include "fuzz/fuzz_directory.h"

const fuzz_seed_t fuzz_seeds[] = {
    FUZZ_SEED("i{\"metadata\":{\"total_size\":16},\"weight_map\":{\"test\":\"a.safetensors\",\"b\":\"b.st\"}}"),
    FUZZ_SEED("i{\"weight_map\":{\"test\":\"a.safetensors\"}}"),
    FUZZ_SEED("tPK\003\004\024\000\000\000\000\000\000\000!\000\330\251\275\250K\001\000\000K\001\000"
              "\000\012\000\000\000m/data.pkl\200\002}q\000(X\005\000\000\000epochq\001K\001X\012\000"
              "\000\000state_dictq\002}q\003(X\001\000\000\000aq\004ctorch._utils\012_rebuild_tensor_"
              "v2\012q\005((X\007\000\000\000storageq\006ctorch\012FloatStorage\012q\007X\001\000\000"
              "\0000q\010X\003\000\000\000cpuq\011K\006tq\012QK\000K\003K\002\206q\013K\001K\003\206q"
              "\014\211ccollections\012OrderedDict\012q\015)Rq\016tq\017Rq\020X\001\000\000\000bq\021"
              "ctorch._utils\012_rebuild_parameter\012q\022h\005((h\006ctorch\012BFloat16Storage\012q"
              "\023X\001\000\000\0001q\024h\011K\002tq\025QK\000K\002\205q\026K\001\205q\027\211h\015"
              ")Rq\030tq\031Rq\032\210h\015)Rq\033\207q\034Rq\035uu.PK\003\004\024\000\000\000\000\000"
              "\000\000!\000\205=\343\031\006\000\000\000\006\000\000\000\013\000\000\000m/byteorderl"
              "ittlePK\003\004\024\000\000\000\000\000\000\000!\000\027\220\347\221\030\000\000\000\030"
              "\000\000\000\010\000\000\000m/data/0\000\000\000\000\000\000\200\077\000\000\000@\000\000"
              "@@\000\000\200@\000\000\240@PK\003\004\024\000\000\000\000\000\000\000!\000\374~\317n\004"
              "\000\000\000\004\000\000\000\010\000\000\000m/data/1\200\077\200\077PK\001\002\024\003"
              "\024\000\000\000\000\000\000\000!\000\330\251\275\250K\001\000\000K\001\000\000\012\000"
              "\000\000\000\000\000\000\000\000\000\000\200\001\000\000\000\000m/data.pklPK\001\002\024"
              "\003\024\000\000\000\000\000\000\000!\000\205=\343\031\006\000\000\000\006\000\000\000"
              "\013\000\000\000\000\000\000\000\000\000\000\000\200\001s\001\000\000m/byteorderPK\001"
              "\002\024\003\024\000\000\000\000\000\000\000!\000\027\220\347\221\030\000\000\000\030\000"
              "\000\000\010\000\000\000\000\000\000\000\000\000\000\000\200\001\242\001\000\000m/data"
              "/0PK\001\002\024\003\024\000\000\000\000\000\000\000!\000\374~\317n\004\000\000\000\004"
              "\000\000\000\010\000\000\000\000\000\000\000\000\000\000\000\200\001\340\001\000\000m/"
              "data/1PK\005\006\000\000\000\000\004\000\004\000\335\000\000\000\012\002\000\000\000\000"
              ""),
    FUZZ_SEED("tPK\003\004-\000\000\000\000\000\000\000!\000\330\251\275\250\377\377\377\377\377\377\377"
              "\377\012\000\024\000m/data.pkl\001\000\020\000K\001\000\000\000\000\000\000K\001\000\000"
              "\000\000\000\000\200\002}q\000(X\005\000\000\000epochq\001K\001X\012\000\000\000state_"
              "dictq\002}q\003(X\001\000\000\000aq\004ctorch._utils\012_rebuild_tensor_v2\012q\005((X"
              "\007\000\000\000storageq\006ctorch\012FloatStorage\012q\007X\001\000\000\0000q\010X\003"
              "\000\000\000cpuq\011K\006tq\012QK\000K\003K\002\206q\013K\001K\003\206q\014\211ccollec"
              "tions\012OrderedDict\012q\015)Rq\016tq\017Rq\020X\001\000\000\000bq\021ctorch._utils\012"
              "_rebuild_parameter\012q\022h\005((h\006ctorch\012BFloat16Storage\012q\023X\001\000\000"
              "\0001q\024h\011K\002tq\025QK\000K\002\205q\026K\001\205q\027\211h\015)Rq\030tq\031Rq\032"
              "\210h\015)Rq\033\207q\034Rq\035uu.PK\003\004-\000\000\000\000\000\000\000!\000\027\220"
              "\347\221\377\377\377\377\377\377\377\377\010\000\024\000m/data/0\001\000\020\000\030\000"
              "\000\000\000\000\000\000\030\000\000\000\000\000\000\000\000\000\000\000\000\000\200\077"
              "\000\000\000@\000\000@@\000\000\200@\000\000\240@PK\003\004-\000\000\000\000\000\000\000"
              "!\000\374~\317n\377\377\377\377\377\377\377\377\010\000\024\000m/data/1\001\000\020\000"
              "\004\000\000\000\000\000\000\000\004\000\000\000\000\000\000\000\200\077\200\077PK\001"
              "\002-\003-\000\000\000\000\000\000\000!\000\330\251\275\250\377\377\377\377\377\377\377"
              "\377\012\000\024\000\000\000\000\000\000\000\000\000\200\001\000\000\000\000m/data.pkl"
              "\001\000\020\000K\001\000\000\000\000\000\000K\001\000\000\000\000\000\000PK\001\002-\003"
              "-\000\000\000\000\000\000\000!\000\027\220\347\221\377\377\377\377\377\377\377\377\010"
              "\000\034\000\000\000\000\000\000\000\000\000\200\001\377\377\377\377m/data/0\001\000\030"
              "\000\030\000\000\000\000\000\000\000\030\000\000\000\000\000\000\000\207\001\000\000\000"
              "\000\000\000PK\001\002-\003-\000\000\000\000\000\000\000!\000\374~\317n\377\377\377\377"
              "\377\377\377\377\010\000\034\000\000\000\000\000\000\000\000\000\200\001\377\377\377\377"
              "m/data/1\001\000\030\000\004\000\000\000\000\000\000\000\004\000\000\000\000\000\000\000"
              "\331\001\000\000\000\000\000\000PK\006\006,\000\000\000\000\000\000\000-\000-\000\000\000"
              "\000\000\000\000\000\000\003\000\000\000\000\000\000\000\003\000\000\000\000\000\000\000"
              "\360\000\000\000\000\000\000\000\027\002\000\000\000\000\000\000PK\006\007\000\000\000"
              "\000\007\003\000\000\000\000\000\000\001\000\000\000PK\005\006\000\000\000\000\003\000"
              "\003\000\360\000\000\000\027\002\000\000\000\000"),
    FUZZ_SEED("t\200\002\212\012l\374\234F\371 j\250P\031.\200\002M\351\003.\200\002}q\000(X\020\000\000"
              "\000protocol_versionq\001M\351\003X\015\000\000\000little_endianq\002\210X\012\000\000"
              "\000type_sizesq\003}q\004(X\005\000\000\000shortq\005K\002X\003\000\000\000intq\006K\004"
              "X\004\000\000\000longq\007K\004uu.\200\002}q\000(X\010\000\000\000module.aq\001ctorch."
              "_utils\012_rebuild_tensor_v2\012q\002((X\007\000\000\000storageq\003ctorch\012FloatSto"
              "rage\012q\004X\016\000\000\00093858110161184q\005X\003\000\000\000cpuq\006K\006Ntq\007"
              "QK\001K\002K\002\206q\010K\003K\001\206q\011\211ccollections\012OrderedDict\012q\012)R"
              "q\013tq\014Rq\015X\010\000\000\000module.cq\016h\002((h\003ctorch\012LongStorage\012q\017"
              "X\016\000\000\00093858195801824q\020h\006K\001Ntq\021QK\000))\211h\012)Rq\022tq\023Rq\024"
              "u.\200\002]q\000(X\016\000\000\00093858110161184q\001X\016\000\000\00093858195801824q\002"
              "e.\006\000\000\000\000\000\000\000\000\000\000\000\000\000\200\077\000\000\000@\000\000"
              "@@\000\000\200@\000\000\240@\001\000\000\000\000\000\000\000\003\000\000\000\000\000\000"
              "\000"),
    FUZZ_SEED("t\200\004\225\015\000\000\000\000\000\000\000\212\012l\374\234F\371 j\250P\031.\200\004"
              "\225\004\000\000\000\000\000\000\000M\351\003.\200\004\225X\000\000\000\000\000\000\000"
              "}\224(\214\020protocol_version\224M\351\003\214\015little_endian\224\210\214\012type_s"
              "izes\224}\224(\214\005short\224K\002\214\003int\224K\004\214\004long\224K\004uu.\200\004"
              "\225\237\000\000\000\000\000\000\000}\224\214\001a\224\214\014torch._utils\224\214\022"
              "_rebuild_tensor_v2\224\223\224((\214\007storage\224\214\005torch\224\214\013LongStorag"
              "e\224\223\224\214\01693858195801824\224\214\003cpu\224K\002Nt\224QK\000K\002\205\224K\001"
              "\205\224\211\214\013collections\224\214\013OrderedDict\224\223\224)R\224t\224R\224s.\200"
              "\004\225\025\000\000\000\000\000\000\000]\224\214\01693858195801824\224a.\002\000\000\000"
              "\000\000\000\000\000\000\000\000\000\000\000\000\001\000\000\000\000\000\000\000"),
    FUZZ_SEED("t<\000\000\000\000\000\000\000{\042test\042:{\042dtype\042:\042I32\042,\042shape\042:["
              "2,2],\042data_offsets\042:[0,16]}}0123456789abcdef"),
    {NULL, 0},
};
const fuzz_seed_t fuzz_pieces[] = {
    FUZZ_SEED("\0"),
    FUZZ_SEED("("),
    FUZZ_SEED("}"),
    FUZZ_SEED("]"),
    FUZZ_SEED(")"),
    FUZZ_SEED("R"),
    FUZZ_SEED("tR"),
    FUZZ_SEED("Q"),
    FUZZ_SEED("u"),
    FUZZ_SEED("s."),
    FUZZ_SEED("b"),
    FUZZ_SEED("0"),
    FUZZ_SEED("2"),
    FUZZ_SEED("h\0"),
    FUZZ_SEED("q\0"),
    FUZZ_SEED("K\377"),
    FUZZ_SEED("\212\010\377\377\377\377\377\377\377\177"),
    FUZZ_SEED("\377\377\377\377"),
    FUZZ_SEED("ctorch\nFloatStorage\n"),
    FUZZ_SEED("ctorch\nSize\n"),
    FUZZ_SEED("ctorch._utils\n_rebuild_tensor_v2\n"),
    FUZZ_SEED("ccollections\nOrderedDict\n"),
    FUZZ_SEED("PK\5\6"),
    FUZZ_SEED("PK\6\7"),
    FUZZ_SEED("\"a\":\"a.safetensors\","),
    FUZZ_SEED("\"../a\""),
    FUZZ_SEED("b.st"),
    FUZZ_SEED("x.index.json"),
    {NULL, 0},
};

static void write_shards(void)
{
    static const char a[] = "\x3C\0\0\0\0\0\0\0{\"test\":{\"dtype\":\"I32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}"
                            "0123456789abcdef";
    static const char b[] = "\x37\0\0\0\0\0\0\0{\"b\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}   1";
    fuzz_directory_write("a.safetensors", a, sizeof a - 1);
    fuzz_directory_write("b.st", b, sizeof b - 1);
}

/* Every byte is there, and a table is as it is said to be. */
static void check_table(const pt__file_tensors_t *file)
{
    const pt__tensors_t *table = pt__file_tensors_table(file);
    volatile uint8_t sum = 0;
    for (int64_t i = 0; i < table->n_entries; i++) {
        const pt__entry_t *entry = &table->entries[i];
        int64_t elements = 0;
        if (pt__tensors_find(table, entry->name) != entry)
            abort();
        for (int64_t k = 0; k < entry->bytes; k++)
            sum = (uint8_t)(sum + ((const uint8_t *)entry->data)[k]);
        if (entry->dtype != 0 && (pt__sizes_elements("shape", entry->rank, entry->shape, &elements) != PT_OK ||
                                  pt__dtype_bytes(entry->dtype, elements) != entry->bytes))
            abort();
    }
}

static pt_status_t open_input(pt_context_t *context, const uint8_t *data, size_t size, pt__file_tensors_t **file)
{
    char path[128];
    if (data[0] != 'i')
        return pt__file_tensors_parse(context, NULL, "fuzz", data + 1, (int64_t)size - 1, file);
    if (fuzz_directory_write("x.index.json", data + 1, size - 1))
        write_shards();
    fuzz_directory_path("x.index.json", path);
    return pt__file_tensors_open(context, NULL, path, 1, file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pt_context_t *context = fuzz_context();
    pt__file_tensors_t *file;
    const int64_t held = pt_context_bytes(context);
    if (size == 0)
        return 0;
    if (open_input(context, data, size, &file) == PT_OK) {
        check_table(file);
        (void)pt__file_tensors_check(file);
        (void)pt__file_tensors_verify(file, NULL);
        pt__file_tensors_close(file);
    } else if (*pt__error_message() == 0)
        abort();
    if (pt_context_bytes(context) != held)
        abort();
    return 0;
}
