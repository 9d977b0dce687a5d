/* A table of named tensors: what a file format reads and writes. Plain data; the bytes are borrowed. */
#ifndef PT__TENSORS_H
#define PT__TENSORS_H

#include "base/context.h"

typedef struct pt__entry {
    const char *name;
    int32_t dtype; /* 0: one that the library does not know; its bytes are what they are */
    int32_t rank;
    int64_t shape[PT_MAX_RANK];
    const void *data; /* in a file's table at any address: formats do not align their data */
    int64_t bytes;
    int32_t is_transposed; /* data stand in the order of columns and rows: of a file that was renamed so */
    int32_t is_away;       /* data is not the host's: a table that is written brings it */
} pt__entry_t;

typedef struct pt__pair { /* metadata: strings */
    const char *key, *value;
} pt__pair_t;

typedef struct pt__tensors {
    pt__entry_t *entries;
    int64_t n_entries;
    pt__pair_t *pairs;
    int64_t n_pairs;
    int32_t sorted; /* entries are in the order of their names' bytes */
    /* Only for writing: brings an entry that is away, one at a time, and lets go of what was brought. */
    pt_status_t (*bring)(void *user, const pt__entry_t *entry, const void **bytes);
    void (*let_go)(void *user, const void *bytes);
    void *user;
} pt__tensors_t;

/* NULL where there is none. Logarithmic where the table is sorted, as a file's is. */
const pt__entry_t *pt__tensors_find(const pt__tensors_t *tensors, const char *name);
/* The entry of this name, else that of the name without `prefix`, where it begins so; NULL: none is left out. */
const pt__entry_t *pt__tensors_find_within(const pt__tensors_t *tensors, const char *prefix, const char *name);
const char *pt__tensors_value(const pt__tensors_t *tensors, const char *key);
/* For pt__sort, of entries by their places in memory; of two at the same place, the empty one first. */
int pt__entry_compare_places(const void *a, const void *b, void *user);

/* ---- Open files (file_tensors.c); what a format is: formats/format.h ---- */

typedef struct pt__file_tensors pt__file_tensors_t; /* an open file: mapped, with its table, whatever its format */
typedef struct pt__format pt__format_t;

/* Opens by mapping; every rule of the format is checked before anything is handed out, and messages name the file and
 * tensor, expected and found. `format` is one that the file must be of; NULL: its content tells (formats.def). Watched:
 * for data that is used in place for as long as the file is open. pt__file_tensors_check then is PT_ERR_IO where the
 * file, or another that was opened for it, has been changed since (base/file.h says what is noticed). */
pt_status_t pt__file_tensors_open(pt_context_t *context, const pt__format_t *format, const char *path,
                                  int32_t is_watched, pt__file_tensors_t **out);
pt_status_t pt__file_tensors_check(const pt__file_tensors_t *file);
/* From memory; name is for messages. The bytes stay the caller's. */
pt_status_t pt__file_tensors_parse(pt_context_t *context, const pt__format_t *format, const char *name,
                                   const void *bytes, int64_t size, pt__file_tensors_t **out);
/* From a block of context->memory, which becomes the file's in any case. */
pt_status_t pt__file_tensors_adopt(pt_context_t *context, const char *name, void *block, int64_t size,
                                   pt__file_tensors_t **out);
const pt__tensors_t *pt__file_tensors_table(const pt__file_tensors_t *file);
/* Of formats.def. */
const pt__format_t *pt__file_tensors_format(const pt__file_tensors_t *file);
/* PT_OK where the file has no checksum, or a right one; PT_ERR_FORMAT with both values otherwise. *present may be
 * NULL. */
pt_status_t pt__file_tensors_verify(const pt__file_tensors_t *file, int32_t *present);
/* Gives the tensors the names that a model has for them. What no rule is for keeps its name; PT_ERR_FORMAT where two
 * tensors then have one. NULL: no rules. */
struct pt__renaming;
pt_status_t pt__file_tensors_rename(pt__file_tensors_t *file, const struct pt__renaming *rules);
/* Puts the rows of each tensor in the other order of planes (base/plane_order.h) of which `width_of` gives the heads'
 * width; 0: it stays as it is. */
pt_status_t pt__file_tensors_move_planes(pt__file_tensors_t *file,
                                         int64_t (*width_of)(const void *user, const char *name), const void *user,
                                         int32_t to_side_by_side);
/* NULL: nothing happens. */
void pt__file_tensors_close(pt__file_tensors_t *file);

/* ---- GGUF (ggml's docs/gguf.md) ---- */
extern const pt__format_t pt__format_gguf;
/* Metadata that say what a configuration does (the text of a config.json): PT_ERR_UNSUPPORTED where GGUF has no name
 * for the network, or for something that changes it. */
struct pt__gguf_metadata;
struct pt__sink;
pt_status_t pt__gguf_put_config(pt_context_t *context, const char *config, struct pt__gguf_metadata *metadata);
/* Whether its files of a family have the planes of queries and keys side by side; 0 for one that it does not know. */
int32_t pt__gguf_is_side_by_side(const char *family);
/* What a file divides the frequencies of a configuration's rotation by, in the tensor PT__GGUF_ROPE_FACTORS: of at most
 * `most` planes; *planes 0: by nothing. */
#define PT__GGUF_ROPE_FACTORS "rope_freqs.weight"
pt_status_t pt__gguf_rope_factors(pt_context_t *context, const char *config, float *factors, int64_t most,
                                  int64_t *planes);
pt_status_t pt__gguf_write_to(pt_context_t *context, const struct pt__sink *sink,
                              const struct pt__gguf_metadata *metadata, const pt__tensors_t *tensors);

/* Keys of metadata under which files of others have the text of a Hugging Face config.json, or why there is none. */
#define PT__CONFIG_FILE    "config.json"
#define PT__CONFIG_REFUSED "config.json: refused"

/* ---- safetensors (specification: huggingface/safetensors README) ----
 *
 * Header length and JSON, shapes, offsets inside the data, no overlap, no hole, sizes = product of shape, duplicate
 * names are checked. */
extern const pt__format_t pt__format_safetensors;
/* Written aside, synced, renamed. With `checksum`, a last tensor "pretrain.checksum" (U64 [1]) holds a 64-bit hash
 * (base/hash.h, seed 0) of all bytes of the file before it; "pretrain.padding" (U8) may stand before that, so that
 * it is aligned. Neither is shown in the table of a file. */
pt_status_t pt__safetensors_write(pt_context_t *context, const char *path, const pt__tensors_t *tensors,
                                  int32_t checksum);
/* The same bytes to another place: `begin` (NULL: not called) is told how many there will be, before the first; without
 * `write` that is all that happens. */
typedef struct pt__sink {
    pt_status_t (*begin)(void *user, int64_t bytes);
    pt_status_t (*write)(void *user, const void *bytes, int64_t size);
    void *user;
} pt__sink_t;
pt_status_t pt__safetensors_write_to(pt_context_t *context, const pt__sink_t *sink, const pt__tensors_t *tensors,
                                     int32_t checksum);
/* The same tensors in several files of at most shard_bytes of data, or one tensor, "model-00001-of-00002.safetensors"
 * for a path "model.safetensors", with an index "model.safetensors.index.json" (shards.c reads it); in the one file of
 * the path where they fit. A failure leaves what stood there; at the end what is left of an earlier set goes. */
#define PT__SHARDS_INDEX ".index.json"
pt_status_t pt__shards_write(pt_context_t *context, const char *path, const pt__tensors_t *tensors,
                             int64_t shard_bytes);
/* How many bytes these files, without the index, will have. */
pt_status_t pt__shards_bytes(pt_context_t *context, const pt__tensors_t *tensors, int64_t shard_bytes, int64_t *bytes);
/* A file of one tensor of one dimension, whose elements come piece by piece, as many as there will be; without a
 * checksum. The pairs stay the caller's, until the end. */
typedef struct pt__tensor_stream pt__tensor_stream_t;
pt_status_t pt__tensor_stream_begin(pt_context_t *context, const char *path, const char *name, int32_t dtype,
                                    const pt__pair_t *pairs, int64_t n_pairs, pt__tensor_stream_t **out);
pt_status_t pt__tensor_stream_add(pt__tensor_stream_t *stream, const void *elements, int64_t count);
/* Both end the stream and set *stream to NULL, which abandon ignores; only what was finished is under its name. */
pt_status_t pt__tensor_stream_finish(pt__tensor_stream_t **stream);
void pt__tensor_stream_abandon(pt__tensor_stream_t **stream);

/* ---- place.c: where files come from and go to, as a host's options say; path is NULL where they name another place,
 * as exactly one is named ---- */
/* What messages call the place: its path, "memory" or "callback". */
const char *pt__place_name(const char *path, const pt_load_options_t *options);
/* All bytes of a file that is no table of tensors, at most `limit`: *block (or NULL) is released after them. */
pt_status_t pt__place_read(pt_context_t *context, const char *path, const pt_load_options_t *options, int64_t limit,
                           const char **bytes, int64_t *size, void **block);
/* Opens what is to be read, in whichever format its content is, watched where it is a file and the flags say
 * PT_LOAD_MAPPED. */
pt_status_t pt__place_open(pt_context_t *context, const char *path, const pt_load_options_t *options,
                           pt__file_tensors_t **out);
pt_status_t pt__place_write(pt_context_t *context, const char *path, const pt_save_options_t *options,
                            const pt__tensors_t *tensors, int32_t checksum);
/* The same as a GGUF file. */
pt_status_t pt__place_write_gguf(pt_context_t *context, const char *path, const pt_save_options_t *options,
                                 const struct pt__gguf_metadata *metadata, const pt__tensors_t *tensors);
/* The same for bytes that are no table of tensors. */
pt_status_t pt__place_write_bytes(pt_context_t *context, const char *path, const pt_save_options_t *options,
                                  const void *bytes, int64_t size);

#endif
