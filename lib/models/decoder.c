/* The decoder of Llama (Touvron 2023) and its relatives: RMS norms before each part, rotary positions, query heads that
 * share keys and values in groups (Ainslie 2023), a gated feed-forward part. Names, layouts and initial values are
 * those of Hugging Face's ...ForCausalLM and ...ForSequenceClassification.
 *
 *   h = embed_tokens[tokens]                                                  tokens: the input "tokens"
 *   x = input_layernorm(h);  q, k, v = q_proj(x), k_proj(x), v_proj(x)        num_hidden_layers times
 *   h = h + o_proj(attention(rotary(q), rotary(k), v))                        q and k normed first in some families
 *   x = post_attention_layernorm(h);  h = h + down_proj(hidden_act(gate_proj(x)) · up_proj(x))
 *   hidden = norm(h);  embed_tokens is offered as the language model's output weight where it is tied, and
 *          "score.weight" without a bias as the head of a classifier (which reads the last token: PT_POOL_LAST)
 *
 * Weights are drawn from N(0, initializer_range), heads' too; biases are 0, norms 1. A sample has at
 * most max_position_embeddings tokens (more where rotary_config.c says so). A key that asks for what the family does
 * not have is refused. */
#include "models/decoder.h"

#include <stdio.h>
#include <string.h>

#include "models/config.h"
#include "models/rotary_config.h"

const pt__renaming_t pt__decoder_gguf[] = {
    {.theirs = "token_embd.weight", .ours = "model.embed_tokens.weight"},
    {.theirs = "output_norm.weight", .ours = "model.norm.weight"},
    {.theirs = "output.weight", .ours = "lm_head.weight"},
    {.theirs = "blk.*.attn_norm.weight", .ours = "model.layers.*.input_layernorm.weight"},
    {.theirs = "blk.*.ffn_norm.weight", .ours = "model.layers.*.post_attention_layernorm.weight"},
    {.theirs = "blk.*.attn_q.*", .ours = "model.layers.*.self_attn.q_proj.*"},
    {.theirs = "blk.*.attn_k.*", .ours = "model.layers.*.self_attn.k_proj.*"},
    {.theirs = "blk.*.attn_v.*", .ours = "model.layers.*.self_attn.v_proj.*"},
    {.theirs = "blk.*.attn_output.*", .ours = "model.layers.*.self_attn.o_proj.*"},
    {.theirs = "blk.*.attn_q_norm.weight", .ours = "model.layers.*.self_attn.q_norm.weight"},
    {.theirs = "blk.*.attn_k_norm.weight", .ours = "model.layers.*.self_attn.k_norm.weight"},
    {.theirs = "blk.*.ffn_gate.*", .ours = "model.layers.*.mlp.gate_proj.*"},
    {.theirs = "blk.*.ffn_up.*", .ours = "model.layers.*.mlp.up_proj.*"},
    {.theirs = "blk.*.ffn_down.*", .ours = "model.layers.*.mlp.down_proj.*"},
    {.theirs = NULL},
};

static const char *const turned_parameters[] = {
    "model.layers.*.self_attn.q_proj.weight", "model.layers.*.self_attn.q_proj.bias",
    "model.layers.*.self_attn.k_proj.weight", "model.layers.*.self_attn.k_proj.bias", NULL};

enum { WIDEST_HEAD = 256, NAME_SIZE = 64 };

typedef struct decoder {
    pt_graph_t *graph;
    const pt__json_t *config;
    pt__decoder_t has; /* the family, with the configuration's sizes in place of its own */
    int64_t window_from, unturned_interval;
    int32_t query_bias, output_bias, inner_bias;
    int32_t uses_window, activation;
    const pt__json_t *layer_types, *turned; /* arrays, one element a layer; NULL: not given */
    double epsilon, range, dropout;
    pt__rotary_config_t rotary;
} decoder_t;

/* A size whose null means something else than that it is missing. */
static pt_status_t read_size(const pt__json_t *config, const char *key, int64_t high, int64_t null_is, int64_t *size)
{
    const pt__json_t *value = pt__json_find(config, key);
    if (value != NULL && value->kind == PT__JSON_NULL)
        *size = null_is;
    return pt__json_get_integer(config, key, PT__JSON_OPTIONAL, 1, high, size);
}

static pt_status_t read_sizes(decoder_t *self)
{
    const pt__json_t *config = self->config;
    pt__decoder_t *has = &self->has;
    PT__TRY(pt__json_get_integer(config, "vocab_size", PT__JSON_OPTIONAL, 1, PT__LARGEST_VOCABULARY, &has->vocabulary));
    PT__TRY(pt__json_get_integer(config, "hidden_size", PT__JSON_OPTIONAL, 1, PT__WIDEST, &has->width));
    PT__TRY(pt__json_get_integer(config, "intermediate_size", PT__JSON_OPTIONAL, 1, 8 * PT__WIDEST, &has->inner));
    PT__TRY(pt__json_get_integer(config, "num_hidden_layers", PT__JSON_OPTIONAL, 1, PT__DEEPEST, &has->layers));
    PT__TRY(pt__json_get_integer(config, "num_attention_heads", PT__JSON_OPTIONAL, 1, PT__WIDEST, &has->heads));
    PT__TRY(read_size(config, "num_key_value_heads", PT__WIDEST, 0, &has->kv_heads));
    PT__TRY(read_size(config, "head_dim", WIDEST_HEAD, 0, &has->head_width));
    PT__TRY(
        pt__json_get_integer(config, "max_position_embeddings", PT__JSON_OPTIONAL, 2, PT__LONGEST, &has->positions));
    if (has->kv_heads == 0)
        has->kv_heads = has->heads;
    if (has->heads % has->kv_heads != 0)
        return pt__fail(PT_ERR_FORMAT,
                        "num_key_value_heads: expected a divisor of num_attention_heads, which is %lld, found %lld",
                        (long long)has->heads, (long long)has->kv_heads);
    if (has->head_width == 0 && has->width % has->heads != 0)
        return pt__fail(PT_ERR_FORMAT,
                        "hidden_size: expected a multiple of num_attention_heads, which is %lld, found %lld",
                        (long long)has->heads, (long long)has->width);
    if (has->head_width == 0)
        has->head_width = has->width / has->heads;
    if (has->head_width > WIDEST_HEAD || has->head_width % 2 != 0)
        return pt__fail(PT_ERR_FORMAT, "head_dim: expected an even number up to %d, found %lld", WIDEST_HEAD,
                        (long long)has->head_width);
    return PT_OK;
}

/* Whether a part is there; asked for in a family that does not have it, it is refused. */
static pt_status_t read_part(const decoder_t *self, const char *key, int32_t known, int32_t *part)
{
    int32_t asked = 0;
    PT__TRY(pt__json_get_bool(self->config, key, PT__JSON_OPTIONAL, &asked));
    if (asked && !known)
        return pt__json_fail(pt__json_find(self->config, key), PT_ERR_UNSUPPORTED,
                             "is true, which this family does not have");
    *part = asked;
    return PT_OK;
}

static pt_status_t read_parts(decoder_t *self)
{
    const pt__json_t *config = self->config;
    pt__decoder_t *has = &self->has;
    if (!has->query_biases) /* where they are there anyway, the key says nothing */
        PT__TRY(read_part(self, "attention_bias", has->attention_biases, &self->output_bias));
    PT__TRY(read_part(self, "mlp_bias", has->inner_biases, &self->inner_bias));
    self->query_bias = has->query_biases || self->output_bias;
    PT__TRY(pt__config_activation(config, "hidden_act", &self->activation));
    PT__TRY(pt__config_probability(config, "attention_dropout", &self->dropout));
    PT__TRY(pt__json_get_number(config, "rms_norm_eps", PT__JSON_OPTIONAL, 0.0, 1.0, &self->epsilon));
    PT__TRY(pt__json_get_number(config, "initializer_range", PT__JSON_OPTIONAL, 0.0, 1000.0, &self->range));
    return pt__json_get_bool(config, "tie_word_embeddings", PT__JSON_OPTIONAL, &has->tied);
}

/* An array with an element for each layer. */
static pt_status_t read_layers(const decoder_t *self, const char *key, const pt__json_t **layers)
{
    PT__TRY(pt__json_get_array(self->config, key, PT__JSON_OPTIONAL, layers));
    if (*layers != NULL && (*layers)->length != self->has.layers)
        return pt__json_fail(*layers, PT_ERR_FORMAT, "expected an element for each of the %lld layers, found %lld",
                             (long long)self->has.layers, (long long)(*layers)->length);
    return PT_OK;
}

static pt_status_t read_unturned(decoder_t *self)
{
    self->unturned_interval = 4;
    if (!self->has.unturned)
        return PT_OK;
    PT__TRY(pt__json_get_integer(self->config, "no_rope_layer_interval", PT__JSON_OPTIONAL, 1, PT__DEEPEST + 1,
                                 &self->unturned_interval));
    PT__TRY(read_layers(self, "no_rope_layers", &self->turned));
    for (const pt__json_t *turned = self->turned == NULL ? NULL : self->turned->first; turned != NULL;
         turned = turned->next)
        if ((turned->kind != PT__JSON_NUMBER && turned->kind != PT__JSON_BOOL) ||
            (turned->integer != 0 && turned->integer != 1))
            return pt__json_fail(turned, PT_ERR_FORMAT, "expected 1, or 0 for a layer without rotary positions");
    return PT_OK;
}

static const pt__json_t *element(const pt__json_t *array, int64_t place)
{
    const pt__json_t *at = array->first;
    for (int64_t i = 0; i < place; i++)
        at = at->next;
    return at;
}

static int32_t is_turned(const decoder_t *self, int64_t layer)
{
    if (!self->has.unturned)
        return 1;
    if (self->turned != NULL)
        return element(self->turned, layer)->integer != 0;
    return (layer + 1) % self->unturned_interval != 0;
}

/* Which layers have a window where "layer_types" does not say it. */
static int32_t has_window(const decoder_t *self, int64_t layer)
{
    switch (self->uses_window ? self->has.windows : PT__WINDOWS_NONE) {
    case PT__WINDOWS_ALL:
        return 1;
    case PT__WINDOWS_FROM_LAYER:
        return layer >= self->window_from;
    case PT__WINDOWS_UNTURNED:
        return !is_turned(self, layer);
    default:
        return 0;
    }
}

/* "layer_types": each is known, and one that the family has. */
static pt_status_t check_layer_types(const decoder_t *self)
{
    int64_t layer = 0;
    for (const pt__json_t *type = self->layer_types == NULL ? NULL : self->layer_types->first; type != NULL;
         type = type->next, layer++) {
        int32_t full = type->kind == PT__JSON_STRING && strcmp(type->string, "full_attention") == 0;
        if (!full && (type->kind != PT__JSON_STRING || strcmp(type->string, "sliding_attention") != 0))
            return pt__json_fail(
                type, PT_ERR_UNSUPPORTED, "expected \"full_attention\" or \"sliding_attention\"%s%.64s",
                type->kind == PT__JSON_STRING ? ", found " : "", type->kind == PT__JSON_STRING ? type->string : "");
        int32_t fixed = self->has.windows <= PT__WINDOWS_ALL || !self->uses_window;
        if (fixed && has_window(self, layer) == full)
            return pt__json_fail(type, PT_ERR_UNSUPPORTED, "is \"%s\", but %s", type->string,
                                 full ? "every layer of this family has the sliding_window"
                                      : "there is no sliding_window that this family uses");
    }
    return PT_OK;
}

static pt_status_t read_windows(decoder_t *self)
{
    pt__decoder_t *has = &self->has;
    int32_t asked = 0;
    self->window_from = 28;
    if (has->windows != PT__WINDOWS_NONE)
        PT__TRY(read_size(self->config, "sliding_window", INT32_MAX, 0, &has->window));
    if (has->windows == PT__WINDOWS_FROM_LAYER)
        PT__TRY(pt__json_get_integer(self->config, "max_window_layers", PT__JSON_OPTIONAL, 0, INT32_MAX,
                                     &self->window_from));
    PT__TRY(read_part(self, "use_sliding_window", has->windows > PT__WINDOWS_ALL, &asked));
    self->uses_window = has->window > 0 && (asked || has->windows == PT__WINDOWS_ALL);
    PT__TRY(read_layers(self, "layer_types", &self->layer_types));
    return check_layer_types(self);
}

static int64_t window_of(const decoder_t *self, int64_t layer)
{
    int32_t chosen = self->layer_types != NULL
                         ? strcmp(element(self->layer_types, layer)->string, "sliding_attention") == 0
                         : has_window(self, layer);
    return chosen ? self->has.window : 0;
}

static pt_tensor_t parameter(const decoder_t *self, const char *prefix, const char *name, int32_t rank,
                             const int64_t *shape, int32_t initializer, double value)
{
    char joined[3 * NAME_SIZE];
    snprintf(joined, sizeof joined, "%s%s", prefix, name);
    return pt_parameter(self->graph, joined, rank, shape, PT__INITIAL(initializer, value));
}

static pt_tensor_t norm(const decoder_t *self, const char *prefix, const char *name, int64_t width, pt_tensor_t src)
{
    char joined[2 * NAME_SIZE];
    snprintf(joined, sizeof joined, "%s%s", prefix, name);
    pt_tensor_t weight = parameter(self, joined, ".weight", 1, &width, PT_INIT_CONSTANT, 1.0);
    return pt_rms_norm(self->graph, src, weight, self->epsilon);
}

static pt_tensor_t projection(const decoder_t *self, const char *prefix, const char *name, int64_t inputs,
                              int64_t outputs, int32_t has_bias, pt_tensor_t src)
{
    char joined[2 * NAME_SIZE];
    snprintf(joined, sizeof joined, "%s%s", prefix, name);
    pt_tensor_t bias = PT_NO_TENSOR;
    pt_tensor_t weight = parameter(self, joined, ".weight", 2, (int64_t[]){outputs, inputs}, PT_INIT_NORMAL,
                                   self->range);
    if (has_bias)
        bias = parameter(self, joined, ".bias", 1, &outputs, PT_INIT_CONSTANT, 0.0);
    return pt_linear(self->graph, src, weight, bias, PT_ACTIVATION_NONE);
}

/* Each head normed for itself, by weights that the heads share. */
static pt_tensor_t norm_heads(const decoder_t *self, const char *prefix, const char *name, int64_t heads,
                              pt_tensor_t src)
{
    pt_graph_t *graph = self->graph;
    int64_t width = self->has.head_width;
    pt_tensor_t apart = pt_reshape(graph, src, 3, (int64_t[]){PT_DIM_TOKENS, heads, width});
    apart = norm(self, prefix, name, width, apart);
    return pt_reshape(graph, apart, 2, (int64_t[]){PT_DIM_TOKENS, heads * width});
}

static pt_tensor_t turned(const decoder_t *self, int64_t heads, pt_tensor_t src)
{
    pt_rotary_options_t options = self->rotary.options;
    options.heads = (int32_t)heads;
    options.frequencies = self->rotary.has_frequencies ? self->rotary.frequencies : NULL;
    options.long_frequencies = self->rotary.has_long_frequencies ? self->rotary.long_frequencies : NULL;
    return pt_rotary(self->graph, src, &options);
}

static pt_tensor_t attention(const decoder_t *self, int64_t layer, const char *prefix, pt_tensor_t src)
{
    const pt__decoder_t *has = &self->has;
    int64_t width = has->width, queries = has->heads * has->head_width, keys = has->kv_heads * has->head_width;
    pt_attention_options_t options;
    pt_attention_options_init(&options, (uint32_t)sizeof options);
    options.flags = PT_ATTENTION_CAUSAL;
    options.heads = (int32_t)has->heads;
    options.kv_heads = (int32_t)has->kv_heads;
    options.dropout = self->dropout;
    options.window = window_of(self, layer);
    pt_tensor_t query = projection(self, prefix, "self_attn.q_proj", width, queries, self->query_bias, src);
    pt_tensor_t key = projection(self, prefix, "self_attn.k_proj", width, keys, self->query_bias, src);
    pt_tensor_t value = projection(self, prefix, "self_attn.v_proj", width, keys, self->query_bias, src);
    if (has->head_norms) {
        query = norm_heads(self, prefix, "self_attn.q_norm", has->heads, query);
        key = norm_heads(self, prefix, "self_attn.k_norm", has->kv_heads, key);
    }
    if (is_turned(self, layer)) {
        query = turned(self, has->heads, query);
        key = turned(self, has->kv_heads, key);
    }
    pt_tensor_t mixed = pt_attention(self->graph, query, key, value, &options);
    return projection(self, prefix, "self_attn.o_proj", queries, width, self->output_bias, mixed);
}

static pt_tensor_t feed_forward(const decoder_t *self, const char *prefix, pt_tensor_t src)
{
    int64_t width = self->has.width, inner = self->has.inner;
    pt_tensor_t gate = projection(self, prefix, "mlp.gate_proj", width, inner, self->inner_bias, src);
    pt_tensor_t up = projection(self, prefix, "mlp.up_proj", width, inner, self->inner_bias, src);
    pt_tensor_t gated = self->activation == PT_ACTIVATION_NONE ? pt_mul(self->graph, gate, up)
                                                               : pt_gated(self->graph, gate, up, self->activation);
    return projection(self, prefix, "mlp.down_proj", inner, width, self->inner_bias, gated);
}

static pt_tensor_t add_layer(const decoder_t *self, int64_t layer, pt_tensor_t hidden)
{
    char prefix[NAME_SIZE];
    pt_graph_t *graph = self->graph;
    int64_t width = self->has.width;
    snprintf(prefix, sizeof prefix, "model.layers.%lld.", (long long)layer);
    pt_tensor_t src = norm(self, prefix, "input_layernorm", width, hidden);
    hidden = pt_add(graph, hidden, attention(self, layer, prefix, src));
    src = norm(self, prefix, "post_attention_layernorm", width, hidden);
    return pt_add(graph, hidden, feed_forward(self, prefix, src));
}

pt_status_t pt__decoder_build(const pt__decoder_t *family, const struct pt__json *config, pt_graph_t *graph)
{
    decoder_t self = {.graph = graph,
                      .config = config,
                      .has = *family,
                      .activation = PT_ACTIVATION_SILU,
                      .epsilon = 1e-6,
                      .range = 0.02};
    PT__TRY(read_sizes(&self));
    PT__TRY(read_parts(&self));
    PT__TRY(read_unturned(&self));
    PT__TRY(read_windows(&self));
    PT__TRY(pt__config_rotary(config, self.has.head_width, self.has.positions, family->base, &self.rotary));
    pt_tensor_t tokens = pt_input(graph, "tokens", PT_INT32, 1, (int64_t[]){PT_DIM_TOKENS});
    pt_tensor_t words = parameter(&self, "model.", "embed_tokens.weight", 2,
                                  (int64_t[]){self.has.vocabulary, self.has.width}, PT_INIT_NORMAL, self.range);
    pt_tensor_t hidden = pt_embedding(graph, tokens, words);
    for (int64_t i = 0; i < self.has.layers; i++)
        hidden = add_layer(&self, i, hidden);
    hidden = norm(&self, "model.", "norm", self.has.width, hidden);
    pt_graph_set_output(graph, "hidden", hidden);
    graph->offer = (pt__offer_t){.output_weight = self.has.tied ? words : PT_NO_TENSOR,
                                 .head = "score",
                                 .head_lacks_bias = 1,
                                 .deviation = self.range,
                                 .turned = family->head_norms ? NULL : turned_parameters, /* norms have no order here */
                                 .head_width = self.has.head_width,
                                 .side_by_side = (self.rotary.options.flags & PT_ROTARY_INTERLEAVED) != 0};
    return pt_graph_status(graph);
}
