/* See generation.h. Each step has the network read what is new of every text that goes on, or without a cache all of
 * its window, a group of texts at a time, and give the scores of each one's next token. */
#include "train/generation.h"

#include <math.h>
#include <string.h>

#include "train/sampling.h"

enum {
    GROUP = 32,     /* texts that the network reads together: their scores take classes floats each */
    PREFILL = 512,  /* rows that are read together where there is a cache, so that long prompts take little memory */
    ROOM_STEP = 256 /* rows that a text's room in the cache grows by, at least */
};

/* ---- Making and ending ---- */

/* What the network knows as tokens: 0 to this, less 1. */
static int64_t token_limit(const pt__generation_t *self)
{
    return self->requests->list[0].index_limit;
}

static pt_status_t copy_stops(pt__generation_t *self)
{
    const pt_array_t *given = self->options.stops;
    const char *const *strings = self->options.stop_strings;
    self->options.stops = NULL;
    self->options.stop_strings = NULL;
    if (self->options.tokenizer != NULL)
        self->tokenizer = pt__tokenizer_retain(self->options.tokenizer);
    else if (self->options.n_stop_strings != 0)
        return pt__fail(PT_ERR_ARGUMENT,
                        "pt_generate_options.tokenizer is NULL, expected one: there are stop_strings");
    PT__TRY(pt__stop_strings_read(&self->model->context->memory, strings, self->options.n_stop_strings,
                                  "pt_generate_options.stop_strings", &self->stop_strings));
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
    if (status == PT_OK && !(options->flags & PT_GENERATE_RECOMPUTE))
        status = pt__cache_create(model, out->output, out->requests->input[0], &out->cache);
    if (status != PT_OK)
        pt__generation_release(out);
    return status;
}

static void release_texts(pt__generation_t *self)
{
    pt__memory_t *memory = &self->model->context->memory;
    for (int64_t i = 0; i < self->count; i++) {
        pt__text_stream_release(&self->texts[i].text);
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
    pt__cache_free(self->cache);
    pt__sequences_release(memory, &self->stops);
    pt__stop_strings_release(memory, &self->stop_strings);
    if (self->tokenizer != NULL)
        pt__tokenizer_free(self->tokenizer);
}

/* ---- Prompts ---- */

/* Rows that a text will have in its window at most. */
static int64_t longest_window(const pt__generation_t *self, const pt__continued_t *text)
{
    const int64_t length = text->prompt + self->options.count;
    return length < self->limit ? length : self->limit;
}

/* Where a text is longer than the network reads, the first half of the window goes: positions of what stays are others
 * then, so that it is read anew, once for so many tokens. */
static void slide(const pt__generation_t *self, pt__continued_t *text)
{
    const int64_t length = text->prompt + text->made, step = self->limit > 1 ? self->limit / 2 : 1;
    while (length - text->start > self->limit) {
        text->start += step;
        text->kept = 0;
    }
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
                                  .start = length > self->limit ? length - self->limit : 0,
                                  .random = pt__random_start(pt__random_key(key, (uint64_t)i))};
        PT__TRY(pt__allocate(memory, (size_t)(length + self->options.count), sizeof *text->tokens, "prompt",
                             &text->tokens));
        PT__TRY(pt__allocate(memory, (size_t)self->options.count, sizeof *text->scores, "prompt", &text->scores));
        memcpy(text->tokens, tokens, (size_t)length * sizeof *tokens);
        if (self->tokenizer != NULL) /* how a text goes on may depend on what it goes on from */
            PT__TRY(pt__text_stream_start(memory, self->tokenizer, tokens, length, &text->text));
        tokens += length;
    }
    return PT_OK;
}

/* Gives all texts that go on room in the cache for some more tokens than they have. */
static pt_status_t make_rooms(pt__generation_t *self)
{
    pt__memory_t *memory = &self->model->context->memory;
    pt__cached_span_t *spans;
    int64_t rows = 0;
    PT__TRY(pt__allocate(memory, (size_t)self->count, sizeof *spans, "cache", &spans));
    for (int64_t i = 0; i < self->count; i++) {
        pt__continued_t *text = &self->texts[i];
        const int64_t window = text->prompt + text->made - text->start, most = longest_window(self, text);
        const int64_t more = window / 2 > ROOM_STEP ? window / 2 : ROOM_STEP;
        spans[i] = (pt__cached_span_t){.from = text->first, .to = rows, .rows = text->reason == 0 ? text->kept : 0};
        if (text->reason == 0)
            rows += window + more < most ? window + more : most;
    }
    pt_status_t status = pt__cache_reserve(self->cache, rows > 0 ? rows : 1, spans, self->count);
    for (int64_t i = 0; status == PT_OK && i < self->count; i++) {
        self->texts[i].first = spans[i].to;
        self->texts[i].room = (i + 1 < self->count ? spans[i + 1].to : rows) - spans[i].to;
    }
    pt__release(memory, spans);
    return status;
}

/* Memory for the rows of a run, and for what it gives. */
static pt_status_t make_room(pt__generation_t *self)
{
    pt__memory_t *memory = &self->model->context->memory;
    const int64_t group = self->count < GROUP ? self->count : GROUP;
    int64_t longest = 0, rows = 0, prompts = 0; /* any may meet in a group: texts that are over make room for others */
    for (int64_t i = 0; i < self->count; i++) {
        const int64_t window = longest_window(self, &self->texts[i]);
        longest = window > longest ? window : longest;
        rows += window;
        prompts += self->texts[i].prompt - self->texts[i].start;
    }
    rows = rows < group * longest ? rows : group * longest;
    rows = self->cache != NULL && rows > PREFILL ? PREFILL : rows;
    if (rows > INT32_MAX / 2)
        return pt__fail(PT_ERR_ARGUMENT, "the prompts have %lld rows together, expected at most %d", (long long)rows,
                        INT32_MAX / 2);
    PT__TRY(pt__allocate(memory, (size_t)rows, sizeof *self->rows, "window", &self->rows));
    PT__TRY(pt__allocate(memory, (size_t)(3 * group + 1), sizeof *self->offsets, "window", &self->offsets));
    self->first = self->offsets + group + 1;
    self->past = self->first + group;
    PT__TRY(pt__allocate(memory, (size_t)(group * self->classes), sizeof *self->logits, "logits", &self->logits));
    PT__TRY(pt__allocate(memory, (size_t)self->classes, sizeof *self->weights, "logits", &self->weights));
    PT__TRY(pt__allocate(memory, (size_t)self->classes, sizeof *self->order, "logits", &self->order));
    if (self->cache == NULL) {
        const pt__rows_t most = pt__rows_make(group, rows);
        return pt__plans_prepare(self->model, PT__MODE_OUTPUT, self->output, &most, NULL);
    }
    PT__TRY(make_rooms(self));
    PT__TRY(pt__cache_prepare(self->cache, PT__CACHED_PREFILL, group, prompts < PREFILL ? prompts : PREFILL));
    return pt__cache_prepare(self->cache, PT__CACHED_DECODE, group, group);
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
    if (self->options.repetition_penalty > 0)
        pt__sample_penalize(self->weights, text->tokens, text->prompt + text->made, self->options.repetition_penalty,
                            self->order);
    int32_t token = pt__sample_token(self->weights, self->classes, &self->options, &text->random, self->order);
    text->tokens[text->prompt + text->made] = token;
    text->scores[text->made] = (float)((double)logits[token] - normalizer(logits, self->classes));
    text->made++;
    if (has_stopped(self, text))
        text->reason = PT_GENERATED_STOP;
    else if (text->made == self->options.count)
        text->reason = PT_GENERATED_COUNT;
    if (self->tokenizer != NULL) {
        int32_t stopped;
        PT__TRY(pt__text_stream_add(&text->text, token, text->reason != 0, &self->stop_strings, &stopped));
        text->reason = stopped ? PT_GENERATED_STOP : text->reason;
    }
    return PT_OK;
}

/* The next rows of a text, at most so many, go to the end of what a run reads. */
static int64_t add_rows(pt__generation_t *self, const pt__continued_t *text, int64_t sample, int64_t most)
{
    const int64_t from = text->start + text->kept, left = text->prompt + text->made - from;
    const int64_t rows = left < most ? left : most, used = self->offsets[sample];
    memcpy(self->rows + used, text->tokens + from, (size_t)rows * sizeof *self->rows);
    self->offsets[sample + 1] = (int32_t)(used + rows);
    self->first[sample] = (int32_t)text->first;
    self->past[sample] = (int32_t)text->kept;
    return rows;
}

/* The scores of the next tokens of `count` texts, all of whose windows are read. */
static pt_status_t read_windows(pt__generation_t *self, const int64_t *group, int64_t count)
{
    const void *data = self->rows;
    for (int64_t i = 0; i < count; i++)
        add_rows(self, &self->texts[group[i]], i, self->limit);
    const pt__loaded_t loaded = {.rows = pt__rows_make(count, self->offsets[count]),
                                 .offsets = {[PT__DIMENSION_TOKENS] = self->offsets},
                                 .data = &data};
    PT__TRY(pt__plans_prepare(self->model, PT__MODE_OUTPUT, self->output, &loaded.rows, NULL));
    PT__TRY(pt__engine_run(self->model, PT__MODE_OUTPUT, self->requests, &loaded));
    return pt__engine_read(self->model, PT__MODE_OUTPUT, self->output, self->logits);
}

/* A run of what is new of texts from group[*next] on, as many rows as are read together: *next is then the first whose
 * rows were not all among them. */
static pt_status_t read_some(pt__generation_t *self, const int64_t *group, int64_t count, int64_t *next)
{
    int64_t samples = 0, done = *next, used = 0;
    while (done < count && used < PREFILL && done == *next + samples) {
        const pt__continued_t *text = &self->texts[group[done]];
        used += add_rows(self, text, samples++, PREFILL - used);
        done += self->offsets[samples] - self->offsets[samples - 1] + text->start + text->kept ==
                text->prompt + text->made;
    }
    const pt__cached_rows_t rows = {samples, self->rows, self->offsets, self->first, self->past};
    PT__TRY(pt__cache_run(self->cache, used == samples ? PT__CACHED_DECODE : PT__CACHED_PREFILL, &rows,
                          self->logits + *next * self->classes));
    for (int64_t i = 0; i < samples; i++)
        self->texts[group[*next + i]].kept += self->offsets[i + 1] - self->offsets[i];
    *next = done;
    return PT_OK;
}

/* The same scores where the cache has what was read before. */
static pt_status_t read_further(pt__generation_t *self, const int64_t *group, int64_t count)
{
    int32_t has_room = 1;
    for (int64_t i = 0; i < count; i++) {
        const pt__continued_t *text = &self->texts[group[i]];
        has_room &= text->prompt + text->made - text->start <= text->room;
    }
    if (!has_room)
        PT__TRY(make_rooms(self));
    for (int64_t next = 0; next < count;)
        PT__TRY(read_some(self, group, count, &next));
    return PT_OK;
}

static pt_status_t run_group(pt__generation_t *self, const int64_t *group, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        slide(self, &self->texts[group[i]]);
    return self->cache != NULL ? read_further(self, group, count) : read_windows(self, group, count);
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
