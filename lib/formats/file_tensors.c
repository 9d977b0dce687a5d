/* Open files of tensors, whatever their format: told by content, opened by the format's descriptor (format.h). */
#include <string.h>

#include "base/sort.h"
#include "formats/format.h"

#define PT__FORMAT(name) extern const pt__format_t pt__format_##name;
#include "formats/formats.def"
#undef PT__FORMAT

static const pt__format_t *const formats[] = {
#define PT__FORMAT(name) &pt__format_##name,
#include "formats/formats.def"
#undef PT__FORMAT
};

enum { FORMATS = sizeof formats / sizeof formats[0] };

/* ---- Memory ---- */

static pt_status_t keep(pt__file_tensors_t *file, pt_status_t status, void **block)
{
    if (status != PT_OK)
        return status;
    status = pt__grow(&file->context->memory, &file->blocks, &file->blocks_capacity, file->n_blocks + 1,
                      sizeof *file->blocks, "memory of a file of tensors");
    if (status == PT_OK)
        file->blocks[file->n_blocks++] = *block;
    else {
        pt__release(&file->context->memory, *block);
        *block = NULL;
    }
    return status;
}

pt_status_t pt__file_tensors_allocate(pt__file_tensors_t *file, int64_t count, int64_t size, const char *what,
                                      void *out)
{
    void *block;
    pt_status_t status = keep(file, pt__allocate(&file->context->memory, (size_t)count, (size_t)size, what, &block),
                              &block);
    *(void **)out = block;
    return status;
}

pt_status_t pt__file_tensors_allocate_uninitialised(pt__file_tensors_t *file, int64_t count, int64_t size,
                                                    const char *what, void *out)
{
    void *block;
    pt_status_t status = keep(
        file, pt__allocate_uninitialised(&file->context->memory, (size_t)count, (size_t)size, what, &block), &block);
    *(void **)out = block;
    return status;
}

/* ---- The table ---- */

static int compare_names(const void *a, const void *b, void *user)
{
    (void)user;
    return strcmp(((const pt__entry_t *)a)->name, ((const pt__entry_t *)b)->name);
}

pt_status_t pt__file_tensors_sort(pt__file_tensors_t *file)
{
    pt__memory_t *memory = &file->context->memory;
    const int64_t count = file->table.n_entries;
    const void **sorted;
    pt__entry_t *entries;
    PT__TRY(pt__file_tensors_allocate(file, count, sizeof *entries, "order of tensors", &entries));
    PT__TRY(pt__allocate(memory, (size_t)count, sizeof *sorted, "order of tensors", &sorted));
    for (int64_t i = 0; i < count; i++)
        sorted[i] = &file->table.entries[i];
    pt__sort(sorted, count, compare_names, NULL);
    for (int64_t i = 0; i < count; i++)
        entries[i] = *(const pt__entry_t *)sorted[i];
    pt__release(memory, sorted);
    file->table.entries = entries;
    file->table.sorted = 1;
    for (int64_t i = 1; i < count; i++) {
        if (strcmp(entries[i - 1].name, entries[i].name) == 0)
            return pt__fail(PT_ERR_FORMAT, "%s: tensor \"%.80s\" is there twice", file->name, entries[i].name);
    }
    return PT_OK;
}

const pt__tensors_t *pt__file_tensors_table(const pt__file_tensors_t *file)
{
    return &file->table;
}

const pt__format_t *pt__file_tensors_format(const pt__file_tensors_t *file)
{
    return file->format;
}

/* ---- Opening and closing ---- */

/* What no format knows is refused by that of files that the library writes: its message says what is amiss. */
static const pt__format_t *probe(const uint8_t *bytes, int64_t size)
{
    for (int32_t i = 0; i < FORMATS; i++) {
        if (formats[i]->probe(bytes, size))
            return formats[i];
    }
    return formats[0];
}

/* What is to be opened, and how. */
typedef struct source {
    const pt__format_t *format; /* NULL: told by content */
    const char *name;
    int32_t is_path, is_watched, is_part;
    const uint8_t *bytes;
    int64_t size;
} source_t;

/* The mapping is taken over in any case. */
static pt_status_t create(pt_context_t *context, const source_t *source, pt__mapping_t *mapping,
                          pt__file_tensors_t **out)
{
    pt__file_tensors_t *file = NULL;
    pt_status_t status;
    PT__TRY_OUT(pt__allocate(&context->memory, 1, sizeof *file, "file of tensors", &file));
    file->context = pt__context_retain(context);
    file->mapping = *mapping;
    *mapping = (pt__mapping_t){0};
    file->is_watched = source->is_watched;
    file->is_part = source->is_part;
    file->bytes = source->bytes;
    file->size = source->size;
    file->format = source->format != NULL ? source->format : probe(file->bytes, file->size);
    PT__TRY_OUT(pt__string_copy(&context->memory, source->name, &file->name));
    file->path = source->is_path ? file->name : NULL;
    PT__TRY_OUT(file->format->open(file));
    *out = file;
    return PT_OK;
out:
    pt__file_unmap(mapping);
    pt__file_tensors_close(file);
    return status;
}

static pt_status_t open_path(pt_context_t *context, source_t source, pt__file_tensors_t **out)
{
    pt__mapping_t mapping;
    *out = NULL;
    PT__TRY(source.is_watched ? pt__file_map_watched(&context->memory, source.name, &mapping)
                              : pt__file_map(&context->memory, source.name, &mapping));
    source.is_path = 1;
    source.bytes = mapping.bytes;
    source.size = mapping.size;
    return create(context, &source, &mapping, out);
}

pt_status_t pt__file_tensors_open(pt_context_t *context, const pt__format_t *format, const char *path,
                                  int32_t is_watched, pt__file_tensors_t **out)
{
    return open_path(context, (source_t){.format = format, .name = path, .is_watched = is_watched}, out);
}

pt_status_t pt__file_tensors_open_part(pt__file_tensors_t *file, const pt__format_t *format, const char *path,
                                       pt__file_tensors_t **part)
{
    pt__memory_t *memory = &file->context->memory;
    PT__TRY(pt__grow(memory, &file->parts, &file->parts_capacity, file->n_parts + 1, sizeof *file->parts,
                     "parts of a file"));
    PT__TRY(open_path(file->context,
                      (source_t){.format = format, .name = path, .is_watched = file->is_watched, .is_part = 1}, part));
    file->parts[file->n_parts++] = *part;
    return PT_OK;
}

pt_status_t pt__file_tensors_parse(pt_context_t *context, const pt__format_t *format, const char *name,
                                   const void *bytes, int64_t size, pt__file_tensors_t **out)
{
    pt__mapping_t none = {0};
    const source_t source = {.format = format, .name = name, .bytes = bytes, .size = size};
    *out = NULL;
    return create(context, &source, &none, out);
}

pt_status_t pt__file_tensors_adopt(pt_context_t *context, const char *name, void *block, int64_t size,
                                   pt__file_tensors_t **out)
{
    pt__mapping_t mapping = {.bytes = block, .size = size, .memory = &context->memory, .copy = block};
    const source_t source = {.name = name, .bytes = block, .size = size};
    *out = NULL;
    return create(context, &source, &mapping, out);
}

pt_status_t pt__file_tensors_check(const pt__file_tensors_t *file)
{
    PT__TRY(pt__file_check(&file->mapping, file->name));
    for (int64_t i = 0; i < file->n_parts; i++)
        PT__TRY(pt__file_tensors_check(file->parts[i]));
    return PT_OK;
}

pt_status_t pt__file_tensors_verify(const pt__file_tensors_t *file, int32_t *present)
{
    if (present != NULL)
        *present = 0;
    if (file->format->verify != NULL)
        PT__TRY(file->format->verify(file, present));
    for (int64_t i = 0; i < file->n_parts; i++)
        PT__TRY(pt__file_tensors_verify(file->parts[i], NULL));
    return PT_OK;
}

void pt__file_tensors_close(pt__file_tensors_t *file)
{
    if (file == NULL)
        return;
    pt_context_t *context = file->context;
    if (file->format != NULL && file->format->close != NULL)
        file->format->close(file);
    for (int64_t i = 0; i < file->n_parts; i++)
        pt__file_tensors_close(file->parts[i]);
    for (int64_t i = 0; i < file->n_blocks; i++)
        pt__release(&context->memory, file->blocks[i]);
    pt__file_unmap(&file->mapping);
    pt__release(&context->memory, file->parts);
    pt__release(&context->memory, file->blocks);
    pt__release(&context->memory, file->name);
    pt__release(&context->memory, file);
    pt__context_release(context);
}
