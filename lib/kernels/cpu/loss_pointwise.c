/* Losses taken element by element. Sums are made in double over chunks that follow from the shape and added in order.
 * Called through the table. */
#include "kernels/cpu/chunks.h"
#include "kernels/cpu/kernels_cpu.h"
#include "kernels/cpu/loss_sums.h"

typedef struct pointwise {
    const pt__vector_loss_t *vector;
    pt__pointwise_loss_t kind;
    float delta, positive_weight;
    const float *prediction, *target, *element_weight;
    float *d_prediction;
    pt__loss_sums_t *sums;
} pointwise_t;

static void pointwise_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker)
{
    const pointwise_t *p = argument;
    const float *element_weight = p->element_weight != NULL ? p->element_weight + begin : NULL;
    float *d_prediction = p->d_prediction != NULL ? p->d_prediction + begin : NULL;
    double weight = 0.0;
    (void)worker;
    p->sums[chunk].loss = p->vector->pointwise[p->kind](end - begin, p->delta, p->positive_weight,
                                                        p->prediction + begin, p->target + begin, element_weight,
                                                        &weight, d_prediction);
    p->sums[chunk].weight = weight;
}

void pt__cpu_pointwise_loss(pt__dev device, pt__pointwise_loss_t kind, int64_t n, float delta, float positive_weight,
                            const float *prediction, const float *target, const float *element_weight, float *loss,
                            float *weight, float *d_prediction)
{
    pointwise_t pointwise = {.vector = pt__cpu(device)->vector->loss,
                             .kind = kind,
                             .delta = delta,
                             .positive_weight = positive_weight,
                             .prediction = prediction,
                             .target = target,
                             .element_weight = element_weight,
                             .d_prediction = d_prediction,
                             .sums = pt__cpu_scratch(device, 0)};
    int64_t size = pt__chunks_fitting(n, PT__CHUNK_COSTLY, sizeof(pt__loss_sums_t));
    pt__chunks_run(device, n, size, pointwise_chunk, &pointwise);
    pt__loss_sums_t total = {0.0, 0.0, 0.0};
    pt__loss_sums_add(pointwise.sums, pt__chunks_count(n, size), &total);
    pt__loss_sums_put(&total, loss, weight);
}
