/* Losses taken element by element, and the count of rows that are classified correctly. Sums are made in double over
 * chunks that follow from the shape and added in order. Called through the table. */
#include "kernels/chunks.h"
#include "kernels/kernels_cpu.h"

typedef struct sums { /* of one chunk */
    double loss, weight;
} sums_t;

/* Rows or elements of a chunk such that all chunks' sums fit the scratch. */
static int64_t chunk_size(int64_t n, int64_t size) {
    int64_t room = PT__KERNEL_SCRATCH / (int64_t)sizeof(sums_t);
    return pt__chunks_count(n, size) > room ? pt__chunks_count(n, room) : size;
}

static sums_t total(const sums_t *sums, int64_t chunks) {
    sums_t all = {0.0, 0.0};
    for (int64_t c = 0; c < chunks; c++) {
        all.loss += sums[c].loss;
        all.weight += sums[c].weight;
    }
    return all;
}

typedef struct pointwise {
    const pt__vector_loss_t *vector;
    pt__pointwise_loss_t kind;
    float delta, positive_weight;
    const float *prediction, *target, *element_weight;
    float *d_prediction;
    sums_t *sums;
} pointwise_t;

static void pointwise_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker) {
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
                            float *weight, float *d_prediction) {
    pointwise_t pointwise = {.vector = device->vector->loss, .kind = kind, .delta = delta,
                             .positive_weight = positive_weight, .prediction = prediction, .target = target,
                             .element_weight = element_weight, .d_prediction = d_prediction,
                             .sums = pt__device_scratch(device, 0)};
    int64_t size = chunk_size(n, PT__CHUNK_COSTLY);
    pt__chunks_run(device, n, size, pointwise_chunk, &pointwise);
    sums_t all = total(pointwise.sums, pt__chunks_count(n, size));
    loss[0] = all.weight != 0.0 ? (float)(all.loss / all.weight) : 0.0f;
    weight[0] = (float)all.weight;
}

typedef struct correct {
    const pt__vector_reduce_t *reduce;
    int64_t classes;
    const float *logits;
    const int32_t *labels;
    int32_t ignore_index;
    sums_t *sums; /* correct ones, counted ones */
} correct_t;

static void correct_chunk(void *argument, int64_t begin, int64_t end, int64_t chunk, int32_t worker) {
    const correct_t *c = argument;
    sums_t sums = {0.0, 0.0};
    (void)worker;
    for (int64_t r = begin; r < end; r++) {
        if (c->labels[r] == c->ignore_index)
            continue;
        int64_t index = -1;
        c->reduce->max(c->classes, c->logits + r * c->classes, &index);
        sums.loss += index == c->labels[r] ? 1.0 : 0.0;
        sums.weight += 1.0;
    }
    c->sums[chunk] = sums;
}

void pt__cpu_correct(pt__dev device, int64_t rows, int64_t classes, const float *logits, const int32_t *labels,
                     int32_t ignore_index, float *correct, float *counted) {
    correct_t state = {.reduce = device->vector->reduce, .classes = classes, .logits = logits, .labels = labels,
                       .ignore_index = ignore_index, .sums = pt__device_scratch(device, 0)};
    int64_t size = chunk_size(rows, pt__chunks_rows(classes, PT__CHUNK_CHEAP));
    pt__chunks_run(device, rows, size, correct_chunk, &state);
    sums_t all = total(state.sums, pt__chunks_count(rows, size));
    correct[0] = (float)all.loss;
    counted[0] = (float)all.weight;
}
