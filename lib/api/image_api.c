/* Datasets of pictures, for hosts. What decodes and what unpickles is handed to the source in lib/data/ from here, as
 * no layer at their height knows another. */
#include "api/api.h"
#include "data/picture_readers.h"
#include "data/sources.h"
#include "formats/picture_batch.h"
#include "image/image.h"
#include "image/sample.h"

static const pt_image_options_t defaults = {.struct_size = (uint32_t)sizeof(pt_image_options_t),
                                            .padding = 4,
                                            .randaugment_strength = 9,
                                            .most_pixels = 100000000,
                                            .scale_least = 0.08,
                                            .scale_most = 1,
                                            .ratio_least = 3.0 / 4,
                                            .ratio_most = 4.0 / 3,
                                            .jitter = 1,
                                            .blur_least = 0.1,
                                            .blur_most = 2};

pt_status_t pt_image_options_init(pt_image_options_t *options, uint32_t struct_size)
{
    PT__ENTER();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_image_options_t");
}

static int32_t named(const char *name)
{
    return (int32_t)pt__picture_named(name);
}

static pt_status_t create(const char *function, pt_context_t *context, const char *path,
                          const pt_image_options_t *options, pt_dataset_t **out)
{
    static const pt__picture_calls_t calls = {.check = pt__sample_check,
                                              .from_file = pt__sample_from_file,
                                              .from_picture = pt__sample_from_picture,
                                              .named = named,
                                              .pickled_rows = pt__picture_batch_rows,
                                              .pickled_names = pt__picture_batch_names};
    pt_image_options_t known = defaults;
    PT__NEED_IN(function, path);
    PT__TRY(pt__options_read(options, &known, (uint32_t)sizeof known, "pt_image_options_t"));
    return pt__pictures_create(context, path, &known, &calls, out);
}

pt_status_t pt_dataset_create_from_images(pt_context_t *context, const char *path, const pt_image_options_t *options,
                                          pt_dataset_t **out)
{
    PT__ENTER();
    PT__NEED_OUT(out);
    PT__NEED(context);
    return pt__context_keep(context, create(__func__, context, path, options, out));
}

/* Views and maps show what they are of. */
static const pt_dataset_t *origin_of(const pt_dataset_t *dataset)
{
    while (dataset != NULL && dataset->origin != NULL)
        dataset = dataset->origin;
    return dataset == NULL || dataset->source->skipped == NULL ? NULL : dataset;
}

const char *pt_dataset_sample_name(const pt_dataset_t *dataset, int64_t sample)
{
    if (dataset == NULL || sample < 0 || sample >= dataset->length)
        return NULL;
    pt_dataset_t *at = (pt_dataset_t *)(uintptr_t)dataset; /* which nothing here changes */
    for (at = pt__dataset_resolve(at, &sample, 1); at->source->sample_name == NULL;
         at = pt__dataset_resolve(at, &sample, 1)) {
        if (at->origin == NULL)
            return NULL;
        at = at->origin; /* of a map, sample for sample */
    }
    return at->source->sample_name(at, sample);
}

int64_t pt_dataset_skipped_count(const pt_dataset_t *dataset)
{
    dataset = origin_of(dataset);
    return dataset == NULL ? 0 : dataset->source->skipped_count(dataset);
}

const char *pt_dataset_skipped(const pt_dataset_t *dataset, int64_t index)
{
    dataset = origin_of(dataset);
    return dataset == NULL ? NULL : dataset->source->skipped(dataset, index);
}
