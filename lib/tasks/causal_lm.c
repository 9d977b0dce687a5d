/* The causal language model: each token's row predicts the token after it.
 *
 *   labels      int32 [PT_DIM_TOKENS], PT_IGNORE_INDEX where nothing is to be predicted; where the data has none:
 *               each token's label is the token after it, and a sample's last token has none
 *   loss        cross-entropy of softmax(hidden · weightᵀ) at the labels, smoothed as asked for, the logits never
 *               all in memory
 *   logits      [PT_DIM_TOKENS, V];  next_logits [PT_DIM_BATCH, V] of each sample's last row, which is what
 *               generation reads
 *   perplexity  exp(loss)
 *
 * weight [V, D] is the trunk's tied one, or else a parameter "lm_head.weight" from N(0, the family's deviation, or
 * 0.02); V is the number of rows that "tokens" index. */
#include "base/options.h"
#include "tasks/head.h"
#include "tasks/tasks.h"

static const double DEVIATION = 0.02;

static pt_status_t check_trunk(const pt_graph_t *graph, pt_tensor_t hidden, int64_t *vocabulary)
{
    const pt__input_t *tokens = pt__graph_input(graph, "tokens");
    if (tokens == NULL || pt__graph_tensor(graph, tokens->tensor)->index_limit <= 0)
        return pt__fail(PT_ERR_STATE, "task causal_lm: the network has no input \"tokens\" that an embedding reads");
    if (pt__graph_tensor(graph, hidden)->shape.dimension != PT__DIMENSION_TOKENS)
        return pt__fail(PT_ERR_SHAPE, "task causal_lm: the network's output \"hidden\" has one row a sample, expected "
                                      "one a token ([PT_DIM_TOKENS, D])");
    *vocabulary = pt__graph_tensor(graph, tokens->tensor)->index_limit;
    return PT_OK;
}

static void shift(const pt__derivation_t *derivation, void *values)
{
    const int32_t *tokens = derivation->from;
    int32_t *labels = values;
    for (int64_t sample = 0; sample < derivation->samples; sample++) {
        int32_t end = derivation->offsets[sample + 1];
        for (int32_t i = derivation->offsets[sample]; i < end; i++)
            labels[i] = i + 1 < end ? tokens[i + 1] : PT_IGNORE_INDEX;
    }
}

pt_status_t pt_causal_lm_options_init(pt_causal_lm_options_t *options, uint32_t struct_size)
{
    static const pt_causal_lm_options_t defaults = {0};
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_causal_lm_options");
}

static pt_status_t read_options(const void *options, pt__task_options_t *out, pt_array_t *per_output)
{
    (void)per_output;
    pt_causal_lm_options_t own;
    PT__TRY(pt_causal_lm_options_init(&own, (uint32_t)sizeof own));
    PT__TRY(pt__options_read(options, &own, (uint32_t)sizeof own, "pt_causal_lm_options"));
    PT__TRY(pt__head_check_flags("causal_lm", own.flags, 0));
    out->label_smoothing = own.label_smoothing;
    out->dropout = own.dropout;
    return PT_OK;
}

/* What a host's struct cannot ask for, a file may. */
static pt_status_t check(const pt__task_options_t *options)
{
    if (options->per_output != NULL)
        return pt__fail(PT_ERR_ARGUMENT,
                        "task causal_lm: class_weights are given, expected none: a language model has no classes");
    return PT_OK;
}

static pt_status_t build(const pt__task_options_t *options, pt_graph_t *graph)
{
    pt_tensor_t hidden, weight = graph->offer.output_weight;
    int64_t vocabulary = 0;
    pt_cross_entropy_options_t loss;
    PT__TRY(pt_cross_entropy_options_init(&loss, (uint32_t)sizeof loss));
    loss.label_smoothing = options->label_smoothing;
    PT__TRY(pt__head_find_hidden(graph, "causal_lm", &hidden));
    PT__TRY(check_trunk(graph, hidden, &vocabulary));
    if (weight == PT_NO_TENSOR) {
        int64_t width = pt__graph_tensor(graph, hidden)->shape.size[1];
        const double deviation = graph->offer.deviation > 0 ? graph->offer.deviation : DEVIATION;
        weight = pt_parameter(graph, "lm_head.weight", 2, (int64_t[]){vocabulary, width},
                              PT__INITIAL(PT_INIT_NORMAL, deviation));
    }
    if (options->dropout > 0)
        hidden = pt_dropout(graph, hidden, options->dropout);
    pt_tensor_t labels = pt_input(graph, "labels", PT_INT32, 1, (int64_t[]){PT_DIM_TOKENS});
    pt_graph_set_loss(graph, pt_linear_cross_entropy_loss(graph, hidden, weight, PT_NO_TENSOR, labels, &loss));
    pt_graph_set_output(graph, "logits", pt_linear(graph, hidden, weight, PT_NO_TENSOR, PT_ACTIVATION_NONE));
    pt_tensor_t last = pt_pool(graph, hidden, PT_POOL_LAST);
    pt_graph_set_output(graph, "next_logits", pt_linear(graph, last, weight, PT_NO_TENSOR, PT_ACTIVATION_NONE));
    pt__graph_add_metric(graph, "perplexity", "perplexity", 0, PT_NO_TENSOR, PT_NO_TENSOR);
    return pt_graph_status(graph);
}

static const pt__derived_t derived[] = {{.field = "labels", .from = "tokens", .unless = "labels", .derive = shift}};

const pt__task_t pt__task_causal_lm = {.name = PT_TASK_CAUSAL_LM,
                                       .self_supervised = 1,
                                       .derived = derived,
                                       .n_derived = 1,
                                       .generated_output = "next_logits",
                                       .generated_field = "tokens",
                                       .read = read_options,
                                       .check = check,
                                       .build = build};
