/* What BERT and its kin share: a stack of post-norm blocks of bidirectional attention on learnt embeddings. The
 * families' files say how it is called in their files, and with which numbers. */
#ifndef PT__ENCODER_H
#define PT__ENCODER_H

#include "base/json.h"
#include "base/renaming.h"
#include "graph/derived.h"
#include "graph/graph.h"

/* Names of the trunk's parameters, without what they all begin with, and without ".weight" and ".bias". */
typedef struct pt__encoder_names {
    const char *words, *places, *segments, *norm; /* segments NULL: the family has none */
    const char *layer;                            /* before the layer's number, a point, and one of those that follow */
    const char *query, *key, *value, *attended, *attended_norm, *inner, *outer, *outer_norm;
} pt__encoder_names_t;

typedef struct pt__encoder {
    const char *trunk; /* what the names begin with: "bert." */
    const pt__encoder_names_t *names;
    int64_t vocabulary, width, layers, heads, inner;
    int64_t places, first_place; /* rows of the table of positions; the row of a sample's first token */
    int64_t segments;            /* rows of the table of segments */
    int32_t activation, tied;
    int32_t unbiased; /* queries, keys and values have no biases */
    double dropout, attention_dropout, head_dropout, epsilon, range;
} pt__encoder_t;

/* BERT's names and the sizes of its base; RoBERTa has them too, but for trunk and vocabulary, which are not set. */
extern const pt__encoder_t pt__encoder_base;

/* "segments", zeros where the data lacks it: for families that have that input. */
extern const pt__derived_t pt__encoder_segments;

/* The names of norms in files of TensorFlow's time. */
extern const pt__renaming_t pt__encoder_renamings[];

/* The keys that BERT's and RoBERTa's configurations have in common: *encoder keeps what it holds where one is missing.
 * Those that ask for another network are PT_ERR_UNSUPPORTED. */
pt_status_t pt__encoder_read(const pt__json_t *config, pt__encoder_t *encoder);
/* Of these only what a layer's size, functions and initial values follow from. */
pt_status_t pt__encoder_read_layers(const pt__json_t *config, pt__encoder_t *encoder);
/* PT_ERR_UNSUPPORTED where the key is true, which asks for what is said. */
pt_status_t pt__encoder_refuse_true(const pt__json_t *config, const char *key, const char *means);
/* That the width is one of whole heads; the keys are the names that the configuration has for them. */
pt_status_t pt__encoder_check_heads(const pt__encoder_t *encoder, const char *width_key, const char *heads_key);

/* Adds inputs and parameters, the output "hidden", and the offer: the heads as named, the word embeddings where they
 * are tied. */
pt_status_t pt__encoder_build(const pt__encoder_t *encoder, const pt__sample_head_t *sample_head,
                              const pt__word_head_t *word_head, pt_graph_t *graph);

/* The layers with their norms before what is added, as ViT has them, then names->norm: rows [PT_DIM_BATCH, rows, width]
 * -> the first of each sample, [PT_DIM_BATCH, width]. */
pt_tensor_t pt__encoder_first_rows(const pt__encoder_t *encoder, pt_graph_t *graph, pt_tensor_t hidden);

#endif
