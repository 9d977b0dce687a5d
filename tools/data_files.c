#include "data_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "heading.h"
#include "output.h"
#include "picture_files.h"

enum { LONGEST_SAMPLE = 1024, SOURCES_AT_MOST = 4096 };

static const char no_tokens[] = "the model's vocabulary is %lld and it has no tokenizer, expected one beside it or by "
                                "--tokenizer; bytes are tokens only where the vocabulary is 256";
static const char no_numbers[] = "%s: a network of the family %s reads numbers, expected .jsonl or .csv";

/* ---- Formats ----------------------------------------------------------------------------------------------------- */

int data_format(const settings_t *settings, const opened_model_t *opened, const char *path)
{
    static const struct {
        const char *name;
        int format;
    } known[] = {{"text", FORMAT_TEXT},  {"jsonl", FORMAT_JSONL},   {"csv", FORMAT_CSV},  {"tokens", FORMAT_TOKENS},
                 {".txt", FORMAT_TEXT},  {".jsonl", FORMAT_JSONL},  {".csv", FORMAT_CSV}, {".bin", FORMAT_TOKENS},
                 {".text", FORMAT_TEXT}, {".ndjson", FORMAT_JSONL}, {".tsv", FORMAT_CSV}};
    const char *slash = strrchr(path, '/'), *ending = strrchr(slash ? slash : path, '.');
    const char *name = settings->format ? settings->format : ending;
    if (opened->channels > 0)
        return FORMAT_PICTURES;
    for (size_t i = 0; name && i < sizeof known / sizeof *known; i++) {
        if (strcmp(name, known[i].name) == 0)
            return known[i].format;
    }
    if (path_is_directory(path))
        return FORMAT_TEXT;
    usage_error(settings->command,
                "%s: its ending tells no format, expected .txt, .jsonl, .csv, .tsv or .bin, or "
                "--format",
                path);
    return 0;
}

/* The byte between cells; 0 after a message. */
static char separator_of(const settings_t *settings, const char *path)
{
    const char *given = settings->separator, *ending = strrchr(path, '.');
    if (!given)
        return ending && strcmp(ending, ".tsv") == 0 ? '\t' : ',';
    if (strcmp(given, "tab") == 0 || strcmp(given, "\\t") == 0)
        return '\t';
    if (given[1] == 0 && given[0] != '"' && given[0] != '\n' && given[0] != '\r')
        return given[0];
    usage_error(settings->command, "--separator: expected one character or the word tab, found \"%s\"", given);
    return 0;
}

/* ---- Texts and token files --------------------------------------------------------------------------------------- */

int64_t data_sample_length(const settings_t *settings, const opened_model_t *opened)
{
    int64_t positions = opened->positions;
    if (settings->length > 0)
        return settings->length;
    return positions > 0 && positions < LONGEST_SAMPLE ? positions : LONGEST_SAMPLE;
}

int data_check_text(const opened_model_t *opened, const char *path)
{
    if (!opened->reads_tokens)
        return fail(no_numbers, path, opened->family);
    if (!opened->tokenizer && opened->vocabulary != 256)
        return fail(no_tokens, (long long)opened->vocabulary);
    return EXIT_DONE;
}

int needs_labels(const char *task)
{
    return task && strcmp(task, PT_TASK_CAUSAL_LM) != 0 && strcmp(task, PT_TASK_MASKED_LM) != 0;
}

static int open_windows(const reading_t *reading, const char *path, int format, double start, double end,
                        pt_dataset_t **out)
{
    const settings_t *settings = reading->settings;
    int status = EXIT_DONE;
    pt_window_options_t options;
    if (!reading->opened->reads_tokens)
        return fail(no_numbers, path, reading->opened->family);
    if (needs_labels(reading->task))
        return fail("%s: text without labels, but the task is %s, expected .jsonl or .csv", path, reading->task);
    if (format == FORMAT_TEXT && (status = data_check_text(reading->opened, path)) != EXIT_DONE)
        return status;
    TRY(pt_window_options_init(&options, sizeof options));
    options.length = data_sample_length(settings, reading->opened);
    options.stride = reading->stride;
    options.start = start;
    options.end = end;
    options.keep_partial = 1;
    if (settings->token_type && strcmp(settings->token_type, "uint32") == 0)
        options.dtype = PT_UINT32;
    if (format == FORMAT_TOKENS) {
        TRY(pt_dataset_create_from_tokens(reading->context, path, &options, out));
    } else {
        options.tokenizer = reading->opened->tokenizer;
        options.separator = settings->text_end;
        options.cache = reading->cache;
        TRY(pt_dataset_create_from_text(reading->context, path, &options, out));
    }
out:
    return status;
}

/* ---- Tables ------------------------------------------------------------------------------------------------------ */

/* Columns of a table, and what they point to. */
typedef struct table {
    pt_column_t columns[2];
    int32_t n_columns;
    const char *inputs[SOURCES_AT_MOST], *labels[SOURCES_AT_MOST];
    char *words;
    heading_t heading;
} table_t;

/* "a,b" -> pointers into a copy. The number, or -1 after a message. */
static int64_t split_names(const settings_t *settings, const char *option, const char *list, char **words,
                           const char **names)
{
    int64_t count = 0;
    for (char *at = *words = strcpy(*words, list); at; count++) {
        char *comma = strchr(at, ',');
        if (comma)
            *comma = 0;
        if (*at == 0 || count == SOURCES_AT_MOST) {
            usage_error(settings->command, "%s: \"%s\" %s", option, list,
                        *at ? "lists too many columns" : "has an empty name");
            return -1;
        }
        names[count] = at;
        at = comma ? comma + 1 : NULL;
    }
    *words += strlen(list) + 1;
    return count;
}

/* A column of numbers: of one key or column, which in JSON may be a list, or of several. */
static void set_numbers(table_t *table, const char *field, const char **names, int64_t count)
{
    int64_t listed = count == 1 ? heading_count(&table->heading, names[0]) : -1;
    table->columns[table->n_columns++] = (pt_column_t){.field = field,
                                                       .source = listed >= 0 ? names[0] : NULL,
                                                       .kind = PT_COLUMN_NUMBER,
                                                       .count = listed >= 0 ? listed : count,
                                                       .sources = listed >= 0 ? NULL : names};
}

static int set_features(const reading_t *reading, const char *path, int format, const char **labels, int64_t n_labels,
                        table_t *table, char **words)
{
    const settings_t *settings = reading->settings;
    int64_t count = 0;
    if (settings->columns) {
        count = split_names(settings, "--columns", settings->columns, words, table->inputs);
        if (count < 0)
            return EXIT_USAGE;
    } else if (format == FORMAT_JSONL) {
        table->inputs[count++] = "features";
    }
    for (int64_t i = 0; !settings->columns && format == FORMAT_CSV && i < table->heading.names.count; i++) {
        int is_label = 0;
        for (int64_t j = 0; j < n_labels; j++)
            is_label |= strcmp(table->heading.names.items[i], labels[j]) == 0;
        if (count == SOURCES_AT_MOST)
            return fail("%s: more than %d columns, expected --columns", path, SOURCES_AT_MOST);
        if (!is_label)
            table->inputs[count++] = table->heading.names.items[i];
    }
    if (count == 0)
        return fail("%s: no columns of numbers", path);
    set_numbers(table, "features", table->inputs, count);
    return EXIT_DONE;
}

/* A table without a text: what its fields are for, where that is known. */
static int refuse_fields(const char *path, const heading_t *heading)
{
    static const struct {
        const char *fields[2], *use;
    } later[] = {
        {{"tokens", "tags"}, "tagging"},
        {{"question", "context"}, "answering questions from a context"},
        {{"image", "image"}, "images"},
        {{"audio", "audio"}, "sound"},
    };
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        const char *const *fields = later[i].fields;
        if (heading_has(heading, fields[0]) && heading_has(heading, fields[1]))
            return fail("%s: its field \"%s\" is for %s, which this version does not know; expected \"text\", or "
                        "--text-column",
                        path, fields[1], later[i].use);
    }
    return EXIT_DONE;
}

/* Which texts of a table are read: *source, and *second, which is NULL where there is one alone. */
static int find_texts(const reading_t *reading, const char *path, const heading_t *heading, const char **source,
                      const char **second)
{
    const settings_t *settings = reading->settings;
    const int is_language = reading->task && strcmp(reading->task, PT_TASK_CAUSAL_LM) == 0;
    const int has_prompt = heading_has(heading, "prompt"), has_answer = heading_has(heading, "answer");
    const int has_pair = heading_has(heading, "text_pair");
    *source = settings->text_column ? settings->text_column : "text";
    *second = NULL;
    if (settings->text_column && is_language)
        return EXIT_DONE;
    if (heading->names.count == 0 || settings->text_column || heading_has(heading, "text")) {
        if (is_language && has_pair)
            return fail("%s: \"text_pair\" beside \"text\", but causal_lm learns one text; expected \"prompt\" and "
                        "\"answer\", or --text-column",
                        path);
        if (is_language && has_prompt && has_answer)
            return fail("%s: \"text\" beside \"prompt\" and \"answer\", expected --text-column, or the two alone",
                        path);
        *second = has_pair ? "text_pair" : NULL;
        return EXIT_DONE;
    }
    if (!has_prompt || (!has_answer && !is_language))
        return refuse_fields(path, heading);
    if (!is_language)
        return fail("%s: \"prompt\" and \"answer\" are for causal_lm, expected \"text\", or --text-column", path);
    if (!has_answer)
        return fail("%s: \"prompt\" without \"answer\"; --text-column prompt learns the prompts themselves", path);
    *source = "prompt";
    *second = "answer";
    return EXIT_DONE;
}

static int set_text(const reading_t *reading, const char *path, const char *source, const char *second, table_t *table)
{
    const settings_t *settings = reading->settings;
    int status;
    const int is_list = heading_count(&table->heading, source) >= 0;
    const int is_answer = second && strcmp(second, "answer") == 0;
    if (is_list && second)
        return fail("%s: \"%s\" is a list of tokens beside \"%s\", expected a text", path, source, second);
    if (!is_list && (status = data_check_text(reading->opened, path)) != EXIT_DONE)
        return status;
    table->columns[table->n_columns++] = (pt_column_t){.field = "tokens",
                                                       .source = source,
                                                       .kind = is_list ? PT_COLUMN_TOKENS : PT_COLUMN_TEXT,
                                                       .flags = is_answer ? PT_COLUMN_ANSWER : 0,
                                                       .max_length = data_sample_length(settings, reading->opened),
                                                       .tokenizer = is_list ? NULL : reading->opened->tokenizer,
                                                       .pair = second,
                                                       .pair_field = !second     ? NULL
                                                                     : is_answer ? "labels"
                                                                                 : "segments"};
    return EXIT_DONE;
}

/* The table's columns, by the model and the task. */
static int set_columns(const reading_t *reading, const char *path, int format, table_t *table)
{
    const settings_t *settings = reading->settings;
    const char *label = settings->label_column ? settings->label_column : "label";
    const size_t names = strlen(label) + 1 + (settings->columns ? strlen(settings->columns) + 1 : 0);
    char *words = table->words = malloc(names);
    if (!words)
        return fail("no memory for names of columns");
    int64_t n_labels = split_names(settings, "--label-column", label, &words, table->labels);
    if (n_labels < 0)
        return EXIT_USAGE;
    const int has_labels = needs_labels(reading->task);
    const char *texts[2] = {NULL, NULL};
    int status = reading->opened->reads_tokens ? find_texts(reading, path, &table->heading, &texts[0], &texts[1])
                                               : EXIT_DONE;
    if (status != EXIT_DONE)
        return status;
    for (int64_t i = 0; has_labels && i < n_labels && table->heading.names.count > 0; i++) {
        if (table->labels[i][0] != '#' && !heading_has(&table->heading, table->labels[i]))
            return fail("%s: no %s \"%s\"; it begins with \"%s\"; --label-column names the label", path,
                        format == FORMAT_CSV ? "column" : "key", table->labels[i], table->heading.names.items[0]);
    }
    status = reading->opened->reads_tokens
                 ? set_text(reading, path, texts[0], texts[1], table)
                 : set_features(reading, path, format, table->labels, n_labels, table, &words);
    if (status != EXIT_DONE || !has_labels)
        return status;
    if (strcmp(reading->task, PT_TASK_REGRESSION) == 0) {
        set_numbers(table, "target", table->labels, n_labels);
        return EXIT_DONE;
    }
    if (n_labels > 1)
        return usage_error(settings->command, "--label-column: %s has one label, found \"%s\"", reading->task, label);
    const int are_several = strcmp(reading->task, PT_TASK_MULTI_LABEL) == 0;
    table->columns[table->n_columns++] = (pt_column_t){
        .field = "label", .source = label, .kind = are_several ? PT_COLUMN_CLASSES : PT_COLUMN_CLASS};
    return EXIT_DONE;
}

static int open_table(const reading_t *reading, const char *path, int format, int64_t *outputs, const char **second,
                      pt_dataset_t **out)
{
    const settings_t *settings = reading->settings;
    pt_table_options_t options;
    table_t *table = calloc(1, sizeof *table);
    int status = EXIT_DONE;
    char separator = separator_of(settings, path);
    if (!table)
        return fail("no memory for the columns of %s", path);
    if (!separator) {
        status = EXIT_USAGE;
        goto out;
    }
    status = heading_read(path, format == FORMAT_JSONL, separator, !settings->no_headings, &table->heading);
    if (status == EXIT_DONE)
        status = set_columns(reading, path, format, table);
    if (status != EXIT_DONE)
        goto out;
    TRY(pt_table_options_init(&options, sizeof options));
    options.separator = separator;
    options.flags = settings->no_headings ? PT_TABLE_NO_HEADINGS : 0;
    if (format == FORMAT_JSONL)
        TRY(pt_dataset_create_from_jsonl(reading->context, path, table->columns, table->n_columns,
                                         sizeof *table->columns, NULL, out));
    else
        TRY(pt_dataset_create_from_csv(reading->context, path, table->columns, table->n_columns, sizeof *table->columns,
                                       &options, out));
    *second = table->columns[0].pair;
    *outputs = table->n_columns == 2 && table->columns[1].kind == PT_COLUMN_NUMBER ? table->columns[1].count : 0;
out:
    heading_free(&table->heading);
    free(table->words);
    free(table);
    return status;
}

/* ---- Options that the data has no use for ------------------------------------------------------------------------ */

uint32_t data_formats(const settings_t *settings, const opened_model_t *opened, const char *const *paths, int64_t count)
{
    uint32_t formats = 0;
    for (int64_t i = 0; i < count; i++) {
        int format = data_format(settings, opened, paths[i]);
        if (format == 0)
            return 0;
        formats |= (uint32_t)1 << format;
    }
    return formats;
}

int data_check_use(const reading_t *reading, uint32_t formats)
{
    enum {
        TEXTS = 1 << FORMAT_TEXT,
        TOKENS = 1 << FORMAT_TOKENS,
        JSON = 1 << FORMAT_JSONL,
        CSV = 1 << FORMAT_CSV,
        TABLES = JSON | CSV,
        PICTURES = 1 << FORMAT_PICTURES,
    };
    const settings_t *settings = reading->settings;
    const int reads_tokens = reading->opened->reads_tokens;
    const int has_labels = needs_labels(reading->task);
    const int is_classification = reading->task && strcmp(reading->task, PT_TASK_CLASSIFICATION) == 0;
    const struct {
        const char *option;
        int is_given;
        uint32_t formats;
        int is_useful;
        const char *use;
    } uses[] = {
        {"--tokenizer", settings->tokenizer != NULL, TEXTS | TOKENS | TABLES, reads_tokens,
         "a model that reads tokens"},
        {"--text-column", settings->text_column != NULL, TABLES, reads_tokens, "tables with texts"},
        {"--columns", settings->columns != NULL, TABLES, !reads_tokens, "tables with numbers for an mlp"},
        {"--label-column", settings->label_column != NULL, TABLES, has_labels || !reads_tokens, "tables with labels"},
        {"--separator", settings->separator != NULL, CSV, 1, "CSV files"},
        {"--no-headings", settings->no_headings, CSV, 1, "CSV files"},
        {"--token-type", settings->token_type != NULL, TOKENS, 1, "token files"},
        {"--length", settings->length > 0, TEXTS | TOKENS | TABLES, reads_tokens, "a model that reads tokens"},
        {"--stride", settings->stride > 0, TEXTS | TOKENS, reads_tokens, "text and token files"},
        {"--augment", settings->augment != NULL, PICTURES, 1, "a model of pictures"},
        {"--mixup", settings->mixup > 0, PICTURES, is_classification, "a classifier of pictures"},
        {"--cutmix", settings->cutmix > 0, PICTURES, is_classification, "a classifier of pictures"},
        {"--format", settings->format != NULL, TEXTS | TOKENS | TABLES, 1, "texts, tables and token files"},
        {"--text-end", settings->text_end != NULL, TEXTS, reading->opened->tokenizer != NULL, "texts and a tokenizer"},
    };
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        if (uses[i].is_given && !(uses[i].is_useful && (uses[i].formats & formats) != 0))
            return usage_error(settings->command, "%s is for %s", uses[i].option, uses[i].use);
    }
    const int64_t positions = reading->opened->positions;
    if (positions > 0 && settings->length > positions)
        return usage_error(settings->command, "--length %lld: the model reads at most %lld tokens at once",
                           (long long)settings->length, (long long)positions);
    return EXIT_DONE;
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */

int data_files_open(const reading_t *reading, const char *const *paths, int64_t count, double start, double end,
                    data_files_t *files)
{
    *files = (data_files_t){.paths = paths, .datasets = calloc((size_t)count, sizeof *files->datasets)};
    if (!files->datasets)
        return fail("no memory for %lld files", (long long)count);
    for (int64_t i = 0; i < count; i++) {
        int64_t outputs = 0;
        const char *second = NULL;
        int format = data_format(reading->settings, reading->opened, paths[i]), status;
        if (format == 0)
            return EXIT_USAGE;
        if (!path_exists(paths[i]))
            return fail("%s: %s", paths[i], strerror(errno));
        if (format == FORMAT_PICTURES)
            status = picture_files_open(reading, paths[i], &files->datasets[i]);
        else if (format == FORMAT_TEXT || format == FORMAT_TOKENS)
            status = open_windows(reading, paths[i], format, start, end, &files->datasets[i]);
        else
            status = open_table(reading, paths[i], format, &outputs, &second, &files->datasets[i]);
        if (status != EXIT_DONE)
            return status;
        files->count++;
        if (i > 0 && outputs != files->outputs)
            return fail("%s has %lld numbers a label, %s %lld", paths[0], (long long)files->outputs, paths[i],
                        (long long)outputs);
        files->outputs = outputs;
        if (i > 0 && second != files->second && (!second || !files->second || strcmp(second, files->second) != 0))
            return fail("%s: \"%s\" beside its texts, but %s has none", second ? paths[i] : paths[0],
                        second ? second : files->second, second ? paths[0] : paths[i]);
        files->second = second;
    }
    return EXIT_DONE;
}

void data_files_close(data_files_t *files)
{
    for (int64_t i = 0; i < files->count; i++)
        pt_dataset_free(files->datasets[i]);
    free(files->datasets);
    *files = (data_files_t){0};
}

int data_files_join(const reading_t *reading, data_files_t *files, const names_t *names, pt_dataset_t **out)
{
    int status = joined_create(reading->context, files->datasets, files->paths, files->count, names, out);
    files->count = 0;
    data_files_close(files);
    return status;
}

double evaluation_fraction(const settings_t *settings)
{
    char *end;
    if (!settings->evaluation || path_exists(settings->evaluation))
        return 0;
    double fraction = strtod(settings->evaluation, &end);
    return *end == 0 && end != settings->evaluation ? fraction : 0;
}
