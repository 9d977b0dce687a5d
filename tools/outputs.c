#include "outputs.h"

#include <stdio.h>
#include <stdlib.h>

#include "output.h"

int outputs_predict(pt_model_t *model, const char *output, int64_t batch, pt_dataset_t *dataset, outputs_t *outputs)
{
    pt_array_t values = {.dtype = PT_FLOAT32};
    int status = EXIT_DONE;
    TRY(pt_predict(model, dataset, output, batch, &values, sizeof values)); /* how many there are */
    if (values.elements > outputs->capacity) {
        outputs_free(outputs);
        outputs->values = malloc((size_t)values.elements * sizeof *outputs->values);
        if (!outputs->values)
            return fail("no memory for %lld numbers", (long long)values.elements);
        outputs->capacity = values.elements;
    }
    values.data = outputs->values;
    values.capacity = outputs->capacity;
    TRY(pt_predict(model, dataset, output, batch, &values, sizeof values));
    outputs->samples = pt_dataset_length(dataset);
    outputs->count = outputs->samples > 0 ? values.elements / outputs->samples : 0;
out:
    return status;
}

void outputs_free(outputs_t *outputs)
{
    free(outputs->values);
    *outputs = (outputs_t){0};
}

void outputs_print_row(const float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        printf("%s%.9g", i ? "\t" : "", (double)values[i]);
    putchar('\n');
}
