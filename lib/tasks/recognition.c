/* Recognition of speech: rows of frames become the characters, or pieces of words, of a transcript (CTC).
 *
 *   transcript  int32, of a ragged dimension "transcript": tokens, none of them the blank
 *   loss        ctc_loss of logits, infeasible transcripts as asked for
 *   logits      [rows of hidden, classes] from the head "lm_head", as wav2vec 2.0 calls it; log_probabilities their
 *               log-softmax, what decoders read
 *   metrics     of greedy decoding: character_error_rate, or token_error_rate where tokens are pieces of words; where
 *               words are told, word_error_rate, and how many word_substitutions, word_deletions, word_insertions and
 *               word_hits it is made of */
#include "base/array.h"
#include "base/edit_distance.h"
#include "base/number.h"
#include "base/options.h"
#include "graph/builder.h"
#include "tasks/head.h"
#include "tasks/tasks.h"

static const char kinds_name[] = "task recognition: token_kinds";

pt_status_t pt_recognition_options_init(pt_recognition_options_t *options, uint32_t struct_size)
{
    static const pt_recognition_options_t defaults = {.blank = -1, .delimiter = -1};
    pt__error_clear();
    return pt__options_init(options, struct_size, &defaults, (uint32_t)sizeof defaults, "pt_recognition_options");
}

static pt_status_t read_options(const void *options, pt__task_options_t *out, pt_array_t *kinds)
{
    pt_recognition_options_t own;
    PT__TRY(pt_recognition_options_init(&own, (uint32_t)sizeof own));
    PT__TRY(pt__options_read(options, &own, (uint32_t)sizeof own, "pt_recognition_options"));
    PT__TRY(pt__head_check_flags("recognition", own.flags, 0));
    out->outputs = own.classes;
    out->dropout = own.dropout;
    out->alphabet = (pt__alphabet_t){
        .blank = own.blank, .delimiter = own.delimiter, .infeasible = own.infeasible, .whole = own.whole != 0};
    if (own.token_kinds == NULL)
        return PT_OK;
    PT__TRY(pt__head_check_outputs("recognition", "classes", own.classes));
    PT__TRY(pt__array_read(own.token_kinds, own.array_size, kinds_name, kinds));
    if (kinds->elements == 0 && kinds->rank == 1)
        kinds->elements = kinds->shape[0];
    if (kinds->elements > own.classes)
        return pt__fail(PT_ERR_ARGUMENT, "%s: %lld of them, expected at most %lld, one a class", kinds_name,
                        (long long)kinds->elements, (long long)own.classes);
    return pt__array_expect_stated(kinds, kinds_name, 1, &kinds->elements, kinds->elements);
}

static int32_t is_class(const pt__task_options_t *options, int32_t number)
{
    return number >= 0 && number < options->outputs;
}

static int64_t blank_of(const pt__task_options_t *options)
{
    return options->alphabet.blank < 0 ? options->alphabet.blank + options->outputs : options->alphabet.blank;
}

static pt_status_t check(const pt__task_options_t *options)
{
    const pt__alphabet_t *alphabet = &options->alphabet;
    PT__TRY(pt__head_check_outputs("recognition", "classes", options->outputs));
    if (options->label_smoothing > 0)
        return pt__fail(PT_ERR_ARGUMENT, "task recognition: a label_smoothing is given, expected none");
    if (blank_of(options) < 0 || blank_of(options) >= options->outputs)
        return pt__fail(PT_ERR_ARGUMENT,
                        "task recognition: blank is %d, expected one of the %lld classes, or -1 for "
                        "the last",
                        (int)alphabet->blank, (long long)options->outputs);
    if (alphabet->delimiter != -1 &&
        (!is_class(options, alphabet->delimiter) || alphabet->delimiter == blank_of(options)))
        return pt__fail(PT_ERR_ARGUMENT,
                        "task recognition: delimiter is %d, expected a token that is not the blank, or "
                        "-1 for none",
                        (int)alphabet->delimiter);
    if (alphabet->infeasible < PT_CTC_INFEASIBLE_ERROR || alphabet->infeasible > PT_CTC_INFEASIBLE_ZERO)
        return pt__fail(PT_ERR_ARGUMENT, "task recognition: infeasible is %d, expected one of PT_CTC_INFEASIBLE_...",
                        (int)alphabet->infeasible);
    for (int64_t i = 0; options->per_output != NULL && i < options->outputs; i++) {
        const float kind = options->per_output[i];
        if (!(kind >= 0 && kind <= (PT_TOKEN_SPECIAL | PT_TOKEN_CONTINUES)) || kind != (float)(int32_t)kind)
            return pt__fail(PT_ERR_ARGUMENT, "%s[%lld] is %g, expected PT_TOKEN_... or 0", kinds_name, (long long)i,
                            pt__number_shown((double)kind));
    }
    return PT_OK;
}

static float kind_of(const pt__task_options_t *options, int64_t token)
{
    if (token == options->alphabet.delimiter)
        return PT__WORD_PARTS;
    if (options->per_output == NULL)
        return PT__WORD_GOES_ON;
    int32_t kind = (int32_t)options->per_output[token];
    return kind & PT_TOKEN_SPECIAL ? PT__WORD_NO_TEXT : kind & PT_TOKEN_CONTINUES ? PT__WORD_GOES_ON : PT__WORD_BEGINS;
}

static pt_tensor_t kinds_constant(const pt__task_options_t *options, pt_graph_t *graph)
{
    pt__memory_t *memory = &graph->context->memory;
    float *kinds;
    pt_status_t status = pt__allocate(memory, (size_t)options->outputs, sizeof *kinds, "kinds of tokens", &kinds);
    if (status != PT_OK)
        return pt__graph_stick(graph, status);
    for (int64_t i = 0; i < options->outputs; i++)
        kinds[i] = kind_of(options, i);
    const pt_array_t array = {.dtype = PT_FLOAT32, .rank = 1, .shape = {options->outputs}, .data = kinds};
    pt_tensor_t constant = pt_constant(graph, PT_FLOAT32, &array, (uint32_t)sizeof array);
    pt__release(memory, kinds);
    return constant;
}

static void add_metrics(const pt__task_options_t *options, pt_graph_t *graph, pt_tensor_t logits,
                        pt_tensor_t transcript)
{
    static const char *const counts[] = {"word_substitutions", "word_deletions", "word_insertions", "word_hits"};
    const int32_t are_pieces = options->per_output != NULL && options->alphabet.delimiter < 0;
    pt__attributes_t attributes = {.integers = {options->alphabet.blank}};
    pt_tensor_t inputs[] = {logits, transcript, kinds_constant(options, graph)};
    pt_tensor_t first = pt__build(graph, "ctc_errors", 3, inputs, &attributes);
    pt__graph_add_metric(graph, are_pieces ? "token_error_rate" : "character_error_rate", "ratio", PT_METRIC_LOWER,
                         first, pt__build_output(first, 1));
    if (options->per_output == NULL && options->alphabet.delimiter < 0)
        return;
    pt__graph_add_metric(graph, "word_error_rate", "ratio", PT_METRIC_LOWER, pt__build_output(first, 2),
                         pt__build_output(first, 3));
    for (int32_t i = 0; i < 4; i++)
        pt__graph_add_metric(graph, counts[i], "total", i < 3 ? PT_METRIC_LOWER : PT_METRIC_HIGHER,
                             pt__build_output(first, 4 + i), PT_NO_TENSOR);
}

static pt_status_t build(const pt__task_options_t *options, pt_graph_t *graph)
{
    pt_tensor_t hidden;
    pt_ctc_options_t loss;
    PT__TRY(pt_ctc_options_init(&loss, (uint32_t)sizeof loss));
    loss.blank = options->alphabet.blank;
    loss.infeasible = options->alphabet.infeasible;
    loss.whole = options->alphabet.whole;
    PT__TRY(pt__head_find_hidden(graph, "recognition", &hidden));
    if (!pt__shape_is_ragged(&pt__graph_tensor(graph, hidden)->shape))
        return pt__fail(PT_ERR_SHAPE,
                        "task recognition: the network's output \"hidden\" has one row a sample, expected "
                        "rows of a ragged dimension");
    if (options->dropout > 0)
        hidden = pt_dropout(graph, hidden, options->dropout);
    pt_tensor_t logits = pt_linear_layer(graph, "lm_head", hidden, options->outputs, PT_ACTIVATION_NONE);
    int64_t rows = pt_graph_dim(graph, "transcript");
    pt_tensor_t transcript = pt_input(graph, "transcript", PT_INT32, 1, &rows);
    pt_graph_set_loss(graph, pt_ctc_loss(graph, logits, transcript, &loss));
    pt_graph_set_output(graph, "logits", logits);
    pt_graph_set_output(graph, "log_probabilities", pt_log_softmax(graph, logits));
    add_metrics(options, graph, logits, transcript);
    return pt_graph_status(graph);
}

const pt__task_t pt__task_recognition = {
    .name = PT_TASK_RECOGNITION, .read = read_options, .check = check, .build = build};
