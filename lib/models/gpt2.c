/* GPT-2 (Radford 2019): learned positions, norms before each part, causal attention, a feed-forward of four times
 * the width. Names, layouts and initial values are those of Hugging Face's GPT2LMHeadModel, so that its files load
 * as they are; so do those of GPT2Model, as GPT-2 is published, whose names lack "transformer.".
 *
 *   h = wte[tokens] + wpe[positions]                                          tokens: the input "tokens"
 *   h = h + c_proj(attention(c_attn(ln_1(h))));  h = h + c_proj(activation(c_fc(ln_2(h))))        n_layer times
 *   hidden = ln_f(h);  wte is offered as the language model's output weight, and "score.weight" without a bias as
 *          the head of
 *   GPT2ForSequenceClassification (which reads the last token: PT_POOL_LAST)
 *
 * Weights are drawn from N(0, initializer_range), those that write into the residual (c_proj) from N(0,
 * initializer_range / sqrt(2 n_layer)); biases are 0, norms 1 and 0. A size that the configuration leaves out is
 * GPT-2's (small); a dropout that it leaves out is none. Scores are divided by sqrt(width of a head), unless
 * scale_attn_weights is false, and with scale_attn_by_inverse_layer_idx by the layer's number, counted from 1. */
#include <math.h>
#include <stdio.h>

#include "models/config.h"
#include "models/models.h"

enum { NAME_SIZE = 64 };

typedef struct gpt2 {
    pt_graph_t *graph;
    int64_t vocabulary, positions, width, layers, heads, inner;
    int32_t activation, tied, scales_scores, scales_by_layer;
    double embedding_dropout, residual_dropout, attention_dropout, epsilon, range;
} gpt2_t;

static pt_status_t read_config(const pt__json_t *config, gpt2_t *model)
{
    PT__TRY(
        pt__json_get_integer(config, "vocab_size", PT__JSON_OPTIONAL, 1, PT__LARGEST_VOCABULARY, &model->vocabulary));
    PT__TRY(pt__json_get_integer(config, "n_positions", PT__JSON_OPTIONAL, 1, PT__LONGEST, &model->positions));
    PT__TRY(pt__json_get_integer(config, "n_embd", PT__JSON_OPTIONAL, 1, PT__WIDEST, &model->width));
    PT__TRY(pt__json_get_integer(config, "n_layer", PT__JSON_OPTIONAL, 1, PT__DEEPEST, &model->layers));
    PT__TRY(pt__json_get_integer(config, "n_head", PT__JSON_OPTIONAL, 1, PT__WIDEST, &model->heads));
    model->inner = 4 * model->width;
    PT__TRY(pt__json_get_integer(config, "n_inner", PT__JSON_OPTIONAL, 1, 8 * PT__WIDEST, &model->inner));
    PT__TRY(pt__config_activation(config, "activation_function", &model->activation));
    PT__TRY(pt__config_probability(config, "embd_pdrop", &model->embedding_dropout));
    PT__TRY(pt__config_probability(config, "resid_pdrop", &model->residual_dropout));
    PT__TRY(pt__config_probability(config, "attn_pdrop", &model->attention_dropout));
    PT__TRY(pt__json_get_number(config, "layer_norm_epsilon", PT__JSON_OPTIONAL, 0.0, 1.0, &model->epsilon));
    PT__TRY(pt__json_get_number(config, "initializer_range", PT__JSON_OPTIONAL, 0.0, 1000.0, &model->range));
    PT__TRY(pt__json_get_bool(config, "tie_word_embeddings", PT__JSON_OPTIONAL, &model->tied));
    PT__TRY(pt__json_get_bool(config, "scale_attn_weights", PT__JSON_OPTIONAL, &model->scales_scores));
    PT__TRY(pt__json_get_bool(config, "scale_attn_by_inverse_layer_idx", PT__JSON_OPTIONAL, &model->scales_by_layer));
    if (model->width % model->heads != 0)
        return pt__fail(PT_ERR_FORMAT, "n_embd: expected a multiple of n_head, which is %lld, found %lld",
                        (long long)model->heads, (long long)model->width);
    return PT_OK;
}

static pt_tensor_t parameter(const gpt2_t *model, const char *prefix, const char *name, int32_t rank,
                             const int64_t *shape, int32_t initializer, double value)
{
    char joined[2 * NAME_SIZE];
    snprintf(joined, sizeof joined, "%s%s", prefix, name);
    return pt_parameter(model->graph, joined, rank, shape, PT__INITIAL(initializer, value));
}

static pt_tensor_t norm(const gpt2_t *model, const char *prefix, const char *name, pt_tensor_t src)
{
    char within[NAME_SIZE];
    snprintf(within, sizeof within, "%s%s.", prefix, name);
    pt_tensor_t weight = parameter(model, within, "weight", 1, &model->width, PT_INIT_CONSTANT, 1.0);
    pt_tensor_t bias = parameter(model, within, "bias", 1, &model->width, PT_INIT_CONSTANT, 0.0);
    return pt_layer_norm(model->graph, src, weight, bias, model->epsilon);
}

/* Hugging Face's Conv1D: weight [inputs, outputs]. */
static pt_tensor_t projection(const gpt2_t *model, const char *prefix, const char *name, pt_tensor_t src,
                              int64_t inputs, int64_t outputs, double deviation, int32_t activation)
{
    char within[NAME_SIZE];
    snprintf(within, sizeof within, "%s%s.", prefix, name);
    pt_tensor_t weight = parameter(model, within, "weight", 2, (int64_t[]){inputs, outputs}, PT_INIT_NORMAL, deviation);
    pt_tensor_t bias = parameter(model, within, "bias", 1, &outputs, PT_INIT_CONSTANT, 0.0);
    return pt_linear_in_out(model->graph, src, weight, bias, activation);
}

static pt_tensor_t dropout(const gpt2_t *model, pt_tensor_t src, double probability)
{
    return probability > 0 ? pt_dropout(model->graph, src, probability) : src;
}

static pt_tensor_t layer(const gpt2_t *model, int64_t number, pt_tensor_t hidden)
{
    char prefix[NAME_SIZE];
    pt_graph_t *graph = model->graph;
    int64_t width = model->width;
    double into_residual = model->range / sqrt(2.0 * (double)model->layers);
    pt_attention_options_t attention;
    pt_attention_options_init(&attention, (uint32_t)sizeof attention);
    attention.flags = PT_ATTENTION_CAUSAL;
    attention.heads = (int32_t)model->heads;
    attention.dropout = model->attention_dropout;
    if (!model->scales_scores || model->scales_by_layer) {
        attention.flags |= PT_ATTENTION_SCALE;
        attention.scale = (model->scales_scores ? 1 / sqrt((double)(width / model->heads)) : 1) /
                          (model->scales_by_layer ? (double)(number + 1) : 1);
    }
    snprintf(prefix, sizeof prefix, "transformer.h.%lld.", (long long)number);

    pt_tensor_t branch = norm(model, prefix, "ln_1", hidden);
    branch = projection(model, prefix, "attn.c_attn", branch, width, 3 * width, model->range, PT_ACTIVATION_NONE);
    branch = pt_attention_packed(graph, branch, &attention);
    branch = projection(model, prefix, "attn.c_proj", branch, width, width, into_residual, PT_ACTIVATION_NONE);
    hidden = pt_add(graph, hidden, dropout(model, branch, model->residual_dropout));

    branch = norm(model, prefix, "ln_2", hidden);
    branch = projection(model, prefix, "mlp.c_fc", branch, width, model->inner, model->range, model->activation);
    branch = projection(model, prefix, "mlp.c_proj", branch, model->inner, width, into_residual, PT_ACTIVATION_NONE);
    return pt_add(graph, hidden, dropout(model, branch, model->residual_dropout));
}

static pt_status_t build(const struct pt__json *config, pt_graph_t *graph)
{
    static const char prefix[] = "transformer.";
    gpt2_t model = {.graph = graph,
                    .vocabulary = 50257,
                    .positions = 1024,
                    .width = 768,
                    .layers = 12,
                    .heads = 12,
                    .activation = PT_ACTIVATION_GELU_TANH,
                    .tied = 1,
                    .scales_scores = 1,
                    .epsilon = 1e-5,
                    .range = 0.02};
    PT__TRY(read_config(config, &model));
    pt_tensor_t tokens = pt_input(graph, "tokens", PT_INT32, 1, (int64_t[]){PT_DIM_TOKENS});
    pt_tensor_t words = parameter(&model, prefix, "wte.weight", 2, (int64_t[]){model.vocabulary, model.width},
                                  PT_INIT_NORMAL, model.range);
    pt_tensor_t places = parameter(&model, prefix, "wpe.weight", 2, (int64_t[]){model.positions, model.width},
                                   PT_INIT_NORMAL, model.range);
    pt_tensor_t hidden = pt_add(graph, pt_embedding(graph, tokens, words),
                                pt_embedding(graph, pt_positions(graph, tokens, model.positions), places));
    hidden = dropout(&model, hidden, model.embedding_dropout);
    for (int64_t i = 0; i < model.layers; i++)
        hidden = layer(&model, i, hidden);
    hidden = norm(&model, prefix, "ln_f", hidden);
    pt_graph_set_output(graph, "hidden", hidden);
    graph->offer = (pt__offer_t){
        .output_weight = model.tied ? words : PT_NO_TENSOR, .head = "score", .head_lacks_bias = 1};
    return pt_graph_status(graph);
}

static const pt__renaming_t gguf[] = {
    {.theirs = "token_embd.weight", .ours = "transformer.wte.weight"},
    {.theirs = "position_embd.weight", .ours = "transformer.wpe.weight"},
    {.theirs = "output_norm.*", .ours = "transformer.ln_f.*"},
    {.theirs = "output.weight", .ours = "lm_head.weight"},
    {.theirs = "blk.*.attn_norm.*", .ours = "transformer.h.*.ln_1.*"},
    {.theirs = "blk.*.ffn_norm.*", .ours = "transformer.h.*.ln_2.*"},
    {.theirs = "blk.*.attn_qkv.*", .ours = "transformer.h.*.attn.c_attn.*", .is_transposed = 1},
    {.theirs = "blk.*.attn_output.*", .ours = "transformer.h.*.attn.c_proj.*", .is_transposed = 1},
    {.theirs = "blk.*.ffn_up.*", .ours = "transformer.h.*.mlp.c_fc.*", .is_transposed = 1},
    {.theirs = "blk.*.ffn_down.*", .ours = "transformer.h.*.mlp.c_proj.*", .is_transposed = 1},
    {.theirs = NULL},
};

const pt__family_t pt__family_gpt2 = {.name = "gpt2",
                                      .default_task = PT_TASK_CAUSAL_LM,
                                      .build = build,
                                      .trunk = "transformer.",
                                      .tables = {"*h.*.attn.bias", "*h.*.attn.masked_bias"},
                                      .gguf = gguf,
                                      .classes = {"GPT2Model", "GPT2LMHeadModel", "GPT2ForSequenceClassification"},
                                      .pooling = PT_POOL_LAST};
