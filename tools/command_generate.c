/* pretrain generate: a text that the model continues, shown as it comes. */
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
    pt_decoder_t *decoder; /* NULL: tokens are bytes */
    char *text;            /* of the ids, as far as no later one can change it, up to where a --stop begins */
    size_t length, capacity;
    size_t shown; /* bytes of it that are on standard output */
    int is_stopped;
    int status;
} generation_t;

/* ---- The text so far --------------------------------------------------------------------------------------------- */

/* Room for so many bytes more, and a final 0. */
static int make_room(generation_t *generation, size_t more)
{
    size_t needed = generation->length + more + 1;
    if (needed <= generation->capacity)
        return EXIT_DONE;
    char *grown = realloc(generation->text, 2 * needed);
    if (!grown)
        return fail("no memory for a text of %lld bytes", (long long)needed);
    generation->text = grown;
    generation->capacity = 2 * needed;
    return EXIT_DONE;
}

/* Goes on with the next tokens' text; NULL: the text ends, and what is left of it comes. */
static int take_text(generation_t *generation, const pt_array_t *ids)
{
    size_t length = 0;
    int status = make_room(generation, 64);
    for (int again = 0; again < 2 && status == EXIT_DONE; again++) {
        size_t room = generation->capacity - generation->length;
        char *end = generation->text + generation->length;
        if (!ids)
            TRY(pt_decoder_finish(generation->decoder, end, room, &length));
        else
            TRY(pt_decoder_add(generation->decoder, again ? NULL : ids, sizeof *ids, end, room, &length));
        if (length < room)
            break;
        status = make_room(generation, length);
    }
    generation->length += length;
out:
    return status;
}

static int add_token(generation_t *generation, int32_t id)
{
    const pt_array_t ids = {.dtype = PT_INT32, .data = &id, .elements = 1};
    if (generation->decoder)
        return take_text(generation, &ids);
    int status = make_room(generation, 1);
    if (status == EXIT_DONE)
        generation->text[generation->length++] = (char)id;
    return status;
}

/* ---- Where it stops ---------------------------------------------------------------------------------------------- */

static int64_t find(const char *text, size_t length, size_t from, const char *sought)
{
    size_t size = strlen(sought);
    for (size_t i = from; i + size <= length; i++)
        if (memcmp(text + i, sought, size) == 0)
            return (int64_t)i;
    return -1;
}

static size_t longest_stop(const list_t *stops)
{
    size_t longest = 0;
    for (int64_t i = 0; i < stops->count; i++)
        longest = strlen(stops->items[i]) > longest ? strlen(stops->items[i]) : longest;
    return longest;
}

/* Where the first --stop in a text begins, or -1. */
static int64_t find_stop(const list_t *stops, const char *text, size_t length, size_t from)
{
    int64_t first = -1;
    for (int64_t i = 0; i < stops->count; i++) {
        int64_t found = find(text, length, from, stops->items[i]);
        if (found >= 0 && (first < 0 || found < first))
            first = found;
    }
    return first;
}

/* Cuts the text before the first --stop that ends in its bytes from `from` on. */
static void cut_at_stop(generation_t *generation, size_t from)
{
    const list_t *stops = &generation->settings->stop;
    size_t longest = longest_stop(stops);
    int64_t found = find_stop(stops, generation->text, generation->length, from > longest ? from - longest : 0);
    if (found < 0)
        return;
    generation->length = (size_t)found;
    generation->is_stopped = 1;
}

/* Whether the last tokens are seen to have a --stop in their text, which the decoder may still keep back. */
static int tokens_have_stop(generation_t *generation)
{
    const list_t *stops = &generation->settings->stop;
    int64_t last = (int64_t)longest_stop(stops) + MORE_TOKENS;
    int64_t first = generation->count > last ? generation->count - last : 0;
    const pt_array_t ids = {.dtype = PT_INT32, .data = generation->ids + first, .elements = generation->count - first};
    size_t length = 0;
    int status = EXIT_DONE;
    char *text = NULL;
    TRY(pt_tokenizer_decode(generation->opened->tokenizer, &ids, sizeof ids, 0, NULL, 0, &length));
    text = malloc(length + 1);
    if (!text)
        status = fail("no memory for a text of %lld bytes", (long long)length);
    else
        TRY(pt_tokenizer_decode(generation->opened->tokenizer, &ids, sizeof ids, 0, text, length + 1, &length));
out:
    generation->status = status;
    int found = status == EXIT_DONE && find_stop(stops, text, length, 0) >= 0;
    free(text);
    return found;
}

/* ---- As it comes ------------------------------------------------------------------------------------------------- */

/* Bytes at the end of a text that are the begin of a character. */
static size_t half_character(const char *text, size_t length)
{
    for (size_t back = 1; back <= 3 && back <= length; back++) {
        unsigned char byte = (unsigned char)text[length - back];
        if ((byte & 0xC0) != 0x80)
            return byte >= 0xC0 && back < (byte >= 0xF0 ? 4u : byte >= 0xE0 ? 3u : 2u) ? back : 0;
    }
    return 0;
}

/* Bytes at the end of the text that may become a --stop, or are the begin of a character. */
static size_t held_back(const generation_t *generation)
{
    const list_t *stops = &generation->settings->stop;
    const char *text = generation->text;
    size_t length = generation->length, held = half_character(text, length);
    for (int64_t i = 0; i < stops->count; i++)
        for (size_t size = strlen(stops->items[i]); size-- > held + 1;)
            if (size <= length && memcmp(text + length - size, stops->items[i], size) == 0)
                held = size;
    return held;
}

/* Shows the text but for its last bytes; nothing with --json. 0 where it cannot be written. */
static int show(generation_t *generation, size_t but)
{
    size_t end = generation->length > but ? generation->length - but : 0;
    if (generation->settings->json || end <= generation->shown)
        return 1;
    fwrite(generation->text + generation->shown, 1, end - generation->shown, stdout);
    generation->shown = end;
    return output_flush();
}

static void take_token(void *user, pt_token_t *token)
{
    generation_t *generation = user;
    const size_t before = generation->length;
    generation->ids[generation->count++] = token->token;
    token->action = interrupted() ? PT_ACTION_STOP : PT_ACTION_GO_ON;
    generation->status = add_token(generation, token->token);
    if (generation->status == EXIT_DONE && generation->settings->stop.count > 0)
        cut_at_stop(generation, before);
    if (generation->status != EXIT_DONE || !show(generation, generation->is_stopped ? 0 : held_back(generation)) ||
        generation->is_stopped ||
        (generation->settings->stop.count > 0 && generation->decoder && tokens_have_stop(generation)))
        token->action = PT_ACTION_STOP;
}

/* What is left of the text when all tokens are there; U+FFFD for a character that has not come to its end. */
static int end_text(generation_t *generation)
{
    const size_t before = generation->length;
    int status = EXIT_DONE;
    if (generation->decoder && !generation->is_stopped)
        status = take_text(generation, NULL);
    else if (!generation->is_stopped && half_character(generation->text, before) > 0) {
        generation->length -= half_character(generation->text, before);
        status = make_room(generation, 3);
        if (status == EXIT_DONE)
            memcpy(generation->text + generation->length, "\xEF\xBF\xBD", 3);
        generation->length += status == EXIT_DONE ? 3 : 0;
    }
    if (status == EXIT_DONE && !generation->is_stopped)
        cut_at_stop(generation, before);
    if (status == EXIT_DONE)
        show(generation, 0);
    return status;
}

/* ---- The command ------------------------------------------------------------------------------------------------- */

/* The conversation that --prompt begins, as the model reads it, to be freed; *stop is the token that ends an answer. */
static int write_chat(const settings_t *settings, const opened_model_t *opened, char **text, int32_t *stop)
{
    const pt_message_t message = {.role = "user", .text = settings->prompt};
    size_t length = 0;
    int status = EXIT_DONE;
    if (!opened->tokenizer)
        return fail("%s: --chat: the model has no tokenizer, expected one with a chat template", opened->path);
    TRY(pt_tokenizer_chat(opened->tokenizer, &message, sizeof message, 1, NULL, NULL, 0, &length));
    *text = malloc(length + 1);
    if (!*text)
        return fail("no memory for a text of %lld bytes", (long long)length);
    TRY(pt_tokenizer_chat(opened->tokenizer, &message, sizeof message, 1, stop, *text, length + 1, &length));
out:
    return status;
}

/* The tokens of --prompt. */
static int encode_prompt(const settings_t *settings, const opened_model_t *opened, tokens_t *tokens, int32_t *stop)
{
    const text_lines_t lines = {.path = "--prompt", .number = 1};
    char *chat = NULL;
    int status = settings->chat ? write_chat(settings, opened, &chat, stop) : EXIT_DONE;
    const char *prompt = chat ? chat : settings->prompt;
    const pt_text_t text = {.text = prompt, .bytes = (int64_t)strlen(prompt)};
    if (status == EXIT_DONE)
        status = tokens_make(opened, &lines, &text, 1, chat ? PT_TOKENIZE_PLAIN : 0, tokens);
    if (status == EXIT_DONE && tokens->elements == 0)
        status = usage_error(settings->command, "--prompt: no token in \"%s\", expected at least one",
                             settings->prompt);
    free(chat);
    return status;
}

/* stop: a token at which it is over; -1: none. */
static int run(const settings_t *settings, opened_model_t *opened, const tokens_t *prompt, int32_t stop,
               generation_t *generation)
{
    pt_generator_t *generator = NULL;
    pt_generate_options_t options;
    const pt_array_t given = {.dtype = PT_INT32, .data = prompt->ids, .elements = prompt->elements};
    const pt_array_t stops = {.dtype = PT_INT32, .data = &stop, .elements = 1};
    int status = EXIT_DONE;
    generation->ids = malloc((size_t)settings->count * sizeof *generation->ids);
    if (!generation->ids)
        return fail("no memory for %lld tokens", (long long)settings->count);
    TRY(pt_generate_options_init(&options, sizeof options));
    options.count = settings->count;
    options.temperature = settings->temperature;
    options.top_k = settings->top_k;
    options.top_p = settings->top_p;
    if (stop >= 0) {
        options.stops = &stops;
        options.array_size = sizeof stops;
    }
    if (opened->tokenizer)
        TRY(pt_decoder_create(opened->tokenizer, 0, &generation->decoder));
    TRY(pt_generator_create(opened->model, &options, &generator));
    TRY(pt_generator_begin(generator, &given, sizeof given));
    if (!settings->json && !settings->chat) {
        fputs(settings->prompt, stdout);
        output_flush();
    }
    TRY(pt_generator_run(generator, take_token, generation));
    status = generation->status;
    if (status == EXIT_DONE)
        status = end_text(generation);
out:
    pt_generator_free(generator);
    return status;
}

/* The text itself was shown as it came. */
static void print_result(const settings_t *settings, const generation_t *generation, double seconds)
{
    if (!settings->json) {
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
    int32_t stop = -1;
    int status = prompt ? check_settings(settings) : fail("no memory for a prompt");
    if (status == EXIT_DONE)
        status = session_open(settings, &context);
    if (status == EXIT_DONE)
        status = opened_model_open(context, settings, settings->arguments[0], OPEN_MAPPED, &opened);
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
        status = encode_prompt(settings, &opened, prompt, &stop);
    if (status != EXIT_DONE)
        goto out;
    interrupts_watch(opened.model, 1);
    double begin = clock_seconds();
    status = run(settings, &opened, prompt, stop, &generation);
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
    pt_decoder_free(generation.decoder);
    free(generation.text);
    opened_model_close(&opened);
    pt_context_free(context);
    return status;
}
