/* The masked language model (Devlin 2018): some tokens of a sample are hidden, and their rows predict them.
 *
 *   masked_labels  int32 [PT_DIM_TOKENS], what stood there, PT_IGNORE_INDEX where nothing was hidden; where the data
 *                  has none, tokens are chosen and hidden here (masking.c), anew in each micro-batch
 *   loss           cross-entropy of softmax(words(hidden)) at the labels; whatever comes after the last attention is
 *                  computed for rows with a label alone
 *   logits         [PT_DIM_TOKENS, V], of all rows, from tokens as they are
 *   metrics        accuracy of the hidden tokens; perplexity, exp(loss)
 *
 * words(row) is the family's head: norm(activation(dense(row))) · weightᵀ + bias, weight the trunk's tied one; without
 * one row · weightᵀ alone, with "lm_head.weight" where none is tied. V is the number of rows that "tokens" index. */
#include <stdio.h>

#include "base/array.h"
#include "base/number.h"
#include "base/options.h"
#include "tasks/head.h"
#include "tasks/masking.h"
#include "tasks/tasks.h"

static const double DEVIATION = 0.02;
static const char kinds_name[] = "task masked_lm: token_kinds";

pt_status_t pt_masked_lm_options_init(pt_masked_lm_options_t *options, uint32_t struct_size)
{
    static const pt_masked_lm_options_t defaults = {
        .probability = 0.15, .masked = 0.8, .random = 0.1, .mask_token = -1};
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_masked_lm_options");
}

static pt_status_t read_options(const void *options, pt__task_options_t *out, pt_array_t *kinds)
{
    pt_masked_lm_options_t own;
    PT__TRY(pt_masked_lm_options_init(&own, (uint32_t)sizeof own));
    PT__TRY(pt__options_read(options, &own, (uint32_t)sizeof own, "pt_masked_lm_options"));
    if ((own.flags & ~(uint32_t)PT_MASK_WHOLE_WORDS) != 0)
        return pt__fail(PT_ERR_ARGUMENT, "pt_masked_lm_options.flags is 0x%lx, expected PT_MASK_WHOLE_WORDS or 0",
                        (unsigned long)own.flags);
    out->masking = (pt__masking_t){.probability = own.probability,
                                   .masked = own.masked,
                                   .random = own.random,
                                   .mask_token = own.mask_token,
                                   .whole_words = (own.flags & PT_MASK_WHOLE_WORDS) != 0};
    if (own.token_kinds == NULL)
        return PT_OK;
    PT__TRY(pt__array_read(own.token_kinds, own.array_size, kinds_name, kinds));
    out->outputs = kinds->elements;
    return pt__array_expect_stated(kinds, kinds_name, 1, &out->outputs, out->outputs);
}

static pt_status_t check_kinds(const pt__task_options_t *options)
{
    int64_t ordinary = 0;
    for (int64_t i = 0; i < options->outputs; i++) {
        const float kind = options->per_output[i];
        if (!(kind >= 0 && kind <= (PT_TOKEN_SPECIAL | PT_TOKEN_CONTINUES)) || kind != (float)(int32_t)kind)
            return pt__fail(PT_ERR_ARGUMENT, "%s[%lld] is %g, expected PT_TOKEN_... or 0", kinds_name, (long long)i,
                            pt__number_shown((double)kind));
        ordinary += ((int32_t)kind & PT_TOKEN_SPECIAL) == 0;
    }
    if (options->outputs > 0 && ordinary == 0)
        return pt__fail(PT_ERR_ARGUMENT, "%s: all %lld are special, expected one that is not", kinds_name,
                        (long long)options->outputs);
    return PT_OK;
}

static pt_status_t check_share(const char *option, double value)
{
    if (value >= 0 && value <= 1)
        return PT_OK;
    return pt__fail(PT_ERR_ARGUMENT, "task masked_lm: %s is %g, expected 0 to 1", option, pt__number_shown(value));
}

static pt_status_t check(const pt__task_options_t *options)
{
    const pt__masking_t *masking = &options->masking;
    if (options->dropout > 0 || options->label_smoothing > 0)
        return pt__fail(PT_ERR_ARGUMENT, "task masked_lm: a %s is given, expected none",
                        options->dropout > 0 ? "dropout" : "label_smoothing");
    PT__TRY(check_share("probability", masking->probability));
    PT__TRY(check_share("masked", masking->masked));
    PT__TRY(check_share("random", masking->random));
    if (masking->masked + masking->random > 1 + 1e-9)
        return pt__fail(PT_ERR_ARGUMENT, "task masked_lm: masked %g and random %g, expected at most 1 together",
                        masking->masked, masking->random);
    if (masking->mask_token < -1)
        return pt__fail(PT_ERR_ARGUMENT, "task masked_lm: mask_token is %d, expected a token, or -1 for none",
                        (int)masking->mask_token);
    if (masking->whole_words && options->per_output == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "task masked_lm: PT_MASK_WHOLE_WORDS without token_kinds, which tell the "
                                         "tokens that continue a word");
    return check_kinds(options);
}

static pt_status_t check_trunk(const pt__task_options_t *options, const pt_graph_t *graph, pt_tensor_t hidden,
                               int64_t *vocabulary)
{
    const pt__input_t *tokens = pt__graph_input(graph, "tokens");
    if (tokens == NULL || pt__graph_tensor(graph, tokens->tensor)->index_limit <= 0)
        return pt__fail(PT_ERR_STATE, "task masked_lm: the network has no input \"tokens\" that an embedding reads");
    if (pt__graph_tensor(graph, hidden)->shape.dimension != PT__DIMENSION_TOKENS)
        return pt__fail(PT_ERR_SHAPE, "task masked_lm: the network's output \"hidden\" has one row a sample, expected "
                                      "one a token ([PT_DIM_TOKENS, D])");
    *vocabulary = pt__graph_tensor(graph, tokens->tensor)->index_limit;
    if (options->masking.mask_token >= *vocabulary)
        return pt__fail(PT_ERR_ARGUMENT, "task masked_lm: mask_token is %d, expected less than the vocabulary's %lld",
                        (int)options->masking.mask_token, (long long)*vocabulary);
    if (options->outputs > *vocabulary)
        return pt__fail(PT_ERR_ARGUMENT, "%s: %lld of them, expected at most the vocabulary's %lld", kinds_name,
                        (long long)options->outputs, (long long)*vocabulary);
    return PT_OK;
}

/* The head's parameters; PT_NO_TENSOR for those that it does not have. */
typedef struct words {
    pt_tensor_t dense, dense_bias, norm, norm_bias, weight, bias;
    int32_t activation;
} words_t;

static pt_tensor_t parameter(pt_graph_t *graph, const char *name, const char *part, int32_t rank, const int64_t *shape,
                             int32_t initializer, double value)
{
    char whole[PT_MAX_NAME];
    snprintf(whole, sizeof whole, "%s%s", name, part);
    return pt_parameter(graph, whole, rank, shape, PT__INITIAL(initializer, value));
}

static words_t make_words(pt_graph_t *graph, int64_t vocabulary, int64_t width)
{
    const pt__offer_t offer = graph->offer;
    const pt__word_head_t *head = offer.word_head;
    const double deviation = offer.deviation > 0 ? offer.deviation : DEVIATION;
    words_t words = {.weight = offer.output_weight};
    if (head != NULL) {
        words.activation = head->activation != 0 ? head->activation : offer.activation;
        words.dense = parameter(graph, head->dense, ".weight", 2, (int64_t[]){width, width}, PT_INIT_NORMAL, deviation);
        words.dense_bias = parameter(graph, head->dense, ".bias", 1, &width, PT_INIT_CONSTANT, 0.0);
        words.norm = parameter(graph, head->norm, ".weight", 1, &width, PT_INIT_CONSTANT, 1.0);
        words.norm_bias = parameter(graph, head->norm, ".bias", 1, &width, PT_INIT_CONSTANT, 0.0);
        const char *bias = words.weight == PT_NO_TENSOR && head->untied_bias != NULL ? head->untied_bias : head->bias;
        words.bias = parameter(graph, bias, "", 1, &vocabulary, PT_INIT_CONSTANT, 0.0);
    }
    if (words.weight == PT_NO_TENSOR)
        words.weight = parameter(graph, head != NULL ? head->weight : "lm_head.weight", "", 2,
                                 (int64_t[]){vocabulary, width}, PT_INIT_NORMAL, deviation);
    return words;
}

/* Rows as they are multiplied with the output weight. */
static pt_tensor_t transform(pt_graph_t *graph, const words_t *words, pt_tensor_t rows)
{
    if (words->dense == PT_NO_TENSOR)
        return rows;
    rows = pt_linear(graph, rows, words->dense, words->dense_bias, words->activation);
    return pt_layer_norm(graph, rows, words->norm, words->norm_bias, graph->offer.epsilon);
}

/* The input that says which rows have a label. */
static pt_tensor_t add_places(pt_graph_t *graph)
{
    int32_t chosen = pt__graph_choose_dimension(graph, PT__DIMENSION_TOKENS);
    if (chosen == PT__DIMENSION_NONE)
        return PT_NO_TENSOR;
    return pt_input(graph, "masked_places", PT_INT32, 1, (int64_t[]){pt__dimension_code(chosen)});
}

static pt_status_t build(const pt__task_options_t *options, pt_graph_t *graph)
{
    enum { SUM_OF_WEIGHTS = 1, HITS = 5 }; /* outputs of linear_cross_entropy_loss */
    pt_tensor_t hidden;
    int64_t vocabulary = 0;
    PT__TRY(pt__head_find_hidden(graph, "masked_lm", &hidden));
    PT__TRY(check_trunk(options, graph, hidden, &vocabulary));
    const words_t words = make_words(graph, vocabulary, pt__graph_tensor(graph, hidden)->shape.size[1]);
    pt_tensor_t labels = pt_input(graph, "masked_labels", PT_INT32, 1, (int64_t[]){PT_DIM_TOKENS});
    pt_tensor_t places = add_places(graph);
    pt_tensor_t rows = transform(graph, &words, pt_gather(graph, hidden, places));
    pt_tensor_t loss = pt_linear_cross_entropy_loss(graph, rows, words.weight, words.bias,
                                                    pt_gather(graph, labels, places), NULL);
    pt_graph_set_loss(graph, loss);
    pt_graph_set_output(
        graph, "logits",
        pt_linear(graph, transform(graph, &words, hidden), words.weight, words.bias, PT_ACTIVATION_NONE));
    PT__TRY(pt_graph_status(graph));
    pt__graph_add_metric(graph, "accuracy", "ratio", PT_METRIC_HIGHER, loss + HITS, loss + SUM_OF_WEIGHTS);
    pt__graph_add_metric(graph, "perplexity", "perplexity", 0, PT_NO_TENSOR, PT_NO_TENSOR);
    return pt_graph_status(graph);
}

static const pt__derived_t derived[] = {
    {.field = "masked_labels",
     .from = "tokens",
     .unless = "masked_labels",
     .check = pt__masking_check,
     .derive = pt__masking_labels},
    {.field = "tokens", .from = "tokens", .unless = "masked_labels", .derive = pt__masking_tokens},
    {.field = "masked_places", .from = "masked_labels", .derive = pt__masking_places},
};

const pt__task_t pt__task_masked_lm = {.name = PT_TASK_MASKED_LM,
                                       .self_supervised = 1,
                                       .derived = derived,
                                       .n_derived = 3,
                                       .read = read_options,
                                       .check = check,
                                       .build = build};
