/* What the convolutional families share: convolutions with batch norms and activations behind them, under the names of
 * their files. */
#ifndef PT__CONVOLUTIONAL_H
#define PT__CONVOLUTIONAL_H

#include "base/json.h"
#include "models/picture.h"

enum { PT__MOST_STAGES = 16, PT__DEEPEST_STAGE = 1024, PT__MOST_FILTERS = 1 << 20 };

/* How large initial weights are: normal, of variance 2 over the inputs, or the outputs, that a weight is between (He
 * 2015). */
typedef enum pt__fan { PT__FAN_OUT = 0, PT__FAN_IN } pt__fan_t;

/* A network that is being built. */
typedef struct pt__convolutional {
    pt_graph_t *graph;
    double momentum, epsilon; /* of batch norms */
    pt__fan_t fan;
    int32_t has_bias; /* convolutions do */
    int32_t
        tf_padding; /* as TensorFlow pads: sizes are divided by strides and rounded up; else as large as the kernel */
} pt__convolutional_t;

typedef struct pt__filter { /* of a square kernel; 0 stands for 1 of all but outputs */
    int64_t outputs, kernel, stride, dilation, groups;
} pt__filter_t;

/* src [PT_DIM_BATCH, H, W, C]; parameters NAME.weight and, where they have biases, NAME.bias. */
pt_tensor_t pt__convolve(const pt__convolutional_t *network, const char *name, pt_tensor_t src,
                         const pt__filter_t *filter);
/* The same, the batch norm NORM behind it, and the activation. */
pt_tensor_t pt__convolve_norm(const pt__convolutional_t *network, const char *name, const char *norm, pt_tensor_t src,
                              const pt__filter_t *filter, int32_t activation);
pt_tensor_t pt__activate(pt_graph_t *graph, pt_tensor_t src, int32_t activation);
/* The mean of each channel: [PT_DIM_BATCH, H, W, C] -> [PT_DIM_BATCH, C]. */
pt_tensor_t pt__pool_pictures(pt_graph_t *graph, pt_tensor_t src);
/* A picture as one row in the order of PyTorch's files, channel by channel: [PT_DIM_BATCH, H, W, C] -> [PT_DIM_BATCH,
 * C·H·W]. */
pt_tensor_t pt__flatten_pictures(pt_graph_t *graph, pt_tensor_t src);
/* The standard deviation that PyTorch's nn.Linear begins with, of so many inputs. */
double pt__linear_deviation(int64_t inputs);
int64_t pt__channels_of(pt_graph_t *graph, pt_tensor_t src); /* the last size; 0 after an error */
int64_t pt__height_of(pt_graph_t *graph, pt_tensor_t src);   /* of pictures */

/* "hidden_sizes" and "depths": filters and blocks of each stage. */
typedef struct pt__stages {
    int32_t count;
    int64_t filters[PT__MOST_STAGES], depths[PT__MOST_STAGES];
} pt__depths_t;
/* An array of 1 to PT__MOST_STAGES whole numbers from 1 to `most`; both keep what they hold where it is missing. */
pt_status_t pt__config_sizes(const pt__json_t *config, const char *key, int64_t most, int32_t *count, int64_t *sizes);
/* *stages keeps what it holds where a key is missing; both have as many numbers. */
pt_status_t pt__config_stages(const pt__json_t *config, pt__depths_t *stages);

#endif
