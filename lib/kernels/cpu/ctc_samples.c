/* CTC's loss, a sample a task. States are logarithms of sums of probabilities, each row's moved so that the largest is
 * 0, and how far they were moved is added up in double precision: so they keep their digits over any number of rows.
 *
 * The gradient needs the forward states of each row while the backward ones come from the last row to the first. Kept
 * all, they would be rows times targets; kept are those of every k-th row, k the root of the rows, and those between
 * are made again, k at a time. The states of all samples together then take about 2 sqrt(rows) rows of their targets.
 * Called through the table. */
#include <math.h>

#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"

typedef struct sample {
    const pt__ctc_t *ctc;
    const pt__vector_ctc_t *lanes;
    int64_t rows, targets, n; /* n = targets + 1 */
    const float *logits;      /* [rows, classes] */
    const int32_t *target;
    float *log_sum; /* [rows] of the logits */
    int64_t step;   /* of the rows whose states are kept */
    float *at;      /* the next of its scratch */
    pt__ctc_states_t first, open, back;
    float *kept, *between, *skip, *emission;
} sample_t;

/* Floats from a row's blanks to its labels, and half of what a row takes. */
static int64_t half_width(const sample_t *s)
{
    return PT__CTC_MARGIN + (s->n + PT__CTC_MARGIN - 1) / PT__CTC_MARGIN * PT__CTC_MARGIN + PT__CTC_MARGIN;
}

static void clear(float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        values[i] = PT__CTC_NOTHING;
}

/* The states that stand in row `number` from `rows` on. */
static pt__ctc_states_t states_at(const sample_t *s, float *rows, int64_t number)
{
    float *row = rows + number * 2 * half_width(s);
    return (pt__ctc_states_t){row + PT__CTC_MARGIN, row + half_width(s) + PT__CTC_MARGIN};
}

static float *take_rows(sample_t *s, int64_t count)
{
    float *rows = s->at;
    s->at += count * 2 * half_width(s);
    clear(rows, count * 2 * half_width(s));
    return rows;
}

static void prepare(sample_t *s)
{
    for (s->step = 1; s->step * s->step < s->rows; s->step++)
        continue;
    s->kept = take_rows(s, (s->rows + s->step - 1) / s->step);
    s->between = take_rows(s, s->step);
    s->first = states_at(s, take_rows(s, 1), 0);
    s->back = states_at(s, take_rows(s, 1), 0);
    s->open = states_at(s, take_rows(s, 1), 0);
    s->skip = take_rows(s, 1) + PT__CTC_MARGIN;
    s->emission = take_rows(s, 1) + PT__CTC_MARGIN;
    s->first.blank[0] = 0;         /* before the first row */
    s->back.blank[s->targets] = 0; /* behind the last */
    for (int64_t i = 1; i < s->targets; i++)
        if (s->target[i] != s->target[i - 1])
            s->skip[i] = 0;
}

static float emission_of(const sample_t *s, int64_t row, int64_t label)
{
    float emission = s->logits[row * s->ctc->classes + label] - s->log_sum[row];
    return emission < PT__CTC_NOTHING ? PT__CTC_NOTHING : emission; /* NaN comes through */
}

/* Those of the targets at this row; returns the blank's. */
static float emit(sample_t *s, int64_t row)
{
    for (int64_t i = 0; i < s->targets; i++)
        s->emission[i] = emission_of(s, row, s->target[i]);
    return emission_of(s, row, s->ctc->blank);
}

static float step_forward(sample_t *s, int64_t row, const pt__ctc_states_t *from, const pt__ctc_states_t *to)
{
    float at_blank = emit(s, row);
    return s->lanes->forward(s->n, s->skip, s->emission, at_blank, from, to);
}

/* All rows, those kept that the gradient begins again from; returns the loss. */
static double pass_forward(sample_t *s)
{
    double moved = 0;
    pt__ctc_states_t from = s->first, to = s->first;
    for (int64_t row = 0; row < s->rows; row++, from = to) {
        s->log_sum[row] = s->lanes->log_sum(s->ctc->classes, s->logits + row * s->ctc->classes);
        to = row % s->step == 0 ? states_at(s, s->kept, row / s->step) : states_at(s, s->between, row % s->step);
        moved += (double)step_forward(s, row, &from, &to);
    }
    double blank = (double)to.blank[s->targets];
    double label = s->targets > 0 ? (double)to.label[s->targets - 1] : (double)PT__CTC_NOTHING;
    double most = blank > label ? blank : label;
    return -(moved + most + log(exp(blank - most) + exp(label - most)));
}

/* d_logits of a row from the shares of its states: softmax less what the targets and the blank have. */
static void put_gradient(const sample_t *s, int64_t row, float of_blanks, float factor, float *d_logits)
{
    s->lanes->probabilities(s->ctc->classes, s->logits + row * s->ctc->classes, s->log_sum[row], factor, d_logits);
    d_logits[s->ctc->blank] -= factor * of_blanks;
    for (int64_t i = 0; i < s->targets; i++)
        d_logits[s->target[i]] -= factor * s->open.label[i];
}

static void pass_backward(sample_t *s, float factor, float *d_logits)
{
    for (int64_t from = (s->rows - 1) / s->step * s->step; from >= 0; from -= s->step) {
        int64_t end = from + s->step < s->rows ? from + s->step : s->rows;
        pt__ctc_states_t kept = states_at(s, s->kept, from / s->step), before = kept;
        for (int64_t row = from + 1; row < end; row++) {
            pt__ctc_states_t to = states_at(s, s->between, row - from);
            step_forward(s, row, &before, &to);
            before = to;
        }
        for (int64_t row = end - 1; row >= from; row--) {
            pt__ctc_states_t forward = row == from ? kept : states_at(s, s->between, row - from);
            float at_blank = emit(s, row);
            s->lanes->backward(s->n, s->skip, s->emission, at_blank, &s->back, &s->open);
            put_gradient(s, row, s->lanes->shares(s->n, &forward, &s->open), factor, d_logits + row * s->ctc->classes);
        }
    }
}

/* Whether the rows are enough: one a target, and a blank between equal ones. */
static int fits(const sample_t *s)
{
    int64_t needed = s->targets;
    for (int64_t i = 0; i < s->targets; i++) {
        if (s->target[i] == s->ctc->blank)
            return 0;
        needed += i > 0 && s->target[i] == s->target[i - 1];
    }
    return needed <= s->rows;
}

typedef struct job {
    const pt__ctc_t *ctc;
    const pt__vector_t *vector;
} job_t;

static void fill_rows(const job_t *job, int64_t sample, float value)
{
    const pt__ctc_t *ctc = job->ctc;
    int64_t first = ctc->offsets[sample], rows = ctc->offsets[sample + 1] - first;
    if (ctc->d_logits != NULL)
        job->vector->map->fill(rows * ctc->classes, value, ctc->d_logits + first * ctc->classes);
}

static float weight_of(const pt__ctc_t *ctc, int64_t sample)
{
    return ctc->weights != NULL ? ctc->weights[sample] : 1.0f;
}

static float divisor_of(const pt__ctc_t *ctc, int64_t sample)
{
    int32_t targets = ctc->target_offsets[sample + 1] - ctc->target_offsets[sample];
    return ctc->by_target && targets > 0 ? (float)targets : 1.0f;
}

static void run_sample(const job_t *job, int64_t sample)
{
    const pt__ctc_t *ctc = job->ctc;
    int64_t first = ctc->offsets[sample], first_target = ctc->target_offsets[sample];
    int64_t all_rows = ctc->offsets[ctc->samples];
    sample_t s = {.ctc = ctc,
                  .lanes = job->vector->ctc,
                  .rows = ctc->offsets[sample + 1] - first,
                  .targets = ctc->target_offsets[sample + 1] - first_target,
                  .logits = ctc->logits + first * ctc->classes,
                  .target = ctc->targets + first_target,
                  .log_sum = ctc->scratch + first};
    s.n = s.targets + 1;
    s.at = ctc->scratch + all_rows + pt__ctc_rows(all_rows) * pt__ctc_width(first_target, sample);
    float factor = weight_of(ctc, sample) / divisor_of(ctc, sample);
    ctc->sample_loss[sample] = 0;
    if (s.rows == 0 || !fits(&s)) {
        fill_rows(job, sample, 0.0f);
        return;
    }
    prepare(&s);
    double loss = pass_forward(&s);
    int is_infinite = loss > -0.5 * (double)PT__CTC_NOTHING;
    if (!is_infinite)
        ctc->sample_loss[sample] = (float)loss;
    else if (!ctc->zero_infinite)
        ctc->sample_loss[sample] = INFINITY;
    if (is_infinite || factor == 0.0f)
        fill_rows(job, sample, is_infinite && !ctc->zero_infinite ? NAN : 0.0f);
    else if (ctc->d_logits != NULL)
        pass_backward(&s, factor, ctc->d_logits + first * ctc->classes);
}

static void run_samples(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    (void)chunk, (void)worker;
    for (int64_t sample = begin; sample < end; sample++)
        run_sample(argument, sample);
}

void pt__cpu_ctc(pt__dev device, const pt__ctc_t *ctc)
{
    job_t job = {.ctc = ctc, .vector = pt__cpu(device)->vector};
    double loss = 0, weight = 0;
    pt__chunks_run(device, ctc->samples, 1, run_samples, &job);
    for (int64_t i = 0; i < ctc->samples; i++) {
        double of_sample = (double)weight_of(ctc, i);
        if (of_sample == 0)
            continue;
        loss += of_sample * (double)ctc->sample_loss[i] / (double)divisor_of(ctc, i);
        weight += of_sample;
    }
    ctc->loss[0] = weight != 0 ? (float)(loss / weight) : 0.0f;
    ctc->weight[0] = (float)weight;
}
