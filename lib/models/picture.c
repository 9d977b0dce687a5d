#include "models/picture.h"

enum { MOST_CHANNELS = 1 << 16 };

static pt_status_t check_size(const pt__json_t *value, int64_t most, int64_t *size)
{
    if (value->kind != PT__JSON_NUMBER)
        return pt__json_fail(value, PT_ERR_FORMAT, "expected a whole number from 1 to %lld, found %s", (long long)most,
                             pt__json_kind_name(value->kind));
    if (!value->is_integer || value->integer < 1 || value->integer > most)
        return pt__json_fail(value, PT_ERR_FORMAT, "expected a whole number from 1 to %lld, found %g", (long long)most,
                             value->number);
    *size = value->integer;
    return PT_OK;
}

pt_status_t pt__config_pair(const pt__json_t *config, const char *key, int64_t most, int64_t *height, int64_t *width)
{
    const pt__json_t *value = pt__json_find(config, key);
    if (value == NULL || value->kind == PT__JSON_NULL)
        return PT_OK;
    if (value->kind != PT__JSON_ARRAY) {
        PT__TRY(check_size(value, most, height));
        *width = *height;
        return PT_OK;
    }
    if (value->length != 2)
        return pt__json_fail(value, PT_ERR_FORMAT, "expected a number or [height, width], found %lld numbers",
                             (long long)value->length);
    PT__TRY(check_size(value->first, most, height));
    return check_size(value->first->next, most, width);
}

pt_status_t pt__picture_read(const pt__json_t *config, pt__picture_size_t *picture)
{
    PT__TRY(pt__config_pair(config, "image_size", PT__LARGEST_PICTURE, &picture->height, &picture->width));
    return pt__json_get_integer(config, "num_channels", PT__JSON_OPTIONAL, 1, MOST_CHANNELS, &picture->channels);
}

pt_tensor_t pt__picture_input(pt_graph_t *graph, const pt__picture_size_t *picture)
{
    return pt_input(graph, "pixel_values", PT_FLOAT32, 4,
                    (int64_t[]){PT_DIM_BATCH, picture->height, picture->width, picture->channels});
}
