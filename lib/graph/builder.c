/* The builder's calls that are not ops: inputs, parameters, constants, outputs, loss; and what those of ops are made
 * of. Every call accepts a graph already in error, and tensors that an earlier error made PT_NO_TENSOR: only the
 * first error is told. */
#include "graph/builder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/dtype.h"
#include "base/number.h"
#include "base/options.h"
#include "base/utf8.h"

int32_t pt__build_is_ready(const pt_graph_t *graph)
{
    return pt__graph_ready(graph, NULL) == PT_OK;
}

static pt_status_t check_name(const char *what, const char *name)
{
    if (name == NULL || *name == 0)
        return pt__fail(PT_ERR_ARGUMENT, "%s: the name is %s", what, name == NULL ? "NULL" : "empty");
    if (strlen(name) >= PT_MAX_NAME)
        return pt__fail(PT_ERR_ARGUMENT, "%s: the name is %zu bytes long, at most %d are allowed", what, strlen(name),
                        PT_MAX_NAME - 1);
    if (!pt__utf8_is(name))
        return pt__fail(PT_ERR_ARGUMENT, "%s: the name \"%s\" is not UTF-8, and no file could hold it", what, name);
    return PT_OK;
}

/* Reads a public shape; `symbolic` says whether the leading size must be, may not be, PT_DIM_... */
static pt_status_t read_shape(const pt_graph_t *graph, const char *what, const char *name, int32_t rank,
                              const int64_t *size, int32_t symbolic, pt__shape_t *shape)
{
    if (rank < symbolic || rank > PT_MAX_RANK || (rank > 0 && size == NULL))
        return pt__fail(PT_ERR_ARGUMENT, "%s \"%s\": rank %d, expected %d to %d and a shape", what, name, (int)rank,
                        (int)symbolic, PT_MAX_RANK);
    *shape = pt__shape_make(PT__DIMENSION_NONE, rank, size);
    int64_t elements = 1;
    for (int32_t i = 0; i < rank; i++) {
        int32_t dimension = pt__dimension_find(graph, size[i]);
        if (dimension != PT__DIMENSION_NONE && (i > 0 || !symbolic))
            return pt__fail(PT_ERR_SHAPE, "%s \"%s\": a dimension of data stands at place %d, expected %s", what, name,
                            (int)i, symbolic ? "it to lead, once" : "fixed sizes");
        if (graph->dimensions[dimension].parent != PT__DIMENSION_NONE && !graph->dimensions[dimension].is_chosen)
            return pt__fail(PT_ERR_SHAPE,
                            "%s \"%s\": its leading dimension is computed from another one's rows, "
                            "expected one whose rows come with data",
                            what, name);
        if (dimension != PT__DIMENSION_NONE) {
            shape->dimension = dimension;
            shape->size[0] = 1;
        }
        if (shape->size[i] < 1)
            return pt__fail(PT_ERR_SHAPE, "%s \"%s\": size %lld of dimension %d, expected at least 1", what, name,
                            (long long)size[i], (int)i);
        if (shape->size[i] > INT64_MAX / 64 / elements)
            return pt__fail(PT_ERR_SHAPE, "%s \"%s\": too many elements for this machine", what, name);
        elements *= shape->size[i];
    }
    if (symbolic && shape->dimension == PT__DIMENSION_NONE)
        return pt__fail(PT_ERR_SHAPE,
                        "%s \"%s\": leading size %lld, expected PT_DIM_BATCH, PT_DIM_TOKENS or a pt_graph_dim", what,
                        name, (long long)size[0]);
    return PT_OK;
}

static pt_status_t add_input(pt_graph_t *graph, const char *name, int32_t dtype, int32_t rank, const int64_t *size,
                             pt_tensor_t *out)
{
    pt__shape_t shape;
    PT__TRY(check_name("pt_input", name));
    if (dtype != PT_FLOAT32 && dtype != PT_INT32)
        return pt__fail(PT_ERR_UNSUPPORTED, "input \"%s\": dtype %s, expected float32 or int32", name,
                        pt__dtype_name(dtype));
    if (pt__graph_input(graph, name) != NULL)
        return pt__fail(PT_ERR_ARGUMENT, "input \"%s\": there is an input of that name already", name);
    PT__TRY(read_shape(graph, "input", name, rank, size, 1, &shape));
    pt__memory_t *memory = &graph->context->memory;
    PT__TRY(pt__grow(memory, &graph->inputs, &graph->input_capacity, graph->n_inputs + 1, sizeof *graph->inputs,
                     "graph inputs"));
    PT__TRY(pt__string_copy(memory, name, &graph->inputs[graph->n_inputs].name));
    graph->n_inputs++; /* the name is the graph's from here on */
    PT__TRY(pt__graph_append(graph, PT__KIND_INPUT, dtype, &shape, graph->n_inputs - 1, out));
    graph->inputs[graph->n_inputs - 1].tensor = *out;
    return PT_OK;
}

pt_tensor_t pt_input(pt_graph_t *graph, const char *name, int32_t dtype, int32_t rank, const int64_t *shape)
{
    pt_tensor_t tensor = PT_NO_TENSOR;
    if (!pt__build_is_ready(graph))
        return PT_NO_TENSOR;
    pt_status_t status = add_input(graph, name, dtype, rank, shape, &tensor);
    return status == PT_OK ? tensor : pt__graph_stick(graph, status);
}

/* As pt__array_convert; floats are finite. */
static pt_status_t convert(pt_graph_t *graph, const char *what, const pt_array_t *array, int32_t dtype,
                           int64_t elements, const void **values, void **copy)
{
    PT__TRY(pt__array_convert(&graph->context->memory, array, what, dtype, elements, values, copy));
    for (int64_t i = 0; dtype == PT_FLOAT32 && i < elements; i++)
        if (!isfinite(((const float *)*values)[i]))
            return pt__fail(PT_ERR_NONFINITE, "%s: value %lld is not finite", what, (long long)i);
    return PT_OK;
}

/* All values of a view, which has been read, held in this dtype. `what` begins messages. */
static pt_status_t hold_values(pt_graph_t *graph, const char *what, const pt_array_t *array, int32_t dtype,
                               int64_t elements, pt__held_t *held)
{
    const void *values;
    void *copy;
    pt_status_t status = convert(graph, what, array, dtype, elements, &values, &copy);
    if (status == PT_OK)
        status = pt__graph_hold(graph, values, elements * (int64_t)pt__dtype_size(dtype), held);
    pt__release(&graph->context->memory, copy);
    return status;
}

static const pt_parameter_options_t parameter_defaults = {.struct_size = sizeof parameter_defaults};

pt_status_t pt_parameter_options_init(pt_parameter_options_t *options, uint32_t struct_size)
{
    pt__error_clear();
    return pt__options_init(options, struct_size, &parameter_defaults, sizeof parameter_defaults,
                            "pt_parameter_options_t");
}

static pt_status_t check_parameter(const char *name, const pt_parameter_options_t *options)
{
    const double value = options->value;
    if ((options->flags & ~(uint32_t)PT_PARAMETER_FROZEN) != 0 || options->reserved != 0)
        return pt__fail(PT_ERR_ARGUMENT,
                        "parameter \"%s\": flags are 0x%lx and reserved %ld, expected PT_PARAMETER_FROZEN "
                        "or 0, and 0",
                        name, (unsigned long)options->flags, (long)options->reserved);
    if (options->dtype != 0 && options->dtype != PT_FLOAT32)
        return pt__fail(PT_ERR_UNSUPPORTED, "parameter \"%s\": dtype %s, expected float32", name,
                        pt__dtype_name(options->dtype));
    if (options->initializer < PT_INIT_CONSTANT || options->initializer > PT_INIT_LINEAR)
        return pt__fail(PT_ERR_ARGUMENT, "parameter \"%s\": initializer %d is not one of PT_INIT_...", name,
                        (int)options->initializer);
    if (!isfinite(value) || (options->initializer != PT_INIT_CONSTANT && value < 0) ||
        (options->initializer == PT_INIT_LINEAR && value < 1))
        return pt__fail(PT_ERR_ARGUMENT, "parameter \"%s\": the initializer's value %g is out of range", name,
                        pt__number_shown(value));
    if (options->values != NULL && (options->initializer != PT_INIT_CONSTANT || value < 0 || value > 0))
        return pt__fail(PT_ERR_ARGUMENT, "parameter \"%s\": it has values and an initializer, expected one of them",
                        name);
    return PT_OK;
}

/* The initial values that the options give, as float32. */
static pt_status_t hold_initial(pt_graph_t *graph, const char *name, const pt_parameter_options_t *options,
                                const pt__shape_t *shape, pt__held_t *held)
{
    char what[PT_MAX_NAME + 32];
    pt_array_t array;
    *held = (pt__held_t){0};
    if (options->values == NULL)
        return PT_OK;
    snprintf(what, sizeof what, "parameter \"%s\": values", name);
    const int64_t elements = pt__shape_elements(shape);
    PT__TRY(pt__array_read(options->values, options->array_size, what, &array));
    PT__TRY(pt__array_expect_stated(&array, what, shape->rank, shape->size, elements));
    return hold_values(graph, what, &array, PT_FLOAT32, elements, held);
}

static pt_status_t add_parameter(pt_graph_t *graph, const char *name, pt__role_t role, int32_t rank,
                                 const int64_t *size, const pt_parameter_options_t *given, pt_tensor_t *out)
{
    pt__shape_t shape;
    pt_parameter_options_t options = parameter_defaults;
    PT__TRY(check_name("pt_parameter", name));
    if (strncmp(name, "pretrain.", 9) == 0)
        return pt__fail(PT_ERR_ARGUMENT,
                        "parameter \"%s\": names that begin with \"pretrain.\" are kept for checkpoints", name);
    if (strcmp(name, "__metadata__") == 0)
        return pt__fail(PT_ERR_ARGUMENT, "parameter \"%s\": that name is kept for files", name);
    if (pt__graph_parameter(graph, name) != NULL)
        return pt__fail(PT_ERR_ARGUMENT, "parameter \"%s\": there is a parameter of that name already", name);
    PT__TRY(read_shape(graph, "parameter", name, rank, size, 0, &shape));
    PT__TRY(pt__options_read(given, &options, (uint32_t)sizeof options, "pt_parameter_options_t"));
    PT__TRY(check_parameter(name, &options));
    pt__memory_t *memory = &graph->context->memory;
    PT__TRY(pt__grow(memory, &graph->parameters, &graph->parameter_capacity, graph->n_parameters + 1,
                     sizeof *graph->parameters, "graph parameters"));
    pt__parameter_t *parameter = &graph->parameters[graph->n_parameters];
    *parameter = (pt__parameter_t){.role = role,
                                   .initializer = options.initializer,
                                   .value = options.value,
                                   .is_frozen = (options.flags & PT_PARAMETER_FROZEN) != 0};
    PT__TRY(hold_initial(graph, name, &options, &shape, &parameter->initial));
    pt_status_t status = pt__string_copy(memory, name, &parameter->name);
    if (status != PT_OK) {
        pt__graph_let_go(graph, &parameter->initial);
        return status;
    }
    graph->n_parameters++; /* name and values are the graph's from here on */
    PT__TRY(pt__graph_append(graph, PT__KIND_PARAMETER, PT_FLOAT32, &shape, graph->n_parameters - 1, out));
    parameter->tensor = *out;
    graph->tensors[*out].differentiable = role == PT__ROLE_LEARNS;
    return PT_OK;
}

static pt_tensor_t parameter(pt_graph_t *graph, const char *name, pt__role_t role, int32_t rank, const int64_t *shape,
                             const pt_parameter_options_t *options)
{
    pt_tensor_t tensor = PT_NO_TENSOR;
    if (!pt__build_is_ready(graph))
        return PT_NO_TENSOR;
    pt_status_t status = add_parameter(graph, name, role, rank, shape, options, &tensor);
    return status == PT_OK ? tensor : pt__graph_stick(graph, status);
}

pt_tensor_t pt_parameter(pt_graph_t *graph, const char *name, int32_t rank, const int64_t *shape,
                         const pt_parameter_options_t *options)
{
    return parameter(graph, name, PT__ROLE_LEARNS, rank, shape, options);
}

pt_tensor_t pt_state(pt_graph_t *graph, const char *name, int32_t rank, const int64_t *shape,
                     const pt_parameter_options_t *options)
{
    return parameter(graph, name, PT__ROLE_STATE, rank, shape, options);
}

static pt_status_t add_constant(pt_graph_t *graph, int32_t dtype, const pt_array_t *given, uint32_t size,
                                pt_tensor_t *out)
{
    pt_array_t array;
    pt__shape_t shape;
    pt__held_t held;
    PT__TRY(pt__array_read(given, size, "pt_constant: values", &array));
    PT__TRY(read_shape(graph, "constant", "", array.rank, array.shape, 0, &shape));
    if (dtype == 0)
        dtype = array.dtype;
    if (dtype != PT_FLOAT32 && dtype != PT_INT32)
        return pt__fail(PT_ERR_UNSUPPORTED, "pt_constant: dtype %s, expected float32 or int32", pt__dtype_name(dtype));
    int64_t elements = pt__shape_elements(&shape);
    PT__TRY(pt__array_expect(&array, "pt_constant: values", array.rank, array.shape, elements));
    PT__TRY(pt__grow(&graph->context->memory, &graph->constants, &graph->constant_capacity, graph->n_constants + 1,
                     sizeof *graph->constants, "graph constants"));
    PT__TRY(hold_values(graph, "pt_constant: values", &array, dtype, elements, &held));
    graph->constants[graph->n_constants++] = (pt__constant_t){.held = held, .tensor = PT_NO_TENSOR};
    PT__TRY(pt__graph_append(graph, PT__KIND_CONSTANT, dtype, &shape, graph->n_constants - 1, out));
    graph->constants[graph->n_constants - 1].tensor = *out;
    return PT_OK;
}

pt_tensor_t pt_constant(pt_graph_t *graph, int32_t dtype, const pt_array_t *values, uint32_t array_size)
{
    pt_tensor_t tensor = PT_NO_TENSOR;
    if (!pt__build_is_ready(graph))
        return PT_NO_TENSOR;
    pt_status_t status = add_constant(graph, dtype, values, array_size, &tensor);
    return status == PT_OK ? tensor : pt__graph_stick(graph, status);
}

int32_t pt__graph_is_computed(const pt_graph_t *graph, pt_tensor_t tensor)
{
    const pt__node_t *producer = pt__graph_producer(graph, tensor);
    while (producer != NULL && (producer->op->flags & PT__OP_ALIAS))
        producer = pt__graph_producer(graph, producer->inputs[0]);
    return producer != NULL;
}

static pt_status_t add_output(pt_graph_t *graph, const char *name, pt_tensor_t tensor)
{
    PT__TRY(check_name("pt_graph_set_output", name));
    const pt__tensor_t *found = pt__graph_tensor(graph, tensor);
    if (found == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "output \"%s\": tensor %d is not one of this graph's", name, (int)tensor);
    if (!pt__graph_is_computed(graph, tensor))
        return pt__fail(PT_ERR_ARGUMENT,
                        "output \"%s\": tensor %d is an input, parameter or constant, expected something computed",
                        name, (int)tensor);
    for (int64_t i = 0; i < graph->n_outputs; i++)
        if (strcmp(graph->outputs[i].name, name) == 0) {
            graph->outputs[i].tensor = tensor;
            return PT_OK;
        }
    pt__memory_t *memory = &graph->context->memory;
    PT__TRY(pt__grow(memory, &graph->outputs, &graph->output_capacity, graph->n_outputs + 1, sizeof *graph->outputs,
                     "graph outputs"));
    PT__TRY(pt__string_copy(memory, name, &graph->outputs[graph->n_outputs].name));
    graph->outputs[graph->n_outputs++].tensor = tensor;
    return PT_OK;
}

pt_status_t pt_graph_set_output(pt_graph_t *graph, const char *name, pt_tensor_t tensor)
{
    if (!pt__build_is_ready(graph))
        return graph == NULL ? PT_ERR_ARGUMENT : graph->status;
    pt_status_t status = add_output(graph, name, tensor);
    if (status != PT_OK)
        pt__graph_stick(graph, status);
    return status;
}

pt_status_t pt_graph_set_loss(pt_graph_t *graph, pt_tensor_t loss)
{
    if (!pt__build_is_ready(graph))
        return graph == NULL ? PT_ERR_ARGUMENT : graph->status;
    const pt__tensor_t *found = pt__graph_tensor(graph, loss);
    pt_status_t status = PT_OK;
    if (found == NULL)
        status = pt__fail(PT_ERR_ARGUMENT, "pt_graph_set_loss: tensor %d is not one of this graph's", (int)loss);
    else if (found->dtype != PT_FLOAT32 || found->shape.dimension != PT__DIMENSION_NONE ||
             pt__shape_elements(&found->shape) != 1) {
        char shape[96];
        status = pt__fail(PT_ERR_SHAPE, "pt_graph_set_loss: the loss is %s, expected one float32",
                          pt__graph_shape_print(graph, &found->shape, found->dtype, shape, sizeof shape));
    } else if (!found->differentiable || !pt__graph_is_computed(graph, loss))
        status = pt__fail(PT_ERR_ARGUMENT, "pt_graph_set_loss: the loss is not computed from a parameter");
    if (status != PT_OK)
        pt__graph_stick(graph, status);
    else
        graph->loss = loss;
    return status;
}

int32_t pt_graph_shape(const pt_graph_t *graph, pt_tensor_t tensor, int64_t shape[PT_MAX_RANK])
{
    const pt__tensor_t *found = graph == NULL ? NULL : pt__graph_tensor(graph, tensor);
    if (found == NULL || shape == NULL)
        return -1;
    for (int32_t i = 0; i < found->shape.rank; i++)
        shape[i] = found->shape.size[i];
    if (found->shape.dimension != PT__DIMENSION_NONE)
        shape[0] = pt__dimension_code(found->shape.dimension);
    return found->shape.rank;
}

pt_tensor_t pt__build(pt_graph_t *graph, const char *op, int32_t n_inputs, const pt_tensor_t *inputs,
                      const pt__attributes_t *attributes)
{
    if (!pt__build_is_ready(graph))
        return PT_NO_TENSOR;
    const pt__op_t *found = pt__op_find(op);
    if (found == NULL)
        return pt__graph_fail(graph, PT_ERR_INTERNAL, "there is no op \"%s\"", op);
    return pt__graph_add(graph, found, n_inputs, inputs, attributes);
}

pt_tensor_t pt__build_unary(pt_graph_t *graph, const char *op, pt_tensor_t src, const pt__attributes_t *attributes)
{
    return pt__build(graph, op, 1, &src, attributes);
}

pt_tensor_t pt__build_binary(pt_graph_t *graph, const char *op, pt_tensor_t a, pt_tensor_t b,
                             const pt__attributes_t *attributes)
{
    return pt__build(graph, op, 2, (pt_tensor_t[]){a, b}, attributes);
}
