/* pretrain tokenize: lines to ids, and ids to lines. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "output.h"
#include "session.h"
#include "text_lines.h"
#include "tokenizer_training.h"

/* ---- Lines to ids ------------------------------------------------------------------------------------------------ */

static char *put_text(char *at, const char *text)
{
    while (*text)
        *at++ = *text++;
    return at;
}

/* A number that is not negative, faster than printf: there may be millions. */
static char *put_whole(char *at, uint32_t value)
{
    char digits[12], *begin = digits + sizeof digits;
    do {
        *--begin = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    memcpy(at, begin, (size_t)(digits + sizeof digits - begin));
    return at + (digits + sizeof digits - begin);
}

static void print_token(const settings_t *settings, const tokens_t *tokens, int64_t i, int is_first)
{
    char text[80], *at = text;
    if (!is_first)
        at = put_text(at, settings->json ? ", " : " ");
    if (settings->offsets && settings->json)
        at = put_text(at, "[");
    at = put_whole(at, (uint32_t)tokens->ids[i]);
    if (settings->offsets) {
        at = put_whole(put_text(at, settings->json ? ", " : ":"), tokens->spans[2 * i]);
        at = put_whole(put_text(at, settings->json ? ", " : "-"), tokens->spans[2 * i + 1]);
        at = put_text(at, settings->json ? "]" : "");
    }
    fwrite(text, 1, (size_t)(at - text), stdout);
}

static void print_tokens(const settings_t *settings, const tokens_t *tokens, int64_t lines)
{
    int64_t at = 0;
    for (int64_t line = 0; line < lines; line++) {
        if (settings->json)
            putchar('[');
        for (int64_t i = 0; i < tokens->lengths[line]; i++)
            print_token(settings, tokens, at++, i == 0);
        fputs(settings->json ? "]\n" : "\n", stdout);
    }
}

/* ---- Ids to lines ------------------------------------------------------------------------------------------------ */

/* The ids in a line: numbers between blanks, commas and brackets. */
static int read_ids(const text_lines_t *lines, int64_t number, const pt_text_t *text, int32_t **ids, int64_t *count,
                    int64_t *capacity)
{
    const char *at = text->text, *end = at + text->bytes;
    *count = 0;
    while (at < end) {
        if (strchr(" \t\r,[]", *at) && *at) {
            at++;
            continue;
        }
        int64_t id = 0;
        const char *begin = at;
        for (; at < end && *at >= '0' && *at <= '9' && id <= INT32_MAX; at++)
            id = 10 * id + (*at - '0');
        if (at == begin || id > INT32_MAX || (at < end && !(strchr(" \t\r,[]", *at) && *at)))
            return fail("%s: line %lld, byte %lld: expected ids, whole numbers separated by blanks", lines->path,
                        (long long)number, (long long)(begin - text->text));
        if (*count == *capacity) {
            int64_t more = 2 * *capacity + 1024;
            int32_t *grown = realloc(*ids, (size_t)more * sizeof *grown);
            if (!grown)
                return fail("no memory for %lld ids", (long long)more);
            *ids = grown;
            *capacity = more;
        }
        (*ids)[(*count)++] = (int32_t)id;
    }
    return EXIT_DONE;
}

/* The text of ids, to be freed; NULL after a message. */
static char *decode(const opened_model_t *opened, const text_lines_t *lines, int64_t number, int32_t *ids,
                    int64_t count, size_t *length)
{
    pt_array_t array = {.dtype = PT_INT32, .data = ids, .elements = count};
    char *text = NULL;
    *length = (size_t)count;
    if (!opened->tokenizer) {
        text = malloc((size_t)count + 1);
        for (int64_t i = 0; i < count && text; i++) {
            if (ids[i] > 255) {
                fail("%s: line %lld: id %lld, expected a byte, 0 to 255", lines->path, (long long)number,
                     (long long)ids[i]);
                free(text);
                return NULL;
            }
            text[i] = (char)ids[i];
        }
    } else if (pt_tokenizer_decode(opened->tokenizer, &array, sizeof array, 0, NULL, 0, length) == PT_OK) {
        text = malloc(*length + 1);
        if (text)
            pt_tokenizer_decode(opened->tokenizer, &array, sizeof array, 0, text, *length + 1, length);
    } else {
        fail("%s: line %lld: %s", lines->path, (long long)number, pt_last_error());
        return NULL;
    }
    if (!text)
        fail("no memory for a text of %lld bytes", (long long)*length);
    return text;
}

static int decode_line(const settings_t *settings, const opened_model_t *opened, const text_lines_t *lines,
                       int64_t number, const pt_text_t *text, int32_t **ids, int64_t *capacity)
{
    int64_t count;
    size_t length;
    int status = read_ids(lines, number, text, ids, &count, capacity);
    if (status != EXIT_DONE)
        return status;
    char *made = decode(opened, lines, number, *ids, count, &length);
    if (!made)
        return EXIT_FAILED;
    if (settings->json) {
        writer_t writer;
        json_open(&writer, stdout);
        json_bytes(&writer, NULL, made, length);
        json_close(&writer);
    } else {
        fwrite(made, 1, length, stdout);
        putchar('\n');
    }
    free(made);
    return EXIT_DONE;
}

/* ---- The command ------------------------------------------------------------------------------------------------- */

static int work(const settings_t *settings, const opened_model_t *opened)
{
    text_lines_t lines;
    pt_text_t *texts = malloc(LINES_AT_ONCE * sizeof *texts);
    tokens_t *tokens = calloc(1, sizeof *tokens);
    int32_t *ids = NULL;
    int64_t count = 1, capacity = 0;
    int status = text_lines_open(&lines, "-");
    if (!texts || !tokens)
        status = fail("no memory for lines");
    while (status == EXIT_DONE && (status = text_lines_next(&lines, texts, &count)) == EXIT_DONE && count > 0) {
        if (settings->decode) {
            for (int64_t i = 0; i < count && status == EXIT_DONE; i++)
                status = decode_line(settings, opened, &lines, lines.number + i, &texts[i], &ids, &capacity);
        } else {
            status = tokens_make(opened, &lines, texts, count, settings->plain ? PT_TOKENIZE_PLAIN : 0, tokens);
            if (status == EXIT_DONE)
                print_tokens(settings, tokens, count);
        }
        if (status == EXIT_DONE && !output_flush())
            break;
    }
    if (tokens)
        tokens_free(tokens);
    text_lines_close(&lines);
    free(tokens);
    free(texts);
    free(ids);
    return status;
}

static int has_ending(const char *path, const char *ending)
{
    size_t length = strlen(path), end = strlen(ending);
    return length > end && strcmp(path + length - end, ending) == 0;
}

/* A model's file or directory without a tokenizer, where bytes are the tokens. */
static int open_bytes(pt_context_t *context, const settings_t *settings, const char *given, opened_model_t *opened)
{
    int status = opened_model_open(context, settings, given, OPEN_FRESH | OPEN_MAPPED | OPEN_ANYHOW, opened);
    if (status == EXIT_DONE && !opened->tokenizer && (!opened->reads_tokens || opened->vocabulary != 256))
        status = fail("%s: no tokenizer beside it, and its vocabulary is not that of bytes", given);
    return status;
}

static int open_given(pt_context_t *context, const settings_t *settings, opened_model_t *opened)
{
    const char *given = settings->arguments[0];
    if (!path_exists(given))
        return fail("%s: %s", given, strerror(errno));
    int is_weights = has_ending(given, ".safetensors");
    settings_t own = *settings;
    if (!path_is_directory(given) && !is_weights)
        own.tokenizer = given;
    int status = opened_model_tokenizer(context, &own, given, opened);
    if (status == EXIT_DONE && !opened->tokenizer)
        status = open_bytes(context, settings, given, opened);
    return status;
}

int command_tokenize(const settings_t *settings)
{
    pt_context_t *context;
    opened_model_t opened = {0};
    if (settings->train)
        return tokenizer_training_run(settings);
    if (settings->n_arguments > 1)
        return usage_error(settings->command, "surplus argument %s, expected MODEL", settings->arguments[1]);
    if (settings->out || settings->size > 0 || settings->special.count > 0 || settings->min_frequency > 0 ||
        settings->pattern || settings->cased || settings->progress)
        return usage_error(settings->command, "%s: expected --train with it",
                           settings->out                 ? "--out"
                           : settings->size > 0          ? "--size"
                           : settings->special.count > 0 ? "--special"
                           : settings->min_frequency > 0 ? "--min-frequency"
                           : settings->pattern           ? "--pattern"
                           : settings->cased             ? "--cased"
                                                         : "--progress");
    if (settings->decode && (settings->offsets || settings->plain))
        return usage_error(settings->command, "--decode with %s: ids have neither",
                           settings->offsets ? "--offsets" : "--plain");
    int status = session_open(settings, &context);
    if (status == EXIT_DONE)
        status = open_given(context, settings, &opened);
    if (status == EXIT_DONE)
        status = work(settings, &opened);
    opened_model_close(&opened);
    pt_context_free(context);
    return status;
}
