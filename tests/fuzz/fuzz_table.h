/* What the fuzz targets of CSV and JSON lines share: the input becomes a file, the file a dataset, and every sample
 * is read through a loader. */
#ifndef FUZZ_TABLE_H
#define FUZZ_TABLE_H

#include <stdio.h>
#include <unistd.h>

#include "data/data.h"
#include "fuzz/fuzz.h"

typedef pt_status_t (*fuzz_open_fn)(pt_context_t *context, const char *path, pt_dataset_t **out);

static inline void fuzz_read(pt_dataset_t *dataset) {
    const pt__request_t requests[3] = {{.name = "text",
                                        .dtype = PT_INT32,
                                        .rank = 1,
                                        .dimension = PT__DIMENSION_TOKENS,
                                        .shape = {PT_DIM_TOKENS},
                                        .index_limit = 256,
                                        .index_ignore = INT32_MIN},
                                       {.name = "label",
                                        .dtype = PT_INT32,
                                        .index_limit = pt_dataset_class_count(dataset, "label"),
                                        .index_ignore = INT32_MIN},
                                       {.name = "x", .dtype = PT_FLOAT32, .rank = 1, .shape = {2}}};
    pt__loader_options_t options = {.batch = 4, .micro_batch = 3, .epochs = 1};
    pt__loader_t *loader;
    pt__loaded_t loaded;
    int64_t samples = 0;
    if (pt__loader_create(dataset, requests, 3, &options, NULL, &loader) != PT_OK)
        abort();
    pt_status_t status;
    while ((status = pt__loader_next(loader, &loaded)) == PT_OK)
        samples += loaded.rows.count[PT__DIMENSION_BATCH];
    if (status != PT_END || samples != pt_dataset_length(dataset)) /* what was accepted can be read whole */
        abort();
    pt__loader_free(loader);
}

static inline int fuzz_table(const uint8_t *data, size_t size, fuzz_open_fn open) {
    static char path[64];
    pt_context_t *context = fuzz_context();
    pt_dataset_t *dataset;
    snprintf(path, sizeof path, "/tmp/pretrain-fuzz-%ld", (long)getpid());
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0)
        exit(EXIT_FAILURE);
    int64_t held = pt_context_bytes(context);
    if (open(context, path, &dataset) == PT_OK) {
        fuzz_read(dataset);
        pt_dataset_free(dataset);
    } else if (*pt_last_error() == 0) {
        abort();
    }
    if (pt_context_bytes(context) != held)
        abort();
    unlink(path);
    return 0;
}

#endif
