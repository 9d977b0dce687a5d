#include "picture_files.h"

#include <string.h>

#include "output.h"

enum {
    /* up to this size pictures are cut out of a black frame, as is usual for CIFAR's; larger ones at random sizes */
    LARGEST_PADDED = 64,
    TOLD_AT_MOST = 5,
    RANDAUGMENT_CHANGES = 2,
};

/* Digits and other gray pictures mean something else when they are mirrored. */
static const char *augmentation_of(const reading_t *reading)
{
    if (!reading->learns)
        return "none";
    if (reading->settings->augment)
        return reading->settings->augment;
    return reading->opened->channels == 1 ? "crop" : "standard";
}

/* Before the middle is cut out, a picture is an eighth larger, as 256 are for 224. */
static int32_t shorter_side(int32_t height, int32_t width)
{
    const int32_t larger = height > width ? height : width;
    return larger > LARGEST_PADDED ? larger + larger / 7 : larger;
}

static void set_augmentation(const reading_t *reading, const char *name, pt_image_options_t *options)
{
    const int is_small = options->height <= LARGEST_PADDED && options->width <= LARGEST_PADDED;
    options->shorter_side = shorter_side(options->height, options->width);
    if (strcmp(name, "none") == 0)
        return;
    options->crop = is_small ? PT_IMAGE_CROP_PADDED : PT_IMAGE_CROP_RANDOM_RESIZED;
    if (strcmp(name, "crop") == 0) {
        options->scale_least = 0.5; /* half of the picture at least: what is not mirrored is not cut to pieces either */
        options->padding = reading->opened->channels == 1 ? 2 : options->padding;
        return;
    }
    options->flip_horizontally = 0.5;
    if (strcmp(name, "strong") == 0)
        options->randaugment = RANDAUGMENT_CHANGES;
}

int picture_files_open(const reading_t *reading, const char *path, pt_dataset_t **out)
{
    const opened_model_t *opened = reading->opened;
    pt_image_options_t options;
    int status = EXIT_DONE;
    TRY(pt_image_options_init(&options, sizeof options));
    options.height = (int32_t)opened->height;
    options.width = (int32_t)opened->width;
    options.channels = (int32_t)opened->channels;
    const names_t *names = reading->names;
    if (names && names->count > 0) {
        options.classes = (const char *const *)names->items;
        options.n_classes = names->count;
    }
    set_augmentation(reading, augmentation_of(reading), &options);
    TRY(pt_dataset_create_from_images(reading->context, path, &options, out));
out:
    return status;
}

int picture_files_normalize(const opened_model_t *opened)
{
    static const double means[] = {0.485, 0.456, 0.406}, deviations[] = {0.229, 0.224, 0.225};
    double shift[3], scale[3];
    pt_array_t shifts = {.dtype = PT_FLOAT64, .data = shift, .elements = opened->channels},
               scales = {.dtype = PT_FLOAT64, .data = scale, .elements = opened->channels};
    int status = EXIT_DONE;
    if (pt_model_normalization(opened->model, "pixel_values", NULL, NULL, sizeof shifts) == PT_OK)
        return EXIT_DONE;
    for (int64_t i = 0; i < opened->channels; i++) {
        shift[i] = 255 * (opened->channels == 3 ? means[i] : 0.5);
        scale[i] = 255 * (opened->channels == 3 ? deviations[i] : 0.5);
    }
    TRY(pt_model_set_normalization(opened->model, "pixel_values", &shifts, &scales, sizeof shifts));
out:
    return status;
}

const char *picture_files_broken(const pt_dataset_t *dataset, const char *name)
{
    const size_t length = strlen(name);
    for (int64_t i = 0; i < pt_dataset_skipped_count(dataset); i++) {
        const char *text = pt_dataset_skipped(dataset, i), *at = strstr(text, name);
        if (at && (at == text || at[-1] == '/') && strncmp(at + length, ": ", 2) == 0)
            return text;
    }
    return NULL;
}

void picture_files_tell_skipped(const pt_dataset_t *dataset)
{
    const int64_t count = pt_dataset_skipped_count(dataset);
    for (int64_t i = 0; i < count && i < TOLD_AT_MOST; i++)
        note("passed over: %s", pt_dataset_skipped(dataset, i));
    if (count > TOLD_AT_MOST)
        note("passed over: %lld more", (long long)(count - TOLD_AT_MOST));
}
