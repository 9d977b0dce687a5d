/* The command line: which options there are, which command takes them, and what they are set to. One table serves
 * parsing, --help, the manual page and the shells' completion, so that they cannot disagree. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stddef.h>
#include <stdint.h>

enum { LISTED_AT_MOST = 64 };

/* An option that may be given several times. */
typedef struct list {
    const char *items[LISTED_AT_MOST];
    int64_t count;
} list_t;

/* What was asked for. Pointers are into argv. */
typedef struct settings {
    const char *command;
    /* all that was typed, as a shell reads it; NULL: there was no memory for it */
    char *line;
    const char *const *arguments;
    int64_t n_arguments;
    /* everywhere */
    int64_t threads, seed, memory;
    const char *precision, *processor;
    int32_t json, help, version;
    /* data */
    const char *tokenizer, *format, *text_column, *label_column, *columns, *separator, *token_type, *text_end, *cache,
        *augment;
    int32_t no_headings;
    int64_t length, stride, image_size;
    /* training */
    const char *task, *optimizer, *schedule, *pool, *normalize, *evaluation, *best, *out, *report;
    int64_t steps, epochs, batch, warmup, evaluate_every, patience, event_every, checkpoint_every, checkpoints;
    double mixup, cutmix, rate, weight_decay, clip, time, checkpoint_seconds;
    int32_t resume, events, progress, probe, whole_words;
    list_t freeze;
    /* evaluate */
    const char *reference;
    int64_t neighbours;
    /* generate */
    const char *prompt;
    int64_t count, top_k;
    double temperature, top_p;
    int32_t chat;
    list_t stop;
    /* tokenize */
    const char *train, *pattern;
    int64_t size, min_frequency;
    int32_t plain, offsets, decode, cased;
    list_t special;
    /* convert */
    const char *to, *dtype;
    int64_t shard;
    /* embed */
    int32_t unit;
} settings_t;

/* Commands, as bits of option_t.commands. */
enum {
    COMMAND_TRAIN = 1,
    COMMAND_FINETUNE = 2,
    COMMAND_EVALUATE = 4,
    COMMAND_PREDICT = 8,
    COMMAND_TOKENIZE = 16,
    COMMAND_INSPECT = 32,
    COMMAND_GENERATE = 64,
    COMMAND_CONVERT = 128,
    COMMAND_EMBED = 256,
    EVERY_COMMAND = 511,
};

/* What an option's value is. */
enum {
    VALUE_NONE,
    VALUE_WHOLE,
    VALUE_NUMBER,
    /* a whole number that may end in k, M or G */
    VALUE_BYTES,
    VALUE_TEXT,
    VALUE_FILE,
    VALUE_DIRECTORY,
    /* one of the words in `choices` */
    VALUE_CHOICE,
    /* a text, any number of times */
    VALUE_LIST,
};

typedef struct option {
    const char *name;
    /* what --help calls the value; NULL with VALUE_NONE */
    const char *value_name;
    const char *group;
    const char *help;
    /* "one|other" */
    const char *choices;
    uint32_t commands;
    int32_t kind;
    /* in settings_t */
    size_t offset;
    /* of numbers */
    double least, most;
} option_t;

extern const option_t option_table[];
extern const int64_t option_count;

/* One of the program's commands. */
typedef struct command {
    const char *name;
    uint32_t bit;
    /* "MODEL DATA..." */
    const char *arguments;
    /* how many; most -1: any number */
    int64_t least, most;
    /* a line for the list of commands */
    const char *summary;
    /* paragraphs for its page */
    const char *about;
    const char *example;
    /* gives the program's exit status */
    int (*run)(const settings_t *settings);
} command_t;

extern const command_t command_table[];
extern const int64_t command_count;

/* The options' defaults; -1, or NULL, where the command decides. */
void settings_init(settings_t *settings);
/* Reads the arguments behind the command's name. They are sorted in place: what is no option comes first. 0, or 2 after
 * a message. */
int settings_parse(settings_t *settings, const command_t *command, int argc, const char **argv);
/* A word as a shell reads it, at most size bytes with its final 0; the length it has without that. */
size_t settings_quote(const char *word, char *buffer, size_t size);
/* The words of a command line as a shell reads them, to be freed; NULL where there is no memory. */
char *settings_line(int argc, const char *const *argv);
/* A message about wrong usage; 2. */
int usage_error(const char *command, const char *format, ...);
/* The command of that name, or NULL. */
const command_t *command_find(const char *name);
/* The nearest of the command's options, or NULL where none is near; command NULL: the nearest command. */
const char *settings_suggest(const command_t *command, const char *given);

#endif
