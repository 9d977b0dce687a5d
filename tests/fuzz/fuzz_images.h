/* What the fuzz targets of IDX and CIFAR files share: the input becomes a file in a directory, the directory a dataset,
 * and every sample is read. */
#ifndef FUZZ_IMAGES_H
#define FUZZ_IMAGES_H

#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/fuzz_directory.h"

static inline void fuzz_read_all(pt_dataset_t *dataset)
{
    enum { ROOM = 1 << 16 };
    static uint8_t pixels[ROOM];
    const int64_t classes = pt_dataset_class_count(dataset, "label");
    for (int64_t i = 0; i < pt_dataset_length(dataset) && i < 64; i++) {
        int32_t label = 0;
        pt_array_t values = {.dtype = PT_UINT8, .data = pixels, .capacity = ROOM};
        pt_status_t status = pt_dataset_read(dataset, &i, 1, "pixel_values", &values, sizeof values);
        if (status != PT_OK && values.elements <= ROOM)
            abort();
        values = (pt_array_t){.dtype = PT_INT32, .data = &label, .capacity = 1};
        if (classes > 0 && pt_dataset_read(dataset, &i, 1, "label", &values, sizeof values) != PT_OK)
            abort();
        if (classes > 0 && (label < 0 || label >= classes || pt_dataset_class_name(dataset, "label", label) == NULL))
            abort();
    }
}

/* name: the file, a literal, or NULL for the directory. */
static inline void fuzz_images(const char *name)
{
    pt_context_t *context = fuzz_context();
    pt_dataset_t *dataset;
    char path[128];
    const int64_t held = pt_context_bytes(context);
    fuzz_directory_path(name == NULL ? "." : name, path);
    if (pt_dataset_create_from_images(context, path, NULL, &dataset) == PT_OK) {
        fuzz_read_all(dataset);
        pt_dataset_free(dataset);
    } else if (*pt_last_error() == 0) {
        abort();
    }
    if (pt_context_bytes(context) != held)
        abort();
}

#endif
