/* Layers: an op together with its parameters, NAME.weight and NAME.bias, under PyTorch's names and with PyTorch's
 * initial values. Made of the public builder calls only, so that they report errors as those do. */
#include <stdio.h>
#include <string.h>

#include "base/options.h"
#include "graph/graph.h"

enum { LONGEST_SUFFIX = 14 }; /* ".running_mean" with its 0 */

/* NAME.SUFFIX; after a failure the graph is in error and 0 comes back. */
static int32_t join(pt_graph_t *graph, const char *call, const char *name, const char *suffix, char joined[PT_MAX_NAME])
{
    if (name == NULL || *name == 0 || strlen(name) + LONGEST_SUFFIX > PT_MAX_NAME) {
        pt__graph_fail(graph, PT_ERR_ARGUMENT, "%s: name %s, expected 1 to %d bytes", call,
                       name == NULL ? "is NULL"
                       : *name == 0 ? "is empty"
                                    : "is too long",
                       PT_MAX_NAME - LONGEST_SUFFIX);
        return 0;
    }
    snprintf(joined, PT_MAX_NAME, "%s.%s", name, suffix);
    return 1;
}

static pt_tensor_t add_parameter(pt_graph_t *graph, const char *call, const char *name, const char *suffix,
                                 int32_t rank, const int64_t *shape, int32_t initializer, double value)
{
    char joined[PT_MAX_NAME];
    return join(graph, call, name, suffix, joined)
               ? pt_parameter(graph, joined, rank, shape, PT__INITIAL(initializer, value))
               : PT_NO_TENSOR;
}

/* The last size of src, which must be known; 0 after a failure. */
static int64_t last_size(pt_graph_t *graph, const char *call, pt_tensor_t src)
{
    int64_t shape[PT_MAX_RANK];
    if (pt__graph_ready(graph, call) != PT_OK)
        return 0;
    int32_t rank = pt_graph_shape(graph, src, shape);
    if (rank >= 1 && shape[rank - 1] >= 1)
        return shape[rank - 1];
    if (rank < 0)
        pt__graph_fail(graph, PT_ERR_ARGUMENT, "%s: src %d is no tensor of this graph", call, (int)src);
    else
        pt__graph_fail(graph, PT_ERR_SHAPE, "%s: src has no last dimension of a fixed size", call);
    return 0;
}

pt_tensor_t pt_linear_layer(pt_graph_t *graph, const char *name, pt_tensor_t src, int64_t outputs, int32_t activation)
{
    int64_t inputs = last_size(graph, "pt_linear_layer", src);
    if (inputs == 0)
        return PT_NO_TENSOR;
    pt_tensor_t weight = add_parameter(graph, "pt_linear_layer", name, "weight", 2, (int64_t[]){outputs, inputs},
                                       PT_INIT_LINEAR, (double)inputs);
    pt_tensor_t bias = add_parameter(graph, "pt_linear_layer", name, "bias", 1, &outputs, PT_INIT_LINEAR,
                                     (double)inputs);
    return pt_linear(graph, src, weight, bias, activation);
}

pt_tensor_t pt_convolution_layer(pt_graph_t *graph, const char *name, pt_tensor_t src, int64_t outputs, int64_t height,
                                 int64_t width, const pt_convolution_options_t *given)
{
    static const char *const call = "pt_convolution_layer";
    int64_t shape[PT_MAX_RANK], channels = last_size(graph, call, src);
    pt_convolution_options_t options;
    if (channels == 0)
        return PT_NO_TENSOR;
    pt_convolution_options_init(&options, sizeof options);
    pt_status_t status = pt__options_read(given, &options, sizeof options, "pt_convolution_options_t");
    if (status != PT_OK)
        return pt__graph_stick(graph, status);
    int32_t rank = pt_graph_shape(graph, src, shape);
    if (options.groups < 1 || channels % options.groups != 0 || rank < 2 || rank > 4)
        return pt__graph_fail(graph, PT_ERR_ARGUMENT,
                              "%s: src has rank %d and %lld channels, expected 2 to 4 and a multiple of %lld groups",
                              call, (int)rank, (long long)channels, (long long)options.groups);
    const int32_t of_rows = rank == 3 && shape[0] < 0 && shape[0] != PT_DIM_BATCH && width > 1;
    if (outputs < 1 || height < 1 || width < 1 || (rank < 4 && width != 1 && !of_rows))
        return pt__graph_fail(graph, PT_ERR_ARGUMENT,
                              "%s: %lld outputs and a kernel of %lld by %lld, expected 1 at least, and by 1 where src "
                              "has one length",
                              call, (long long)outputs, (long long)height, (long long)width);
    const int64_t size[] = {outputs, channels / options.groups, height, width};
    const double inputs = (double)size[1] * (double)height * (double)width;
    pt_tensor_t weight = add_parameter(graph, call, name, "weight", rank < 4 && !of_rows ? 3 : 4, size,
                                       PT_INIT_LINEAR, inputs);
    pt_tensor_t bias = options.flags & PT_CONVOLUTION_NO_BIAS
                           ? PT_NO_TENSOR
                           : add_parameter(graph, call, name, "bias", 1, &outputs, PT_INIT_LINEAR, inputs);
    return pt_convolution(graph, src, weight, bias, given);
}

pt_tensor_t pt_embedding_layer(pt_graph_t *graph, const char *name, pt_tensor_t index, int64_t rows, int64_t width)
{
    if (pt__graph_ready(graph, "pt_embedding_layer") != PT_OK)
        return PT_NO_TENSOR;
    pt_tensor_t weight = add_parameter(graph, "pt_embedding_layer", name, "weight", 2, (int64_t[]){rows, width},
                                       PT_INIT_NORMAL, 1.0);
    return pt_embedding(graph, index, weight);
}

pt_tensor_t pt_layer_norm_layer(pt_graph_t *graph, const char *name, pt_tensor_t src, double epsilon)
{
    int64_t width = last_size(graph, "pt_layer_norm_layer", src);
    if (width == 0)
        return PT_NO_TENSOR;
    pt_tensor_t weight = add_parameter(graph, "pt_layer_norm_layer", name, "weight", 1, &width, PT_INIT_CONSTANT, 1.0);
    pt_tensor_t bias = add_parameter(graph, "pt_layer_norm_layer", name, "bias", 1, &width, PT_INIT_CONSTANT, 0.0);
    return pt_layer_norm(graph, src, weight, bias, epsilon);
}

static pt_tensor_t add_state(pt_graph_t *graph, const char *name, const char *suffix, int64_t width, double value)
{
    char joined[PT_MAX_NAME];
    return join(graph, "pt_batch_norm_layer", name, suffix, joined)
               ? pt_state(graph, joined, 1, &width, PT__INITIAL(PT_INIT_CONSTANT, value))
               : PT_NO_TENSOR;
}

pt_tensor_t pt_batch_norm_layer(pt_graph_t *graph, const char *name, pt_tensor_t src, double momentum, double epsilon)
{
    int64_t width = last_size(graph, "pt_batch_norm_layer", src);
    if (width == 0)
        return PT_NO_TENSOR;
    pt_tensor_t weight = add_parameter(graph, "pt_batch_norm_layer", name, "weight", 1, &width, PT_INIT_CONSTANT, 1.0);
    pt_tensor_t bias = add_parameter(graph, "pt_batch_norm_layer", name, "bias", 1, &width, PT_INIT_CONSTANT, 0.0);
    pt_tensor_t mean = add_state(graph, name, "running_mean", width, 0.0);
    pt_tensor_t variance = add_state(graph, name, "running_var", width, 1.0);
    return pt_batch_norm(graph, src, mean, variance, weight, bias, momentum, epsilon);
}
