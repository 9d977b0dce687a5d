/* References of losses and of what counts; see reference.h. */
#include "ops/reference.h"

#include <math.h>
#include <stdlib.h>

#include "base/edit_distance.h"

static double element_loss(pt__pointwise_loss_t kind, double number, double x, double t)
{
    double e = fabs(x - t);
    switch (kind) {
    case PT__LOSS_SQUARED:
        return e * e;
    case PT__LOSS_ABSOLUTE:
        return e;
    case PT__LOSS_HUBER:
        return e < number ? e * e / 2 : number * (e - number / 2);
    default:
        return -(number * t * -log1p(exp(-x)) + (1 - t) * -log1p(exp(x)));
    }
}

static void element_losses(const reference_call_t *call, pt__pointwise_loss_t kind)
{
    int64_t n = reference_elements(&call->inputs[0]);
    const double *weights = reference_optional(call, 2);
    int64_t elements_a_weight = weights == NULL || n == 0 ? 1 : n / reference_elements(&call->inputs[2]);
    double sum = 0, weight = 0;
    for (int64_t i = 0; i < n; i++) {
        double v = weights != NULL ? weights[i / elements_a_weight] : 1;
        sum += v * element_loss(kind, call->attributes->reals[0], call->inputs[0].value[i], call->inputs[1].value[i]);
        weight += v;
    }
    call->outputs[0].value[0] = weight > 0 ? sum / weight : 0;
    call->outputs[1].value[0] = weight;
}

static void reference_mse_loss(const reference_call_t *call)
{
    element_losses(call, PT__LOSS_SQUARED);
}
static void reference_l1_loss(const reference_call_t *call)
{
    element_losses(call, PT__LOSS_ABSOLUTE);
}
static void reference_huber_loss(const reference_call_t *call)
{
    element_losses(call, PT__LOSS_HUBER);
}
static void reference_bce_loss(const reference_call_t *call)
{
    element_losses(call, PT__LOSS_BINARY);
}

/* One row's loss and weight by the formulas of op_cross_entropy.c. */
static void row_loss(const reference_call_t *call, const double *logits, int64_t classes,
                     const reference_tensor_t *target, const double *class_weights, const double *row_weights,
                     int64_t r, double *loss, double *weight)
{
    double smoothing = call->attributes->reals[0], log_sum = reference_log_sum_exp(logits, classes);
    int64_t label = target->is_index ? (int64_t)target->value[r] : -1;
    *loss = *weight = 0;
    if (target->is_index && label == call->attributes->integers[0])
        return;
    double row_weight = row_weights != NULL ? row_weights[r] : 1;
    *weight = row_weight * (target->is_index && class_weights != NULL ? class_weights[label] : 1);
    for (int64_t c = 0; c < classes; c++) {
        double probability = target->is_index ? c == label : target->value[r * classes + c];
        probability = (1 - smoothing) * probability + smoothing / (double)classes;
        *loss += row_weight * (class_weights != NULL ? class_weights[c] : 1) * probability * (log_sum - logits[c]);
    }
}

static void mean_of_rows(const reference_call_t *call, double loss, double weight)
{
    call->outputs[0].value[0] = weight > 0 ? loss / weight : 0;
    call->outputs[1].value[0] = weight;
}

static void reference_cross_entropy(const reference_call_t *call)
{
    int64_t classes = reference_last(&call->inputs[0]), rows = reference_rows(&call->inputs[0], 1);
    double loss = 0, weight = 0;
    for (int64_t r = 0; r < rows; r++) {
        double row, row_weight;
        row_loss(call, call->inputs[0].value + r * classes, classes, &call->inputs[1], reference_optional(call, 2),
                 reference_optional(call, 3), r, &row, &row_weight);
        loss += row;
        weight += row_weight;
    }
    mean_of_rows(call, loss, weight);
}

static void reference_linear_cross_entropy(const reference_call_t *call)
{
    int64_t width = reference_last(&call->inputs[0]), rows = reference_rows(&call->inputs[0], 1),
            classes = call->inputs[1].size[0];
    const double *bias = reference_optional(call, 3);
    double loss = 0, weight = 0, *logits = malloc((size_t)classes * sizeof *logits);
    for (int64_t r = 0; r < rows; r++) {
        double row, row_weight;
        for (int64_t c = 0; c < classes; c++)
            logits[c] = reference_product(call->inputs[0].value + r * width, call->inputs[1].value, width, classes, c,
                                          0) +
                        (bias != NULL ? bias[c] : 0);
        row_loss(call, logits, classes, &call->inputs[2], reference_optional(call, 4), reference_optional(call, 5), r,
                 &row, &row_weight);
        loss += row;
        weight += row_weight;
    }
    free(logits);
    mean_of_rows(call, loss, weight);
}

/* ln of the sum over all paths, by extended targets: 2 i is a blank, 2 i + 1 target i. INFINITY: there is none. */
static double ctc_sample(const double *logits, int64_t rows, int64_t classes, const double *targets, int64_t count,
                         int64_t blank)
{
    int64_t states = 2 * count + 1;
    double *now = calloc((size_t)(2 * states), sizeof *now), *next = now + states, scale = 0;
    now[0] = 1;
    for (int64_t i = 0; i < count; i++)
        if ((int64_t)targets[i] == blank) {
            free(now);
            return INFINITY;
        }
    for (int64_t t = 0; t < rows; t++) {
        double sum = 0, log_sum = reference_log_sum_exp(logits + t * classes, classes);
        for (int64_t s = 0; s < states; s++) {
            int64_t label = s % 2 ? (int64_t)targets[s / 2] : blank;
            double from = now[s];
            if (t > 0 ? s > 0 : s == 1)
                from += now[s - 1];
            if (t > 0 && s > 2 && s % 2 && targets[s / 2] != targets[s / 2 - 1])
                from += now[s - 2];
            next[s] = from * exp(logits[t * classes + label] - log_sum);
            sum += next[s];
        }
        scale += log(sum);
        for (int64_t s = 0; s < states; s++)
            now[s] = next[s] / sum;
    }
    double loss = -scale - log(now[states - 1] + (states > 1 ? now[states - 2] : 0));
    free(now);
    return loss;
}

static void reference_ctc(const reference_call_t *call)
{
    const int64_t *integers = call->attributes->integers, classes = reference_last(&call->inputs[0]);
    const int32_t *rows = call->run->offsets[call->inputs[0].dimension],
                  *borders = call->run->offsets[call->inputs[1].dimension];
    const double *weights = reference_optional(call, 2);
    double sum = 0, weight = 0;
    for (int64_t i = 0; i < call->samples; i++) {
        int64_t count = borders[i + 1] - borders[i];
        double loss = ctc_sample(call->inputs[0].value + rows[i] * classes, rows[i + 1] - rows[i], classes,
                                 call->inputs[1].value + borders[i], count,
                                 integers[0] < 0 ? classes + integers[0] : integers[0]);
        loss = isfinite(loss) ? loss : 0;
        call->outputs[3].value[i] = loss;
        sum += (weights != NULL ? weights[i] : 1) * loss / (integers[2] || count == 0 ? 1 : (double)count);
        weight += weights != NULL ? weights[i] : 1;
    }
    mean_of_rows(call, sum, weight);
}

/* The fewest edits, as the definition has them. */
static double edits(const int64_t *a, int64_t n, const int64_t *b, int64_t m)
{
    double *table = calloc((size_t)((n + 1) * (m + 1)), sizeof *table);
    for (int64_t i = 0; i <= n; i++)
        for (int64_t j = 0; j <= m; j++) {
            double *at = table + i * (m + 1) + j;
            *at = i == 0 ? (double)j : j == 0 ? (double)i : at[-m - 2] + (a[i - 1] != b[j - 1]);
            if (i > 0 && j > 0)
                *at = fmin(*at, fmin(at[-1], at[-m - 1]) + 1);
        }
    double found = table[(n + 1) * (m + 1) - 1];
    free(table);
    return found;
}

/* Words as numbers in base 64, of at most ten classes each; kinds 0 and 1 alone. */
static int64_t words_of(const int64_t *text, int64_t count, const double *kinds, int64_t *words)
{
    int64_t n = 0;
    for (int64_t i = 0; i < count; i++) {
        if (i == 0 || kinds[text[i]] == PT__WORD_BEGINS)
            words[n++] = 0;
        words[n - 1] = (words[n - 1] * 64 + text[i] + 1) % 1000003;
    }
    return n;
}

static void reference_ctc_errors(const reference_call_t *call)
{
    enum { MOST = 64 };
    const int64_t classes = reference_last(&call->inputs[0]), asked = call->attributes->integers[0];
    const int32_t *rows = call->run->offsets[call->inputs[0].dimension],
                  *borders = call->run->offsets[call->inputs[1].dimension];
    const double *kinds = call->inputs[2].value;
    for (int32_t o = 0; o < 8; o++)
        call->outputs[o].value[0] = 0;
    for (int64_t s = 0; s < call->samples; s++) {
        int64_t guess[MOST], truth[MOST], guessed[MOST], spoken[MOST], m = 0, n = borders[s + 1] - borders[s],
                                                                       last = -1;
        for (int64_t i = 0; i < n; i++)
            truth[i] = (int64_t)call->inputs[1].value[borders[s] + i];
        for (int64_t r = rows[s]; r < rows[s + 1]; r++) {
            const double *row = call->inputs[0].value + r * classes;
            int64_t best = 0;
            for (int64_t c = 1; c < classes; c++)
                best = row[c] > row[best] ? c : best;
            if (best != last && best != (asked < 0 ? classes + asked : asked))
                guess[m++] = best;
            last = best;
        }
        int64_t words = words_of(truth, n, kinds, spoken), heard = words_of(guess, m, kinds, guessed);
        call->outputs[0].value[0] += edits(truth, n, guess, m);
        call->outputs[1].value[0] += (double)n;
        call->outputs[2].value[0] += edits(spoken, words, guessed, heard);
        call->outputs[3].value[0] += (double)words;
    }
}

/* By the formula of op_contrastive_loss.c, also the largest score's share. */
static void reference_contrastive(const reference_call_t *call)
{
    const reference_tensor_t *query = &call->inputs[0], *key = &call->inputs[1];
    const int64_t width = reference_last(key), steps = reference_last(query) / width;
    const int32_t *offsets = call->run->offsets[key->dimension];
    double loss = 0, count = 0, *scores = malloc((size_t)(reference_rows(key, 1) + 1) * sizeof *scores);
    for (int64_t s = 0; s < call->samples; s++) {
        const int64_t first = offsets[s], rows = offsets[s + 1] - first;
        for (int64_t t = 0; t < rows; t++)
            for (int64_t k = 1; k <= steps && t + k < rows; k++) {
                for (int64_t j = 0; j < rows; j++)
                    scores[j] = reference_product(query->value + ((first + t) * steps + k - 1) * width,
                                                  key->value + (first + j) * width, width, 1, 0, 0) /
                                call->attributes->reals[0];
                loss += reference_log_sum_exp(scores, rows) - scores[t + k];
                count++;
            }
    }
    free(scores);
    mean_of_rows(call, loss, count);
}

static void reference_sample_count(const reference_call_t *call)
{
    call->outputs[0].value[0] = (double)call->samples;
}

const reference_entry_t reference_losses[] = {
    {"mse_loss", reference_mse_loss, 2},
    {"l1_loss", reference_l1_loss, 2},
    {"huber_loss", reference_huber_loss, 2},
    {"bce_loss", reference_bce_loss, 2},
    {"cross_entropy_loss", reference_cross_entropy, 2},
    {"linear_cross_entropy_loss", reference_linear_cross_entropy, 2},
    {"ctc_loss", reference_ctc, 2},
    {"ctc_errors", reference_ctc_errors, 4},
    {"contrastive_loss", reference_contrastive, 2},
    {"sample_count", reference_sample_count, 1},
    {NULL, NULL, 0},
};
