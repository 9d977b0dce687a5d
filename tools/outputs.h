/* What a model makes of samples that fit into memory. */
#ifndef OUTPUTS_H
#define OUTPUTS_H

#include <pretrain.h>

/* The numbers of a named output, `count` for each of `samples`. The memory is used again; free it with outputs_free. */
typedef struct outputs {
    float *values;
    int64_t capacity, samples, count;
} outputs_t;

/* EXIT_DONE, or a status after a message. */
int outputs_predict(pt_model_t *model, const char *output, int64_t batch, pt_dataset_t *dataset, outputs_t *outputs);
void outputs_free(outputs_t *outputs);
/* A line of numbers with tabs between them. */
void outputs_print_row(const float *values, int64_t count);

#endif
