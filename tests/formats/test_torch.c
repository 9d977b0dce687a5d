/* Torch's checkpoints: what torch.save wrote (tests/golden/make_checkpoints.py) gives the tensors that torch saw, and
 * hostile pickles and archives are refused by name. */
#include "support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/dtype.h"
#include "base/file.h"
#include "formats/tensors.h"
#include "support/samples.h"

#define GOLDEN "tests/golden/checkpoints/"

static void expect_same(const pt__file_tensors_t *file, const pt__file_tensors_t *golden)
{
    const pt__tensors_t *table = pt__file_tensors_table(file), *expected = pt__file_tensors_table(golden);
    ck_assert_int_eq(table->n_entries, expected->n_entries);
    ck_assert_int_eq(table->sorted, 1);
    for (int64_t i = 0; i < table->n_entries; i++) {
        const pt__entry_t *a = &table->entries[i], *b = &expected->entries[i];
        ck_assert_str_eq(a->name, b->name);
        ck_assert_msg(a->dtype == b->dtype && a->rank == b->rank && a->bytes == b->bytes, "%s: %s", a->name,
                      pt__dtype_name(a->dtype));
        ck_assert_msg(memcmp(a->shape, b->shape, (size_t)a->rank * sizeof a->shape[0]) == 0, "%s", a->name);
        ck_assert_msg(a->bytes == 0 || memcmp(a->data, b->data, (size_t)a->bytes) == 0, "%s", a->name);
    }
}

static void give(void *user, pt_read_t *read)
{
    memcpy(read->data, (const char *)user + read->offset, (size_t)read->bytes);
    read->filled = read->bytes;
    read->status = PT_OK;
}

/* From its path, mapped and not, from memory and through a callback. */
static void expect_everywhere(pt_context_t *context, const char *name, const char *golden)
{
    char path[512], *bytes;
    int64_t size;
    pt__file_tensors_t *file, *expected;
    snprintf(path, sizeof path, "%s", suite_source(name));
    ck_ok(pt__file_tensors_open(context, &pt__format_safetensors, suite_source(golden), 0, &expected));
    ck_ok(pt__file_read(&context->memory, path, 0, &bytes, &size));
    const pt_load_options_t places[] = {{.flags = 0},
                                        {.flags = PT_LOAD_MAPPED},
                                        {.data = bytes, .bytes = size},
                                        {.read = give, .user = bytes, .bytes = size}};
    for (int i = 0; i < 4; i++) {
        ck_ok(pt__place_open(context, i < 2 ? path : NULL, &places[i], &file));
        expect_same(file, expected);
        ck_ok(pt__file_tensors_check(file));
        ck_ok(pt__file_tensors_verify(file, NULL));
        pt__file_tensors_close(file);
    }
    pt__release(&context->memory, bytes);
    pt__file_tensors_close(expected);
}

START_TEST(test_what_torch_wrote)
{
    pt_context_t *context = samples_context();
    expect_everywhere(context, GOLDEN "zip.pt", GOLDEN "tensors.safetensors");
    expect_everywhere(context, GOLDEN "zip64.pt", GOLDEN "tensors.safetensors");
    expect_everywhere(context, GOLDEN "older.pt", GOLDEN "tensors.safetensors");
    expect_everywhere(context, GOLDEN "protocol_4.pt", GOLDEN "tensors.safetensors");
    expect_everywhere(context, GOLDEN "script.pt", GOLDEN "script.safetensors");
    expect_everywhere(context, GOLDEN "script_older.pt", GOLDEN "script.safetensors");
    pt_context_free(context);
}
END_TEST

START_TEST(test_storages_are_used_in_place)
{
    pt_context_t *context = samples_context();
    pt__file_tensors_t *file;
    ck_ok(pt__file_tensors_open(context, NULL, suite_source(GOLDEN "zip.pt"), 0, &file));
    const pt__tensors_t *table = pt__file_tensors_table(file);
    const pt__entry_t *matrix = pt__tensors_find(table, "matrix");
    ck_assert_ptr_eq(pt__tensors_find(table, "tied")->data, matrix->data);
    ck_assert_ptr_eq(pt__tensors_find(table, "row")->data, (const char *)matrix->data + 4 * sizeof(float));
    ck_assert_ptr_ne(pt__tensors_find(table, "transposed")->data, matrix->data);
    pt__file_tensors_close(file);
    pt_context_free(context);
}
END_TEST

START_TEST(test_other_dtypes)
{
    pt_context_t *context = samples_context();
    pt__file_tensors_t *file;
    ck_ok(pt__file_tensors_open(context, NULL, suite_source(GOLDEN "odd.pt"), 0, &file));
    const pt__tensors_t *table = pt__file_tensors_table(file);
    ck_assert_int_eq(pt__tensors_find(table, "complex")->dtype, 0);
    ck_assert_int_eq(pt__tensors_find(table, "float8")->dtype, 0);
    ck_assert_int_eq(pt__tensors_find(table, "uint16")->dtype, PT_UINT16);
    ck_assert_int_eq(pt__tensors_find(table, "uint32")->dtype, PT_UINT32);
    ck_assert_mem_eq(pt__tensors_find(table, "uint64")->data, ((uint64_t[]){2, 3}), 16);
    pt__file_tensors_close(file);
    pt_context_free(context);
}
END_TEST

START_TEST(test_other_files_of_torch_are_refused)
{
    pt_context_t *context = samples_context();
    pt__file_tensors_t *file;
    ck_fails(pt__file_tensors_open(context, NULL, suite_source(GOLDEN "compressed.pt"), 0, &file), PT_ERR_UNSUPPORTED,
             "\"compressed/data.pkl\" in the zip archive is compressed (method 8)");
    ck_fails(pt__file_tensors_open(context, NULL, suite_source(GOLDEN "module.pt"), 0, &file), PT_ERR_UNSUPPORTED,
             "the pickle names torch.nn.modules.container.Sequential");
    static char tar[512];
    memcpy(tar + 257, "ustar", 5);
    ck_fails(pt__file_tensors_parse(context, NULL, "old.pt", tar, sizeof tar, &file), PT_ERR_UNSUPPORTED,
             "old.pt: a tar archive");
    ck_fails(pt__file_tensors_parse(context, NULL, "p.pkl", "\x80\x02}.", 4, &file), PT_ERR_UNSUPPORTED,
             "p.pkl: a pickle without torch's magic number");
    pt_context_free(context);
}
END_TEST

/* ---- Hostile pickles, within a checkpoint of the older kind ---- */

typedef struct image {
    char bytes[4096];
    int64_t size;
} image_t;

static void add(image_t *image, const char *bytes, int64_t size)
{
    ck_assert_int_le(image->size + size, (int64_t)sizeof image->bytes);
    memcpy(image->bytes + image->size, bytes, (size_t)size);
    image->size += size;
}
#define ADD(image, literal) add(image, literal, (int64_t)sizeof(literal) - 1)

#define MAGIC    "\x80\x02\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19."
#define PROTOCOL "\x80\x02M\xE9\x03."
#define SYSTEM   "\x80\x02}."

static pt_status_t parse(pt_context_t *context, const image_t *image, pt__file_tensors_t **file)
{
    char *exact = malloc((size_t)image->size); /* so that a byte too far is seen */
    const int64_t held = pt_context_bytes(context);
    memcpy(exact, image->bytes, (size_t)image->size);
    pt_status_t status = pt__file_tensors_parse(context, NULL, "test.pt", exact, image->size, file);
    if (status == PT_OK)
        pt__file_tensors_close(*file);
    else
        ck_assert_ptr_nonnull(strstr(pt__error_message(), "test.pt: "));
    ck_assert_int_eq(pt_context_bytes(context), held);
    free(exact);
    return status;
}

/* The checkpoint whose objects are this pickle, with one storage "0" of 6 floats behind. */
static pt_status_t parse_objects(pt_context_t *context, const char *pickle, int64_t size)
{
    image_t image = {.size = 0};
    pt__file_tensors_t *file;
    ADD(&image, MAGIC PROTOCOL SYSTEM);
    add(&image, pickle, size);
    ADD(&image, "\x80\x02]X\1\0\0\0"
                "0"
                "a.\6\0\0\0\0\0\0\0"
                "abcdefghijklmnopqrstuvwx");
    return parse(context, &image, &file);
}

#define FLOATS                          "ctorch\nFloatStorage\n"
#define STORAGE_OF(type, key, elements) "(X\7\0\0\0storage" type "X\1\0\0\0" key "X\3\0\0\0cpu" elements "NtQ"
#define STORAGE                         STORAGE_OF(FLOATS, "0", "K\6")
#define REBUILD                         "ctorch._utils\n_rebuild_tensor_v2\n"
/* a dict of one tensor "a", by its storage, offset, sizes and strides */
#define DICT_OF(storage, offset, sizes, strides) \
    "\x80\x02}X\1\0\0\0a" REBUILD "(" storage offset "(" sizes "t(" strides "t\x89NtRs."
#define DICT(offset, sizes, strides) DICT_OF(STORAGE, offset, sizes, strides)

#define OBJECTS(pickle) parse_objects(context, pickle, (int64_t)sizeof(pickle) - 1)

START_TEST(test_views_stay_within_their_storage)
{
    pt_context_t *context = samples_context();
    ck_ok(OBJECTS(DICT("K\0", "K\2K\3", "K\3K\1")));
    ck_ok(OBJECTS(DICT("K\5", "K\1", "K\1")));
    ck_ok(OBJECTS(DICT("K\7", "K\0", "K\1"))); /* as torch has it, where nothing is in it */
    ck_ok(OBJECTS(DICT("K\1", "", "")));
    ck_ok(OBJECTS(DICT("K\0", "K\2K\6", "K\0K\1")));
    ck_fails(OBJECTS(DICT("K\1", "K\2K\3", "K\3K\1")), PT_ERR_FORMAT, "tensor \"a\": shape [2, 3], strides [3, 1]");
    ck_fails(OBJECTS(DICT("K\6", "", "")), PT_ERR_FORMAT, "from element 6 on, but its storage has 6");
    ck_fails(OBJECTS(DICT("\x8A\1\xFF", "K\1", "K\1")), PT_ERR_FORMAT, "the offset in the storage");
    ck_fails(OBJECTS(DICT("N", "K\1", "K\1")), PT_ERR_FORMAT, "the offset in the storage is None");
    ck_fails(OBJECTS(DICT("K\0", "\x8A\1\xFF", "K\1")), PT_ERR_FORMAT, "the shape has something else");
    ck_fails(OBJECTS(DICT("K\0", "K\1", "J\xFF\xFF\xFF\xFF")), PT_ERR_FORMAT, "strides has something else");
    ck_fails(OBJECTS(DICT("K\0", "K\1K\1", "K\1")), PT_ERR_FORMAT, "1 strides for 2 sizes");
    /* products and sums that overflow */
    ck_fails(OBJECTS(DICT("K\0", "\x8A\x08\0\0\0\0\0\0\0\x40K\4", "K\1K\1")), PT_ERR_FORMAT, "tensor \"a\": shape");
    ck_fails(OBJECTS(DICT("K\1", "K\3", "\x8A\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F")), PT_ERR_FORMAT, "strides");
    ck_fails(OBJECTS(DICT("\x8A\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", "K\2", "K\1")), PT_ERR_FORMAT, "shape [2]");
    /* one element repeated, more than memory has */
    ck_fails(OBJECTS(DICT("K\0", "\x8A\x08\0\0\0\0\0\0\0\x10", "K\0")), PT_ERR_UNSUPPORTED, "its strides repeat");
    pt_context_free(context);
}
END_TEST

START_TEST(test_storages_are_what_the_file_has)
{
    pt_context_t *context = samples_context();
    image_t image = {.size = 0};
    pt__file_tensors_t *file;
    ADD(&image, "\x80\4\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19." PROTOCOL SYSTEM
                "\x80\4}.]."); /* another pickle's protocol */
    ck_ok(parse(context, &image, &file));
    ck_fails(OBJECTS(DICT_OF(STORAGE_OF(FLOATS, "1", "K\6"), "K\0", "K\1", "K\1")), PT_ERR_FORMAT,
             "storage \"0\": no tensor is in it");
    ck_fails(OBJECTS(DICT_OF(STORAGE_OF(FLOATS, "0", "K\5"), "K\0", "K\1", "K\1")), PT_ERR_FORMAT,
             "storage \"0\" has 6 elements by its header and 5 by the pickle");
    ck_fails(OBJECTS(DICT_OF(STORAGE_OF(FLOATS, "0", "K\7"), "K\0", "K\1", "K\1")), PT_ERR_FORMAT,
             "storage \"0\" takes 28 bytes");
    ck_fails(OBJECTS(DICT_OF(STORAGE_OF(FLOATS, "0", "\x8A\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"), "K\0", "K\1", "K\1")),
             PT_ERR_FORMAT, "storage \"0\" has 9223372036854775807 elements");
    ck_fails(OBJECTS(DICT_OF(STORAGE_OF("ctorch\nSize\n", "0", "K\6"), "K\0", "K\1", "K\1")), PT_ERR_FORMAT,
             "a storage is");
    ck_fails(OBJECTS(DICT_OF("(X\6\0\0\0moduletQ", "K\0", "K\1", "K\1")), PT_ERR_UNSUPPORTED, "whole module");
    ck_fails(OBJECTS(DICT_OF(STORAGE "0N", "K\0", "K\1", "K\1")), PT_ERR_FORMAT, "the first None");
    ck_fails(OBJECTS("\x80\x02}X\1\0\0\0a" STORAGE "0" REBUILD ")Rs."), PT_ERR_FORMAT, "the first missing");
    pt_context_free(context);
}
END_TEST

START_TEST(test_which_dict)
{
    pt_context_t *context = samples_context();
    ck_ok(OBJECTS("\x80\x02}X\1\0\0\0b" STORAGE "s0}.")); /* an empty dict, of a file with a storage */
    ck_fails(OBJECTS("\x80\x02K\1" STORAGE "0."), PT_ERR_FORMAT, "the pickle is an integer, expected a dict");
    ck_fails(OBJECTS("\x80\x02(t."), PT_ERR_FORMAT, "storage"); /* of nothing, above nothing */
    ck_fails(OBJECTS("\x80\x02}X\1\0\0\0b" STORAGE "s."), PT_ERR_FORMAT, "its first entry is \"b\", a reference");
    /* a dict that is in itself, under the name of a state dict */
    ck_fails(OBJECTS("\x80\x02}q\0X\5\0\0\0modelh\0sX\1\0\0\0b" STORAGE "s."), PT_ERR_FORMAT, "no state dict");
#define TENSOR REBUILD "(" STORAGE "K\0(K\1t(K\1t\x89NtR"
    ck_fails(OBJECTS("\x80\x02}X\1\0\0\0a" TENSOR "sX\1\0\0\0a" TENSOR "s."), PT_ERR_FORMAT,
             "tensor \"a\" is there twice");
    ck_fails(OBJECTS("\x80\x02}X\3\0\0\0a\0b" TENSOR "s."), PT_ERR_FORMAT, "has a zero byte in it");
    ck_fails(OBJECTS("\x80\x02}X\1\0\0\0\xFF" TENSOR "s."), PT_ERR_FORMAT, "is not UTF-8");
    ck_ok(OBJECTS("\x80\x02}K\1" TENSOR "sX\1\0\0\0a" TENSOR "s."));
    pt_context_free(context);
}
END_TEST

/* Every opcode of Python's that a state dict does not need, and how the others are misused. */
START_TEST(test_hostile_opcodes)
{
    static const struct {
        const char *pickle;
        int64_t size;
        pt_status_t status;
        const char *part;
    } cases[] = {
#define CASE(pickle, status, part) {pickle, (int64_t)sizeof(pickle) - 1, status, part}
#define UNNEEDED(pickle, name)     CASE(pickle, PT_ERR_UNSUPPORTED, "opcode " name ", which no state dict needs")
        UNNEEDED("I1\n.", "INT"),
        UNNEEDED("L1L\n.", "LONG"),
        UNNEEDED("S'a'\n.", "STRING"),
        UNNEEDED("\x96\1\0\0\0\0\0\0\0a.", "BYTEARRAY8"),
        UNNEEDED("\x97.", "NEXT_BUFFER"),
        UNNEEDED("\x98.", "READONLY_BUFFER"),
        UNNEEDED("Va\n.", "UNICODE"),
        UNNEEDED("F1.5\n.", "FLOAT"),
        UNNEEDED("(l.", "LIST"),
        UNNEEDED("(d.", "DICT"),
        UNNEEDED("\x8F.", "EMPTY_SET"),
        UNNEEDED("(\x90.", "ADDITEMS"),
        UNNEEDED("(\x91.", "FROZENSET"),
        UNNEEDED("g0\n.", "GET"),
        UNNEEDED("p0\n.", "PUT"),
        UNNEEDED("\x82\1.", "EXT1"),
        UNNEEDED("\x83\1\0.", "EXT2"),
        UNNEEDED("\x84\1\0\0\0.", "EXT4"),
        UNNEEDED("(ios\nsystem\n.", "INST"),
        UNNEEDED("(o.", "OBJ"),
        UNNEEDED("\x92.", "NEWOBJ_EX"),
        UNNEEDED("Pid\n.", "PERSID"),
        CASE("\xFF", PT_ERR_FORMAT, "byte 0: 0xFF is no opcode of a pickle"),
        CASE("", PT_ERR_FORMAT, "cut short"),
        CASE("\x80\6.", PT_ERR_UNSUPPORTED, "protocol 6"),
        CASE("cos\nsystem\n(X\2\0\0\0lstR.", PT_ERR_UNSUPPORTED, "the pickle names os.system"),
        CASE("X\2\0\0\0osX\6\0\0\0system\x93.", PT_ERR_UNSUPPORTED, "the pickle names os.system"),
        CASE("cbuiltins\neval\n.", PT_ERR_UNSUPPORTED, "builtins.eval"),
        CASE("c__builtin__\nexec\n.", PT_ERR_UNSUPPORTED, "__builtin__.exec"),
        CASE("ctorch.utils\n_rebuild_tensor_v2\n.", PT_ERR_UNSUPPORTED, "torch.utils._rebuild_tensor_v2"),
        CASE("ctorch\nFloatStorage\n)R.", PT_ERR_UNSUPPORTED, "the pickle calls torch.FloatStorage"),
        CASE("ctorch\nFloatStorage\n)\x81.", PT_ERR_UNSUPPORTED, "opcode NEWOBJ: the pickle calls"),
        CASE("K\1)R.", PT_ERR_FORMAT, "opcode REDUCE: expected a name and a tuple"),
        CASE("ctorch\nSize\nK\1R.", PT_ERR_FORMAT, "opcode REDUCE: expected a name and a tuple"),
        CASE("ccollections\nOrderedDict\nK\1\x85R.", PT_ERR_FORMAT, "a dict is made of"),
        CASE("ccollections\nOrderedDict\n]K\1a\x85R.", PT_ERR_FORMAT, "something else than pairs"),
        CASE("ccollections\nOrderedDict\n)]\x86R.", PT_ERR_FORMAT, "a dict is made of"),
        CASE("K\1\x93.", PT_ERR_FORMAT, "opcode STACK_GLOBAL: nothing is left"),
        CASE("K\1K\2\x93.", PT_ERR_FORMAT, "expected two strings"),
        CASE("ctorch", PT_ERR_FORMAT, "opcode GLOBAL: its line has no end"),
        CASE("ctorch\nSize", PT_ERR_FORMAT, "opcode GLOBAL: its line has no end"),
        CASE("K\1}b.", PT_ERR_FORMAT, "opcode BUILD"),
        CASE("}b.", PT_ERR_FORMAT, "opcode BUILD: nothing is left"),
        CASE("Q.", PT_ERR_FORMAT, "opcode BINPERSID: nothing is left"),
        CASE(".", PT_ERR_FORMAT, "opcode STOP: nothing is left"),
        CASE("(.", PT_ERR_FORMAT, "opcode STOP: nothing is left"),
        CASE("0.", PT_ERR_FORMAT, "opcode POP: there is no mark"),
        CASE("K\1"
             "1.",
             PT_ERR_FORMAT, "opcode POP_MARK: there is no mark"),
        CASE("2.", PT_ERR_FORMAT, "opcode DUP: nothing is left"),
        CASE("t.", PT_ERR_FORMAT, "opcode TUPLE: there is no mark"),
        CASE("K\1\x86.", PT_ERR_FORMAT, "opcode TUPLE2: nothing is left"),
        CASE("K\1(K\2\x86.", PT_ERR_FORMAT, "opcode TUPLE2: nothing is left"), /* the mark is between them */
        CASE("K\1K\2a.", PT_ERR_FORMAT, "opcode APPEND: it does not append to a list"),
        CASE("(K\1e.", PT_ERR_FORMAT, "opcode APPENDS: nothing is left"),
        CASE("]K\1K\2s.", PT_ERR_FORMAT, "opcode SETITEM: it does not set items of a dict"),
        CASE("}(K\1u.", PT_ERR_FORMAT, "opcode SETITEMS: a key has no value"),
        CASE("N(K\1K\1u.", PT_ERR_FORMAT, "opcode SETITEMS: it does not set items of a dict"),
        CASE("h\0.", PT_ERR_FORMAT, "opcode BINGET: nothing has the memo's number"),
        CASE("j\xFF\xFF\xFF\xFF.", PT_ERR_FORMAT, "opcode LONG_BINGET: nothing has the memo's number"),
        CASE("Nq\1h\0.", PT_ERR_FORMAT, "opcode BINGET: nothing has the memo's number"),
        CASE("Nr\xFF\xFF\xFF\xFF.", PT_ERR_FORMAT, "opcode LONG_BINPUT: the memo's number is too large"),
        CASE("q\0.", PT_ERR_FORMAT, "opcode BINPUT: nothing is left"),
        CASE("\x94.", PT_ERR_FORMAT, "opcode MEMOIZE: nothing is left"),
        CASE("X\xFF\xFF\xFF\xFF.", PT_ERR_FORMAT, "opcode BINUNICODE takes 4294967295 bytes"),
        CASE("\x8D\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF.", PT_ERR_FORMAT, "opcode BINUNICODE8 takes 18446744073709551615"),
        CASE("\x8B\xFF\xFF\xFF\xFF.", PT_ERR_FORMAT, "opcode LONG4 takes 4294967295 bytes"),
        CASE("T\xFF\xFF\xFF\x7F.", PT_ERR_FORMAT, "opcode BINSTRING takes"),
        CASE("\x95\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF.", PT_ERR_FORMAT, "opcode FRAME: the frame is longer"),
    };
    pt_context_t *context = samples_context();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        image_t image = {.size = 0};
        pt__file_tensors_t *file;
        ADD(&image, MAGIC PROTOCOL SYSTEM);
        add(&image, cases[i].pickle, cases[i].size); /* nothing behind, so that what is cut short is */
        ck_fails(parse(context, &image, &file), cases[i].status, cases[i].part);
    }
    pt_context_free(context);
}
END_TEST

/* A byte each that makes a value: memory is bounded. And deep nesting, which nothing here follows. */
START_TEST(test_bombs)
{
    const size_t most = 1 << 23, head = sizeof(MAGIC PROTOCOL SYSTEM) - 1;
    static const char *const fillings[] = {"}", "(", "N", "]\x85", "}q\0", "Nh\0"};
    pt_context_t *context = samples_context();
    char *bytes = malloc(most);
    pt__file_tensors_t *file;
    for (size_t i = 0; i < sizeof fillings / sizeof fillings[0]; i++) {
        const size_t length = i < 4 ? strlen(fillings[i]) : 3, size = i == 0 ? most : most / 8;
        memcpy(bytes, MAGIC PROTOCOL SYSTEM, head);
        for (size_t k = head; k < size; k++)
            bytes[k] = fillings[i][(k - head) % length];
        pt_status_t status = pt__file_tensors_parse(context, NULL, "bomb.pt", bytes, (int64_t)size, &file);
        ck_assert_msg(status == PT_ERR_FORMAT, "%zu: %s: %s", i, pt__status_name(status), pt__error_message());
    }
    free(bytes);
    ck_assert_int_lt(pt_context_peak_bytes(context), (int64_t)1 << 30);
    pt_context_free(context);
}
END_TEST

/* ---- Damage ---- */

static const char *const goldens[] = {GOLDEN "zip64.pt", GOLDEN "older.pt", GOLDEN "odd.pt"};

/* Whatever a changed byte makes of a file: it is refused with a message, or its entries lie where they may. */
static void damage(pt_context_t *context, const char *name)
{
    char *bytes;
    int64_t size;
    ck_ok(pt__file_read(&context->memory, suite_source(name), 0, &bytes, &size));
    char *exact = malloc((size_t)size);
    pt__file_tensors_t *file;
    for (int64_t at = 0; at < size; at++) {
        memcpy(exact, bytes, (size_t)size);
        exact[at] = (char)(exact[at] ^ (1 << at % 8));
        if (pt__file_tensors_parse(context, NULL, "damaged", exact, size, &file) != PT_OK) {
            ck_assert_ptr_nonnull(strstr(pt__error_message(), "damaged"));
            continue;
        }
        uint8_t sum = 0;
        const pt__tensors_t *table = pt__file_tensors_table(file);
        for (int64_t i = 0; i < table->n_entries; i++)
            for (int64_t k = 0; k < table->entries[i].bytes; k++)
                sum = (uint8_t)(sum + ((const uint8_t *)table->entries[i].data)[k]);
        ck_assert_int_le(sum, 255);
        pt__file_tensors_close(file);
    }
    free(exact);
    for (int64_t length = 1; length < size; length++) {
        char *cut = malloc((size_t)length);
        memcpy(cut, bytes, (size_t)length);
        ck_assert_int_ne(pt__file_tensors_parse(context, NULL, "cut", cut, length, &file), PT_OK);
        free(cut);
    }
    pt__release(&context->memory, bytes);
}

START_TEST(test_damage_is_refused_or_harmless)
{
    pt_context_t *context = samples_context();
    for (size_t i = 0; i < sizeof goldens / sizeof goldens[0]; i++)
        damage(context, goldens[i]);
    pt_context_free(context);
}
END_TEST

static pt_status_t open_golden(failing_allocator_t *allocator, const char *name)
{
    pt_context_t *context = NULL;
    pt__file_tensors_t *file = NULL;
    pt_status_t status = samples_failing_context(allocator, &context);
    if (status == PT_OK)
        status = pt__file_tensors_open(context, NULL, suite_source(name), 0, &file);
    pt__file_tensors_close(file);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    for (size_t i = 0; i < sizeof goldens / sizeof goldens[0]; i++) {
        failing_allocator_t allocator;
        pt_status_t status;
        FOR_EACH_FAILING_ALLOCATION(allocator, status = open_golden(&allocator, goldens[i]), status);
    }
}
END_TEST

SUITE("torch", 60, test_what_torch_wrote, test_storages_are_used_in_place, test_other_dtypes,
      test_other_files_of_torch_are_refused, test_views_stay_within_their_storage, test_storages_are_what_the_file_has,
      test_which_dict, test_hostile_opcodes, test_bombs, test_damage_is_refused_or_harmless,
      test_every_allocation_may_fail)
