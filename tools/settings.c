#include "settings.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STAGES = COMMAND_TRAIN | COMMAND_FINETUNE,
    READERS = STAGES | COMMAND_EVALUATE | COMMAND_PREDICT,
};

#define MOST     9e18
#define AT(name) offsetof(settings_t, name)
#define FLAG     NULL
#define NO_LIMIT 0, 0
#define NO_WORDS NULL

static const char data[] = "Data", training[] = "Training", saving[] = "Saving and going on", texts[] = "Tokens",
                  generation[] = "Text", learning[] = "Learning a tokenizer", results[] = "Results",
                  everywhere[] = "Everywhere";

const option_t option_table[] = {
    {"--format", "NAME", data,
     "of the data, where its ending does not tell: text (.txt, or a directory of such), jsonl, csv (.csv, .tsv) or "
     "tokens (.bin)",
     "text|jsonl|csv|tokens", READERS, VALUE_CHOICE, AT(format), NO_LIMIT},
    {"--tokenizer", "PATH", data,
     "the tokenizer, where it does not lie beside the model; without one, bytes are tokens if the model's vocabulary "
     "is 256",
     NO_WORDS, READERS | COMMAND_INSPECT | COMMAND_GENERATE | COMMAND_EMBED, VALUE_FILE, AT(tokenizer), NO_LIMIT},
    {"--text-column", "NAME", data, "column or key with the text, or with a list of tokens (text)", NO_WORDS, READERS,
     VALUE_TEXT, AT(text_column), NO_LIMIT},
    {"--label-column", "NAME,...", data,
     "column or key with the label; several, separated by commas, for a regression of several numbers (label)",
     NO_WORDS, READERS, VALUE_TEXT, AT(label_column), NO_LIMIT},
    {"--columns", "NAME,...", data,
     "columns or keys with the numbers that a network of numbers reads, separated by commas (CSV: all but the label's; "
     "JSON lines: the list \"features\")",
     NO_WORDS, READERS, VALUE_TEXT, AT(columns), NO_LIMIT},
    {"--separator", "CHARACTER", data, "between the cells of a CSV file, or the word tab (a comma; .tsv: tab)",
     NO_WORDS, READERS, VALUE_TEXT, AT(separator), NO_LIMIT},
    {"--no-headings", FLAG, data, "a CSV file begins with data; its columns are #1, #2, ...", NO_WORDS, READERS,
     VALUE_NONE, AT(no_headings), NO_LIMIT},
    {"--token-type", "NAME", data, "of the numbers in a token file: uint16 or uint32, little-endian (uint16)",
     "uint16|uint32", READERS, VALUE_CHOICE, AT(token_type), NO_LIMIT},
    {"--text-end", "TOKEN", data, "the token that stands behind each text file, such as <|endoftext|> (none)", NO_WORDS,
     READERS & ~COMMAND_PREDICT, VALUE_TEXT, AT(text_end), NO_LIMIT},
    {"--cache", "FILE", data,
     "keeps the tokens of the one text file or directory that is trained on, so that it is encoded once and need not "
     "fit into memory",
     NO_WORDS, STAGES, VALUE_FILE, AT(cache), NO_LIMIT},
    {"--length", "N", data, "tokens of a sample at most (as many as the model can read, at most 1024)", NO_WORDS,
     READERS | COMMAND_INSPECT | COMMAND_EMBED, VALUE_WHOLE, AT(length), 1, 1 << 24},
    {"--stride", "N", data, "tokens from the begin of one sample of a text to that of the next (--length)", NO_WORDS,
     READERS & ~COMMAND_PREDICT, VALUE_WHOLE, AT(stride), 1, MOST},

    {"--image-size", "N", data, "height and width of the pictures that a fresh network reads (its usual ones)",
     NO_WORDS, STAGES | COMMAND_INSPECT, VALUE_WHOLE, AT(image_size), 1, 1 << 16},
    {"--augment", "NAME", data,
     "how pictures are varied while they are learnt from: none, crop (another part each time), standard (and mirrored "
     "half of the time) or strong (and two changes of RandAugment) (standard; of gray pictures crop)",
     "none|crop|standard|strong", STAGES, VALUE_CHOICE, AT(augment), NO_LIMIT},

    {"--mixup", "ALPHA", training,
     "learn from averages of two pictures, shares drawn from Beta(ALPHA, ALPHA), such as 0.2", NO_WORDS, STAGES,
     VALUE_NUMBER, AT(mixup), 0, 1000},
    {"--cutmix", "ALPHA", training,
     "learn from pictures with a rectangle of another one, such as 1; with --mixup a coin decides", NO_WORDS, STAGES,
     VALUE_NUMBER, AT(cutmix), 0, 1000},
    {"--task", "NAME", training,
     "what is learnt (masked_lm for a BERT, causal_lm for other language models, else classification); "
     "multi_label_classification: any of several classes a sample, its label a list in JSON lines",
     "causal_lm|masked_lm|classification|multi_label_classification|regression", STAGES, VALUE_CHOICE, AT(task),
     NO_LIMIT},
    {"--whole-words", FLAG, training, "masked_lm hides all tokens of a word together", NO_WORDS, COMMAND_TRAIN,
     VALUE_NONE, AT(whole_words), NO_LIMIT},
    {"--steps", "N", training, "updates in all (as many as --epochs)", NO_WORDS, STAGES, VALUE_WHOLE, AT(steps), 1,
     MOST},
    {"--epochs", "N", training, "passes over the data (1)", NO_WORDS, COMMAND_TRAIN, VALUE_WHOLE, AT(epochs), 1, MOST},
    {"--epochs", "N", training, "passes over the data (3)", NO_WORDS, COMMAND_FINETUNE, VALUE_WHOLE, AT(epochs), 1,
     MOST},
    {"--batch", "N", training, "samples an update (16)", NO_WORDS, STAGES, VALUE_WHOLE, AT(batch), 1, 1 << 30},
    {"--reference", "DATA", results,
     "tell the samples by those of this data: what the model's features are worth", NO_WORDS, COMMAND_EVALUATE,
     VALUE_FILE, AT(reference), NO_LIMIT},
    {"--neighbours", "K", results, "how many samples of --reference vote for a class (20)", NO_WORDS, COMMAND_EVALUATE,
     VALUE_WHOLE, AT(neighbours), 1, 1 << 24},
    {"--batch", "N", results, "samples at a time (16)", NO_WORDS, COMMAND_EVALUATE | COMMAND_PREDICT | COMMAND_EMBED,
     VALUE_WHOLE, AT(batch), 1, 1 << 30},
    {"--batch", "N", results, "samples of the step whose cost is told (16)", NO_WORDS, COMMAND_INSPECT, VALUE_WHOLE,
     AT(batch), 1, 1 << 30},
    {"--rate", "R", training, "learning rate (0.001)", NO_WORDS, COMMAND_TRAIN, VALUE_NUMBER, AT(rate), 0, 1e6},
    {"--rate", "R", training, "learning rate (0.0003; a model without weights: 0.001)", NO_WORDS, COMMAND_FINETUNE,
     VALUE_NUMBER, AT(rate), 0, 1e6},
    {"--optimizer", "NAME", training, "adamw, adam, sgd (momentum 0.9) or adafactor (adamw)",
     "adamw|adam|sgd|adafactor", STAGES, VALUE_CHOICE, AT(optimizer), NO_LIMIT},
    {"--schedule", "NAME", training, "of the learning rate: constant, linear, cosine to a tenth, or one-cycle (cosine)",
     "constant|linear|cosine|one-cycle", COMMAND_TRAIN, VALUE_CHOICE, AT(schedule), NO_LIMIT},
    {"--schedule", "NAME", training, "of the learning rate: constant, linear, cosine to a tenth, or one-cycle (linear)",
     "constant|linear|cosine|one-cycle", COMMAND_FINETUNE, VALUE_CHOICE, AT(schedule), NO_LIMIT},
    {"--warmup", "N", training, "updates in which the learning rate climbs (a twentieth of them, at most 1000)",
     NO_WORDS, STAGES, VALUE_WHOLE, AT(warmup), 0, MOST},
    {"--weight-decay", "X", training, "of the matrices (0.1)", NO_WORDS, COMMAND_TRAIN, VALUE_NUMBER, AT(weight_decay),
     0, 1e6},
    {"--weight-decay", "X", training, "of the matrices (0.01)", NO_WORDS, COMMAND_FINETUNE, VALUE_NUMBER,
     AT(weight_decay), 0, 1e6},
    {"--clip", "X", training, "the gradient's norm at most; 0: no limit (1)", NO_WORDS, STAGES, VALUE_NUMBER, AT(clip),
     0, 1e30},
    {"--freeze", "PATTERN", training, "tensors that do not learn, by name (*: any characters, ?: one); may be repeated",
     NO_WORDS, STAGES, VALUE_LIST, AT(freeze), NO_LIMIT},
    {"--probe", FLAG, training, "the head alone learns, to tell what the rest of the network knows already", NO_WORDS,
     COMMAND_FINETUNE, VALUE_NONE, AT(probe), NO_LIMIT},
    {"--pool", "NAME", training,
     "how a text's tokens become one for a new head: family, mean, first, last or max (family)",
     "family|mean|first|last|max", STAGES, VALUE_CHOICE, AT(pool), NO_LIMIT},
    {"--normalize", "KIND", training,
     "bring columns of numbers to one size, by their mean and standard deviation, or their range, in the training "
     "data; the model keeps it",
     "standard|range", STAGES, VALUE_CHOICE, AT(normalize), NO_LIMIT},
    {"--evaluation", "FILE|FRACTION", training,
     "data, or a part of DATA such as 0.1, that is not trained on: the loss and metrics on it are told, and the "
     "weights of the best evaluation kept",
     NO_WORDS, STAGES, VALUE_FILE, AT(evaluation), NO_LIMIT},
    {"--evaluate-every", "N", training,
     "updates from one evaluation to the next (an epoch; of a single one, or with --steps, a tenth, or more where "
     "evaluating takes long)",
     NO_WORDS, STAGES, VALUE_WHOLE, AT(evaluate_every), 1, MOST},
    {"--best", "METRIC", training, "which value tells the best evaluation (loss)", NO_WORDS, STAGES, VALUE_TEXT,
     AT(best), NO_LIMIT},
    {"--patience", "N", training, "evaluations without a better one that end the training", NO_WORDS, STAGES,
     VALUE_WHOLE, AT(patience), 1, MOST},
    {"--time", "SECONDS", training, "ends the training after so long", NO_WORDS, STAGES, VALUE_NUMBER, AT(time), 0.001,
     1e12},

    {"--out", "DIRECTORY", saving,
     "gets model.safetensors, config.json, the tokenizer, and checkpoints while it trains", NO_WORDS, STAGES,
     VALUE_DIRECTORY, AT(out), NO_LIMIT},
    {"--resume", FLAG, saving,
     "go on from the newest checkpoint in --out, as if there had been no break, if there is any; give the other "
     "options as before",
     NO_WORDS, STAGES, VALUE_NONE, AT(resume), NO_LIMIT},
    {"--checkpoint-every", "N", saving, "updates from one checkpoint to the next", NO_WORDS, STAGES, VALUE_WHOLE,
     AT(checkpoint_every), 1, MOST},
    {"--checkpoint-seconds", "S", saving, "seconds from one checkpoint to the next; 0: not by time (300)", NO_WORDS,
     STAGES, VALUE_NUMBER, AT(checkpoint_seconds), 0, 1e12},
    {"--checkpoints", "N", saving, "how many are kept; 0: none are written (2)", NO_WORDS, STAGES, VALUE_WHOLE,
     AT(checkpoints), 0, 1 << 20},

    {"--prompt", "TEXT", generation, "the text to continue", NO_WORDS, COMMAND_GENERATE, VALUE_TEXT, AT(prompt),
     NO_LIMIT},
    {"--count", "N", generation, "tokens at most (64)", NO_WORDS, COMMAND_GENERATE, VALUE_WHOLE, AT(count), 1, 1 << 24},
    {"--temperature", "T", generation,
     "draws tokens, the more freely the higher it is, such as 0.8; without it the likeliest one is taken", NO_WORDS,
     COMMAND_GENERATE, VALUE_NUMBER, AT(temperature), 0, 1e6},
    {"--top-k", "K", generation, "draws from the K likeliest tokens (all)", NO_WORDS, COMMAND_GENERATE, VALUE_WHOLE,
     AT(top_k), 1, 1 << 30},
    {"--top-p", "P", generation, "draws from the likeliest tokens whose probabilities add up to P (all)", NO_WORDS,
     COMMAND_GENERATE, VALUE_NUMBER, AT(top_p), 0, 1},
    {"--stop", "TEXT", generation, "ends before this text; may be repeated", NO_WORDS, COMMAND_GENERATE, VALUE_LIST,
     AT(stop), NO_LIMIT},
    {"--chat", FLAG, generation, "the prompt is what a user says, and what comes is the answer, by the chat template",
     NO_WORDS, COMMAND_GENERATE, VALUE_NONE, AT(chat), NO_LIMIT},

    {"--plain", FLAG, texts, "without the special tokens that the tokenizer puts around a text", NO_WORDS,
     COMMAND_TOKENIZE, VALUE_NONE, AT(plain), NO_LIMIT},
    {"--offsets", FLAG, texts,
     "with the bytes of the line that each token stands for: id:begin-end, or with --json [id, begin, end]", NO_WORDS,
     COMMAND_TOKENIZE, VALUE_NONE, AT(offsets), NO_LIMIT},
    {"--decode", FLAG, texts, "the other way: a line of ids, separated by blanks or as a JSON array, gives its text",
     NO_WORDS, COMMAND_TOKENIZE, VALUE_NONE, AT(decode), NO_LIMIT},

    {"--train", "KIND", learning,
     "a tokenizer from text files instead: bpe (of bytes, as GPT-2 has it), wordpiece (as BERT has it) or unigram (as "
     "SentencePiece has it)",
     "bpe|wordpiece|unigram", COMMAND_TOKENIZE, VALUE_CHOICE, AT(train), NO_LIMIT},
    {"--size", "N", learning, "of its vocabulary (30000, of unigram 8000)", NO_WORDS, COMMAND_TOKENIZE, VALUE_WHOLE,
     AT(size), 1, 1 << 30},
    {"--special", "TOKEN", learning,
     "a token that has an id of its own, the first is 0, such as <|endoftext|>; may be repeated (none; of wordpiece "
     "[PAD], [UNK], [CLS], [SEP] and [MASK], of unigram <unk>)",
     NO_WORDS, COMMAND_TOKENIZE, VALUE_LIST, AT(special), NO_LIMIT},
    {"--min-frequency", "N", learning,
     "bpe, wordpiece: how often two pieces stand side by side at least that become one (2)", NO_WORDS, COMMAND_TOKENIZE,
     VALUE_WHOLE, AT(min_frequency), 1, MOST},
    {"--pattern", "NAME", learning, "how bpe cuts texts into words: as gpt2, cl100k, llama3 or qwen2 (gpt2)",
     "gpt2|cl100k|llama3|qwen2", COMMAND_TOKENIZE, VALUE_CHOICE, AT(pattern), NO_LIMIT},
    {"--cased", FLAG, learning, "wordpiece keeps capitals and accents", NO_WORDS, COMMAND_TOKENIZE, VALUE_NONE,
     AT(cased), NO_LIMIT},
    {"--out", "FILE", learning, "gets the tokenizer, a tokenizer.json; its directory is made", NO_WORDS,
     COMMAND_TOKENIZE, VALUE_FILE, AT(out), NO_LIMIT},

    {"--pool", "NAME", results, "how a line's tokens become one: mean, cls (the first) or last (mean)", "mean|cls|last",
     COMMAND_EMBED, VALUE_CHOICE, AT(pool), NO_LIMIT},
    {"--normalize", FLAG, results, "vectors of length 1, so that the product of two is their cosine", NO_WORDS,
     COMMAND_EMBED, VALUE_NONE, AT(unit), NO_LIMIT},
    {"--to", "FORM", results, "directory, safetensors or gguf (directory)", "directory|safetensors|gguf",
     COMMAND_CONVERT, VALUE_CHOICE, AT(to), NO_LIMIT},
    {"--dtype", "NAME", results,
     "of the numbers: float32, float16 or bfloat16, with --to gguf also q8_0 (as they are; blocks become float32 but "
     "in "
     "gguf)",
     "float32|float16|bfloat16|q8_0", COMMAND_CONVERT, VALUE_CHOICE, AT(dtype), NO_LIMIT},
    {"--shard", "BYTES", results,
     "of tensors in a file at most, such as 500M or 2G: more are cut into several files with an index; not with --to "
     "gguf (one file)",
     NO_WORDS, COMMAND_CONVERT, VALUE_BYTES, AT(shard), 1, MOST},
    {"--report", "PATH", results,
     "gets a page of HTML that shows how the training went; a name that ends in .json the same as JSON, in .png its "
     "drawings as a picture; a directory all of them",
     NO_WORDS, STAGES, VALUE_FILE, AT(report), NO_LIMIT},
    {"--events", FLAG, results, "a line of JSON for each event of the training as well; with --json", NO_WORDS, STAGES,
     VALUE_NONE, AT(events), NO_LIMIT},
    {"--event-every", "N", results, "updates from one event to the next (1)", NO_WORDS, STAGES, VALUE_WHOLE,
     AT(event_every), 1, MOST},
    {"--progress", FLAG, results, "lines of progress on standard error, also where it is no terminal", NO_WORDS,
     STAGES | COMMAND_TOKENIZE, VALUE_NONE, AT(progress), NO_LIMIT},
    {"--json", FLAG, results, "results as JSON", NO_WORDS, EVERY_COMMAND, VALUE_NONE, AT(json), NO_LIMIT},

    {"--threads", "N", everywhere, "computing threads (as many as processors)", NO_WORDS, EVERY_COMMAND, VALUE_WHOLE,
     AT(threads), 1, 1024},
    {"--seed", "N", everywhere, "of everything random (0)", NO_WORDS, EVERY_COMMAND, VALUE_WHOLE, AT(seed), 0, MOST},
    {"--precision", "NAME", everywhere, "of the computation; this version has float32", "float32|float16|bfloat16",
     EVERY_COMMAND, VALUE_CHOICE, AT(precision), NO_LIMIT},
    {"--processor", "NAME", everywhere, "kernels to use: portable, avx2, avx512 or neon (the best that run here)",
     "portable|avx2|avx512|neon", EVERY_COMMAND, VALUE_CHOICE, AT(processor), NO_LIMIT},
    {"--memory", "BYTES", everywhere, "of memory at most, such as 500M or 2G", NO_WORDS, EVERY_COMMAND, VALUE_BYTES,
     AT(memory), 1, MOST},
    {"--help", FLAG, everywhere, "this page", NO_WORDS, EVERY_COMMAND, VALUE_NONE, AT(help), NO_LIMIT},
    {"--version", FLAG, everywhere, "the version of the program and its library", NO_WORDS, EVERY_COMMAND, VALUE_NONE,
     AT(version), NO_LIMIT},
};
const int64_t option_count = sizeof option_table / sizeof *option_table;

void settings_init(settings_t *settings)
{
    *settings = (settings_t){.seed = -1,
                             .epochs = -1,
                             .steps = -1,
                             .warmup = -1,
                             .evaluate_every = -1,
                             .checkpoints = -1,
                             .checkpoint_seconds = -1,
                             .rate = -1,
                             .weight_decay = -1,
                             .clip = 1,
                             .time = -1,
                             .batch = 16,
                             .count = 64,
                             .event_every = 1};
}

/* Adds a character, where there is room for it. */
static void put(char *buffer, size_t size, size_t *length, char character)
{
    if (*length + 1 < size)
        buffer[*length] = character;
    ++*length;
}

size_t settings_quote(const char *word, char *buffer, size_t size)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_";
    const int is_plain = word[0] != 0 && word[strspn(word, plain)] == 0;
    size_t length = 0;
    if (!is_plain)
        put(buffer, size, &length, '\'');
    for (; *word; word++) {
        for (const char *at = "'\\'"; *word == '\'' && *at; at++) /* ends the quotation, and begins another */
            put(buffer, size, &length, *at);
        put(buffer, size, &length, *word);
    }
    if (!is_plain)
        put(buffer, size, &length, '\'');
    if (size > 0)
        buffer[length < size ? length : size - 1] = 0;
    return length;
}

char *settings_line(int argc, const char *const *argv)
{
    size_t size = 16, length = 0;
    for (int i = 1; i < argc; i++)
        size += settings_quote(argv[i], NULL, 0) + 1;
    char *line = malloc(size);
    if (!line)
        return NULL;
    length = settings_quote("pretrain", line, size);
    for (int i = 1; i < argc; i++) {
        line[length++] = ' ';
        length += settings_quote(argv[i], line + length, size - length);
    }
    return line;
}

int usage_error(const char *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "pretrain%s%s: ", command ? " " : "", command ? command : "");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "; pretrain%s%s --help tells more\n", command ? " " : "", command ? command : "");
    va_end(arguments);
    return 2;
}

/* How many insertions, deletions, replacements and swaps of neighbours lead from one word to the other. */
static int distance(const char *a, const char *b)
{
    enum { LONGEST = 32 };
    int table[LONGEST + 1][LONGEST + 1];
    int n = (int)strlen(a), m = (int)strlen(b);
    if (n > LONGEST || m > LONGEST)
        return LONGEST;
    for (int i = 0; i <= n; i++) {
        for (int j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                table[i][j] = i + j;
                continue;
            }
            int best = table[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (table[i - 1][j] + 1 < best)
                best = table[i - 1][j] + 1;
            if (table[i][j - 1] + 1 < best)
                best = table[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && table[i - 2][j - 2] + 1 < best)
                best = table[i - 2][j - 2] + 1;
            table[i][j] = best;
        }
    }
    return table[n][m];
}

const char *settings_suggest(const command_t *command, const char *given)
{
    const char *nearest = NULL;
    int least = 3;
    for (int64_t i = 0; i < (command ? option_count : command_count); i++) {
        const char *name = command ? option_table[i].name : command_table[i].name;
        int far = distance(given, name);
        if (far < least && (!command || (option_table[i].commands & command->bit) != 0)) {
            nearest = name;
            least = far;
        }
    }
    return nearest;
}

const command_t *command_find(const char *name)
{
    for (int64_t i = 0; i < command_count; i++) {
        if (strcmp(command_table[i].name, name) == 0)
            return &command_table[i];
    }
    return NULL;
}

/* The option that begins an argument "--name" or "--name=value", or NULL. */
static const option_t *find(const command_t *command, const char *argument, size_t length)
{
    for (int64_t i = 0; i < option_count; i++) {
        const option_t *option = &option_table[i];
        if ((option->commands & command->bit) != 0 && strlen(option->name) == length &&
            memcmp(option->name, argument, length) == 0)
            return option;
    }
    return NULL;
}

static int is_choice(const char *choices, const char *value)
{
    size_t length = strlen(value);
    for (const char *word = choices; word && length > 0; word = strchr(word, '|') ? strchr(word, '|') + 1 : NULL) {
        if (strncmp(word, value, length) == 0 && (word[length] == '|' || word[length] == 0))
            return 1;
    }
    return 0;
}

/* A whole number; with a unit where units are allowed. 0 where it is none, or too large for 64 bits. */
static int read_whole(const char *value, int has_unit, int64_t *number)
{
    char *end;
    errno = 0;
    long long whole = strtoll(value, &end, 10);
    if (end == value || errno != 0)
        return 0;
    int shift = 0;
    if (has_unit && *end != 0) {
        const char *unit = strchr("kMGT", *end == 'K' ? 'k' : *end);
        if (!unit)
            return 0;
        shift = 10 * (int)(unit - "kMGT" + 1);
        end++;
    }
    if (*end != 0 || whole < 0 || whole > INT64_MAX >> shift)
        return 0;
    *number = (int64_t)whole << shift;
    return 1;
}

static int wrong_number(const command_t *command, const option_t *option, const char *value)
{
    const char *unit = option->kind == VALUE_BYTES ? ", which may end in k, M or G" : "";
    if (option->most >= MOST)
        return usage_error(command->name, "%s: expected a whole number of at least %.0f%s, found \"%s\"", option->name,
                           option->least, unit, value);
    return usage_error(command->name, "%s: expected a whole number from %.0f to %.0f%s, found \"%s\"", option->name,
                       option->least, option->most, unit, value);
}

static int set_number(settings_t *settings, const command_t *command, const option_t *option, const char *value)
{
    void *place = (char *)settings + option->offset;
    if (option->kind == VALUE_NUMBER) {
        char *end;
        double number = strtod(value, &end);
        if (end == value || *end != 0 || !isfinite(number) || number < option->least || number > option->most)
            return usage_error(command->name, "%s: expected a number from %g to %g, found \"%s\"", option->name,
                               option->least, option->most, value);
        *(double *)place = number;
        return 0;
    }
    int64_t number = 0;
    if (!read_whole(value, option->kind == VALUE_BYTES, &number) || (double)number < option->least ||
        (double)number > option->most)
        return wrong_number(command, option, value);
    *(int64_t *)place = number;
    return 0;
}

static int set(settings_t *settings, const command_t *command, const option_t *option, const char *value)
{
    void *place = (char *)settings + option->offset;
    switch (option->kind) {
    case VALUE_NONE:
        *(int32_t *)place = 1;
        return 0;
    case VALUE_WHOLE:
    case VALUE_NUMBER:
    case VALUE_BYTES:
        return set_number(settings, command, option, value);
    case VALUE_LIST: {
        list_t *list = place;
        if (list->count == LISTED_AT_MOST)
            return usage_error(command->name, "%s: given more than %d times", option->name, LISTED_AT_MOST);
        list->items[list->count++] = value;
        return 0;
    }
    case VALUE_CHOICE:
        if (!is_choice(option->choices, value))
            return usage_error(command->name, "%s: expected one of %s, found \"%s\"", option->name, option->choices,
                               value);
        break;
    default:
        if (value[0] == 0)
            return usage_error(command->name, "%s: its value is empty", option->name);
    }
    *(const char **)place = value;
    return 0;
}

/* One option with its value, at argv[*i]. */
static int parse_option(settings_t *settings, const command_t *command, int argc, const char **argv, int *i)
{
    const char *argument = argv[*i], *equals = strchr(argument, '=');
    size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
    const option_t *option = strcmp(argument, "-h") == 0 ? find(command, "--help", 6) : find(command, argument, length);
    if (!option) {
        const char *nearest = settings_suggest(command, argument);
        return usage_error(command->name, "unknown option %s%s%s", argument, nearest ? ", perhaps " : "",
                           nearest ? nearest : "");
    }
    if (option->kind == VALUE_NONE) {
        if (equals)
            return usage_error(command->name, "%s takes no value", option->name);
        return set(settings, command, option, NULL);
    }
    if (equals)
        return set(settings, command, option, equals + 1);
    if (*i + 1 >= argc)
        return usage_error(command->name, "%s: its value %s is missing", option->name, option->value_name);
    return set(settings, command, option, argv[++*i]);
}

int settings_parse(settings_t *settings, const command_t *command, int argc, const char **argv)
{
    int n = 0, over = 0;
    settings->command = command->name;
    for (int i = 0; i < argc; i++) {
        if (over || argv[i][0] != '-' || argv[i][1] == 0) {
            argv[n++] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            over = 1;
        } else {
            int status = parse_option(settings, command, argc, argv, &i);
            if (status != 0)
                return status;
        }
    }
    settings->arguments = argv;
    settings->n_arguments = n;
    if (settings->help || settings->version)
        return 0;
    if (command->most >= 0 && n > command->most)
        return usage_error(command->name, "surplus argument %s, expected %s", argv[command->most], command->arguments);
    if (n < command->least)
        return usage_error(command->name, "%d arguments, expected %s", n, command->arguments);
    return 0;
}
