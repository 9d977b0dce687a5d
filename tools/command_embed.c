/* pretrain embed: lines as vectors. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "output.h"
#include "session.h"
#include "text_lines.h"

/* What is needed all along. */
typedef struct embedding {
    const settings_t *settings;
    pt_context_t *context;
    opened_model_t opened;
    float *values;
    int64_t capacity;
} embedding_t;

static int set_task(const embedding_t *self)
{
    const char *pool = self->settings->pool;
    pt_embedding_options_t options;
    int status = EXIT_DONE;
    TRY(pt_embedding_options_init(&options, sizeof options));
    options.flags = self->settings->unit ? PT_EMBEDDING_NORMALIZE : 0;
    if (pool && strcmp(pool, "cls") == 0)
        options.pooling = PT_POOL_FIRST;
    else if (pool && strcmp(pool, "last") == 0)
        options.pooling = PT_POOL_LAST;
    TRY(pt_model_set_task(self->opened.model, PT_TASK_EMBEDDING, &options));
out:
    return status;
}

static void print_vector(const embedding_t *self, const float *values, int64_t count)
{
    writer_t writer;
    if (!self->settings->json) {
        for (int64_t i = 0; i < count; i++)
            printf("%s%.9g", i ? "\t" : "", (double)values[i]);
        putchar('\n');
        return;
    }
    json_open(&writer, stdout);
    json_begin(&writer, NULL, '[');
    for (int64_t i = 0; i < count; i++)
        json_number(&writer, NULL, (double)values[i]);
    json_end(&writer, ']');
    json_close(&writer);
}

/* The vectors of samples that fit into memory. */
static int embed(embedding_t *self, pt_dataset_t *dataset)
{
    const int64_t samples = pt_dataset_length(dataset);
    pt_array_t values = {.dtype = PT_FLOAT32};
    int status = EXIT_DONE;
    TRY(pt_predict(self->opened.model, dataset, "embedding", self->settings->batch, &values, sizeof values));
    if (values.elements > self->capacity) {
        free(self->values);
        self->values = malloc((size_t)values.elements * sizeof *self->values);
        self->capacity = self->values ? values.elements : 0;
        if (!self->values)
            return fail("no memory for %lld numbers", (long long)values.elements);
    }
    values.data = self->values;
    values.capacity = self->capacity;
    TRY(pt_predict(self->opened.model, dataset, "embedding", self->settings->batch, &values, sizeof values));
    for (int64_t i = 0; i < samples; i++)
        print_vector(self, self->values + i * (values.elements / samples), values.elements / samples);
    output_flush(); /* a failure is told at the end */
out:
    return status;
}

static int embed_lines(embedding_t *self, text_lines_t *lines, pt_text_t *texts, tokens_t *tokens)
{
    int64_t count = 1;
    int status = EXIT_DONE;
    while (status == EXIT_DONE && output_flush() && (status = text_lines_next(lines, texts, &count)) == EXIT_DONE &&
           count > 0) {
        pt_dataset_t *dataset = NULL;
        status = tokens_make(&self->opened, lines, texts, count, 0, tokens);
        if (status == EXIT_DONE)
            status = tokens_to_dataset(self->context, self->settings, &self->opened, lines, count, tokens, &dataset);
        if (status == EXIT_DONE)
            status = embed(self, dataset);
        pt_dataset_free(dataset);
    }
    return status;
}

static int read_and_embed(embedding_t *self)
{
    text_lines_t lines;
    pt_text_t *texts = malloc(LINES_AT_ONCE * sizeof *texts);
    tokens_t *tokens = calloc(1, sizeof *tokens);
    int status = text_lines_open(&lines, self->settings->n_arguments > 1 ? self->settings->arguments[1] : "-");
    if (!texts || !tokens)
        status = fail("no memory for lines");
    if (status == EXIT_DONE)
        status = embed_lines(self, &lines, texts, tokens);
    if (tokens)
        tokens_free(tokens);
    text_lines_close(&lines);
    free(tokens);
    free(texts);
    return status;
}

int command_embed(const settings_t *settings)
{
    embedding_t self = {.settings = settings};
    const char *given = settings->arguments[0];
    int status = session_open(settings, &self.context);
    if (status == EXIT_DONE)
        status = opened_model_open(self.context, settings, given, OPEN_MAPPED, &self.opened);
    if (status == EXIT_DONE && !self.opened.reads_tokens)
        status = fail("%s: a \"%s\" reads numbers, expected a model that reads tokens", given, self.opened.family);
    if (status == EXIT_DONE && !self.opened.tokenizer && self.opened.vocabulary != 256)
        status = fail("%s: no tokenizer beside it, and its vocabulary is not that of bytes", given);
    if (status == EXIT_DONE)
        status = set_task(&self);
    if (status == EXIT_DONE) {
        interrupts_watch(self.opened.model, 0);
        status = read_and_embed(&self);
        interrupts_watch(NULL, 0);
        if (interrupted())
            status = EXIT_INTERRUPTED + interrupted();
    }
    free(self.values);
    opened_model_close(&self.opened);
    pt_context_free(self.context);
    return status;
}
