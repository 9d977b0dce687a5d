/* Lines of a file or a pipe, as many at a time as are there: who types one sees its result before the next. */
#ifndef TEXT_LINES_H
#define TEXT_LINES_H

#include <pretrain.h>

#include "opened_model.h"

enum { LINES_AT_ONCE = 4096 };

typedef struct text_lines {
    const char *path;
    int descriptor;
    char *bytes;
    /* bytes up to `given` were handed out; up to `scanned` there is no further end of a line; up to `filled` is read */
    size_t given, scanned, filled, capacity;
    int32_t is_over;
    /* of the first line of the last call, from 1 */
    int64_t number, count;
} text_lines_t;

/* path "-": standard input. EXIT_DONE, or a status after a message. */
int text_lines_open(text_lines_t *lines, const char *path);
void text_lines_close(text_lines_t *lines);
/* The next lines without their ends, valid until the next call: at least 1 and at most LINES_AT_ONCE; *count is 0 at
 * the end. EXIT_DONE, or a status after a message. */
int text_lines_next(text_lines_t *lines, pt_text_t *texts, int64_t *count);

/* Tokens of lines. The arrays grow as they must; free them with tokens_free. */
typedef struct tokens {
    int32_t *ids;
    uint32_t *spans;
    int64_t lengths[LINES_AT_ONCE];
    int64_t elements, capacity;
} tokens_t;

void tokens_free(tokens_t *tokens);
/* Tokens of `count` lines by the model's tokenizer, else their bytes. EXIT_DONE, or a status after a message that names
 * the line. */
int tokens_make(const opened_model_t *opened, const text_lines_t *lines, const pt_text_t *texts, int64_t count,
                uint32_t flags, tokens_t *tokens);
/* What is made of some lines. EXIT_DONE goes on. */
typedef int samples_fn(void *user, pt_dataset_t *dataset);
/* Hands the lines of a file (path "-": standard input) on as samples of the field "tokens", some at a time, cut at what
 * the model can read. EXIT_DONE, or a status after a message, of a line without tokens too. */
int text_lines_each(pt_context_t *context, const settings_t *settings, const opened_model_t *opened, const char *path,
                    samples_fn *take, void *user);

#endif
