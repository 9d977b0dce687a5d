/* See teacher.h. */
#include "tasks/teacher.h"

#include <stdio.h>
#include <string.h>

#include "graph/builder.h"

enum { MEAN = 1, INVERSE, SRC = 0, WEIGHT = 3, BIAS }; /* outputs and inputs of batch_norm */

typedef struct teacher {
    pt_graph_t *graph;
    const char *task;
    pt_tensor_t *map;  /* [tensors of the network] what stands for each; PT_NO_TENSOR: not (yet) */
    int8_t *is_needed; /* [tensors of the network] */
    pt_tensor_t move;  /* float32 [1]: how far averages go */
} teacher_t;

/* max(1 - decay, 1 / (steps + 1)), and the count of steps, which goes on. */
static pt_tensor_t count_steps(pt_graph_t *graph, double decay)
{
    const int64_t one = 1;
    const float ones[] = {1}, least[] = {(float)(1 - decay)};
    const pt_array_t one_view = {.dtype = PT_FLOAT32, .rank = 1, .shape = {1}, .data = (void *)(uintptr_t)ones};
    const pt_array_t least_view = {.dtype = PT_FLOAT32, .rank = 1, .shape = {1}, .data = (void *)(uintptr_t)least};
    pt_tensor_t unit = pt_constant(graph, PT_FLOAT32, &one_view, (uint32_t)sizeof one_view);
    pt_tensor_t rest = pt_constant(graph, PT_FLOAT32, &least_view, (uint32_t)sizeof least_view);
    pt_tensor_t steps = pt_state(graph, "teacher_steps", 1, &one, PT__INITIAL(PT_INIT_CONSTANT, 0));
    pt_tensor_t next = pt__build_binary(graph, "advance", steps, pt_add(graph, steps, unit), NULL);
    pt_tensor_t both[] = {rest, pt_div(graph, unit, next)};
    return pt_max(graph, pt_concat(graph, both, 2, 0), 0, 1);
}

/* average + move · (parameter - average) */
static pt_tensor_t average_of(teacher_t *self, pt_tensor_t parameter)
{
    pt_graph_t *graph = self->graph;
    char name[PT_MAX_NAME + 16];
    const pt__tensor_t *tensor = pt__graph_tensor(graph, parameter);
    const pt__parameter_t *described = &graph->parameters[tensor->place];
    const pt__shape_t shape = tensor->shape;
    snprintf(name, sizeof name, "teacher.%s", described->name);
    pt_tensor_t average = pt_state(graph, name, shape.rank, shape.size, PT__INITIAL(PT_INIT_CONSTANT, 0));
    pt_tensor_t way = pt_mul(graph, pt_sub(graph, parameter, average), self->move);
    return pt__build_binary(graph, "advance", average, pt_add(graph, average, way), NULL);
}

/* A tensor that no node makes: an average where it learns, else itself. */
static pt_tensor_t given(teacher_t *self, pt_tensor_t tensor)
{
    const pt__tensor_t *found = &self->graph->tensors[tensor];
    if (found->kind == PT__KIND_PARAMETER && self->graph->parameters[found->place].role == PT__ROLE_LEARNS)
        return average_of(self, tensor);
    return tensor;
}

static void mark(teacher_t *self, int64_t nodes)
{
    const pt_graph_t *graph = self->graph;
    for (int64_t i = nodes; i-- > 0;) {
        const pt__node_t *node = &graph->nodes[i];
        int32_t is_needed = 0;
        for (int32_t k = 0; k < node->n_outputs; k++)
            is_needed |= self->is_needed[node->outputs[k]] && self->map[node->outputs[k]] == PT_NO_TENSOR;
        for (int32_t k = 0; is_needed && k < node->n_inputs; k++)
            self->is_needed[node->inputs[k]] = 1;
        self->is_needed[node->outputs[0]] |= (int8_t)is_needed;
    }
}

static pt_status_t add_node(teacher_t *self, const pt__node_t *node)
{
    pt_graph_t *graph = self->graph;
    pt_tensor_t inputs[PT__MAX_INPUTS] = {PT_NO_TENSOR};
    for (int32_t k = 0; k < node->n_inputs; k++) {
        pt_tensor_t *mapped = &self->map[node->inputs[k]];
        if (node->inputs[k] != PT_NO_TENSOR && *mapped == PT_NO_TENSOR)
            *mapped = given(self, node->inputs[k]);
        inputs[k] = *mapped;
    }
    PT__TRY(graph->status);
    if (strcmp(node->op->name, "dropout") == 0) {
        self->map[node->outputs[0]] = inputs[0];
        return PT_OK;
    }
    if (strcmp(node->op->name, "batch_norm") == 0) {
        pt_tensor_t own[] = {inputs[SRC], node->outputs[MEAN], node->outputs[INVERSE],
                             node->n_inputs > WEIGHT ? inputs[WEIGHT] : PT_NO_TENSOR,
                             node->n_inputs > BIAS ? inputs[BIAS] : PT_NO_TENSOR};
        self->map[node->outputs[0]] = pt__build(graph, "batch_norm_apply", 5, own, NULL);
        return graph->status;
    }
    if (node->op->updates != 0)
        return pt__fail(PT_ERR_UNSUPPORTED, "task %s: the network's op %s keeps a state, which a teacher cannot share",
                        self->task, node->op->name);
    pt_tensor_t first = pt__graph_add(graph, node->op, node->n_inputs, inputs, &node->attributes);
    for (int32_t k = 0; k < node->n_outputs; k++)
        self->map[node->outputs[k]] = pt__build_output(first, k);
    return graph->status;
}

pt_status_t pt__teacher_add(pt_graph_t *graph, const char *task, double decay, pt_tensor_t hidden, pt_tensor_t seen,
                            pt_tensor_t *wanted, int32_t count)
{
    const int64_t tensors = graph->n_tensors, nodes = graph->n_nodes;
    pt__memory_t *memory = &graph->context->memory;
    teacher_t self = {.graph = graph, .task = task};
    pt_status_t status;
    PT__TRY_OUT(pt__allocate(memory, (size_t)tensors, sizeof *self.map, "teacher", &self.map));
    PT__TRY_OUT(pt__allocate(memory, (size_t)tensors, sizeof *self.is_needed, "teacher", &self.is_needed));
    memset(self.map, 0, (size_t)tensors * sizeof *self.map);
    memset(self.is_needed, 0, (size_t)tensors * sizeof *self.is_needed);
    self.map[hidden] = seen;
    for (int32_t i = 0; i < count; i++)
        self.is_needed[wanted[i]] = 1;
    mark(&self, nodes);
    self.move = count_steps(graph, decay);
    PT__TRY_OUT(graph->status);
    for (int64_t i = 0; i < nodes; i++) {
        const pt__node_t node = graph->nodes[i]; /* a copy: adding moves the graph's nodes */
        if (self.is_needed[node.outputs[0]])
            PT__TRY_OUT(add_node(&self, &node));
    }
    for (int32_t i = 0; i < count; i++)
        wanted[i] = self.map[wanted[i]];
    status = graph->status;
out:
    pt__release(memory, self.is_needed);
    pt__release(memory, self.map);
    return status;
}
