/* See preprocessor.h. The vocabulary is that of the transformers library's image processors, the older ones' too. */
#include "train/preprocessor.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

#define PREPROCESSOR_FILE "preprocessor_config.json"

enum { LARGEST_FILE = 16 << 20, LARGEST_SIZE = 1 << 16 };

static const char field[] = "pixel_values";
static const double byte = 1.0 / 255; /* what a byte is multiplied by where nothing else is said */

void pt__preprocessor_close(pt_context_t *context, pt__preprocessor_t *preprocessor)
{
    pt__json_free(preprocessor->document);
    pt__release(&context->memory, preprocessor->text);
    preprocessor->document = NULL;
    preprocessor->text = NULL;
    preprocessor->root = NULL;
}

/* A configuration that cannot be read is told where the model is made. */
static pt_status_t find_family(pt__memory_t *memory, const char *config, int32_t *looks_at_pictures)
{
    pt__json_document_t *document;
    const pt__json_t *root;
    *looks_at_pictures = 0;
    pt_status_t status = pt__json_parse(memory, "config", config, (int64_t)strlen(config), &document, &root);
    if (status != PT_OK)
        return status == PT_ERR_FORMAT ? PT_OK : status;
    const pt__json_t *type = pt__json_find(root, "model_type");
    const pt__family_t *family = type == NULL || type->kind != PT__JSON_STRING ? NULL : pt__family_find(type->string);
    pt__json_free(document);
    *looks_at_pictures = family != NULL && family->looks_at_pictures;
    return PT_OK;
}

pt_status_t pt__preprocessor_open(pt_context_t *context, const char *directory, const char *config,
                                  pt__preprocessor_t *out)
{
    pt__memory_t *memory = &context->memory;
    int32_t looks_at_pictures = 0;
    *out = (pt__preprocessor_t){.text = NULL};
    if (directory != NULL && directory[0] != 0)
        PT__TRY(find_family(memory, config, &looks_at_pictures));
    if (!looks_at_pictures)
        return PT_OK;
    PT__TRY(pt__path_join(directory, PREPROCESSOR_FILE, out->path, PT__PATH_SIZE));
    PT__TRY(pt__file_read_within(memory, directory, PREPROCESSOR_FILE, LARGEST_FILE, &out->text, &out->length));
    if (out->text == NULL)
        return PT_OK;
    pt_status_t status = pt__json_parse(memory, "the text", out->text, out->length, &out->document, &out->root);
    if (status == PT_OK && out->root->kind != PT__JSON_OBJECT)
        status = pt__fail(PT_ERR_FORMAT, "%s, expected an object", pt__json_kind_name(out->root->kind));
    return status == PT_OK ? PT_OK : pt__fail_within(status, "%s", out->path);
}

/* ---- Sizes ---- */

typedef struct shape {
    int64_t height, width, channels; /* 0: not said */
} shape_t;

/* A number, {"height", "width"} or {"shortest_edge"}, which a crop then makes square. Other ways to say a size leave it
 * to the picture. */
static pt_status_t read_size(const pt__json_t *root, const char *key, shape_t *shape)
{
    const pt__json_t *value = pt__json_find(root, key);
    if (value == NULL || value->kind == PT__JSON_NULL)
        return PT_OK;
    if (value->kind == PT__JSON_NUMBER)
        PT__TRY(pt__json_get_integer(root, key, PT__JSON_REQUIRED, 1, LARGEST_SIZE, &shape->height));
    else {
        PT__TRY(pt__json_get_integer(value, "shortest_edge", PT__JSON_OPTIONAL, 1, LARGEST_SIZE, &shape->height));
        if (shape->height == 0) {
            PT__TRY(pt__json_get_integer(value, "height", PT__JSON_OPTIONAL, 1, LARGEST_SIZE, &shape->height));
            return pt__json_get_integer(value, "width", PT__JSON_OPTIONAL, 1, LARGEST_SIZE, &shape->width);
        }
    }
    shape->width = shape->height;
    return PT_OK;
}

static pt_status_t read_shape(const pt__json_t *root, shape_t *shape)
{
    int32_t crops = 1;
    const pt__json_t *mean = pt__json_find(root, "image_mean");
    *shape = (shape_t){0};
    PT__TRY(pt__json_get_bool(root, "do_center_crop", PT__JSON_OPTIONAL, &crops));
    if (crops)
        PT__TRY(read_size(root, "crop_size", shape));
    if (shape->height == 0 || shape->width == 0)
        PT__TRY(read_size(root, "size", shape));
    if (mean != NULL && mean->kind == PT__JSON_ARRAY)
        shape->channels = mean->length;
    return PT_OK;
}

static int32_t lacks(const pt__json_t *config, const char *key)
{
    const pt__json_t *value = pt__json_find(config, key);
    return value == NULL || value->kind == PT__JSON_NULL;
}

static void add_shape(const shape_t *shape, const pt__json_t *config, pt__text_t *text)
{
    const char *separator = "{";
    for (const pt__json_t *one = config->first; one != NULL; one = one->next) {
        if (one->kind == PT__JSON_NULL)
            continue;
        pt__text_add(text, "%s", separator);
        pt__json_print_member(one, text);
        separator = ", ";
    }
    if (lacks(config, "image_size") && shape->height > 0 && shape->width > 0)
        pt__text_add(text, ", \"image_size\": [%lld, %lld]", (long long)shape->height, (long long)shape->width);
    if (lacks(config, "num_channels") && shape->channels > 0)
        pt__text_add(text, ", \"num_channels\": %lld", (long long)shape->channels);
    pt__text_add(text, "}");
}

pt_status_t pt__preprocessor_complete(const pt__preprocessor_t *preprocessor, pt_context_t *context, const char *config,
                                      char **completed)
{
    pt__memory_t *memory = &context->memory;
    pt__json_document_t *document;
    const pt__json_t *root;
    shape_t shape;
    *completed = NULL;
    if (preprocessor->root == NULL)
        return PT_OK;
    PT__TRY(pt__json_parse(memory, "config", config, (int64_t)strlen(config), &document, &root));
    pt__text_t text = pt__text_start(memory);
    pt_status_t status = PT_OK;
    if (lacks(root, "image_size") || lacks(root, "num_channels")) {
        status = read_shape(preprocessor->root, &shape);
        if (status == PT_OK)
            add_shape(&shape, root, &text);
        else
            status = pt__fail_within(status, "%s", preprocessor->path);
    }
    pt__json_free(document);
    status = status == PT_OK ? text.status : status;
    if (status == PT_OK && text.length > 0)
        return pt__text_take(&text, completed, NULL);
    pt__text_free(&text);
    return status;
}

/* ---- Normalisation ---- */

static pt_status_t check_number(const pt__json_t *value, double above, double *number)
{
    if (value->kind != PT__JSON_NUMBER || !isfinite(value->number) || !(value->number > above))
        return pt__json_fail(value, PT_ERR_FORMAT, "expected a finite number%s", above == 0 ? " above 0" : "");
    *number = value->number;
    return PT_OK;
}

/* One number for each channel, or one for all. */
static pt_status_t read_channels(const pt__json_t *root, const char *key, double above, int64_t channels,
                                 double *values)
{
    const pt__json_t *value = pt__json_find(root, key);
    if (value == NULL || value->kind == PT__JSON_NULL)
        return pt__json_fail(root, PT_ERR_NOT_FOUND, "the key \"%s\" is missing, which do_normalize needs", key);
    const int64_t count = value->kind == PT__JSON_ARRAY ? value->length : 1;
    if (count != channels && count != 1)
        return pt__json_fail(value, PT_ERR_FORMAT, "%lld numbers, expected %lld, one a channel", (long long)count,
                             (long long)channels);
    const pt__json_t *one = value->kind == PT__JSON_ARRAY ? value->first : value;
    for (int64_t i = 0; i < channels; i++) {
        PT__TRY(check_number(one, above, &values[i]));
        one = count > 1 ? one->next : one;
    }
    return PT_OK;
}

/* (value · factor - mean) / deviation, as (value - shift) / scale. */
static pt_status_t read_numbers(const pt__json_t *root, int64_t channels, double *shift, double *scale, int32_t *does)
{
    double factor = byte;
    int32_t rescales = 1, offsets = 0, normalizes = pt__json_find(root, "image_mean") != NULL;
    PT__TRY(pt__json_get_bool(root, "rescale_offset", PT__JSON_OPTIONAL, &offsets));
    if (offsets)
        return pt__json_fail(pt__json_find(root, "rescale_offset"), PT_ERR_UNSUPPORTED,
                             "true asks for 1 less of each value, expected false");
    PT__TRY(pt__json_get_bool(root, "do_rescale", PT__JSON_OPTIONAL, &rescales));
    PT__TRY(pt__json_get_bool(root, "do_normalize", PT__JSON_OPTIONAL, &normalizes));
    if (rescales && pt__json_find(root, "rescale_factor") != NULL)
        PT__TRY(check_number(pt__json_find(root, "rescale_factor"), 0, &factor));
    factor = rescales ? factor : 1;
    for (int64_t i = 0; i < channels; i++) {
        shift[i] = 0;
        scale[i] = 1;
    }
    if (normalizes) {
        PT__TRY(read_channels(root, "image_mean", -INFINITY, channels, shift));
        PT__TRY(read_channels(root, "image_std", 0, channels, scale));
    }
    for (int64_t i = 0; i < channels; i++) {
        shift[i] /= factor;
        scale[i] /= factor;
    }
    *does = rescales || normalizes;
    return PT_OK;
}

/* In *values, which the caller releases, shift and scale of each channel; NULL: the file asks for neither. */
static pt_status_t read_normal(const pt__preprocessor_t *preprocessor, const pt_model_t *model, int64_t *channels,
                               double **values)
{
    pt__memory_t *memory = &model->context->memory;
    int32_t does = 0;
    PT__TRY(pt__normalizations_check(model, field, channels));
    PT__TRY(pt__allocate(memory, (size_t)*channels, 2 * sizeof **values, "normalisation", values));
    pt_status_t status = read_numbers(preprocessor->root, *channels, *values, *values + *channels, &does);
    if (status == PT_OK && does)
        return PT_OK;
    pt__release(memory, *values);
    *values = NULL;
    return status == PT_OK ? PT_OK : pt__fail_within(status, "%s", preprocessor->path);
}

pt_status_t pt__preprocessor_normalize(const pt__preprocessor_t *preprocessor, pt_model_t *model)
{
    int64_t channels;
    double *values;
    if (preprocessor->root == NULL)
        return PT_OK;
    PT__TRY(read_normal(preprocessor, model, &channels, &values));
    if (values == NULL)
        return PT_OK;
    const pt__normal_t normal = {.count = channels, .shift = values, .scale = values + channels};
    pt_status_t status = pt__normalizations_set(model, field, &normal);
    pt__release(&model->context->memory, values);
    return status;
}

/* ---- Writing ---- */

static int32_t says_the_same(const pt__normal_t *normal, const double *values)
{
    if (normal == NULL || values == NULL)
        return normal == NULL && values == NULL;
    const size_t size = (size_t)normal->count * sizeof *values;
    return memcmp(normal->shift, values, size) == 0 && memcmp(normal->scale, values + normal->count, size) == 0;
}

static void add_numbers(const char *key, const double *values, int64_t count, pt__text_t *text)
{
    pt__text_add(text, ",\n  \"%s\": [", key);
    for (int64_t i = 0; i < count; i++) {
        pt__text_add(text, i == 0 ? "" : ", ");
        pt__json_add_number(text, values[i] * byte);
    }
    pt__text_add(text, "]");
}

static void add_normal(const pt__normal_t *normal, pt__text_t *text)
{
    pt__text_add(text, ",\n  \"do_rescale\": %s,\n  \"do_normalize\": %s", normal == NULL ? "false" : "true",
                 normal == NULL ? "false" : "true");
    if (normal == NULL)
        return;
    pt__text_add(text, ",\n  \"rescale_factor\": ");
    pt__json_add_number(text, byte);
    add_numbers("image_mean", normal->shift, normal->count, text);
    add_numbers("image_std", normal->scale, normal->count, text);
}

static int32_t is_of_normal(const char *key)
{
    static const char *const keys[] = {"do_rescale", "do_normalize", "rescale_factor", "image_mean", "image_std"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strcmp(keys[i], key) == 0)
            return 1;
    return 0;
}

static pt_status_t write_file(const pt_model_t *model, const char *directory, const char *bytes, int64_t length)
{
    static const pt_save_options_t to_path = {.struct_size = sizeof to_path};
    char path[PT__PATH_SIZE];
    PT__TRY(pt__path_join(directory, PREPROCESSOR_FILE, path, PT__PATH_SIZE));
    return pt__place_write_bytes(model->context, path, &to_path, bytes, length);
}

/* original NULL: there is none. */
static pt_status_t write_anew(const pt_model_t *model, const char *directory, const pt__json_t *original)
{
    const pt__input_t *input = pt__graph_input(model->trunk, field);
    const int64_t *size = pt__graph_tensor(model->trunk, input->tensor)->shape.size;
    const char *separator = "{\n  ";
    pt__text_t text = pt__text_start(&model->context->memory);
    if (original == NULL)
        pt__text_add(&text,
                     "{\n  \"image_processor_type\": \"ViTImageProcessor\",\n  \"do_resize\": true,\n  \"resample\": 2,"
                     "\n  \"size\": {\"height\": %lld, \"width\": %lld}",
                     (long long)size[1], (long long)size[2]);
    for (const pt__json_t *one = original == NULL ? NULL : original->first; one != NULL; one = one->next) {
        if (is_of_normal(one->key))
            continue;
        pt__text_add(&text, "%s", separator);
        pt__json_print_member(one, &text);
        separator = ",\n  ";
    }
    if (text.length == 0) /* nothing else was in it */
        pt__text_add(&text, "{\n  \"image_processor_type\": \"ViTImageProcessor\"");
    add_normal(pt__normalizations_find(&model->normalizations, field), &text);
    pt__text_add(&text, "\n}\n");
    pt_status_t status = text.status;
    if (status == PT_OK)
        status = write_file(model, directory, text.data, text.length);
    pt__text_free(&text);
    return status;
}

static pt_status_t save(const pt_model_t *model, const pt__preprocessor_t *original, const char *directory)
{
    int64_t channels;
    double *values = NULL;
    if (original->root == NULL)
        return write_anew(model, directory, NULL);
    PT__TRY(read_normal(original, model, &channels, &values));
    const int32_t same = says_the_same(pt__normalizations_find(&model->normalizations, field), values);
    pt__release(&model->context->memory, values);
    return same ? write_file(model, directory, original->text, original->length)
                : write_anew(model, directory, original->root);
}

pt_status_t pt__preprocessor_save(const pt_model_t *model, const char *directory)
{
    pt__preprocessor_t original;
    if (!model->family->looks_at_pictures)
        return PT_OK;
    pt_status_t status = pt__preprocessor_open(model->context, model->directory, model->config, &original);
    if (status == PT_OK)
        status = save(model, &original, directory);
    pt__preprocessor_close(model->context, &original);
    return status;
}
