#include "training_pictures.h"

#include <stdlib.h>
#include <string.h>

#include "output.h"

static const char field_name[] = "pixel_values";
/* A first layer has thousands of weights: what has more is none. */
enum { WEIGHTS_AT_MOST = 1 << 24 };

/* The field of that name; 0 where there is none. */
static int find_pictures(pt_dataset_t *dataset, pt_field_spec_t *spec)
{
    for (int32_t i = 0; i < pt_dataset_field_count(dataset); i++) {
        if (pt_dataset_field(dataset, i, spec, sizeof *spec) == PT_OK && strcmp(spec->name, field_name) == 0)
            return spec->dtype == PT_UINT8 && spec->rank == 3;
    }
    return 0;
}

int dataset_has_pictures(pt_dataset_t *dataset)
{
    pt_field_spec_t spec;
    return find_pictures(dataset, &spec);
}

int picture_read(pt_dataset_t *dataset, int64_t sample, report_picture_t *picture)
{
    pt_field_spec_t spec;
    int status = EXIT_DONE;
    *picture = (report_picture_t){NULL, 0, 0, 0};
    if (!find_pictures(dataset, &spec))
        return fail("the data has no field \"%s\" of uint8 [height, width, channels]", field_name);
    const int64_t size = spec.shape[0] * spec.shape[1] * spec.shape[2];
    uint8_t *bytes = malloc((size_t)size);
    pt_array_t values = {.dtype = PT_UINT8, .data = bytes, .capacity = size};
    if (!bytes)
        return fail("no memory for a picture of %lld bytes", (long long)size);
    TRY(pt_dataset_read(dataset, &sample, 1, field_name, &values, sizeof values));
    *picture = (report_picture_t){bytes, spec.shape[1], spec.shape[0], spec.shape[2]};
    return EXIT_DONE;
out:
    free(bytes);
    return status;
}

int filters_read(const pt_model_t *model, report_filters_t *filters)
{
    int status = EXIT_DONE;
    memset(filters, 0, sizeof *filters);
    for (int64_t i = 0; i < pt_model_parameter_count(model); i++) {
        pt_parameter_info_t info = {.struct_size = sizeof info};
        if (pt_model_parameter_info(model, i, &info) != PT_OK || info.rank != 4)
            continue;
        if (info.elements > WEIGHTS_AT_MOST)
            break;
        float *weights = malloc((size_t)info.elements * sizeof *weights);
        pt_array_t values = {.dtype = PT_FLOAT32, .data = weights, .capacity = info.elements};
        if (!weights)
            return fail("no memory for %s", info.name);
        *filters = (report_filters_t){info.name, weights, info.shape[0], info.shape[1], info.shape[2], info.shape[3]};
        TRY(pt_model_parameter_get(model, i, &values, sizeof values));
        break;
    }
out:
    return status;
}
