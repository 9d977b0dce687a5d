/* pt_array_t of plain buffers: what tests mostly hand over, and take results out with. */
#ifndef SUPPORT_VIEWS_H
#define SUPPORT_VIEWS_H

#include <string.h>

#include "pretrain.h"

/* The address of constant numbers as a view has it; what goes in is only read. */
static inline void *view_data(const void *numbers)
{
    return (void *)(uintptr_t)numbers;
}

/* All samples' values of a field. */
static inline pt_array_t view_of_field(const pt_field_spec_t *spec, const void *data, const int64_t *lengths)
{
    pt_array_t view = {.name = spec->name,
                       .dtype = spec->dtype,
                       .rank = spec->rank,
                       .max_length = spec->max_length,
                       .data = view_data(data),
                       .lengths = view_data(lengths)};
    memcpy(view.shape, spec->shape, sizeof view.shape);
    return view;
}

static inline pt_status_t predict_floats(pt_model_t *model, pt_dataset_t *dataset, const char *output, int64_t batch,
                                         float *values, int64_t capacity, int64_t *elements)
{
    pt_array_t view = {.dtype = PT_FLOAT32, .data = values, .capacity = capacity};
    pt_status_t status = pt_predict(model, dataset, output, batch, &view, sizeof view);
    if (elements != NULL)
        *elements = view.elements;
    return status;
}

static inline pt_status_t forward_floats(pt_model_t *model, const pt_array_t *given, int32_t n_given, int64_t samples,
                                         const char *output, float *values, int64_t capacity, int64_t *elements)
{
    pt_array_t view = {.dtype = PT_FLOAT32, .data = values, .capacity = capacity};
    pt_status_t status = pt_forward(model, given, n_given, sizeof *given, samples, output, &view);
    if (elements != NULL)
        *elements = view.elements;
    return status;
}

static inline pt_status_t get_parameter(const pt_model_t *model, int64_t index, float *values, int64_t elements)
{
    pt_array_t view = {.dtype = PT_FLOAT32, .data = values, .capacity = elements};
    return pt_model_parameter_get(model, index, &view, sizeof view);
}

static inline pt_status_t set_parameter(pt_model_t *model, int64_t index, const float *values, int64_t elements)
{
    const pt_array_t view = {.dtype = PT_FLOAT32, .data = view_data(values), .elements = elements};
    return pt_model_parameter_set(model, index, &view, sizeof view);
}

static inline pt_status_t get_gradient(const pt_model_t *model, int64_t index, float *values, int64_t elements)
{
    pt_array_t view = {.dtype = PT_FLOAT32, .data = values, .capacity = elements};
    return pt_model_gradient_get(model, index, &view, sizeof view);
}

/* In the field's own dtype; lengths [count] or NULL. */
static inline pt_status_t read_field(pt_dataset_t *dataset, const int64_t *indices, int64_t count, const char *field,
                                     void *values, int64_t capacity, int64_t *elements, int64_t *lengths)
{
    pt_array_t view = {
        .data = values, .capacity = capacity, .lengths = lengths, .lengths_capacity = lengths == NULL ? 0 : count};
    pt_status_t status = pt_dataset_read(dataset, indices, count, field, &view, sizeof view);
    if (elements != NULL)
        *elements = view.elements;
    return status;
}

/* Tokens that stand end to end, as sequences of these lengths (NULL: not divided). */
static inline pt_array_t view_of_tokens(const int32_t *tokens, int64_t elements, const int64_t *lengths,
                                        int64_t samples)
{
    return (pt_array_t){.dtype = PT_INT32,
                        .data = view_data(tokens),
                        .elements = elements,
                        .lengths = view_data(lengths),
                        .samples = samples};
}

static inline pt_status_t generate_tokens(pt_model_t *model, const int32_t *prompt, int64_t length,
                                          const pt_generate_options_t *options, int32_t *tokens, int64_t capacity,
                                          int64_t *count)
{
    const pt_array_t given = view_of_tokens(prompt, length, NULL, 0);
    pt_array_t view = {.dtype = PT_INT32, .data = tokens, .capacity = capacity};
    pt_status_t status = pt_generate(model, &given, options, &view, sizeof view);
    *count = view.elements;
    return status;
}

static inline pt_status_t begin_prompts(pt_generator_t *generator, const int32_t *tokens, const int64_t *lengths,
                                        int64_t prompts)
{
    const pt_array_t view = view_of_tokens(tokens, 0, lengths, prompts);
    return pt_generator_begin(generator, &view, sizeof view);
}

/* A prompt's new tokens and their scores, both of them [capacity]. */
static inline pt_status_t read_tokens(const pt_generator_t *generator, int64_t prompt, int32_t *tokens, float *scores,
                                      int64_t capacity, int64_t *count, int32_t *reason)
{
    pt_array_t of_tokens = {.dtype = PT_INT32, .data = tokens, .capacity = tokens == NULL ? 0 : capacity};
    pt_array_t of_scores = {.dtype = PT_FLOAT32, .data = scores, .capacity = scores == NULL ? 0 : capacity};
    pt_status_t status = pt_generator_text(generator, prompt, &of_tokens, &of_scores, sizeof of_tokens, reason);
    if (count != NULL)
        *count = of_tokens.elements;
    return status;
}

static inline pt_tensor_t constant_of(pt_graph_t *graph, int32_t dtype, int32_t rank, const int64_t *shape,
                                      const void *values)
{
    pt_array_t view = {.dtype = dtype, .rank = rank, .data = view_data(values)};
    if (rank > 0 && rank <= PT_MAX_RANK)
        memcpy(view.shape, shape, (size_t)rank * sizeof *shape);
    return pt_constant(graph, dtype, &view, sizeof view);
}

#endif
