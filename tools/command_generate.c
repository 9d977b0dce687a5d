/* pretrain generate: a text that the model continues. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "data_files.h"
#include "output.h"
#include "session.h"
#include "text_lines.h"

enum { MORE_TOKENS = 32 };

/* What is generated, as far as it is. */
typedef struct generation {
    const settings_t *settings;
    const opened_model_t *opened;
    int32_t *ids;
    int64_t count;
    /* of the ids, up to where a --stop begins */
    char *text;
    size_t length;
    int status;
} generation_t;

/* The text of the new tokens from one of them on. */
static int make_text(generation_t *generation, int64_t first)
{
    int status = EXIT_DONE;
    free(generation->text);
    generation->text = NULL;
    generation->length = (size_t)(generation->count - first);
    pt_array_t ids = {.dtype = PT_INT32, .data = generation->ids + first, .elements = generation->count - first};
    pt_tokenizer_t *tokenizer = generation->opened->tokenizer;
    if (tokenizer)
        TRY(pt_tokenizer_decode(tokenizer, &ids, sizeof ids, 0, NULL, 0, &generation->length));
    generation->text = malloc(generation->length + 1);
    if (!generation->text)
        return fail("no memory for a text of %lld bytes", (long long)generation->length);
    if (tokenizer)
        TRY(pt_tokenizer_decode(tokenizer, &ids, sizeof ids, 0, generation->text, generation->length + 1,
                                &generation->length));
    for (int64_t i = first; i < generation->count && !tokenizer; i++)
        generation->text[i - first] = (char)generation->ids[i];
    generation->text[generation->length] = 0;
out:
    return status;
}

/* How many tokens at the end are looked at for a --stop, which ends with the last one: its bytes, and more for tokens
 * that are no text. */
static int64_t stop_tokens(const list_t *stops)
{
    size_t longest = 0;
    for (int64_t i = 0; i < stops->count; i++)
        longest = strlen(stops->items[i]) > longest ? strlen(stops->items[i]) : longest;
    return (int64_t)longest + MORE_TOKENS;
}

/* Whether a --stop is in the text, which is then cut before it. */
static int has_stop(generation_t *generation)
{
    const list_t *stops = &generation->settings->stop;
    char *first = NULL;
    for (int64_t i = 0; i < stops->count; i++) {
        char *found = strstr(generation->text, stops->items[i]);
        if (found && (!first || found < first))
            first = found;
    }
    if (first) {
        *first = 0;
        generation->length = (size_t)(first - generation->text);
    }
    return first != NULL;
}

static void take_token(void *user, pt_token_t *token)
{
    generation_t *generation = user;
    generation->ids[generation->count++] = token->token;
    token->action = interrupted() ? PT_ACTION_STOP : PT_ACTION_GO_ON;
    const list_t *stops = &generation->settings->stop;
    if (stops->count == 0)
        return;
    int64_t first = generation->count - stop_tokens(stops);
    generation->status = make_text(generation, first > 0 ? first : 0);
    if (generation->status != EXIT_DONE || has_stop(generation))
        token->action = PT_ACTION_STOP;
}

/* The tokens of --prompt. */
static int encode_prompt(const settings_t *settings, const opened_model_t *opened, tokens_t *tokens)
{
    const text_lines_t lines = {.path = "--prompt", .number = 1};
    const pt_text_t text = {.text = settings->prompt, .bytes = (int64_t)strlen(settings->prompt)};
    int status = tokens_make(opened, &lines, &text, 1, 0, tokens);
    if (status == EXIT_DONE && tokens->elements == 0)
        status = usage_error(settings->command, "--prompt: no token in \"%s\", expected at least one",
                             settings->prompt);
    return status;
}

static int run(const settings_t *settings, opened_model_t *opened, const tokens_t *prompt, generation_t *generation)
{
    pt_generator_t *generator = NULL;
    pt_generate_options_t options;
    const pt_array_t given = {.dtype = PT_INT32, .data = prompt->ids, .elements = prompt->elements};
    int status = EXIT_DONE;
    generation->ids = malloc((size_t)settings->count * sizeof *generation->ids);
    if (!generation->ids)
        return fail("no memory for %lld tokens", (long long)settings->count);
    TRY(pt_generate_options_init(&options, sizeof options));
    options.count = settings->count;
    options.temperature = settings->temperature;
    options.top_k = settings->top_k;
    options.top_p = settings->top_p;
    TRY(pt_generator_create(opened->model, &options, &generator));
    TRY(pt_generator_begin(generator, &given, sizeof given));
    TRY(pt_generator_run(generator, take_token, generation));
    status = generation->status;
    if (status == EXIT_DONE && (status = make_text(generation, 0)) == EXIT_DONE)
        has_stop(generation);
out:
    pt_generator_free(generator);
    return status;
}

static void print_result(const settings_t *settings, const generation_t *generation, double seconds)
{
    if (!settings->json) {
        fputs(settings->prompt, stdout);
        fwrite(generation->text, 1, generation->length, stdout);
        putchar('\n');
        return;
    }
    writer_t writer;
    json_open(&writer, stdout);
    json_begin(&writer, NULL, '{');
    json_bytes(&writer, "text", generation->text, generation->length);
    json_begin(&writer, "ids", '[');
    for (int64_t i = 0; i < generation->count; i++)
        json_whole(&writer, NULL, generation->ids[i]);
    json_end(&writer, ']');
    json_number(&writer, "seconds", seconds);
    json_number(&writer, "tokens_per_second", seconds > 0 ? (double)generation->count / seconds : 0);
    json_end(&writer, '}');
    json_close(&writer);
}

static int check_settings(const settings_t *settings)
{
    if (!settings->prompt)
        return usage_error(settings->command, "expected --prompt with the text to continue");
    if (settings->temperature == 0 && (settings->top_k > 0 || settings->top_p > 0))
        return usage_error(settings->command,
                           "%s: expected --temperature with it; without one the likeliest token is "
                           "taken",
                           settings->top_k > 0 ? "--top-k" : "--top-p");
    return EXIT_DONE;
}

int command_generate(const settings_t *settings)
{
    pt_context_t *context = NULL;
    opened_model_t opened = {0};
    tokens_t *prompt = calloc(1, sizeof *prompt);
    generation_t generation = {.settings = settings, .opened = &opened};
    int status = prompt ? check_settings(settings) : fail("no memory for a prompt");
    if (status == EXIT_DONE)
        status = session_open(settings, &context);
    if (status == EXIT_DONE)
        status = opened_model_open(context, settings, settings->arguments[0], 0, &opened);
    if (status != EXIT_DONE)
        goto out;
    if (!pt_model_task(opened.model) && opened.reads_tokens) /* a published trunk */
        TRY(pt_model_set_task(opened.model, PT_TASK_CAUSAL_LM, NULL));
    const char *task = pt_model_task(opened.model);
    if (!task || strcmp(task, PT_TASK_CAUSAL_LM) != 0)
        status = fail("%s: its task is %s, expected causal_lm", opened.path, task ? task : "none");
    if (status == EXIT_DONE)
        status = data_check_text(&opened, opened.path);
    if (status == EXIT_DONE)
        status = encode_prompt(settings, &opened, prompt);
    if (status != EXIT_DONE)
        goto out;
    interrupts_watch(opened.model, 1);
    double begin = clock_seconds();
    status = run(settings, &opened, prompt, &generation);
    double seconds = clock_seconds() - begin;
    interrupts_watch(NULL, 0);
    if (status == EXIT_DONE)
        print_result(settings, &generation, seconds);
    if (interrupted())
        status = EXIT_INTERRUPTED + interrupted();
out:
    if (prompt)
        tokens_free(prompt);
    free(prompt);
    free(generation.ids);
    free(generation.text);
    opened_model_close(&opened);
    pt_context_free(context);
    return status;
}
