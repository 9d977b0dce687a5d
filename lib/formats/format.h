/* What a format of files of tensors is, and what an open file is to it. The rest of the library sees pt__file_tensors_t
 * through formats/tensors.h alone.
 *
 * A format is lib/formats/NAME.c with a descriptor pt__format_NAME, and its line in formats.def. Its kind is told by
 * content, never by a file's name: the first in the table whose probe knows the bytes opens them. All bytes are there,
 * mapped or in memory; entries of the table point into them, or into memory that pt__file_tensors_allocate gave, where
 * what the file holds has to be put together first (strides, another order of bytes). Both live until the file is
 * closed, and both may be used in place by models (PT_LOAD_MAPPED): nobody asks which. */
#ifndef PT__FORMAT_H
#define PT__FORMAT_H

#include "base/file.h"
#include "formats/tensors.h"

struct pt__format {
    const char *name; /* as people call it: "safetensors" */
    /* Whether the bytes, all of a file, are of this format, be they damaged: cheap, and reads no further than `size` */
    int32_t (*probe)(const uint8_t *bytes, int64_t size);
    /* Fills file->table: checks every rule of the format before, trusts nothing, and names file and tensor in messages.
     * What it has taken by then is ended with the file, also where it fails. */
    pt_status_t (*open)(pt__file_tensors_t *file);
    /* NULL: the format has no checksum. As pt__file_tensors_verify. */
    pt_status_t (*verify)(const pt__file_tensors_t *file, int32_t *present);
    /* NULL: nothing is left to end. Ends what `own`, which may be NULL, holds beside pt__file_tensors_allocate. */
    void (*close)(pt__file_tensors_t *file);
};

struct pt__file_tensors {
    pt_context_t *context; /* retained */
    const pt__format_t *format;
    char *name;           /* for messages */
    const char *path;     /* = name where a path was opened; NULL: nothing stands beside these bytes */
    int32_t is_watched;   /* files that are opened beside this one are to be watched too */
    int32_t is_part;      /* opened for another file: it has no parts of its own */
    const uint8_t *bytes; /* the whole file */
    int64_t size;
    pt__mapping_t mapping; /* of the bytes; all zero where they are the caller's */
    /* What `open` fills; entries sorted by pt__file_tensors_sort, all arrays by pt__file_tensors_allocate. */
    pt__tensors_t table;
    void *own; /* the format's */
    /* Further files that entries point into; checked and closed with this one. */
    pt__file_tensors_t **parts;
    int64_t n_parts, parts_capacity;
    void **blocks; /* [n_blocks] of pt__file_tensors_allocate */
    int64_t n_blocks, blocks_capacity;
};

/* As pt__allocate, zeroed; the block is released with the file. */
pt_status_t pt__file_tensors_allocate(pt__file_tensors_t *file, int64_t count, int64_t size, const char *what,
                                      void *out);
/* The same, not zeroed. */
pt_status_t pt__file_tensors_allocate_uninitialised(pt__file_tensors_t *file, int64_t count, int64_t size,
                                                    const char *what, void *out);
/* Puts the table's entries in the order of their names; PT_ERR_FORMAT where two have the same. */
pt_status_t pt__file_tensors_sort(pt__file_tensors_t *file);
/* Opens a file for this one, as pt__file_tensors_open: *part stands in file->parts and is closed with it. */
pt_status_t pt__file_tensors_open_part(pt__file_tensors_t *file, const pt__format_t *format, const char *path,
                                       pt__file_tensors_t **part);

#endif
