/* BERT (Devlin 2018), and the models that are built as it is, MiniLM among them (encoder.c). Names, layouts and initial
 * values are those of Hugging Face's BertForMaskedLM and BertForSequenceClassification, so that their files load as
 * they are; so do those of BertModel, whose names lack "bert.".
 *
 * Inputs: "tokens", and "segments", zeros where the data lacks it (with type_vocab_size 1 there is none). A size that
 * the configuration leaves out is BERT's (base), and a dropout too: 0.1. */
#include "models/encoder.h"
#include "models/models.h"

static const pt__sample_head_t sample_head = {
    .dense = "bert.pooler.dense", .activation = PT_ACTIVATION_TANH, .output = "classifier"};

static const pt__word_head_t word_head = {.dense = "cls.predictions.transform.dense",
                                          .norm = "cls.predictions.transform.LayerNorm",
                                          .weight = "cls.predictions.decoder.weight",
                                          .bias = "cls.predictions.bias",
                                          .untied_bias = "cls.predictions.decoder.bias"};

static const pt__renaming_t gguf[] = {
    {.theirs = "token_embd.weight", .ours = "bert.embeddings.word_embeddings.weight"},
    {.theirs = "position_embd.weight", .ours = "bert.embeddings.position_embeddings.weight"},
    {.theirs = "token_types.weight", .ours = "bert.embeddings.token_type_embeddings.weight"},
    {.theirs = "token_embd_norm.*", .ours = "bert.embeddings.LayerNorm.*"},
    {.theirs = "blk.*.attn_q.*", .ours = "bert.encoder.layer.*.attention.self.query.*"},
    {.theirs = "blk.*.attn_k.*", .ours = "bert.encoder.layer.*.attention.self.key.*"},
    {.theirs = "blk.*.attn_v.*", .ours = "bert.encoder.layer.*.attention.self.value.*"},
    {.theirs = "blk.*.attn_output.*", .ours = "bert.encoder.layer.*.attention.output.dense.*"},
    {.theirs = "blk.*.attn_output_norm.*", .ours = "bert.encoder.layer.*.attention.output.LayerNorm.*"},
    {.theirs = "blk.*.ffn_up.*", .ours = "bert.encoder.layer.*.intermediate.dense.*"},
    {.theirs = "blk.*.ffn_down.*", .ours = "bert.encoder.layer.*.output.dense.*"},
    {.theirs = "blk.*.layer_output_norm.*", .ours = "bert.encoder.layer.*.output.LayerNorm.*"},
    {.theirs = NULL},
};

static pt_status_t build(const struct pt__json *config, pt_graph_t *graph)
{
    pt__encoder_t encoder = pt__encoder_base;
    encoder.trunk = "bert.";
    encoder.vocabulary = 30522;
    PT__TRY(pt__encoder_read(config, &encoder));
    return pt__encoder_build(&encoder, &sample_head, &word_head, graph);
}

const pt__family_t pt__family_bert = {
    .name = "bert",
    .default_task = PT_TASK_MASKED_LM,
    .build = build,
    .trunk = "bert.",
    .tables = {"*embeddings.position_ids", "cls.predictions.decoder.bias", "cls.predictions.bias"},
    .derived = &pt__encoder_segments,
    .n_derived = 1,
    .renamings = pt__encoder_renamings,
    .gguf = gguf,
    .classes = {"BertModel", "BertForMaskedLM", "BertForSequenceClassification"},
    .pooling = PT_POOL_FAMILY};
