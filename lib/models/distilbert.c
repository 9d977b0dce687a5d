/* DistilBERT (Sanh 2019): BERT's blocks (encoder.c) without segments, under other names. Names, layouts and initial
 * values are those of Hugging Face's DistilBertForMaskedLM and DistilBertForSequenceClassification; DistilBertModel's
 * names lack "distilbert.".
 *
 * A size that the configuration leaves out is that of Hugging Face's DistilBertConfig, and so are the dropouts: 0.1,
 * and 0.2 of the head. */
#include "models/config.h"
#include "models/encoder.h"
#include "models/models.h"

static const pt__encoder_names_t names = {.words = "embeddings.word_embeddings",
                                          .places = "embeddings.position_embeddings",
                                          .norm = "embeddings.LayerNorm",
                                          .layer = "transformer.layer.",
                                          .query = "attention.q_lin",
                                          .key = "attention.k_lin",
                                          .value = "attention.v_lin",
                                          .attended = "attention.out_lin",
                                          .attended_norm = "sa_layer_norm",
                                          .inner = "ffn.lin1",
                                          .outer = "ffn.lin2",
                                          .outer_norm = "output_layer_norm"};

static const pt__sample_head_t sample_head = {
    .dense = "pre_classifier", .activation = PT_ACTIVATION_RELU, .output = "classifier"};

static const pt__word_head_t word_head = {.dense = "vocab_transform",
                                          .norm = "vocab_layer_norm",
                                          .weight = "vocab_projector.weight",
                                          .bias = "vocab_projector.bias"};

static pt_status_t read_config(const pt__json_t *config, pt__encoder_t *encoder)
{
    PT__TRY(pt__encoder_refuse_true(config, "sinusoidal_pos_embds", "positions that are computed and do not learn"));
    PT__TRY(
        pt__json_get_integer(config, "vocab_size", PT__JSON_OPTIONAL, 1, PT__LARGEST_VOCABULARY, &encoder->vocabulary));
    PT__TRY(
        pt__json_get_integer(config, "max_position_embeddings", PT__JSON_OPTIONAL, 1, PT__LONGEST, &encoder->places));
    PT__TRY(pt__json_get_integer(config, "dim", PT__JSON_OPTIONAL, 1, PT__WIDEST, &encoder->width));
    PT__TRY(pt__json_get_integer(config, "n_layers", PT__JSON_OPTIONAL, 1, PT__DEEPEST, &encoder->layers));
    PT__TRY(pt__json_get_integer(config, "n_heads", PT__JSON_OPTIONAL, 1, PT__WIDEST, &encoder->heads));
    PT__TRY(pt__json_get_integer(config, "hidden_dim", PT__JSON_OPTIONAL, 1, 8 * PT__WIDEST, &encoder->inner));
    PT__TRY(pt__config_activation(config, "activation", &encoder->activation));
    PT__TRY(pt__config_probability(config, "dropout", &encoder->dropout));
    PT__TRY(pt__config_probability(config, "attention_dropout", &encoder->attention_dropout));
    PT__TRY(pt__config_probability(config, "seq_classif_dropout", &encoder->head_dropout));
    PT__TRY(pt__json_get_number(config, "initializer_range", PT__JSON_OPTIONAL, 0.0, 1000.0, &encoder->range));
    PT__TRY(pt__json_get_bool(config, "tie_word_embeddings", PT__JSON_OPTIONAL, &encoder->tied));
    return pt__encoder_check_heads(encoder, "dim", "n_heads");
}

static pt_status_t build(const struct pt__json *config, pt_graph_t *graph)
{
    pt__encoder_t encoder = {.trunk = "distilbert.",
                             .names = &names,
                             .vocabulary = 30522,
                             .width = 768,
                             .layers = 6,
                             .heads = 12,
                             .inner = 3072,
                             .places = 512,
                             .activation = PT_ACTIVATION_GELU_ERF,
                             .tied = 1,
                             .dropout = 0.1,
                             .attention_dropout = 0.1,
                             .head_dropout = 0.2,
                             .epsilon = 1e-12,
                             .range = 0.02};
    PT__TRY(read_config(config, &encoder));
    return pt__encoder_build(&encoder, &sample_head, &word_head, graph);
}

const pt__family_t pt__family_distilbert = {
    .name = "distilbert",
    .default_task = PT_TASK_MASKED_LM,
    .build = build,
    .trunk = "distilbert.",
    .tables = {"*embeddings.position_ids"},
    .classes = {"DistilBertModel", "DistilBertForMaskedLM", "DistilBertForSequenceClassification"},
    .pooling = PT_POOL_FAMILY};
