/* What a classifier has wrong, the surest first: shared by the examples that show it. */
#ifndef MISTAKES_H
#define MISTAKES_H

#include "example.h"

typedef struct mistake {
    int64_t sample, said;
    int32_t truth;
    double by; /* its probability */
} mistake_t;

/* At most `most` of the samples that something else is said of, by at least a half; *count of them. */
static inline pt_status_t find_mistakes(pt_model_t *model, pt_dataset_t *held_out, int64_t batch, mistake_t *mistakes,
                                        int most, int *count)
{
    const int64_t samples = pt_dataset_length(held_out), classes = pt_model_class_count(model);
    float *scores = malloc((size_t)(samples * classes) * sizeof *scores);
    int32_t *labels = malloc((size_t)samples * sizeof *labels);
    int64_t *indices = malloc((size_t)samples * sizeof *indices);
    pt_status_t status = scores && labels && indices ? PT_OK : PT_ERR_MEMORY;
    pt_array_t found = {.dtype = PT_FLOAT32, .data = scores, .capacity = samples * classes};
    pt_array_t truth = {.dtype = PT_INT32, .data = labels, .capacity = samples};
    for (int64_t i = 0; status == PT_OK && i < samples; i++)
        indices[i] = i;
    if (status == PT_OK)
        status = pt_predict(model, held_out, "probabilities", batch, &found, sizeof found);
    if (status == PT_OK)
        status = pt_dataset_read(held_out, indices, samples, "label", &truth, sizeof truth);
    for (*count = 0; status == PT_OK && *count < most; ++*count) {
        int64_t surest = -1, said = 0;
        for (int64_t i = 0; i < samples; i++)
            for (int64_t class = 0; class < classes; class ++)
                if (class != labels[i] && scores[i * classes + class] >= 0.5f &&
                    (surest < 0 || scores[i * classes + class] > scores[surest * classes + said])) {
                    surest = i;
                    said = class;
                }
        if (surest < 0)
            break;
        mistakes[*count] = (mistake_t){surest, said, labels[surest], (double)scores[surest * classes + said]};
        scores[surest * classes + said] = 0;
    }
    free(indices);
    free(labels);
    free(scores);
    return status;
}

#endif
