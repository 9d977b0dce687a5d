/* Files that gzip has packed, several members one after the other too. */
#include <string.h>

#include "base/file.h"
#include "data/gunzip.h"

#ifdef PT__ZLIB
#include <zlib.h>

enum { FIRST = 1 << 16, AUTO_GZIP = 16 + MAX_WBITS, AT_MOST = 1 << 30 };

typedef struct unpacked {
    pt__memory_t *memory;
    uint8_t *bytes;
    int64_t size, capacity, limit;
} unpacked_t;

static voidpf take_memory(voidpf memory, uInt count, uInt size)
{
    void *block;
    return pt__allocate(memory, count, size, "what unpacks a file", &block) == PT_OK ? block : NULL;
}

static void give_memory(voidpf memory, voidpf block)
{
    pt__release(memory, block);
}

/* Unpacks until the member ends. */
static pt_status_t unpack_member(z_stream *stream, unpacked_t *out)
{
    int code = Z_OK;
    while (code == Z_OK) {
        PT__TRY(pt__grow(out->memory, &out->bytes, &out->capacity, out->size + FIRST, 1, "an unpacked file"));
        const int64_t room = out->capacity - out->size;
        stream->next_out = out->bytes + out->size;
        stream->avail_out = (uInt)(room < AT_MOST ? room : AT_MOST);
        const uInt before = stream->avail_out;
        code = inflate(stream, Z_NO_FLUSH);
        out->size += before - stream->avail_out;
        if (out->size > out->limit)
            return pt__fail(PT_ERR_FORMAT, "unpacked it has more than %lld bytes", (long long)out->limit);
        if (code == Z_MEM_ERROR)
            return pt__fail(PT_ERR_MEMORY, "no memory to unpack it");
        if (code == Z_BUF_ERROR || (code == Z_OK && stream->avail_in == 0 && stream->avail_out > 0))
            return pt__fail(PT_ERR_FORMAT, "the packed file ends early");
    }
    return code == Z_STREAM_END
               ? PT_OK
               : pt__fail(PT_ERR_FORMAT, "%s", stream->msg != NULL ? stream->msg : "the packed file is broken");
}

static pt_status_t unpack(const uint8_t *bytes, int64_t size, unpacked_t *out)
{
    z_stream stream = {.zalloc = take_memory, .zfree = give_memory, .opaque = out->memory};
    if (size > AT_MOST)
        return pt__fail(PT_ERR_UNSUPPORTED, "%lld bytes, expected at most %d", (long long)size, AT_MOST);
    if (inflateInit2(&stream, AUTO_GZIP) != Z_OK)
        return pt__fail(PT_ERR_MEMORY, "no memory to unpack it");
    stream.next_in = (Bytef *)(uintptr_t)bytes;
    stream.avail_in = (uInt)size;
    pt_status_t status = unpack_member(&stream, out);
    while (status == PT_OK && stream.avail_in > 0 && inflateReset(&stream) == Z_OK)
        status = unpack_member(&stream, out);
    inflateEnd(&stream);
    return status;
}
#endif

pt_status_t pt__gunzip_file(pt__memory_t *memory, const char *path, int64_t limit, uint8_t **bytes, int64_t *size)
{
    char *packed;
    *bytes = NULL;
    PT__TRY(pt__file_read(memory, path, limit, &packed, size));
    if (*size < 2 || memcmp(packed, "\x1F\x8B", 2) != 0) {
        *bytes = (uint8_t *)packed;
        return PT_OK;
    }
#ifdef PT__ZLIB
    unpacked_t out = {.memory = memory, .limit = limit};
    pt_status_t status = unpack((const uint8_t *)packed, *size, &out);
    if (status != PT_OK) {
        pt__release(memory, out.bytes);
        out.bytes = NULL;
        pt__fail_within(status, "%s", path);
    }
    *bytes = out.bytes;
    *size = out.size;
#else
    pt_status_t status = pt__fail(PT_ERR_UNSUPPORTED,
                                  "%s: packed by gzip, and this build has no library that unpacks it", path);
#endif
    pt__release(memory, packed);
    return status;
}
