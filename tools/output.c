#include "output.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *speaker;
/* A bar stands on the terminal's last line. Messages may come from any thread of the library. */
static atomic_int has_bar;

void output_name(const char *command)
{
    speaker = command;
}

void output_bar(const char *line)
{
    struct winsize size = {0};
    if (line) {
        int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 79;
        fprintf(stderr, "\r%.*s\033[K", columns, line);
        atomic_store(&has_bar, 1);
    } else if (atomic_exchange(&has_bar, 0)) {
        fputc('\n', stderr);
    }
}

static void print_line(const char *format, va_list arguments)
{
    output_bar(NULL);
    fprintf(stderr, "pretrain%s%s: ", speaker ? " " : "", speaker ? speaker : "");
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

int fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
    return EXIT_FAILED;
}

int fail_call(void)
{
    return fail("%s", pt_last_error());
}

void note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
}

int output_flush(void)
{
    return fflush(stdout) == 0 && !ferror(stdout);
}

int output_finish(int status)
{
    errno = 0;
    if (output_flush())
        return status;
    const char *why = errno ? strerror(errno) : "it cannot be written";
    return status == EXIT_DONE ? fail("standard output: %s", why) : status;
}

double plain_number(double value)
{
    return isnan(value) ? fabs((double)NAN) : value;
}

void json_open(writer_t *writer, FILE *file)
{
    *writer = (writer_t){.file = file};
}

void json_close(writer_t *writer)
{
    fputc('\n', writer->file);
}

/* The length of the character of UTF-8 that begins here; 0 where none does. */
static int character_length(const unsigned char *text, size_t left)
{
    int length = text[0] < 0x80 ? 1 : text[0] >= 0xc2 && text[0] < 0xe0 ? 2 : (text[0] & 0xf0) == 0xe0 ? 3 : 4;
    if (text[0] > 0xf4 || (text[0] >= 0x80 && text[0] < 0xc2))
        return 0;
    for (int i = 1; i < length; i++) {
        if ((size_t)i >= left || (text[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
        (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
        return 0;
    return length;
}

static void write_string(FILE *file, const char *text, size_t bytes)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + bytes;
    fputc('"', file);
    while (at < end) {
        int length = character_length(at, (size_t)(end - at));
        if (length == 0)
            fputs("\xef\xbf\xbd", file);
        else if (*at == '"' || *at == '\\')
            fprintf(file, "\\%c", *at);
        else if (*at == '\n')
            fputs("\\n", file);
        else if (*at < ' ' || *at == 127)
            fprintf(file, "\\u%04x", (unsigned)*at);
        else
            fwrite(at, 1, (size_t)length, file);
        at += length ? length : 1;
    }
    fputc('"', file);
}

/* What stands before a value: a comma, and its key. */
static void begin_value(writer_t *writer, const char *key)
{
    if (writer->needs_comma)
        fputs(", ", writer->file);
    writer->needs_comma = 1;
    if (key) {
        write_string(writer->file, key, strlen(key));
        fputs(": ", writer->file);
    }
}

void json_begin(writer_t *writer, const char *key, char bracket)
{
    begin_value(writer, key);
    fputc(bracket, writer->file);
    writer->needs_comma = 0;
}

void json_end(writer_t *writer, char bracket)
{
    fputc(bracket, writer->file);
    writer->needs_comma = 1;
}

void json_text(writer_t *writer, const char *key, const char *text)
{
    begin_value(writer, key);
    if (text)
        write_string(writer->file, text, strlen(text));
    else
        fputs("null", writer->file);
}

void json_bytes(writer_t *writer, const char *key, const char *text, size_t bytes)
{
    begin_value(writer, key);
    write_string(writer->file, text, bytes);
}

void json_number(writer_t *writer, const char *key, double value)
{
    begin_value(writer, key);
    if (isfinite(value))
        fprintf(writer->file, "%.9g", value);
    else
        fputs("null", writer->file);
}

void json_whole(writer_t *writer, const char *key, int64_t value)
{
    begin_value(writer, key);
    fprintf(writer->file, "%lld", (long long)value);
}

void json_metrics(writer_t *writer, const char *key, const pt_model_t *model)
{
    json_begin(writer, key, '{');
    for (int64_t i = 0; i < pt_model_metric_count(model); i++) {
        pt_metric_info_t info = {.struct_size = sizeof info};
        if (pt_model_metric_info(model, i, &info) == PT_OK)
            json_number(writer, info.name, info.value);
    }
    json_end(writer, '}');
}
