/* See frame_spans.h. */
#include "tasks/frame_spans.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/number.h"
#include "base/random.h"
#include "tasks/head.h"

enum { HASHED = 4096 /* bytes of a sample, which tell it apart */ };

pt_status_t pt__frame_rows_find(const pt_graph_t *graph, const char *task, pt__frame_rows_t *rows)
{
    const pt__input_t *input = pt__graph_input(graph, PT__FRAMES);
    char found[96];
    *rows = (pt__frame_rows_t){.stride = 1};
    if (input == NULL)
        return pt__fail(PT_ERR_STATE, "task %s: the network has no input \"" PT__FRAMES "\"", task);
    const pt__tensor_t *frames = pt__graph_tensor(graph, input->tensor);
    if (frames->dtype != PT_FLOAT32 || frames->shape.rank != 2 || !pt__shape_is_ragged(&frames->shape) ||
        frames->shape.size[0] != 1)
        return pt__fail(PT_ERR_SHAPE,
                        "task %s: the network's input \"" PT__FRAMES "\" is %s, expected float32 [a ragged dimension, "
                        "bins]",
                        task, pt__graph_shape_print(graph, &frames->shape, frames->dtype, found, sizeof found));
    PT__TRY(pt__head_find_hidden(graph, task, &rows->hidden));
    const pt__shape_t *hidden = &pt__graph_tensor(graph, rows->hidden)->shape;
    rows->frames = input->tensor;
    rows->frames_dimension = frames->shape.dimension;
    rows->rows_dimension = hidden->dimension;
    rows->bins = frames->shape.size[1];
    rows->width = hidden->size[1];
    int32_t at = rows->rows_dimension;
    while (at != rows->frames_dimension && graph->dimensions[at].parent != PT__DIMENSION_NONE) {
        rows->stride *= graph->dimensions[at].divide;
        at = graph->dimensions[at].parent;
    }
    if (at != rows->frames_dimension)
        return pt__fail(PT_ERR_SHAPE,
                        "task %s: the network's output \"hidden\" is %s, expected rows made of those of \"" PT__FRAMES
                        "\"",
                        task, pt__graph_shape_print(graph, hidden, PT_FLOAT32, found, sizeof found));
    return PT_OK;
}

static int64_t rows_of(const pt_graph_t *graph, int32_t dimension, int32_t from, int64_t frames)
{
    if (dimension == from)
        return frames;
    const pt__dimension_t *derived = &graph->dimensions[dimension];
    return pt__dimension_rows(derived, rows_of(graph, derived->parent, from, frames));
}

int64_t pt__frame_rows_count(const pt_graph_t *graph, const pt__frame_rows_t *rows, int64_t frames)
{
    return rows_of(graph, rows->rows_dimension, rows->frames_dimension, frames);
}

pt_status_t pt__frame_rows_check(const pt__task_options_t *options)
{
    if (options->dropout > 0 || options->label_smoothing > 0 || options->per_output != NULL)
        return pt__fail(PT_ERR_ARGUMENT, "task %s: a %s is given, expected none", options->task,
                        options->dropout > 0           ? "dropout"
                        : options->label_smoothing > 0 ? "label_smoothing"
                                                       : "weight for each class");
    return PT_OK;
}

pt_status_t pt__frame_spans_check(const pt__task_options_t *options)
{
    const double probability = options->masking.probability;
    PT__TRY(pt__frame_rows_check(options));
    if (!(probability >= 0 && probability <= 1))
        return pt__fail(PT_ERR_ARGUMENT, "task %s: probability is %g, expected 0 to 1", options->task,
                        pt__number_shown(probability));
    if (options->of_frames.span < 1)
        return pt__fail(PT_ERR_ARGUMENT, "task %s: span is %d, expected at least 1", options->task,
                        (int)options->of_frames.span);
    return PT_OK;
}

pt_tensor_t pt__frame_places(pt_graph_t *graph, const char *name, const pt__frame_rows_t *rows, int64_t *dimension)
{
    int32_t chosen = pt__graph_choose_dimension(graph, rows->rows_dimension);
    if (chosen == PT__DIMENSION_NONE)
        return PT_NO_TENSOR;
    *dimension = pt__dimension_code(chosen);
    return pt_input(graph, name, PT_INT32, 1, dimension);
}

/* A sample's spans, one after the other. */
typedef struct spans {
    pt__random_t random;
    int64_t length, at;   /* in rows */
    int64_t spans, slots; /* left; a slot is a span, or a row that stays */
    int64_t begin, end;   /* of the one that was drawn */
} spans_t;

static uint64_t content_of(const float *frames, int64_t count, int64_t bins)
{
    size_t bytes = (size_t)(count * bins) * sizeof *frames;
    const char *from = (const char *)frames;
    if (bytes > HASHED) {
        from += (bytes - HASHED) / 2;
        bytes = HASHED;
    }
    return pt__hash_bytes((uint64_t)count, from, bytes);
}

static spans_t start_spans(const pt__derivation_t *derivation, const pt__frame_rows_t *rows, int64_t sample,
                           int64_t count)
{
    const pt__task_options_t *options = derivation->options;
    const int32_t at = derivation->offsets[sample];
    const float *frames = (const float *)derivation->from + at * rows->bins;
    const int64_t asked = (options->of_frames.span + rows->stride / 2) / rows->stride,
                  most = (int64_t)floor(options->masking.probability * (double)count + 0.5),
                  length = asked < most ? asked : most;
    spans_t spans = {.length = length < 1 ? 1 : length};
    if (count == 0 || options->masking.probability == 0)
        return spans;
    spans.random = pt__random_start(
        pt__random_key(derivation->key, content_of(frames, derivation->offsets[sample + 1] - at, rows->bins)));
    spans.spans = (int64_t)floor(options->masking.probability * (double)count / (double)spans.length + 0.5);
    spans.spans = spans.spans < 1 ? 1 : spans.spans * spans.length > count ? count / spans.length : spans.spans;
    spans.slots = count - spans.spans * (spans.length - 1);
    return spans;
}

static int32_t next_span(spans_t *spans)
{
    while (spans->spans > 0) {
        const int32_t is_span = pt__random_uniform(&spans->random) * (double)spans->slots < (double)spans->spans;
        spans->slots--;
        spans->begin = spans->at;
        spans->at += is_span ? spans->length : 1;
        spans->end = spans->at;
        spans->spans -= is_span;
        if (is_span)
            return 1;
    }
    return 0;
}

/* The task's build has found them before. */
static pt__frame_rows_t rows_of_network(const pt__derivation_t *derivation)
{
    pt__frame_rows_t rows;
    (void)pt__frame_rows_find(derivation->graph, "", &rows);
    return rows;
}

/* The frames [stride · bins] that a row stands for. */
static void copy_row(const pt__derivation_t *derivation, const pt__frame_rows_t *rows, int64_t sample, int64_t row,
                     float *to)
{
    const int64_t first = derivation->offsets[sample], last = derivation->offsets[sample + 1] - 1;
    for (int64_t i = 0; i < rows->stride; i++) {
        const int64_t wanted = first + row * rows->stride + i, at = wanted < last ? wanted : last;
        memcpy(to + i * rows->bins, (const float *)derivation->from + at * rows->bins, (size_t)rows->bins * sizeof *to);
    }
}

/* All rows of a sample, as one span. */
static spans_t whole(int64_t count)
{
    return (spans_t){.length = count, .spans = count > 0, .slots = 1};
}

/* Walks all rows of all samples, or those hidden: their numbers, or what they stand for. Of the two results one may be
 * NULL. */
static void choose(const pt__derivation_t *derivation, int32_t all, int32_t *places, float *targets)
{
    const pt__frame_rows_t rows = rows_of_network(derivation);
    int32_t chosen = 0;
    int64_t before = 0; /* rows of earlier samples */
    derivation->chosen[0] = 0;
    for (int64_t s = 0; s < derivation->samples; s++) {
        const int64_t count = pt__frame_rows_count(derivation->graph, &rows,
                                                   derivation->offsets[s + 1] - derivation->offsets[s]);
        spans_t spans = all ? whole(count) : start_spans(derivation, &rows, s, count);
        while (next_span(&spans))
            for (int64_t r = spans.begin; r < spans.end; r++, chosen++) {
                if (places != NULL)
                    places[chosen] = (int32_t)(before + r);
                if (targets != NULL)
                    copy_row(derivation, &rows, s, r, targets + chosen * rows.stride * rows.bins);
            }
        before += count;
        derivation->chosen[s + 1] = chosen;
    }
}

void pt__frame_spans_derive_places(const pt__derivation_t *derivation, void *values)
{
    choose(derivation, 0, values, NULL);
}

void pt__frame_spans_derive_targets(const pt__derivation_t *derivation, void *values)
{
    choose(derivation, 0, NULL, values);
}

void pt__frame_rows_copy(const pt__derivation_t *derivation, void *values)
{
    const pt__frame_rows_t rows = rows_of_network(derivation);
    memcpy(values, derivation->from, (size_t)(derivation->offsets[derivation->samples] * rows.bins) * sizeof(float));
}

void pt__frame_spans_derive_frames(const pt__derivation_t *derivation, void *values)
{
    const pt__frame_rows_t rows = rows_of_network(derivation);
    float *to = values;
    pt__frame_rows_copy(derivation, values);
    for (int64_t s = 0; s < derivation->samples; s++) {
        const int64_t first = derivation->offsets[s], frames = derivation->offsets[s + 1] - first;
        spans_t spans = start_spans(derivation, &rows, s, pt__frame_rows_count(derivation->graph, &rows, frames));
        while (next_span(&spans)) {
            const int64_t end = spans.end * rows.stride, begin = spans.begin * rows.stride;
            for (int64_t i = begin; i < end && i < frames; i++)
                memset(to + (first + i) * rows.bins, 0, (size_t)rows.bins * sizeof *to);
        }
    }
}

void pt__frame_rows_derive_places(const pt__derivation_t *derivation, void *values)
{
    choose(derivation, 1, values, NULL);
}

void pt__frame_rows_derive(const pt__derivation_t *derivation, void *values)
{
    choose(derivation, 1, NULL, values);
}
