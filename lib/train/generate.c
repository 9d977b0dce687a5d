/* See generation.h. Each step runs the network over the window of at most `limit` last tokens of every text that goes
 * on, a group of texts at a time, and reads the scores of each one's next token. */
#include "train/generation.h"

#include <math.h>
#include <string.h>

enum { GROUP = 32 }; /* texts that the network reads together: their scores take classes floats each */

/* ---- Making and ending ---- */

/* What the network knows as tokens: 0 to this, less 1. */
static int64_t token_limit(const pt__generation_t *self)
{
    return self->requests->list[0].index_limit;
}

static pt_status_t copy_stops(pt__generation_t *self)
{
    const pt_array_t *given = self->options.stops;
    self->options.stops = NULL;
    if (given == NULL)
        return PT_OK;
    return pt__sequences_read(&self->model->context->memory, given, self->options.array_size,
                              "pt_generate_options.stops", PT__ONE_EACH, token_limit(self), &self->stops);
}

static pt_status_t find_output(pt__generation_t *self)
{
    pt_model_t *model = self->model;
    const pt__task_t *task = model->task_kind;
    if (task == NULL || task->generated_output == NULL)
        return pt__fail(PT_ERR_STATE,
                        "generation needs a language model: set PT_TASK_CAUSAL_LM with pt_model_set_task");
    self->output = pt__graph_output(model->graph, task->generated_output);
    PT__TRY(pt__requests_find(model, PT__MODE_OUTPUT, self->output, 0, &self->requests));
    if (self->requests->count != 1 || strcmp(self->requests->list[0].name, task->generated_field) != 0)
        return pt__fail(PT_ERR_STATE, "generation needs a network that reads \"%s\" alone", task->generated_field);
    const pt__shape_t *shape = &model->graph->tensors[self->output].shape;
    const int64_t limit = model->graph->length_limit[PT__DIMENSION_TOKENS];
    self->classes = shape->size[shape->rank - 1];
    self->limit = limit > 0 ? limit : INT32_MAX;
    return PT_OK;
}

pt_status_t pt__generation_create(pt_model_t *model, const pt_generate_options_t *options, pt__generation_t *out)
{
    *out = (pt__generation_t){.model = model, .options = *options};
    pt_status_t status = find_output(out);
    if (status == PT_OK)
        status = copy_stops(out);
    if (status != PT_OK)
        pt__generation_release(out);
    return status;
}

static void release_texts(pt__generation_t *self)
{
    pt__memory_t *memory = &self->model->context->memory;
    for (int64_t i = 0; i < self->count; i++) {
        pt__release(memory, self->texts[i].tokens);
        pt__release(memory, self->texts[i].scores);
    }
    pt__release(memory, self->texts);
    pt__release(memory, self->rows);
    pt__release(memory, self->offsets);
    pt__release(memory, self->logits);
    pt__release(memory, self->weights);
    pt__release(memory, self->order);
    self->texts = NULL;
    self->rows = self->offsets = self->order = NULL;
    self->logits = self->weights = NULL;
    self->count = 0;
}

void pt__generation_release(pt__generation_t *self)
{
    pt__memory_t *memory = &self->model->context->memory;
    release_texts(self);
    pt__sequences_release(memory, &self->stops);
}

/* ---- Prompts ---- */

static int64_t longest_window(const pt__generation_t *self, int64_t prompt)
{
    const int64_t length = prompt + self->options.count;
    return length < self->limit ? length : self->limit;
}

/* Given a seed, the same draws each time; else others in each run. A text's are its own, whatever stands beside it. */
static uint64_t draw_key(pt_model_t *model, const pt_generate_options_t *options)
{
    if (options->seed != 0)
        return pt__random_key(options->seed, 0x67656e65);
    return pt__random_key(pt__random_key(model->seed, 0x67656e66), (uint64_t)model->generations++);
}

static pt_status_t take_prompts(pt__generation_t *self, const pt__sequences_t *prompts)
{
    pt__memory_t *memory = &self->model->context->memory;
    const uint64_t key = draw_key(self->model, &self->options);
    const int32_t *tokens = prompts->tokens;
    PT__TRY(pt__allocate(memory, (size_t)prompts->count, sizeof *self->texts, "prompts", &self->texts));
    for (int64_t i = 0; i < prompts->count; i++) {
        pt__continued_t *text = &self->texts[i];
        const int64_t length = prompts->lengths[i];
        self->count = i + 1;
        *text = (pt__continued_t){.prompt = length,
                                  .reason = self->options.count == 0 ? PT_GENERATED_COUNT : 0,
                                  .random = pt__random_start(pt__random_key(key, (uint64_t)i))};
        PT__TRY(pt__allocate(memory, (size_t)(length + self->options.count), sizeof *text->tokens, "prompt",
                             &text->tokens));
        PT__TRY(pt__allocate(memory, (size_t)self->options.count, sizeof *text->scores, "prompt", &text->scores));
        memcpy(text->tokens, tokens, (size_t)length * sizeof *tokens);
        tokens += length;
    }
    return PT_OK;
}

static pt_status_t make_room(pt__generation_t *self)
{
    pt__memory_t *memory = &self->model->context->memory;
    const int64_t group = self->count < GROUP ? self->count : GROUP;
    int64_t longest = 0, rows = 0; /* any may meet in a group, as texts that are over make room for others */
    for (int64_t i = 0; i < self->count; i++) {
        const int64_t window = longest_window(self, self->texts[i].prompt);
        longest = window > longest ? window : longest;
        rows += window;
    }
    rows = rows < group * longest ? rows : group * longest;
    if (rows > INT32_MAX / 2)
        return pt__fail(PT_ERR_ARGUMENT, "the prompts have %lld rows together, expected at most %d", (long long)rows,
                        INT32_MAX / 2);
    PT__TRY(pt__allocate(memory, (size_t)rows, sizeof *self->rows, "window", &self->rows));
    PT__TRY(pt__allocate(memory, (size_t)group + 1, sizeof *self->offsets, "window", &self->offsets));
    PT__TRY(pt__allocate(memory, (size_t)(group * self->classes), sizeof *self->logits, "logits", &self->logits));
    PT__TRY(pt__allocate(memory, (size_t)self->classes, sizeof *self->weights, "logits", &self->weights));
    PT__TRY(pt__allocate(memory, (size_t)self->classes, sizeof *self->order, "logits", &self->order));
    const pt__rows_t most = pt__rows_make(group, rows);
    return pt__plans_prepare(self->model, PT__MODE_OUTPUT, self->output, &most, NULL);
}

pt_status_t pt__generation_begin(pt__generation_t *self, const pt_array_t *prompts, uint32_t size, const char *what)
{
    pt__memory_t *memory = &self->model->context->memory;
    pt__sequences_t sequences;
    release_texts(self);
    PT__TRY(pt__sequences_read(memory, prompts, size, what, PT__ALL_IN_ONE, token_limit(self), &sequences));
    pt_status_t status = take_prompts(self, &sequences);
    pt__sequences_release(memory, &sequences);
    if (status == PT_OK)
        status = make_room(self);
    if (status != PT_OK)
        release_texts(self);
    return status;
}

/* ---- A step ---- */

/* The text's tokens end with one of the stop sequences, all of which is new. */
static int32_t has_stopped(const pt__generation_t *self, const pt__continued_t *text)
{
    const int32_t *stop = self->stops.tokens, *end = text->tokens + text->prompt + text->made;
    for (int64_t i = 0; i < self->stops.count; stop += self->stops.lengths[i++]) {
        const int64_t length = self->stops.lengths[i];
        if (length <= text->made && memcmp(end - length, stop, (size_t)length * sizeof *stop) == 0)
            return 1;
    }
    return 0;
}

/* The logarithm of the sum of exponentials: a token's logit less this is the logarithm of its probability, by the
 * model alone, before temperature and limits. */
static double normalizer(const float *logits, int64_t classes)
{
    double largest = (double)logits[0], total = 0;
    for (int64_t i = 1; i < classes; i++)
        largest = (double)logits[i] > largest ? (double)logits[i] : largest;
    for (int64_t i = 0; i < classes; i++)
        total += exp((double)logits[i] - largest);
    return largest + log(total);
}

static pt_status_t choose(pt__generation_t *self, pt__continued_t *text, const float *logits)
{
    for (int64_t i = 0; i < self->classes; i++)
        if (!isfinite(logits[i]))
            return pt__fail(PT_ERR_NONFINITE,
                            "the logit of token %lld is not finite: the weights are damaged or training diverged",
                            (long long)i);
    memcpy(self->weights, logits, (size_t)self->classes * sizeof *logits);
    int32_t token = pt__sample_token(self->weights, self->classes, &self->options, &text->random, self->order);
    text->tokens[text->prompt + text->made] = token;
    text->scores[text->made] = (float)((double)logits[token] - normalizer(logits, self->classes));
    text->made++;
    if (has_stopped(self, text))
        text->reason = PT_GENERATED_STOP;
    else if (text->made == self->options.count)
        text->reason = PT_GENERATED_COUNT;
    return PT_OK;
}

/* The scores of the next tokens of `count` texts. */
static pt_status_t run_group(pt__generation_t *self, const int64_t *group, int64_t count)
{
    const void *data = self->rows;
    int64_t used = 0;
    for (int64_t i = 0; i < count; i++) {
        const pt__continued_t *text = &self->texts[group[i]];
        const int64_t length = text->prompt + text->made, rows = length < self->limit ? length : self->limit;
        self->offsets[i] = (int32_t)used;
        memcpy(self->rows + used, text->tokens + length - rows, (size_t)rows * sizeof *self->rows);
        used += rows;
    }
    self->offsets[count] = (int32_t)used;
    const pt__loaded_t loaded = {
        .rows = pt__rows_make(count, used), .offsets = {[PT__DIMENSION_TOKENS] = self->offsets}, .data = &data};
    PT__TRY(pt__plans_prepare(self->model, PT__MODE_OUTPUT, self->output, &loaded.rows, NULL));
    PT__TRY(pt__engine_run(self->model, PT__MODE_OUTPUT, self->requests, &loaded));
    return pt__engine_read(self->model, PT__MODE_OUTPUT, self->output, self->logits);
}

static void stop_all(pt__generation_t *self)
{
    for (int64_t i = 0; i < self->count; i++)
        self->texts[i].reason = self->texts[i].reason == 0 ? PT_GENERATED_HOST : self->texts[i].reason;
}

pt_status_t pt__generation_step(pt__generation_t *self, pt__tell_fn tell, void *user, int64_t *live)
{
    int64_t group[GROUP], next = 0, count;
    int32_t goes_on = 1;
    if (atomic_exchange(&self->model->cancelled, 0))
        return pt__fail(PT_ERR_CANCELLED, "generation was cancelled after %lld tokens of the first prompt",
                        (long long)(self->count > 0 ? self->texts[0].made : 0));
    while (goes_on && next < self->count) {
        for (count = 0; next < self->count && count < GROUP; next++)
            if (self->texts[next].reason == 0)
                group[count++] = next;
        if (count > 0)
            PT__TRY(run_group(self, group, count));
        for (int64_t i = 0; goes_on && i < count; i++) {
            PT__TRY(choose(self, &self->texts[group[i]], self->logits + i * self->classes));
            goes_on = tell == NULL || tell(user, self, group[i]);
        }
    }
    if (!goes_on)
        stop_all(self);
    *live = 0;
    for (int64_t i = 0; i < self->count; i++)
        *live += self->texts[i].reason == 0;
    return PT_OK;
}
