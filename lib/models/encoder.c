/* The stack of BERT and its kin (Devlin 2018), whose norms stand behind each addition:
 *
 *   h = dropout(norm(words[tokens] + places[position] + segments[segment]))
 *   h = norm(h + dropout(dense(attention(query(h), key(h), value(h)))))
 *   h = norm(h + dropout(outer(activation(inner(h)))))                                        `layers` times
 *
 * Weights are drawn from N(0, range); biases are 0, norms 1 and 0. */
#include "models/encoder.h"

#include <stdio.h>
#include <string.h>

#include "models/config.h"

enum { NAME_SIZE = 160 };

static const pt__encoder_names_t names_of_base = {.words = "embeddings.word_embeddings",
                                                  .places = "embeddings.position_embeddings",
                                                  .segments = "embeddings.token_type_embeddings",
                                                  .norm = "embeddings.LayerNorm",
                                                  .layer = "encoder.layer.",
                                                  .query = "attention.self.query",
                                                  .key = "attention.self.key",
                                                  .value = "attention.self.value",
                                                  .attended = "attention.output.dense",
                                                  .attended_norm = "attention.output.LayerNorm",
                                                  .inner = "intermediate.dense",
                                                  .outer = "output.dense",
                                                  .outer_norm = "output.LayerNorm"};

const pt__encoder_t pt__encoder_base = {.names = &names_of_base,
                                        .width = 768,
                                        .layers = 12,
                                        .heads = 12,
                                        .inner = 3072,
                                        .places = 512,
                                        .segments = 2,
                                        .activation = PT_ACTIVATION_GELU_ERF,
                                        .tied = 1,
                                        .dropout = 0.1,
                                        .attention_dropout = 0.1,
                                        .epsilon = 1e-12,
                                        .range = 0.02};

pt_status_t pt__encoder_refuse_true(const pt__json_t *config, const char *key, const char *means)
{
    int32_t asks = 0;
    PT__TRY(pt__json_get_bool(config, key, PT__JSON_OPTIONAL, &asks));
    if (asks)
        return pt__json_fail(pt__json_find(config, key), PT_ERR_UNSUPPORTED,
                             "true asks for %s, which is not built here", means);
    return PT_OK;
}

static pt_status_t check_positions(const pt__json_t *config)
{
    const char *kind = "absolute";
    PT__TRY(pt__json_get_string(config, "position_embedding_type", PT__JSON_OPTIONAL, &kind));
    if (strcmp(kind, "absolute") == 0)
        return PT_OK;
    return pt__json_fail(pt__json_find(config, "position_embedding_type"), PT_ERR_UNSUPPORTED,
                         "\"%.32s\", expected \"absolute\"", kind);
}

pt_status_t pt__encoder_read_layers(const pt__json_t *config, pt__encoder_t *encoder)
{
    PT__TRY(pt__json_get_integer(config, "hidden_size", PT__JSON_OPTIONAL, 1, PT__WIDEST, &encoder->width));
    PT__TRY(pt__json_get_integer(config, "num_hidden_layers", PT__JSON_OPTIONAL, 1, PT__DEEPEST, &encoder->layers));
    PT__TRY(pt__json_get_integer(config, "num_attention_heads", PT__JSON_OPTIONAL, 1, PT__WIDEST, &encoder->heads));
    PT__TRY(pt__json_get_integer(config, "intermediate_size", PT__JSON_OPTIONAL, 1, 8 * PT__WIDEST, &encoder->inner));
    PT__TRY(pt__config_activation(config, "hidden_act", &encoder->activation));
    PT__TRY(pt__config_probability(config, "hidden_dropout_prob", &encoder->dropout));
    PT__TRY(pt__config_probability(config, "attention_probs_dropout_prob", &encoder->attention_dropout));
    PT__TRY(pt__json_get_number(config, "layer_norm_eps", PT__JSON_OPTIONAL, 0.0, 1.0, &encoder->epsilon));
    PT__TRY(pt__json_get_number(config, "initializer_range", PT__JSON_OPTIONAL, 0.0, 1000.0, &encoder->range));
    return pt__encoder_check_heads(encoder, "hidden_size", "num_attention_heads");
}

pt_status_t pt__encoder_read(const pt__json_t *config, pt__encoder_t *encoder)
{
    PT__TRY(pt__encoder_refuse_true(config, "is_decoder", "attention to earlier tokens alone"));
    PT__TRY(check_positions(config));
    PT__TRY(
        pt__json_get_integer(config, "vocab_size", PT__JSON_OPTIONAL, 1, PT__LARGEST_VOCABULARY, &encoder->vocabulary));
    PT__TRY(
        pt__json_get_integer(config, "max_position_embeddings", PT__JSON_OPTIONAL, 1, PT__LONGEST, &encoder->places));
    PT__TRY(pt__json_get_integer(config, "type_vocab_size", PT__JSON_OPTIONAL, 1, PT__WIDEST, &encoder->segments));
    PT__TRY(pt__encoder_read_layers(config, encoder));
    encoder->head_dropout = encoder->dropout;
    PT__TRY(pt__config_probability(config, "classifier_dropout", &encoder->head_dropout));
    return pt__json_get_bool(config, "tie_word_embeddings", PT__JSON_OPTIONAL, &encoder->tied);
}

pt_status_t pt__encoder_check_heads(const pt__encoder_t *encoder, const char *width_key, const char *heads_key)
{
    if (encoder->width % encoder->heads == 0)
        return PT_OK;
    return pt__fail(PT_ERR_FORMAT, "%s: expected a multiple of %s, which is %lld, found %lld", width_key, heads_key,
                    (long long)encoder->heads, (long long)encoder->width);
}

static void one_segment(const pt__derivation_t *derivation, void *values)
{
    memset(values, 0, (size_t)derivation->offsets[derivation->samples] * sizeof(int32_t));
}

const pt__derived_t pt__encoder_segments = {
    .field = "segments", .from = "tokens", .unless = "segments", .for_outputs = 1, .derive = one_segment};

const pt__renaming_t pt__encoder_renamings[] = {{.theirs = "*LayerNorm.gamma", .ours = "*LayerNorm.weight"},
                                                {.theirs = "*LayerNorm.beta", .ours = "*LayerNorm.bias"},
                                                {.theirs = NULL}};

/* A parameter's name: what all or those of a layer begin with, the part's name, and what the part has. */
typedef struct site {
    const pt__encoder_t *encoder;
    pt_graph_t *graph;
    const char *prefix;
} site_t;

static pt_tensor_t parameter(const site_t *site, const char *part, const char *what, int32_t rank, const int64_t *shape,
                             int32_t initializer, double value)
{
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s%s.%s", site->prefix, part, what);
    return pt_parameter(site->graph, name, rank, shape, PT__INITIAL(initializer, value));
}

static pt_tensor_t norm(const site_t *site, const char *part, pt_tensor_t src)
{
    const int64_t *width = &site->encoder->width;
    pt_tensor_t weight = parameter(site, part, "weight", 1, width, PT_INIT_CONSTANT, 1.0);
    pt_tensor_t bias = parameter(site, part, "bias", 1, width, PT_INIT_CONSTANT, 0.0);
    return pt_layer_norm(site->graph, src, weight, bias, site->encoder->epsilon);
}

static pt_tensor_t dense(const site_t *site, const char *part, pt_tensor_t src, int64_t inputs, int64_t outputs,
                         int32_t activation)
{
    pt_tensor_t weight = parameter(site, part, "weight", 2, (int64_t[]){outputs, inputs}, PT_INIT_NORMAL,
                                   site->encoder->range);
    pt_tensor_t bias = parameter(site, part, "bias", 1, &outputs, PT_INIT_CONSTANT, 0.0);
    return pt_linear(site->graph, src, weight, bias, activation);
}

/* A query, a key or a value. */
static pt_tensor_t project(const site_t *site, const char *part, pt_tensor_t src)
{
    const int64_t width = site->encoder->width;
    if (!site->encoder->unbiased)
        return dense(site, part, src, width, width, PT_ACTIVATION_NONE);
    pt_tensor_t weight = parameter(site, part, "weight", 2, (int64_t[]){width, width}, PT_INIT_NORMAL,
                                   site->encoder->range);
    return pt_linear(site->graph, src, weight, PT_NO_TENSOR, PT_ACTIVATION_NONE);
}

static pt_tensor_t table(const site_t *site, const char *part, int64_t rows)
{
    return parameter(site, part, "weight", 2, (int64_t[]){rows, site->encoder->width}, PT_INIT_NORMAL,
                     site->encoder->range);
}

static pt_tensor_t dropped(const site_t *site, pt_tensor_t src)
{
    return site->encoder->dropout > 0 ? pt_dropout(site->graph, src, site->encoder->dropout) : src;
}

/* A table of a single segment has the same row for every token. */
static pt_tensor_t add_segments(const site_t *site, pt_tensor_t hidden)
{
    const pt__encoder_t *encoder = site->encoder;
    pt_graph_t *graph = site->graph;
    pt_tensor_t rows = table(site, encoder->names->segments, encoder->segments);
    if (encoder->segments == 1)
        return pt_add(graph, hidden, pt_reshape(graph, rows, 1, &encoder->width));
    pt_tensor_t segments = pt_input(graph, "segments", PT_INT32, 1, (int64_t[]){PT_DIM_TOKENS});
    return pt_add(graph, hidden, pt_embedding(graph, segments, rows));
}

static pt_tensor_t embed(const site_t *site, pt_tensor_t *words)
{
    const pt__encoder_t *encoder = site->encoder;
    pt_graph_t *graph = site->graph;
    const int64_t places = encoder->places - encoder->first_place;
    pt_tensor_t tokens = pt_input(graph, "tokens", PT_INT32, 1, (int64_t[]){PT_DIM_TOKENS});
    *words = table(site, encoder->names->words, encoder->vocabulary);
    pt_tensor_t rows = table(site, encoder->names->places, encoder->places);
    if (encoder->first_place > 0)
        rows = pt_slice(graph, rows, 0, encoder->first_place, places);
    pt_tensor_t hidden = pt_add(graph, pt_embedding(graph, tokens, *words),
                                pt_embedding(graph, pt_positions(graph, tokens, places), rows));
    if (encoder->names->segments != NULL)
        hidden = add_segments(site, hidden);
    return dropped(site, norm(site, encoder->names->norm, hidden));
}

static pt_tensor_t attend(const site_t *site, pt_tensor_t queries, pt_tensor_t keys)
{
    const pt__encoder_t *encoder = site->encoder;
    const pt__encoder_names_t *names = encoder->names;
    pt_attention_options_t attention;
    pt_attention_options_init(&attention, (uint32_t)sizeof attention);
    attention.heads = (int32_t)encoder->heads;
    attention.dropout = encoder->attention_dropout;
    pt_tensor_t query = project(site, names->query, queries);
    pt_tensor_t key = project(site, names->key, keys);
    pt_tensor_t value = project(site, names->value, keys);
    pt_tensor_t branch = pt_attention(site->graph, query, key, value, &attention);
    return dropped(site, dense(site, names->attended, branch, encoder->width, encoder->width, PT_ACTIVATION_NONE));
}

static pt_tensor_t widen(const site_t *site, pt_tensor_t hidden)
{
    const pt__encoder_t *encoder = site->encoder;
    const pt__encoder_names_t *names = encoder->names;
    hidden = dense(site, names->inner, hidden, encoder->width, encoder->inner, encoder->activation);
    return dropped(site, dense(site, names->outer, hidden, encoder->inner, encoder->width, PT_ACTIVATION_NONE));
}

static pt_tensor_t layer(const site_t *site, pt_tensor_t hidden)
{
    const pt__encoder_names_t *names = site->encoder->names;
    pt_graph_t *graph = site->graph;
    hidden = norm(site, names->attended_norm, pt_add(graph, hidden, attend(site, hidden, hidden)));
    return norm(site, names->outer_norm, pt_add(graph, hidden, widen(site, hidden)));
}

/* With its norms before what is added; where only a sample's first row is read further on, that alone is computed. */
static pt_tensor_t layer_norms_first(const site_t *site, pt_tensor_t hidden, int32_t first_row)
{
    const pt__encoder_names_t *names = site->encoder->names;
    pt_graph_t *graph = site->graph;
    pt_tensor_t keys = norm(site, names->attended_norm, hidden), queries = keys;
    if (first_row) {
        hidden = pt_slice(graph, hidden, 1, 0, 1);
        queries = pt_slice(graph, keys, 1, 0, 1);
    }
    hidden = pt_add(graph, hidden, attend(site, queries, keys));
    return pt_add(graph, hidden, widen(site, norm(site, names->outer_norm, hidden)));
}

static void name_layer(const pt__encoder_t *encoder, int64_t number, char prefix[NAME_SIZE / 2])
{
    snprintf(prefix, NAME_SIZE / 2, "%s%s%lld.", encoder->trunk, encoder->names->layer, (long long)number);
}

pt_tensor_t pt__encoder_first_rows(const pt__encoder_t *encoder, pt_graph_t *graph, pt_tensor_t hidden)
{
    char prefix[NAME_SIZE / 2];
    site_t site = {.encoder = encoder, .graph = graph, .prefix = prefix};
    hidden = dropped(&site, hidden);
    for (int64_t i = 0; i < encoder->layers; i++) {
        name_layer(encoder, i, prefix);
        hidden = layer_norms_first(&site, hidden, i + 1 == encoder->layers);
    }
    site.prefix = encoder->trunk;
    return norm(&site, encoder->names->norm, pt_reshape(graph, hidden, 2, (int64_t[]){PT_DIM_BATCH, encoder->width}));
}

pt_status_t pt__encoder_build(const pt__encoder_t *encoder, const pt__sample_head_t *sample_head,
                              const pt__word_head_t *word_head, pt_graph_t *graph)
{
    char prefix[NAME_SIZE / 2];
    site_t site = {.encoder = encoder, .graph = graph, .prefix = encoder->trunk};
    pt_tensor_t words;
    pt_tensor_t hidden = embed(&site, &words);
    site.prefix = prefix;
    for (int64_t i = 0; i < encoder->layers; i++) {
        name_layer(encoder, i, prefix);
        hidden = layer(&site, hidden);
    }
    pt_graph_set_output(graph, "hidden", hidden);
    graph->offer = (pt__offer_t){.output_weight = encoder->tied ? words : PT_NO_TENSOR,
                                 .head = sample_head->output,
                                 .sample_head = sample_head,
                                 .word_head = word_head,
                                 .head_dropout = encoder->head_dropout,
                                 .deviation = encoder->range,
                                 .epsilon = encoder->epsilon,
                                 .activation = encoder->activation};
    return pt_graph_status(graph);
}
