/* References of losses and of what counts; see reference.h. */
#include "ops/reference.h"

#include <math.h>
#include <stdlib.h>

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
    {"sample_count", reference_sample_count, 1},
    {NULL, NULL, 0},
};
