/* The quickstart's texts: Debian's fortunes, short texts in files that are named for what they are about, parted by
 * lines of a single %. */
#include "quickstart.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char directory[] = "/usr/share/games/fortunes";
static const char *const labelled[] = {"definitions", "literature", "perl", "songs-poems", "startrek", "tao", NULL};
static const char *const unlabelled[] = {"computers",  "education", "food",   "linux",
                                         "platitudes", "science",   "wisdom", NULL};

/* A demonstration is for everybody: texts with words that begin so are left out. */
static const char *const left_out[] = {
    "bitch",     "breast",    "cocaine", "commun",     "damn",   "democrat", "drug",    "gay",    "hell",  "hitler",
    "jew",       "kill",      "lsd",     "murder",     "naked",  "nazi",     "nude",    "nymph",  "orgy",  "porn",
    "president", "prostitut", "rape",    "republican", "retard", "sex",      "suicide", "virgin", "whore", NULL};

static int fit_for_all(const char *text)
{
    for (const char *word = text; *word; word++) {
        if (!isalpha((unsigned char)*word) || (word > text && isalpha((unsigned char)word[-1])))
            continue;
        for (int i = 0; left_out[i]; i++) {
            size_t length = strlen(left_out[i]), j = 0;
            while (j < length && tolower((unsigned char)word[j]) == left_out[i][j])
                j++;
            if (j == length)
                return 0;
        }
    }
    return 1;
}

static void write_json_string(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fprintf(file, "\\%c", *text);
        else if ((unsigned char)*text < ' ')
            fprintf(file, "\\u%04x", (unsigned)*text);
        else
            fputc(*text, file);
    }
    fputc('"', file);
}

/* One text: overstriking (a letter, backspace, a letter) undone, tabs as spaces, no empty lines at the ends. */
static char *tidied(char *text)
{
    size_t written = 0;
    for (const char *from = text; *from; from++) {
        if (*from == '\b')
            written -= written > 0;
        else
            text[written++] = *from == '\t' ? ' ' : *from;
    }
    while (written > 0 && isspace((unsigned char)text[written - 1]))
        written--;
    text[written] = 0;
    while (*text == '\n')
        text++;
    return text;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *content = NULL;
    long size = -1;
    if (file && fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0)
        content = malloc((size_t)size + 1);
    if (content && fread(content, 1, (size_t)size, file) != (size_t)size) {
        free(content);
        content = NULL;
    }
    if (content)
        content[size] = 0;
    else
        fprintf(stderr, "%s: %s (Debian: apt-get install fortunes)\n", path, strerror(errno));
    if (file)
        fclose(file);
    return content;
}

static int write_category(const char *category, FILE *labels, FILE *more)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, category);
    char *content = read_file(path);
    if (!content)
        return -1;
    for (char *text = content, *end; text; text = end ? end + 3 : NULL) {
        end = strstr(text, "\n%\n");
        if (end)
            *end = 0;
        char *tidy = tidied(text);
        if (strlen(tidy) < 40 || !fit_for_all(tidy))
            continue;
        if (labels) {
            fputs("{\"text\": ", labels);
            write_json_string(labels, tidy);
            fprintf(labels, ", \"label\": \"%s\"}\n", category);
        } else {
            fprintf(more, "%s\n%%\n", tidy);
        }
    }
    free(content);
    return 0;
}

int write_fortunes(const char *labels_path, FILE *more)
{
    FILE *labels = fopen(labels_path, "w");
    int result = labels ? 0 : -1;
    for (int i = 0; labelled[i] && result == 0; i++)
        result = write_category(labelled[i], labels, NULL);
    for (int i = 0; unlabelled[i] && result == 0 && more; i++)
        result = write_category(unlabelled[i], NULL, more);
    if (!labels || fclose(labels) != 0) {
        fprintf(stderr, "%s: %s\n", labels_path, strerror(errno));
        result = -1;
    }
    return result;
}
