#include "opened_model.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "json_scan.h"
#include "output.h"

enum { LARGEST_CONFIG = 16 << 20 };

/* ---- Paths ------------------------------------------------------------------------------------------------------- */

void path_join(char path[PATH_SIZE], const char *directory, const char *name)
{
    size_t length = strlen(directory);
    const char *between = length > 0 && directory[length - 1] == '/' ? "" : "/";
    if (snprintf(path, PATH_SIZE, "%s%s%s", directory, between, name) >= PATH_SIZE)
        path[0] = 0;
}

int path_is_directory(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

int path_exists(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0;
}

static int has_ending(const char *path, const char *ending)
{
    size_t length = strlen(path), end = strlen(ending);
    return length > end && strcmp(path + length - end, ending) == 0;
}

void path_of_directory(char directory[PATH_SIZE], const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(directory, PATH_SIZE, ".");
    else
        snprintf(directory, PATH_SIZE, "%.*s", (int)(slash - path + (slash == path)), path);
}

int newest_checkpoint(char path[PATH_SIZE], const char *directory)
{
    static const char begin[] = "step-";
    char best[256] = "";
    DIR *list = opendir(directory);
    for (struct dirent *entry; list && (entry = readdir(list)) != NULL;) {
        /* their names have as many digits each: the order of bytes is that of steps */
        if (strncmp(entry->d_name, begin, sizeof begin - 1) == 0 && has_ending(entry->d_name, ".safetensors") &&
            strcmp(entry->d_name, best) > 0)
            snprintf(best, sizeof best, "%s", entry->d_name);
    }
    if (list)
        closedir(list);
    path_join(path, directory, best);
    return best[0] != 0;
}

/* ---- Texts of models --------------------------------------------------------------------------------------------- */

char *model_text(const pt_model_t *model, int32_t what)
{
    size_t length = 0;
    char *text = NULL;
    if (pt_model_describe(model, what, NULL, 0, &length) == PT_OK && (text = malloc(length + 1)) != NULL &&
        pt_model_describe(model, what, text, length + 1, &length) == PT_OK)
        return text;
    fail("%s", text ? pt_last_error() : "no memory for a description of the model");
    free(text);
    return NULL;
}

/* A file's text; NULL after a message. */
static char *read_text(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    *length = 0;
    if (file && !path_is_directory(path) && (text = malloc(LARGEST_CONFIG + 1)) != NULL)
        *length = fread(text, 1, LARGEST_CONFIG + 1, file);
    if (!file || !text || ferror(file))
        fail("%s: %s", path, file && path_is_directory(path) ? "it is a directory" : strerror(errno));
    else if (*length > LARGEST_CONFIG)
        fail("%s: more than %d bytes, expected a configuration", path, LARGEST_CONFIG);
    else {
        fclose(file);
        text[*length] = 0;
        return text;
    }
    if (file)
        fclose(file);
    free(text);
    return NULL;
}

/* What the rest of the program has to know of the network. */
static int read_sizes(opened_model_t *opened)
{
    char *config = model_text(opened->model, PT_DESCRIBE_CONFIG);
    int status = EXIT_DONE;
    if (!config)
        return EXIT_FAILED;
    json_copy_string(json_member(json_whole_text(config, strlen(config)), "model_type"), opened->family,
                     sizeof opened->family);
    free(config);
    for (int64_t i = 0; i < pt_model_input_count(opened->model); i++) {
        pt_input_info_t info = {.struct_size = sizeof info};
        TRY(pt_model_input_info(opened->model, i, &info));
        if (strcmp(info.name, "pixel_values") == 0 && info.rank == 3) {
            opened->height = info.shape[0];
            opened->width = info.shape[1];
            opened->channels = info.shape[2];
        }
        if (strcmp(info.name, "tokens") != 0)
            continue;
        opened->reads_tokens = 1;
        opened->vocabulary = info.index_limit;
        opened->positions = info.row_limit;
    }
out:
    return status;
}

/* ---- Models ------------------------------------------------------------------------------------------------------ */

/* A model from a configuration's text. */
static int from_config(pt_context_t *context, const char *json, size_t length, const char *name, opened_model_t *opened)
{
    if (pt_model_create_from_config(context, json, length, &opened->model) != PT_OK)
        return fail("%s: %s", name, pt_last_error());
    snprintf(opened->path, sizeof opened->path, "%s", name);
    return EXIT_DONE;
}

static int from_config_file(pt_context_t *context, const char *path, opened_model_t *opened)
{
    size_t length;
    char *json = read_text(path, &length);
    int status = json ? from_config(context, json, length, path, opened) : EXIT_FAILED;
    free(json);
    return status;
}

/* Tensors of a head that no task here has. */
static int tell_leftovers(const char *path, const pt_model_t *model)
{
    int status = EXIT_DONE;
    for (int64_t i = 0; i < pt_model_transfer_count(model, 0); i++) {
        const char *name;
        int32_t kind;
        TRY(pt_model_transfer_entry(model, i, &name, &kind));
        if (kind == PT_TRANSFER_UNEXPECTED)
            note("%s: tensor %s is of a head that is not known here, and left aside", path, name);
    }
out:
    return status;
}

/* A file of weights, or a directory that has them with a configuration. */
static int from_weights(pt_context_t *context, const char *path, uint32_t flags, opened_model_t *opened)
{
    pt_load_options_t options;
    int status = EXIT_DONE;
    TRY(pt_load_options_init(&options, sizeof options));
    options.flags = flags & OPEN_MAPPED ? PT_LOAD_MAPPED : 0;
    TRY(pt_model_open(context, path, &options, &opened->model));
    snprintf(opened->path, sizeof opened->path, "%s", path);
    opened->has_weights = 1;
    status = tell_leftovers(path, opened->model);
out:
    return status;
}

static int from_directory(pt_context_t *context, const char *directory, uint32_t flags, opened_model_t *opened)
{
    static const char *const weights[] = {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                                          "pytorch_model.bin.index.json"};
    char path[PATH_SIZE], checkpoints[PATH_SIZE];
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++) {
        path_join(path, directory, weights[i]);
        if (path_exists(path))
            return from_weights(context, directory, flags, opened);
    }
    path_join(checkpoints, directory, "checkpoints");
    if (newest_checkpoint(path, directory) || newest_checkpoint(path, checkpoints))
        return from_weights(context, path, flags, opened);
    path_join(path, directory, "config.json");
    if (!path_exists(path))
        return fail("%s: a directory without weights (model.safetensors, pytorch_model.bin or the index of either), "
                    "config.json and checkpoints",
                    directory);
    if (!(flags & OPEN_FRESH))
        return fail("%s: a directory without model.safetensors: it has a configuration, but no weights", directory);
    return from_config_file(context, path, opened);
}

const char *opened_model_language_task(const opened_model_t *opened)
{
    static const char *const both_sides[] = {"bert", "roberta", "distilbert"};
    const char *own = pt_model_task(opened->model);
    for (size_t i = 0; i < sizeof both_sides / sizeof *both_sides; i++)
        if (strcmp(opened->family, both_sides[i]) == 0)
            return PT_TASK_MASKED_LM;
    return own && strcmp(own, PT_TASK_MASKED_LM) == 0 ? own : PT_TASK_CAUSAL_LM;
}

/* What may be a preset's name, as bert-mini or resnet18, and is no path. */
static int is_preset(const char *given)
{
    return !strpbrk(given, "./");
}

/* A preset with as many words as the tokenizer has, or as bytes have; or for pictures of --image-size. */
static int from_preset(pt_context_t *context, const settings_t *settings, const char *name, opened_model_t *opened)
{
    char config[256];
    int32_t words = 256;
    pt_tokenizer_t *tokenizer = NULL;
    int status = EXIT_DONE;
    if (settings->tokenizer) {
        TRY(pt_tokenizer_open(context, settings->tokenizer, NULL, &tokenizer));
        words = pt_tokenizer_size(tokenizer);
        pt_tokenizer_free(tokenizer);
    }
    int length = snprintf(config, sizeof config, "{\"preset\": \"%.64s\", \"vocab_size\": %d", name, (int)words);
    if (settings->image_size > 0)
        length += snprintf(config + length, sizeof config - (size_t)length, ", \"image_size\": %d",
                           (int)settings->image_size);
    snprintf(config + length, sizeof config - (size_t)length, "}");
    if (pt_model_create_from_config(context, config, strlen(config), &opened->model) != PT_OK)
        return fail("%s: %s, and as a preset: %s", name, strerror(ENOENT), pt_last_error());
    snprintf(opened->path, sizeof opened->path, "%s", name);
out:
    return status;
}

int opened_model_open(pt_context_t *context, const settings_t *settings, const char *given, uint32_t flags,
                      opened_model_t *opened)
{
    int status, is_text = given[0] == '{';
    *opened = (opened_model_t){0};
    const int preset = !is_text && !path_exists(given) && is_preset(given) && (flags & OPEN_FRESH);
    if (!is_text && !preset && !path_exists(given))
        return fail("%s: %s", given, strerror(errno));
    if ((is_text || has_ending(given, ".json")) && !(flags & OPEN_FRESH))
        return fail("%s: a configuration has no weights, expected a model", is_text ? "MODEL" : given);
    if (is_text)
        status = from_config(context, given, strlen(given), "configuration", opened);
    else if (preset)
        status = from_preset(context, settings, given, opened);
    else if (path_is_directory(given))
        status = from_directory(context, given, flags, opened);
    else if (has_ending(given, ".json"))
        status = from_config_file(context, given, opened);
    else
        status = from_weights(context, given, flags, opened);
    if (status == EXIT_DONE)
        status = read_sizes(opened);
    if (status != EXIT_DONE)
        return status;
    status = opened_model_tokenizer(context, settings, is_text || preset ? NULL : given, opened);
    return (flags & OPEN_ANYHOW) && !settings->tokenizer ? EXIT_DONE : status;
}

/* ---- Tokenizers -------------------------------------------------------------------------------------------------- */

/* A directory's tokenizer, the first of the files that pt_tokenizer_open looks for there; 0 where it has none. */
static int find_tokenizer(char path[PATH_SIZE], const char *directory)
{
    static const char *const names[] = {"tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        path_join(path, directory, names[i]);
        if (path_exists(path))
            return 1;
    }
    DIR *list = opendir(directory);
    int found = 0;
    for (struct dirent *entry; list && !found && (entry = readdir(list)) != NULL;) {
        found = has_ending(entry->d_name, ".tiktoken");
        if (found)
            path_join(path, directory, entry->d_name);
    }
    if (list)
        closedir(list);
    return found;
}

/* A GGUF file has its tokenizer within. */
static int is_gguf(const char *path)
{
    char magic[4] = "";
    FILE *file = fopen(path, "rb");
    int is_whole = file && fread(magic, 1, sizeof magic, file) == sizeof magic;
    if (file)
        fclose(file);
    return is_whole && memcmp(magic, "GGUF", sizeof magic) == 0;
}

/* Where a tokenizer for `given` is: in it, there, beside it, above its checkpoints, or in --out. */
static int look_for_tokenizer(char path[PATH_SIZE], const settings_t *settings, const char *given)
{
    char directory[PATH_SIZE], above[PATH_SIZE];
    if (given && !path_is_directory(given) && is_gguf(given)) {
        snprintf(path, PATH_SIZE, "%s", given);
        return 1;
    }
    if (given) {
        if (path_is_directory(given))
            snprintf(directory, sizeof directory, "%s", given);
        else
            path_of_directory(directory, given);
        path_join(above, directory, "..");
        if (find_tokenizer(path, directory) || (has_ending(directory, "/checkpoints") && find_tokenizer(path, above)))
            return 1;
    }
    return settings->out && find_tokenizer(path, settings->out);
}

int opened_model_tokenizer(pt_context_t *context, const settings_t *settings, const char *given, opened_model_t *opened)
{
    char path[PATH_SIZE];
    if (settings->tokenizer)
        snprintf(path, sizeof path, "%s", settings->tokenizer);
    else if (!look_for_tokenizer(path, settings, given))
        return EXIT_DONE;
    int status = EXIT_DONE;
    const pt_status_t found = pt_tokenizer_open(context, path, NULL, &opened->tokenizer);
    if (found == PT_ERR_NOT_FOUND && !settings->tokenizer && is_gguf(path)) /* one that was written without */
        return EXIT_DONE;
    TRY(found);
    opened->tokenizer_path = malloc(strlen(path) + 1);
    if (!opened->tokenizer_path)
        return fail("no memory for a path");
    strcpy(opened->tokenizer_path, path);
    if (opened->vocabulary > 0 && pt_tokenizer_size(opened->tokenizer) > opened->vocabulary)
        return fail("%s has %lld tokens, but the model's vocabulary is %lld", path,
                    (long long)pt_tokenizer_size(opened->tokenizer), (long long)opened->vocabulary);
out:
    return status;
}

void opened_model_close(opened_model_t *opened)
{
    pt_model_free(opened->model);
    pt_tokenizer_free(opened->tokenizer);
    free(opened->tokenizer_path);
    *opened = (opened_model_t){0};
}
