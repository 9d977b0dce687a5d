/* What the program tells: results on standard output, as lines or as JSON, and messages on standard error. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <pretrain.h>
#include <stdint.h>
#include <stdio.h>

/* The program's exit statuses. */
enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    /* and the signal's number */
    EXIT_INTERRUPTED = 128,
};

/* Who speaks on standard error: "pretrain train". */
void output_name(const char *command);
/* A line on standard error: what went wrong, what was expected and found. Gives EXIT_FAILED. */
int fail(const char *format, ...);
/* The same with the message of the thread's last failed call of the library. */
int fail_call(void);
/* A line on standard error that is no failure. */
void note(const char *format, ...);
/* Draws a line of the terminal anew, cut to its width, as one that wraps cannot be drawn over; NULL ends it, as any
 * message does. */
void output_bar(const char *line);
/* Writes out standard output: the status given, or EXIT_FAILED after a message where it cannot be written. */
int output_finish(int status);
/* Sends the line written so far. 0 where standard output cannot be written. */
int output_flush(void);

/* Ends a function at its label `out`, with its `status` set, where a call of the library fails. */
#define TRY(call)                 \
    do {                          \
        if ((call) != PT_OK) {    \
            status = fail_call(); \
            goto out;             \
        }                         \
    } while (0)

/* A number for printf: of what is no number, the one that is written without a sign. */
double plain_number(double value);

/* JSON, on one line. key NULL: within an array, or outermost. */
typedef struct writer {
    FILE *file;
    int32_t needs_comma;
} writer_t;
void json_open(writer_t *writer, FILE *file);
/* Ends the line. */
void json_close(writer_t *writer);
/* bracket: '{' or '['. */
void json_begin(writer_t *writer, const char *key, char bracket);
void json_end(writer_t *writer, char bracket);
/* NULL: null. What is not UTF-8 becomes U+FFFD. */
void json_text(writer_t *writer, const char *key, const char *text);
/* The same with a length, for a text that may have characters 0 in it. */
void json_bytes(writer_t *writer, const char *key, const char *text, size_t bytes);
/* With 9 significant digits; null where it is not finite. */
void json_number(writer_t *writer, const char *key, double value);
void json_whole(writer_t *writer, const char *key, int64_t value);
/* What the model's last evaluation found, by name. */
void json_metrics(writer_t *writer, const char *key, const pt_model_t *model);

#endif
