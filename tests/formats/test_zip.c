/* Zip archives, as torch's checkpoints of today are: what their directory and headers may lie about, and what is no
 * checkpoint. */
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "formats/tensors.h"
#include "formats/zip.h"
#include "support/samples.h"

/* An archive being made: files, then the directory of what was added. */
typedef struct archive {
    uint8_t bytes[4096], directory[1024];
    int64_t size, directory_size, count;
} archive_t;

static void put(uint8_t *bytes, int64_t *at, uint64_t value, int size)
{
    for (int i = 0; i < size; i++, value >>= 8)
        bytes[(*at)++] = (uint8_t)value;
}

static void put_bytes(uint8_t *bytes, int64_t *at, const void *from, int64_t size)
{
    memcpy(bytes + *at, from, (size_t)size);
    *at += size;
}

static void add(archive_t *archive, const char *name, const void *data, int64_t size)
{
    const int64_t length = (int64_t)strlen(name), local = archive->size;
    put_bytes(archive->bytes, &archive->size, "PK\3\4", 4);
    put(archive->bytes, &archive->size, 0, 14);
    put(archive->bytes, &archive->size, (uint64_t)size, 4);
    put(archive->bytes, &archive->size, (uint64_t)size, 4);
    put(archive->bytes, &archive->size, (uint64_t)length, 2);
    put(archive->bytes, &archive->size, 0, 2);
    put_bytes(archive->bytes, &archive->size, name, length);
    put_bytes(archive->bytes, &archive->size, data, size);
    put_bytes(archive->directory, &archive->directory_size, "PK\1\2", 4);
    put(archive->directory, &archive->directory_size, 0, 16);
    put(archive->directory, &archive->directory_size, (uint64_t)size, 4);
    put(archive->directory, &archive->directory_size, (uint64_t)size, 4);
    put(archive->directory, &archive->directory_size, (uint64_t)length, 2);
    put(archive->directory, &archive->directory_size, 0, 12);
    put(archive->directory, &archive->directory_size, (uint64_t)local, 4);
    put_bytes(archive->directory, &archive->directory_size, name, length);
    archive->count++;
}
#define ADD(archive, name, literal) add(archive, name, literal, (int64_t)sizeof(literal) - 1)

/* Where the end of the directory says things, and where its first entry does. */
enum { END_COUNT = 10, END_SIZE = 12, END_AT = 16 };
enum { ENTRY_FLAGS = 8, ENTRY_METHOD = 10, ENTRY_STORED = 20, ENTRY_BYTES = 24, ENTRY_NAME = 28, ENTRY_LOCAL = 42 };

static int64_t finish(archive_t *archive)
{
    const int64_t at = archive->size;
    put_bytes(archive->bytes, &archive->size, archive->directory, archive->directory_size);
    put_bytes(archive->bytes, &archive->size, "PK\5\6", 4);
    put(archive->bytes, &archive->size, 0, 4);
    put(archive->bytes, &archive->size, (uint64_t)archive->count, 2);
    put(archive->bytes, &archive->size, (uint64_t)archive->count, 2);
    put(archive->bytes, &archive->size, (uint64_t)archive->directory_size, 4);
    put(archive->bytes, &archive->size, (uint64_t)at, 4);
    put(archive->bytes, &archive->size, 0, 2);
    return at;
}

static pt_status_t parse(pt_context_t *context, const archive_t *archive)
{
    uint8_t *exact = malloc((size_t)archive->size); /* so that a byte too far is seen */
    const int64_t held = pt_context_bytes(context);
    pt__file_tensors_t *file;
    memcpy(exact, archive->bytes, (size_t)archive->size);
    pt_status_t status = pt__file_tensors_parse(context, NULL, "test.pt", exact, archive->size, &file);
    if (status == PT_OK)
        pt__file_tensors_close(file);
    else
        ck_assert_ptr_nonnull(strstr(pt__error_message(), "test.pt: "));
    ck_assert_int_eq(pt_context_bytes(context), held);
    free(exact);
    return status;
}

/* {"a": a tensor of `elements` floats, of storage "0"} */
#define STATE(elements)                                                                    \
    "\x80\2}X\1\0\0\0a"                                                                    \
    "ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" \
    "0X\3\0\0\0cpu" elements "tQK\0" elements "\x85K\1\x85\x89NtRs."

static archive_t checkpoint(void)
{
    archive_t archive = {.size = 0};
    ADD(&archive, "m/data.pkl", STATE("K\2"));
    ADD(&archive, "m/byteorder", "little");
    ADD(&archive, "m/data/0", "abcdefgh");
    return archive;
}

START_TEST(test_what_is_no_checkpoint)
{
    pt_context_t *context = samples_context();
    archive_t archive = checkpoint();
    finish(&archive);
    ck_ok(parse(context, &archive));
#define REFUSED(status, part)                             \
    do {                                                  \
        finish(&archive);                                 \
        ck_fails(parse(context, &archive), status, part); \
        archive = (archive_t){.size = 0};                 \
    } while (0)
    archive = (archive_t){.size = 0};
    ADD(&archive, "weights.npy", "abc");
    REFUSED(PT_ERR_UNSUPPORTED, "a zip archive without NAME/data.pkl");
    ADD(&archive, "a/b/data.pkl", STATE("K\2"));
    REFUSED(PT_ERR_UNSUPPORTED, "a zip archive without NAME/data.pkl");
    REFUSED(PT_ERR_UNSUPPORTED, "a zip archive without NAME/data.pkl"); /* nothing in it */
    archive = checkpoint();
    ADD(&archive, "n/data.pkl", STATE("K\2"));
    REFUSED(PT_ERR_FORMAT, "the zip archive has \"m/data.pkl\" and \"n/data.pkl\"");
    archive = checkpoint();
    ADD(&archive, "m/constants.pkl", "");
    REFUSED(PT_ERR_UNSUPPORTED, "a TorchScript program");
    archive = checkpoint();
    ADD(&archive, "m/data/0", "abcdefgh");
    REFUSED(PT_ERR_FORMAT, "\"m/data/0\" is twice in the zip archive");
    ADD(&archive, "m/data.pkl", STATE("K\2"));
    ADD(&archive, "m/byteorder", "big");
    ADD(&archive, "m/data/0", "abcdefgh");
    REFUSED(PT_ERR_UNSUPPORTED, "byteorder is \"big\", expected \"little\"");
    ADD(&archive, "m/data.pkl", STATE("K\2"));
    REFUSED(PT_ERR_FORMAT, "tensor \"a\": storage \"0\" is not in the archive");
    ADD(&archive, "m/data.pkl", STATE("K\3"));
    ADD(&archive, "m/data/0", "abcdefgh");
    REFUSED(PT_ERR_FORMAT, "storage \"0\" has 8 bytes, expected 3 elements of 4 bytes");
    ADD(&archive, "m/data.pkl", "\x80\2}");
    REFUSED(PT_ERR_FORMAT, "data.pkl: byte 3: the pickle is cut short");
    pt_context_free(context);
}
END_TEST

START_TEST(test_what_a_directory_may_lie_about)
{
    pt_context_t *context = samples_context();
    static const struct {
        int64_t at; /* in the first entry; with `is_end` in the end of the directory */
        int32_t is_end, size;
        uint64_t value;
        pt_status_t status;
        const char *part;
    } cases[] = {
        {ENTRY_FLAGS, 0, 2, 1, PT_ERR_UNSUPPORTED, "\"m/data.pkl\" in the zip archive is encrypted"},
        {ENTRY_METHOD, 0, 2, 8, PT_ERR_UNSUPPORTED, "\"m/data.pkl\" in the zip archive is compressed (method 8)"},
        {0, 0, 1, 'Q', PT_ERR_FORMAT, "has no entry at byte"},
        {ENTRY_NAME, 0, 2, 65535, PT_ERR_FORMAT, "ends within the entry at byte"},
        {ENTRY_STORED, 0, 4, 5, PT_ERR_FORMAT, "\"m/data.pkl\" in the zip archive has"},
        {ENTRY_BYTES, 0, 4, 0xFFFFFFF0, PT_ERR_FORMAT, "\"m/data.pkl\" in the zip archive has 4294967280 bytes"},
        {ENTRY_BYTES, 0, 4, 0xFFFFFFFF, PT_ERR_FORMAT, "lacks the zip64 field"},
        {ENTRY_LOCAL, 0, 4, 1, PT_ERR_FORMAT, "\"m/data.pkl\" in the zip archive has no header at byte 1"},
        {ENTRY_LOCAL, 0, 4, 0xFFFFFFF0, PT_ERR_FORMAT, "has no header at byte 4294967280"},
        {END_COUNT, 1, 2, 200, PT_ERR_FORMAT, "too few for 200 files"},
        {END_SIZE, 1, 4, 0xFFFFFFFF, PT_ERR_FORMAT, "the directory of the zip archive is at byte"},
        {END_AT, 1, 4, 0xFFFFFFF0, PT_ERR_FORMAT, "the directory of the zip archive is at byte 4294967280"},
        {0, 1, 1, 'Q', PT_ERR_FORMAT, "has no end of its directory"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        archive_t archive = checkpoint();
        int64_t at = finish(&archive);
        if (cases[i].is_end)
            at = archive.size - 22;
        at += cases[i].at;
        put(archive.bytes, &at, cases[i].value, cases[i].size);
        ck_fails(parse(context, &archive), cases[i].status, cases[i].part);
    }
    pt_context_free(context);
}
END_TEST

/* A header whose name is so long that its data begin beyond the archive. */
START_TEST(test_what_a_header_may_lie_about)
{
    pt_context_t *context = samples_context();
    archive_t archive = checkpoint();
    int64_t at = 26;
    finish(&archive);
    put(archive.bytes, &at, 65535, 2);
    ck_fails(parse(context, &archive), PT_ERR_FORMAT, "but 0 are there");
    pt_context_free(context);
}
END_TEST

/* The locator stands before the end, and leads to the zip64 end. */
START_TEST(test_what_zip64_may_lie_about)
{
    pt_context_t *context = samples_context();
    for (int lie = 0; lie < 2; lie++) {
        archive_t archive = checkpoint();
        const int64_t directory = archive.size;
        put_bytes(archive.bytes, &archive.size, archive.directory, archive.directory_size);
        const int64_t end64 = archive.size;
        put_bytes(archive.bytes, &archive.size, "PK\6\6", 4);
        put(archive.bytes, &archive.size, 0, 8);
        put(archive.bytes, &archive.size, 0, 8);
        put(archive.bytes, &archive.size, 0, 4);
        put(archive.bytes, &archive.size, 0, 8);
        archive.size = end64 + 32;
        put(archive.bytes, &archive.size, (uint64_t)archive.count, 8);
        put(archive.bytes, &archive.size, (uint64_t)archive.directory_size, 8);
        put(archive.bytes, &archive.size, (uint64_t)directory, 8);
        put_bytes(archive.bytes, &archive.size, "PK\6\7", 4);
        put(archive.bytes, &archive.size, 0, 4);
        put(archive.bytes, &archive.size, (uint64_t)(lie ? end64 - 1 : end64), 8);
        put(archive.bytes, &archive.size, 0, 4);
        put_bytes(archive.bytes, &archive.size, "PK\5\6", 4);
        put(archive.bytes, &archive.size, 0, 6);
        put(archive.bytes, &archive.size, UINT64_MAX, 8);
        put(archive.bytes, &archive.size, UINT64_MAX, 2);
        put(archive.bytes, &archive.size, 0, 2);
        if (lie)
            ck_fails(parse(context, &archive), PT_ERR_FORMAT, "the zip64 end of the directory is not at byte");
        else
            ck_ok(parse(context, &archive));
    }
    pt_context_free(context);
}
END_TEST

START_TEST(test_names_are_found)
{
    pt_context_t *context = samples_context();
    archive_t archive = {.size = 0};
    pt__zip_t zip;
    static const char *const names[] = {"a/b", "a/bb", "a", "a/", "ab"};
    for (int i = 0; i < 5; i++)
        add(&archive, names[i], names[i], (int64_t)strlen(names[i]));
    finish(&archive);
    ck_ok(pt__zip_open(&context->memory, archive.bytes, archive.size, &zip));
    ck_assert_int_eq(zip.count, 5);
    for (int i = 0; i < 5; i++)
        for (int64_t cut = 0; cut < (int64_t)strlen(names[i]); cut++) {
            const pt__zip_file_t *found = pt__zip_find(&zip, names[i], cut, names[i] + cut,
                                                       (int64_t)strlen(names[i]) - cut);
            ck_assert_ptr_nonnull(found);
            ck_assert_int_eq(found->size, (int64_t)strlen(names[i]));
            ck_assert_mem_eq(found->data, names[i], (size_t)found->size);
        }
    ck_assert_ptr_null(pt__zip_find(&zip, "a/", 2, "c", 1));
    ck_assert_ptr_null(pt__zip_find(&zip, "", 0, "a/bbb", 5));
    ck_assert_ptr_null(pt__zip_find(&zip, "a/bbb", 5, "x", 1));
    pt__zip_close(&context->memory, &zip);
    pt_context_free(context);
}
END_TEST

SUITE("zip", 60, test_what_is_no_checkpoint, test_what_a_directory_may_lie_about, test_what_a_header_may_lie_about,
      test_what_zip64_may_lie_about, test_names_are_found)
