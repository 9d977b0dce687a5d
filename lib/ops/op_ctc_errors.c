/* ctc_errors: how far the texts of greedy decoding are from the targets, counted over all samples; no gradient
 *
 *   logits [R, C], targets int32 [S] as of ctc_loss; kinds [C], what each class is in a text: PT__WORD_... of
 *   base/edit_distance.h
 *   Outputs, scalars: 0 edits of single classes, 1 how many of them the targets have, 2 and 3 the same of words, 4 to 7
 *   the words' substitutions, deletions, insertions and hits. */
#include "ops/op_rules.h"

enum { BLANK };
enum { LOGITS, TARGETS, KINDS, INPUTS };
enum { ERRORS, COMPARED, WORD_ERRORS, WORDS, SUBSTITUTIONS, DELETIONS, INSERTIONS, HITS, OUTPUTS };

static pt_status_t errors_shape(const pt_graph_t *graph, const pt__node_t *node, pt__tensor_t *outputs)
{
    int64_t classes;
    PT__TRY(pt__expect_rows(graph, node, LOGITS, "logits", &classes));
    const pt__shape_t *logits = &pt__input_of(graph, node, LOGITS)->shape;
    const pt__shape_t *targets = &pt__input_of(graph, node, TARGETS)->shape;
    if (logits->rank != 2 || !pt__shape_is_ragged(logits) || logits->size[0] != 1)
        return pt__refuse(graph, node, LOGITS, "logits", "[rows, classes], rows of a ragged dimension");
    PT__TRY(pt__expect_dtype(graph, node, TARGETS, "targets", PT_INT32));
    if (targets->rank != 1 || !pt__shape_is_ragged(targets) || targets->size[0] != 1)
        return pt__refuse(graph, node, TARGETS, "targets", "[rows], of a ragged dimension");
    PT__TRY(pt__expect_vector(graph, node, KINDS, "kinds", classes));
    for (int32_t i = 0; i < OUTPUTS; i++)
        outputs[i].shape = pt__shape_scalar();
    return PT_OK;
}

static pt__index_t errors_index(const pt_graph_t *graph, const pt__node_t *node, int32_t input)
{
    (void)input;
    return (pt__index_t){
        .role = "targets", .limit = pt__input_of(graph, node, LOGITS)->shape.size[1], .ignore = INT32_MIN};
}

static int64_t errors_scratch(const pt__call_t *call)
{
    return pt__ctc_errors_scratch(call->inputs[LOGITS].size[0], call->inputs[TARGETS].size[0]) *
           (int64_t)sizeof(int32_t);
}

static void errors_run(const pt__call_t *call, const pt__run_t *run)
{
    const pt__view_t *logits = &call->inputs[LOGITS];
    int64_t blank = call->attributes->integers[BLANK];
    pt__ctc_errors_t errors = {.samples = run->count[PT__DIMENSION_BATCH],
                               .classes = logits->size[1],
                               .blank = blank < 0 ? blank + logits->size[1] : blank,
                               .offsets = run->offsets[logits->dimension],
                               .target_offsets = run->offsets[call->inputs[TARGETS].dimension],
                               .logits = logits->data,
                               .targets = call->inputs[TARGETS].data,
                               .kinds = call->inputs[KINDS].data,
                               .errors = call->outputs[ERRORS].data,
                               .compared = call->outputs[COMPARED].data,
                               .word_errors = call->outputs[WORD_ERRORS].data,
                               .words = call->outputs[WORDS].data,
                               .substitutions = call->outputs[SUBSTITUTIONS].data,
                               .deletions = call->outputs[DELETIONS].data,
                               .insertions = call->outputs[INSERTIONS].data,
                               .hits = call->outputs[HITS].data,
                               .scratch = call->scratch};
    pt__kernels_of(run)->ctc_errors(run->device, &errors);
}

static double errors_operations(const pt__call_t *call)
{
    return (double)pt__view_elements(&call->inputs[LOGITS]);
}

/* Kinds are whole numbers: 0 throughout, or 0 and 1. */
static const pt__case_t cases[] = {
    {"f[T,3] i2[S] z[3]", {.integers = {-1}}},
    {"f[S,4] i3[T] m[4]", {.integers = {3}}},
    {"f[S,2] i2[T] z[2]", {.integers = {0}}},
};

static const pt__op_t ops[] = {
    {.name = "ctc_errors",
     .min_inputs = INPUTS,
     .max_inputs = INPUTS,
     .n_outputs = OUTPUTS,
     .shape = errors_shape,
     .index = errors_index,
     .run = errors_run,
     .scratch = errors_scratch,
     .operations = errors_operations,
     PT__CASES(cases)},
};

PT__OP_FAMILY(op_ctc_errors, ops)
