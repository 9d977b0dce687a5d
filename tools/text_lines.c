#include "text_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data_files.h"
#include "output.h"

enum { READ_AT_ONCE = 1 << 20, FEWEST = 1 << 16 };

int text_lines_open(text_lines_t *lines, const char *path)
{
    *lines = (text_lines_t){.path = path, .descriptor = STDIN_FILENO, .number = 1};
    if (strcmp(path, "-") == 0)
        lines->path = "standard input";
    else
        lines->descriptor = open(path, O_RDONLY);
    return lines->descriptor < 0 ? fail("%s: %s", path, strerror(errno)) : EXIT_DONE;
}

void text_lines_close(text_lines_t *lines)
{
    if (lines->descriptor > STDIN_FILENO)
        close(lines->descriptor);
    free(lines->bytes);
    *lines = (text_lines_t){0};
}

/* What was handed out makes room, and what can be read is read. */
static int read_more(text_lines_t *lines)
{
    if (lines->given > 0) {
        memmove(lines->bytes, lines->bytes + lines->given, lines->filled - lines->given);
        lines->scanned -= lines->given;
        lines->filled -= lines->given;
        lines->given = 0;
    }
    if (lines->capacity - lines->filled < READ_AT_ONCE) {
        size_t capacity = 2 * lines->capacity + 2 * (size_t)READ_AT_ONCE;
        char *bytes = realloc(lines->bytes, capacity);
        if (!bytes)
            return fail("%s: line %lld: no memory for a line of more than %lld bytes", lines->path,
                        (long long)(lines->number + lines->count), (long long)lines->filled);
        lines->bytes = bytes;
        lines->capacity = capacity;
    }
    ssize_t got;
    do
        got = read(lines->descriptor, lines->bytes + lines->filled, READ_AT_ONCE);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return fail("%s: %s", lines->path, strerror(errno));
    lines->is_over = got == 0;
    lines->filled += (size_t)got;
    return EXIT_DONE;
}

int text_lines_next(text_lines_t *lines, pt_text_t *texts, int64_t *count)
{
    lines->number += lines->count;
    lines->count = *count = 0;
    for (;;) {
        while (*count < LINES_AT_ONCE && lines->scanned < lines->filled) {
            const char *from = lines->bytes + lines->scanned;
            const char *end = memchr(from, '\n', lines->filled - lines->scanned);
            lines->scanned = end ? (size_t)(end + 1 - lines->bytes) : lines->filled;
            if (!end)
                break;
            texts[(*count)++] = (pt_text_t){.text = lines->bytes + lines->given,
                                            .bytes = end - (lines->bytes + lines->given)};
            lines->given = lines->scanned;
        }
        if (*count > 0)
            break;
        if (lines->is_over) { /* a last line without an end */
            if (lines->given < lines->filled)
                texts[(*count)++] = (pt_text_t){.text = lines->bytes + lines->given,
                                                .bytes = (int64_t)(lines->filled - lines->given)};
            lines->given = lines->filled;
            break;
        }
        int status = read_more(lines);
        if (status != EXIT_DONE)
            return status;
    }
    lines->count = *count;
    return EXIT_DONE;
}

/* ---- Tokens ------------------------------------------------------------------------------------------------------ */

void tokens_free(tokens_t *tokens)
{
    free(tokens->ids);
    free(tokens->spans);
    tokens->ids = NULL;
    tokens->spans = NULL;
    tokens->capacity = 0;
}

static int grow(tokens_t *tokens, int64_t capacity)
{
    if (capacity <= tokens->capacity)
        return EXIT_DONE;
    tokens_free(tokens);
    tokens->ids = malloc((size_t)capacity * sizeof *tokens->ids);
    tokens->spans = malloc((size_t)capacity * 2 * sizeof *tokens->spans);
    if (!tokens->ids || !tokens->spans)
        return fail("no memory for %lld tokens", (long long)capacity);
    tokens->capacity = capacity;
    return EXIT_DONE;
}

static pt_status_t encode(const opened_model_t *opened, const pt_text_t *texts, int64_t count, uint32_t flags,
                          tokens_t *tokens)
{
    pt_tokenize_options_t options;
    pt_status_t status = pt_tokenize_options_init(&options, sizeof options);
    pt_array_t ids = {.dtype = PT_INT32,
                      .data = tokens->ids,
                      .capacity = tokens->capacity,
                      .lengths = tokens->lengths,
                      .lengths_capacity = LINES_AT_ONCE};
    pt_array_t spans = {.dtype = PT_UINT32, .data = tokens->spans, .capacity = 2 * tokens->capacity};
    options.flags = flags;
    if (status == PT_OK)
        status = pt_tokenizer_encode(opened->tokenizer, texts, sizeof *texts, count, &options, &ids, &spans, NULL,
                                     sizeof ids);
    tokens->elements = ids.elements;
    return status;
}

/* Which of several lines cannot be encoded. */
static int name_line(const opened_model_t *opened, const text_lines_t *lines, const pt_text_t *texts, int64_t count,
                     uint32_t flags, tokens_t *tokens)
{
    for (int64_t i = 0; i < count; i++) {
        pt_status_t status = encode(opened, &texts[i], 1, flags, tokens);
        if (status != PT_OK && !(status == PT_ERR_ARGUMENT && tokens->elements > tokens->capacity))
            return fail("%s: line %lld: %s", lines->path, (long long)(lines->number + i), pt_last_error());
    }
    return fail_call();
}

int tokens_make(const opened_model_t *opened, const text_lines_t *lines, const pt_text_t *texts, int64_t count,
                uint32_t flags, tokens_t *tokens)
{
    int64_t bytes = 0;
    for (int64_t i = 0; i < count; i++)
        bytes += texts[i].bytes;
    int status = grow(tokens, (opened->tokenizer ? bytes / 3 : bytes) + FEWEST);
    if (status != EXIT_DONE)
        return status;
    if (opened->tokenizer) {
        pt_status_t encoding = encode(opened, texts, count, flags, tokens);
        if (encoding == PT_ERR_ARGUMENT && tokens->elements > tokens->capacity) {
            if ((status = grow(tokens, tokens->elements)) != EXIT_DONE)
                return status;
            encoding = encode(opened, texts, count, flags, tokens);
        }
        return encoding == PT_OK ? EXIT_DONE : name_line(opened, lines, texts, count, flags, tokens);
    }
    tokens->elements = 0;
    for (int64_t i = 0; i < count; i++) {
        tokens->lengths[i] = texts[i].bytes;
        for (int64_t j = 0; j < texts[i].bytes; j++) {
            tokens->spans[2 * tokens->elements] = (uint32_t)j;
            tokens->spans[2 * tokens->elements + 1] = (uint32_t)j + 1;
            tokens->ids[tokens->elements++] = (unsigned char)texts[i].text[j];
        }
    }
    return EXIT_DONE;
}

/* The tokens of the last `count` lines as samples, where they are. */
static int make_dataset(pt_context_t *context, const settings_t *settings, const opened_model_t *opened,
                        const text_lines_t *lines, int64_t count, tokens_t *tokens, pt_dataset_t **dataset)
{
    int64_t longest = data_sample_length(settings, opened), from = 0, to = 0;
    int status = EXIT_DONE;
    for (int64_t i = 0; i < count; i++) {
        int64_t length = tokens->lengths[i], kept = length < longest ? length : longest;
        if (length == 0)
            return fail("%s: line %lld: no tokens, expected at least one", lines->path, (long long)(lines->number + i));
        memmove(tokens->ids + to, tokens->ids + from, (size_t)kept * sizeof *tokens->ids);
        tokens->lengths[i] = kept;
        from += length;
        to += kept;
    }
    const pt_array_t array = {.name = "tokens",
                              .dtype = PT_INT32,
                              .rank = 1,
                              .shape = {PT_DIM_TOKENS},
                              .data = tokens->ids,
                              .elements = to,
                              .lengths = tokens->lengths};
    TRY(pt_dataset_create_from_arrays(context, &array, 1, sizeof array, count, 0, dataset));
out:
    return status;
}

int text_lines_each(pt_context_t *context, const settings_t *settings, const opened_model_t *opened, const char *path,
                    samples_fn *take, void *user)
{
    text_lines_t lines;
    pt_text_t *texts = malloc(LINES_AT_ONCE * sizeof *texts);
    tokens_t *tokens = calloc(1, sizeof *tokens);
    int64_t count = 1;
    int status = text_lines_open(&lines, path);
    if (!texts || !tokens)
        status = fail("no memory for lines");
    while (status == EXIT_DONE && output_flush() && (status = text_lines_next(&lines, texts, &count)) == EXIT_DONE &&
           count > 0) {
        pt_dataset_t *dataset = NULL;
        status = tokens_make(opened, &lines, texts, count, 0, tokens);
        if (status == EXIT_DONE)
            status = make_dataset(context, settings, opened, &lines, count, tokens, &dataset);
        if (status == EXIT_DONE)
            status = take(user, dataset);
        pt_dataset_free(dataset);
    }
    if (tokens)
        tokens_free(tokens);
    text_lines_close(&lines);
    free(tokens);
    free(texts);
    return status;
}
