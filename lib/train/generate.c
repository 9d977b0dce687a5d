/* Continuing a text token by token with a causal language model. Each step runs the network over the window of at
 * most length_limit last tokens and reads the logits of its last row only. */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "train/model.h"

typedef struct generation {
    pt_model_t *model;
    pt_tensor_t output; /* the task's scores of the next token */
    const pt__wants_t *wants;
    int64_t limit; /* longest window */
    int64_t classes;
    int32_t *window; /* [prompt + count] */
    float *logits;   /* [classes] */
    int32_t *order;  /* [classes] */
    pt__random_t random;
} generation_t;

static pt_status_t next_token(generation_t *self, int64_t length, const pt_generate_options_t *options, int32_t *token)
{
    pt_model_t *model = self->model;
    int64_t used = length < self->limit ? length : self->limit;
    int32_t offsets[2] = {0, (int32_t)used};
    const void *data = self->window + (length - used);
    pt__loaded_t loaded = {
        .rows = pt__rows_make(1, used), .offsets = {[PT__DIMENSION_TOKENS] = offsets}, .data = &data};
    PT__TRY(pt__engine_prepare(model, PT__MODE_OUTPUT, self->output, &loaded.rows, NULL));
    PT__TRY(pt__engine_run(model, PT__MODE_OUTPUT, self->wants, &loaded));
    PT__TRY(pt__engine_read(model, PT__MODE_OUTPUT, self->output, self->logits));
    for (int64_t i = 0; i < self->classes; i++)
        if (!isfinite(self->logits[i]))
            return pt__fail(PT_ERR_NONFINITE,
                            "the logit of token %lld is not finite: the weights are damaged or training diverged",
                            (long long)i);
    *token = pt__sample_token(self->logits, self->classes, options, &self->random, self->order);
    return PT_OK;
}

static pt_status_t prepare(generation_t *self, const int32_t *prompt, int64_t prompt_length, int64_t count)
{
    pt_model_t *model = self->model;
    pt__memory_t *memory = &model->context->memory;
    const pt__task_t *task = model->task_kind;
    if (task == NULL || task->generated_output == NULL)
        return pt__fail(PT_ERR_STATE,
                        "pt_generate needs a language model: set PT_TASK_CAUSAL_LM with pt_model_set_task");
    self->output = pt__graph_output(model->graph, task->generated_output);
    PT__TRY(pt__engine_wants(model, PT__MODE_OUTPUT, self->output, 0, &self->wants));
    if (self->wants->count != 1 || strcmp(self->wants->list[0].name, task->generated_field) != 0)
        return pt__fail(PT_ERR_STATE, "pt_generate needs a network that reads \"%s\" alone", task->generated_field);
    const pt__shape_t *shape = &model->graph->tensors[self->output].shape;
    self->classes = shape->size[shape->rank - 1];
    int64_t limit = model->graph->length_limit[PT__DIMENSION_TOKENS];
    self->limit = limit > 0 ? limit : INT32_MAX;
    PT__TRY(pt__check_index("prompt", 0, prompt, prompt_length, self->wants->list[0].index_limit, INT32_MIN));
    PT__TRY(pt__allocate(memory, (size_t)(prompt_length + count), sizeof(int32_t), "window", &self->window));
    memcpy(self->window, prompt, (size_t)prompt_length * sizeof(int32_t));
    PT__TRY(pt__allocate(memory, (size_t)self->classes, sizeof(float), "logits", &self->logits));
    PT__TRY(pt__allocate(memory, (size_t)self->classes, sizeof(int32_t), "logits", &self->order));
    int64_t longest = prompt_length + count < self->limit ? prompt_length + count : self->limit;
    const pt__rows_t rows = pt__rows_make(1, longest);
    return pt__engine_prepare(model, PT__MODE_OUTPUT, self->output, &rows, NULL);
}

/* By the call's own seed alone, or by the context's and how many calls went before. */
static uint64_t draw_key(pt_model_t *model, const pt_generate_options_t *options)
{
    if (options->seed != 0)
        return pt__random_key(options->seed, 0x67656e65);
    return pt__random_key(pt__random_key(model->context->seed, 0x73616d70), (uint64_t)model->generations++);
}

pt_status_t pt__generate(pt_model_t *model, const int32_t *prompt, int64_t prompt_length,
                         const pt_generate_options_t *options, int32_t *tokens, int64_t capacity, int64_t *count)
{
    pt__memory_t *memory = &model->context->memory;
    generation_t self = {.model = model, .random = pt__random_start(draw_key(model, options))};
    int64_t wanted = options->count < capacity ? options->count : capacity;
    pt_status_t status;
    *count = 0;
    PT__TRY_OUT(prepare(&self, prompt, prompt_length, wanted));
    while (*count < wanted) {
        if (atomic_exchange(&model->cancelled, 0)) {
            status = pt__fail(PT_ERR_CANCELLED, "cancelled after %lld tokens", (long long)*count);
            goto out;
        }
        PT__TRY_OUT(next_token(&self, prompt_length + *count, options, &tokens[*count]));
        self.window[prompt_length + *count] = tokens[*count];
        if (tokens[(*count)++] == options->stop_token)
            break;
    }
out:
    pt__release(memory, self.window);
    pt__release(memory, self.logits);
    pt__release(memory, self.order);
    return status;
}
