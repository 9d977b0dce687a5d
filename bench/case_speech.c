/* Deep Speech 2 for the performance table: two convolutions over frames of 161 bins, with batch norm and a clipped ReLU
 * behind each, three two-way recurrent layers whose directions are added up, batch norm between them, and 29 outputs
 * for each row, whose mean over a sample is told apart by its label. Written with the public interface alone, as a host
 * would. */
#include "case_state.h"

#include <string.h>

enum { BINS = 161, CHANNELS = 32, OUTPUTS = 29 };

/* time x frequency; zeros around, so that a stride alone makes it smaller */
static pt_tensor_t add_convolution(pt_graph_t *graph, const char *name, const char *norm, pt_tensor_t src,
                                   int64_t height, int64_t width, int64_t down)
{
    pt_convolution_options_t options;
    must(pt_convolution_options_init(&options, sizeof options), "convolution");
    options.stride[0] = down;
    options.stride[1] = 2;
    options.padding[0] = options.padding[1] = height / 2;
    options.padding[2] = options.padding[3] = width / 2;
    pt_tensor_t rows = pt_convolution_layer(graph, name, src, CHANNELS, height, width, &options);
    return pt_hardtanh(graph, pt_batch_norm_layer(graph, norm, rows, 0.1, 1e-5), 0, 20);
}

static pt_tensor_t add_recurrent(pt_graph_t *graph, int layer, pt_tensor_t src, int64_t width)
{
    char name[32];
    pt_recurrent_options_t options;
    must(pt_recurrent_options_init(&options, sizeof options), "recurrent");
    options.kind = PT_RECURRENT_GRU;
    options.flags = PT_RECURRENT_TWO_WAY;
    options.hidden = width;
    if (layer > 0) {
        snprintf(name, sizeof name, "norms.%d", layer);
        src = pt_batch_norm_layer(graph, name, src, 0.1, 1e-5);
    }
    snprintf(name, sizeof name, "rnns.%d", layer);
    pt_tensor_t both = pt_recurrent_layers(graph, name, src, &options);
    return pt_sum(graph, pt_reshape(graph, both, 3, (int64_t[]){-1, 2, width}), 1, 0);
}

static void make_network(state_t *state)
{
    const bench_t *bench = state->bench;
    pt_graph_t *graph;
    must(pt_graph_create(state->context, &graph), "graph");
    pt_tensor_t frames = pt_input(graph, "frames", PT_FLOAT32, 2, (int64_t[]){PT_DIM_TOKENS, BINS});
    pt_tensor_t label = pt_input(graph, "label", PT_INT32, 1, (int64_t[]){PT_DIM_BATCH});
    pt_tensor_t rows = pt_reshape(graph, frames, 3, (int64_t[]){PT_DIM_TOKENS, BINS, 1});
    rows = add_convolution(graph, "conv.0", "conv.1", rows, 11, 41, 2);
    rows = add_convolution(graph, "conv.3", "conv.4", rows, 11, 21, 1);
    int64_t bins = ((BINS + 1) / 2 + 1) / 2;
    rows = pt_reshape(graph, rows, 2, (int64_t[]){-1, bins * CHANNELS});
    for (int i = 0; i < bench->layers; i++)
        rows = add_recurrent(graph, i, rows, bench->width);
    rows = pt_linear_layer(graph, "fc", pt_batch_norm_layer(graph, "norm", rows, 0.1, 1e-5), OUTPUTS,
                           PT_ACTIVATION_NONE);
    pt_graph_set_loss(graph, pt_cross_entropy_loss(graph, pt_pool(graph, rows, PT_POOL_MEAN), label, NULL));
    must(pt_model_create(state->context, graph, &state->model), "model");
    pt_graph_free(graph);
}

/* Samples as long as the case says, or from a quarter of that on. */
void make_speech(state_t *state)
{
    const bench_t *bench = state->bench;
    make_network(state);
    for (int i = 0; i < BATCHES; i++) {
        int64_t frames = 0;
        for (int j = 0; j < bench->batch; j++) {
            uint32_t shorter = bench->speech > 1 ? draw() % (uint32_t)(bench->length * 3 / 4) : 0;
            state->sample_lengths[i][j] = bench->length - (int64_t)shorter;
            frames += state->sample_lengths[i][j];
        }
        state->features[i] = must_allocate((size_t)(frames * BINS), sizeof(float));
        state->labels[i] = must_allocate((size_t)bench->batch, sizeof(int32_t));
        for (int64_t j = 0; j < frames * BINS; j++)
            state->features[i][j] = (float)(draw() % 2048) / 1024.0f - 1.0f;
        for (int j = 0; j < bench->batch; j++)
            state->labels[i][j] = (int32_t)(draw() % OUTPUTS);
        state->values[i][0] = (pt_array_t){
            .name = "frames", .data = state->features[i], .lengths = state->sample_lengths[i], .dtype = PT_FLOAT32};
        state->values[i][1] = (pt_array_t){.name = "label", .data = state->labels[i], .dtype = PT_INT32};
    }
}
