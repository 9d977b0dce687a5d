/* pretrain embed: lines as vectors. */
#include <string.h>

#include "commands.h"
#include "output.h"
#include "outputs.h"
#include "session.h"
#include "text_lines.h"

/* What is needed all along. */
typedef struct embedding {
    const settings_t *settings;
    pt_context_t *context;
    opened_model_t opened;
    outputs_t outputs;
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
        outputs_print_row(values, count);
        return;
    }
    json_open(&writer, stdout);
    json_begin(&writer, NULL, '[');
    for (int64_t i = 0; i < count; i++)
        json_number(&writer, NULL, (double)values[i]);
    json_end(&writer, ']');
    json_close(&writer);
}

static int embed(void *user, pt_dataset_t *dataset)
{
    embedding_t *self = user;
    outputs_t *outputs = &self->outputs;
    int status = outputs_predict(self->opened.model, "embedding", self->settings->batch, dataset, outputs);
    for (int64_t i = 0; status == EXIT_DONE && i < outputs->samples; i++)
        print_vector(self, outputs->values + i * outputs->count, outputs->count);
    output_flush(); /* a failure is told at the end */
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
        status = text_lines_each(self.context, settings, &self.opened,
                                 settings->n_arguments > 1 ? settings->arguments[1] : "-", embed, &self);
        interrupts_watch(NULL, 0);
        if (interrupted())
            status = EXIT_INTERRUPTED + interrupted();
    }
    outputs_free(&self.outputs);
    opened_model_close(&self.opened);
    pt_context_free(self.context);
    return status;
}
