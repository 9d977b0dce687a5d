/* What the families that look at pictures share: how large these are, and the field that they come in. */
#ifndef PT__PICTURE_H
#define PT__PICTURE_H

#include "base/json.h"
#include "graph/graph.h"

enum { PT__LARGEST_PICTURE = 1 << 16 };

typedef struct pt__picture {
    int64_t height, width, channels;
} pt__picture_size_t;

/* A size that is a number, of both directions, or [height, width]; both keep what they hold where there is none. */
pt_status_t pt__config_pair(const pt__json_t *config, const char *key, int64_t most, int64_t *height, int64_t *width);
/* "image_size" and "num_channels"; *picture keeps what it holds where one is missing. */
pt_status_t pt__picture_read(const pt__json_t *config, pt__picture_size_t *picture);
/* The field "pixel_values", float32 [PT_DIM_BATCH, height, width, channels]. */
pt_tensor_t pt__picture_input(pt_graph_t *graph, const pt__picture_size_t *picture);

#endif
