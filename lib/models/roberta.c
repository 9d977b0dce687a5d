/* RoBERTa (Liu 2019): BERT's blocks (encoder.c) with byte-level tokens, without segments in effect, and with positions
 * that begin behind that of the padding token. Names, layouts and initial values are those of Hugging Face's
 * RobertaForMaskedLM and RobertaForSequenceClassification; RobertaModel's names lack "roberta.".
 *
 * A size that the configuration leaves out is that of Hugging Face's RobertaConfig, and a dropout too: 0.1. So a sample
 * has up to max_position_embeddings - pad_token_id - 1 tokens: 510 in the published ones. */
#include "models/encoder.h"
#include "models/models.h"

static const pt__sample_head_t sample_head = {
    .dense = "classifier.dense", .activation = PT_ACTIVATION_TANH, .drops_first = 1, .output = "classifier.out_proj"};

static const pt__word_head_t word_head = {.dense = "lm_head.dense",
                                          .norm = "lm_head.layer_norm",
                                          .weight = "lm_head.decoder.weight",
                                          .bias = "lm_head.bias",
                                          .untied_bias = "lm_head.decoder.bias",
                                          .activation = PT_ACTIVATION_GELU_ERF};

static pt_status_t build(const struct pt__json *config, pt_graph_t *graph)
{
    pt__encoder_t encoder = pt__encoder_base;
    int64_t padding = 1;
    encoder.trunk = "roberta.";
    encoder.vocabulary = 50265;
    PT__TRY(pt__encoder_read(config, &encoder));
    PT__TRY(pt__json_get_integer(config, "pad_token_id", PT__JSON_OPTIONAL, 0, encoder.vocabulary - 1, &padding));
    encoder.first_place = padding + 1;
    if (encoder.places <= encoder.first_place)
        return pt__fail(PT_ERR_FORMAT, "max_position_embeddings: expected more than pad_token_id + 1, %lld, found %lld",
                        (long long)encoder.first_place, (long long)encoder.places);
    return pt__encoder_build(&encoder, &sample_head, &word_head, graph);
}

const pt__family_t pt__family_roberta = {
    .name = "roberta",
    .default_task = PT_TASK_MASKED_LM,
    .build = build,
    .trunk = "roberta.",
    .tables = {"*embeddings.position_ids", "lm_head.decoder.bias", "lm_head.bias"},
    .derived = &pt__encoder_segments,
    .n_derived = 1,
    .renamings = pt__encoder_renamings,
    .classes = {"RobertaModel", "RobertaForMaskedLM", "RobertaForSequenceClassification"},
    .pooling = PT_POOL_FAMILY};
