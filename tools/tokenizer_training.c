#include "tokenizer_training.h"

#include <pretrain.h>
#include <string.h>
#include <unistd.h>

#include "out_directory.h"
#include "output.h"
#include "session.h"

static const double next_line = 5, redraw = 0.1;

/* What the training tells while it runs. */
typedef struct telling {
    int32_t is_shown, is_terminal, is_unigram;
    double shown;
} telling_t;

static void tell(void *user, pt_event_t *event)
{
    telling_t *telling = user;
    event->action = interrupted() ? PT_ACTION_STOP : PT_ACTION_GO_ON;
    if (!telling->is_shown || event->seconds - telling->shown < (telling->is_terminal ? redraw : next_line))
        return;
    telling->shown = event->seconds;
    char line[80];
    if (event->total_steps > 0)
        snprintf(line, sizeof line, "%lld of %lld %s", (long long)event->step, (long long)event->total_steps,
                 telling->is_unigram ? "rounds" : "pieces");
    else
        snprintf(line, sizeof line, "%lld lines read", (long long)event->step);
    if (telling->is_terminal)
        output_bar(line);
    else
        note("%s", line);
}

static int set_options(const settings_t *settings, telling_t *telling, pt_tokenizer_train_options_t *options)
{
    int status = EXIT_DONE;
    TRY(pt_tokenizer_train_options_init(options, sizeof *options));
    options->kind = strcmp(settings->train, "wordpiece") == 0 ? PT_TOKENIZER_WORDPIECE
                    : strcmp(settings->train, "unigram") == 0 ? PT_TOKENIZER_UNIGRAM
                                                              : PT_TOKENIZER_BPE;
    options->flags = settings->cased ? PT_TOKENIZER_CASED : 0;
    options->vocabulary = (int32_t)settings->size;
    options->min_frequency = settings->min_frequency;
    options->pattern = settings->pattern;
    options->memory_budget = settings->memory;
    options->event = tell;
    options->event_user = telling;
    if (settings->special.count > 0) {
        options->special_tokens = settings->special.items;
        options->n_special_tokens = (int32_t)settings->special.count;
    }
out:
    return status;
}

static int check_settings(const settings_t *settings)
{
    if (settings->plain || settings->offsets || settings->decode)
        return usage_error(settings->command, "--train with %s: expected texts to learn from alone",
                           settings->plain     ? "--plain"
                           : settings->offsets ? "--offsets"
                                               : "--decode");
    if (!settings->out)
        return usage_error(settings->command, "--train: expected --out with the tokenizer's file");
    if (settings->pattern && strcmp(settings->train, "bpe") != 0)
        return usage_error(settings->command, "--pattern is for bpe");
    if (settings->cased && strcmp(settings->train, "wordpiece") != 0)
        return usage_error(settings->command, "--cased is for wordpiece");
    if (settings->min_frequency > 0 && strcmp(settings->train, "unigram") == 0)
        return usage_error(settings->command, "--min-frequency is for bpe and wordpiece");
    return EXIT_DONE;
}

int tokenizer_training_run(const settings_t *settings)
{
    pt_context_t *context = NULL;
    pt_tokenizer_t *tokenizer = NULL;
    pt_tokenizer_train_options_t options;
    const int is_terminal = !settings->progress && isatty(STDERR_FILENO);
    telling_t telling = {.is_shown = settings->progress || is_terminal,
                         .is_terminal = is_terminal,
                         .is_unigram = settings->train && strcmp(settings->train, "unigram") == 0};
    int status = check_settings(settings);
    if (status == EXIT_DONE)
        status = out_file_check("--out", settings->out);
    if (status == EXIT_DONE)
        status = session_open(settings, &context);
    if (status == EXIT_DONE)
        status = set_options(settings, &telling, &options);
    if (status != EXIT_DONE)
        goto out;
    pt_status_t trained = pt_tokenizer_train_files(context, settings->arguments, (int32_t)settings->n_arguments,
                                                   &options, &tokenizer);
    output_bar(NULL);
    TRY(trained);
    TRY(pt_tokenizer_save(tokenizer, settings->out, NULL));
    if (settings->json) {
        writer_t writer;
        json_open(&writer, stdout);
        json_begin(&writer, NULL, '{');
        json_whole(&writer, "tokens", pt_tokenizer_size(tokenizer));
        json_end(&writer, '}');
        json_close(&writer);
    } else {
        printf("tokens  %lld\n", (long long)pt_tokenizer_size(tokenizer));
    }
    note("saved to %s", settings->out);
out:
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
    if (interrupted())
        status = EXIT_INTERRUPTED + interrupted();
    return status;
}
