/* Where a file comes from and goes to: a path, the host's memory, or its callbacks. All three meet the same checks, and
 * are written the same bytes. Callbacks report through the struct that they are handed, which is preset to failure. */
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "formats/tensors.h"

enum { PIECE = 1 << 20 }; /* bytes that a callback is asked for, or given, at a time, at most */

const char *pt__place_name(const char *path, const pt_load_options_t *options)
{
    return path != NULL ? path : options->data != NULL ? "memory" : "callback";
}

/* ---- Reading ---- */

static pt_status_t check_read(const pt_read_t *read, int64_t offset, int64_t wanted, int64_t bytes)
{
    if (read->status != PT_OK)
        return pt__fail(PT_ERR_CALLBACK,
                        "callback: reading %lld bytes from byte %lld on failed: read->status is %s (user_code %lld)",
                        (long long)wanted, (long long)offset, pt__status_name(read->status),
                        (long long)read->user_code);
    if (read->filled == 0)
        return pt__fail(PT_ERR_IO, "callback: no more bytes from byte %lld on, expected %lld in all (user_code %lld)",
                        (long long)offset, (long long)bytes, (long long)read->user_code);
    if (read->filled < 0 || read->filled > wanted)
        return pt__fail(PT_ERR_CALLBACK, "callback: read->filled is %lld, expected 1 to %lld (user_code %lld)",
                        (long long)read->filled, (long long)wanted, (long long)read->user_code);
    return PT_OK;
}

static pt_status_t read_pieces(const pt_load_options_t *options, unsigned char *block)
{
    for (int64_t offset = 0; offset < options->bytes;) {
        const int64_t left = options->bytes - offset, wanted = left < PIECE ? left : PIECE;
        pt_read_t read = {.struct_size = (uint32_t)sizeof read,
                          .status = PT_ERR_CALLBACK,
                          .offset = offset,
                          .bytes = wanted,
                          .data = block + offset};
        options->read(options->user, &read);
        PT__TRY(check_read(&read, offset, wanted, options->bytes));
        offset += read.filled;
    }
    return PT_OK;
}

static pt_status_t read_callback(pt_context_t *context, const pt_load_options_t *options, unsigned char **out)
{
    unsigned char *block;
    PT__TRY(pt__allocate_uninitialised(&context->memory, (size_t)options->bytes, 1, "what a callback reads", &block));
    pt__pool_rest(context->pool); /* the host's code may take long: no thread of ours spins meanwhile */
    pt_status_t status = read_pieces(options, block);
    if (status == PT_OK)
        *out = block;
    else
        pt__release(&context->memory, block);
    return status;
}

pt_status_t pt__place_read(pt_context_t *context, const char *path, const pt_load_options_t *options, int64_t limit,
                           const char **bytes, int64_t *size, void **block)
{
    unsigned char *read = NULL;
    char *file = NULL;
    *block = NULL;
    *bytes = options->data;
    *size = options->bytes;
    if (path == NULL && options->bytes > limit)
        return pt__fail(PT_ERR_FORMAT, "%s: %lld bytes, expected at most %lld", pt__place_name(path, options),
                        (long long)options->bytes, (long long)limit);
    if (options->read != NULL) {
        PT__TRY(read_callback(context, options, &read));
        *bytes = (const char *)read;
        *block = read;
    } else if (options->data == NULL) {
        PT__TRY(pt__file_read(&context->memory, path, limit, &file, size));
        *bytes = file;
        *block = file;
    }
    return PT_OK;
}

/* What was saved in shards is found under the name that it was saved as. */
static pt_status_t open_path(pt_context_t *context, const char *path, int32_t is_watched, pt__file_tensors_t **out)
{
    pt__text_t text = pt__text_start(&context->memory);
    char *index;
    if (pt__file_exists(path))
        return pt__file_tensors_open(context, NULL, path, is_watched, out);
    pt__text_add(&text, "%s" PT__SHARDS_INDEX, path);
    PT__TRY(pt__text_take(&text, &index, NULL));
    pt_status_t status = pt__file_tensors_open(context, NULL, pt__file_exists(index) ? index : path, is_watched, out);
    pt__release(&context->memory, index);
    return status;
}

pt_status_t pt__place_open(pt_context_t *context, const char *path, const pt_load_options_t *options,
                           pt__file_tensors_t **out)
{
    *out = NULL;
    if (options->data != NULL)
        return pt__file_tensors_parse(context, NULL, "memory", options->data, options->bytes, out);
    if (options->read != NULL) {
        unsigned char *block;
        PT__TRY(read_callback(context, options, &block));
        return pt__file_tensors_adopt(context, "callback", block, options->bytes, out);
    }
    return open_path(context, path, (options->flags & PT_LOAD_MAPPED) != 0, out);
}

/* ---- Writing ---- */

typedef struct writing {
    const pt_save_options_t *options;
    int64_t bytes; /* of the whole */
    int64_t offset;
} writing_t;

static pt_status_t begin(void *user, int64_t bytes)
{
    writing_t *writing = user;
    const pt_save_options_t *options = writing->options;
    writing->bytes = bytes;
    if (options->data != NULL && options->capacity < bytes)
        return pt__fail(PT_ERR_ARGUMENT, "memory: capacity is %lld bytes, expected at least %lld",
                        (long long)options->capacity, (long long)bytes);
    return PT_OK;
}

static pt_status_t write_to_memory(void *user, const void *bytes, int64_t size)
{
    writing_t *writing = user;
    if (size > 0)
        memcpy((unsigned char *)writing->options->data + writing->offset, bytes, (size_t)size);
    writing->offset += size;
    return PT_OK;
}

static pt_status_t write_to_callback(void *user, const void *bytes, int64_t size)
{
    writing_t *writing = user;
    for (int64_t done = 0; done < size;) {
        const int64_t left = size - done, given = left < PIECE ? left : PIECE;
        pt_write_t write = {.struct_size = (uint32_t)sizeof write,
                            .status = PT_ERR_CALLBACK,
                            .offset = writing->offset,
                            .bytes = given,
                            .data = (const unsigned char *)bytes + done,
                            .total = writing->bytes};
        writing->options->write(writing->options->user, &write);
        if (write.status != PT_OK)
            return pt__fail(PT_ERR_CALLBACK,
                            "callback: writing %lld bytes at byte %lld of %lld failed: write->status is %s (user_code "
                            "%lld)",
                            (long long)given, (long long)writing->offset, (long long)writing->bytes,
                            pt__status_name(write.status), (long long)write.user_code);
        done += given;
        writing->offset += given;
    }
    return PT_OK;
}

/* Its `write` is NULL where the bytes are only counted, as those of a path are. */
static pt__sink_t sink_of(pt_context_t *context, const char *path, writing_t *writing)
{
    pt__sink_t sink = {.begin = begin, .user = writing};
    if (path == NULL && writing->options->write != NULL) {
        pt__pool_rest(context->pool);
        sink.write = write_to_callback;
    } else if (path == NULL && writing->options->data != NULL)
        sink.write = write_to_memory;
    return sink;
}

pt_status_t pt__place_write(pt_context_t *context, const char *path, const pt_save_options_t *options,
                            const pt__tensors_t *tensors, int32_t checksum)
{
    writing_t writing = {.options = options};
    pt_status_t status;
    if (path != NULL && options->shard_bytes > 0) {
        if (options->bytes != NULL)
            PT__TRY(pt__shards_bytes(context, tensors, options->shard_bytes, options->bytes));
        return pt__shards_write(context, path, tensors, options->shard_bytes);
    }
    if (path != NULL && options->bytes == NULL)
        return pt__safetensors_write(context, path, tensors, checksum);
    const pt__sink_t sink = sink_of(context, path, &writing);
    status = pt__safetensors_write_to(context, &sink, tensors, checksum); /* without a place: only its bytes */
    if (options->bytes != NULL)
        *options->bytes = writing.bytes;
    return status == PT_OK && path != NULL ? pt__safetensors_write(context, path, tensors, checksum) : status;
}

static pt_status_t write_to_writer(void *user, const void *bytes, int64_t size)
{
    return pt__writer_write(user, bytes, size);
}

pt_status_t pt__place_write_gguf(pt_context_t *context, const char *path, const pt_save_options_t *options,
                                 const struct pt__gguf_metadata *metadata, const pt__tensors_t *tensors)
{
    writing_t writing = {.options = options};
    pt__writer_t *writer = NULL;
    const pt__sink_t sink = sink_of(context, path, &writing);
    pt_status_t status = pt__gguf_write_to(context, &sink, metadata, tensors);
    if (options->bytes != NULL)
        *options->bytes = writing.bytes;
    if (status != PT_OK || path == NULL)
        return status;
    PT__TRY(pt__writer_begin(&context->memory, path, &writer));
    PT__TRY_OUT(pt__gguf_write_to(context, &(pt__sink_t){.write = write_to_writer, .user = writer}, metadata, tensors));
    PT__TRY_OUT(pt__writer_commit(&writer));
out:
    pt__writer_abandon(&writer);
    return status;
}

static pt_status_t write_file(pt_context_t *context, const char *path, const void *bytes, int64_t size)
{
    pt__writer_t *writer;
    PT__TRY(pt__writer_begin(&context->memory, path, &writer));
    pt_status_t status = pt__writer_write(writer, bytes, size);
    if (status == PT_OK)
        return pt__writer_commit(&writer);
    pt__writer_abandon(&writer);
    return status;
}

pt_status_t pt__place_write_bytes(pt_context_t *context, const char *path, const pt_save_options_t *options,
                                  const void *bytes, int64_t size)
{
    writing_t writing = {.options = options};
    const pt__sink_t sink = sink_of(context, path, &writing);
    pt_status_t status = begin(&writing, size);
    if (options->bytes != NULL)
        *options->bytes = size;
    if (status == PT_OK && path != NULL)
        return write_file(context, path, bytes, size);
    return status == PT_OK && sink.write != NULL ? sink.write(&writing, bytes, size) : status;
}
