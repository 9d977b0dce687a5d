/* A task's options as JSON, which checkpoints and saved models hold:
 *
 *   {"task": "classification", "outputs": 3, "pooling": "mean", "label_smoothing": 0, "dropout": 0,
 *    "class_weights": [1, 0.5, 2]}
 *
 * task null: none; class_weights only where there are some. Numbers come back with the same bits. Kinds of tokens are a
 * text with a digit for each: "token_kinds": "100220". */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "tasks/mixing.h"
#include "tasks/tasks.h"

static const char *const poolings[] = {
    [PT_POOL_MEAN] = "mean", [PT_POOL_FIRST] = "first", [PT_POOL_LAST] = "last",
    [PT_POOL_SUM] = "sum",   [PT_POOL_MAX] = "max",     [PT_POOL_FAMILY] = "family",
};
enum { POOLINGS = sizeof poolings / sizeof poolings[0] };

const char *pt__pooling_name(int32_t pooling)
{
    return poolings[pooling];
}

static int32_t masks(const char *task)
{
    return task != NULL && strcmp(task, PT_TASK_MASKED_LM) == 0;
}

static int32_t recognizes(const char *task)
{
    return task != NULL && strcmp(task, PT_TASK_RECOGNITION) == 0;
}

/* Whether what is told for each output is a token's kind. */
static int32_t has_kinds(const char *task)
{
    return masks(task) || recognizes(task);
}

static void write_alphabet(const pt__task_options_t *options, pt__text_t *text)
{
    const pt__alphabet_t *alphabet = &options->alphabet;
    if (recognizes(options->task))
        pt__text_add(text, ", \"blank\": %d, \"delimiter\": %d, \"zero_infeasible\": %s, \"whole_losses\": %s",
                     (int)alphabet->blank, (int)alphabet->delimiter, alphabet->infeasible ? "true" : "false",
                     alphabet->whole ? "true" : "false");
}

static pt_status_t read_alphabet(const pt__json_t *root, pt__task_options_t *options)
{
    pt__alphabet_t *alphabet = &options->alphabet;
    int64_t blank = -1, delimiter = -1;
    if (!recognizes(options->task))
        return PT_OK;
    PT__TRY(pt__json_get_integer(root, "blank", PT__JSON_OPTIONAL, INT32_MIN, INT32_MAX, &blank));
    PT__TRY(pt__json_get_integer(root, "delimiter", PT__JSON_OPTIONAL, -1, INT32_MAX, &delimiter));
    alphabet->blank = (int32_t)blank;
    alphabet->delimiter = (int32_t)delimiter;
    PT__TRY(pt__json_get_bool(root, "zero_infeasible", PT__JSON_OPTIONAL, &alphabet->infeasible));
    return pt__json_get_bool(root, "whole_losses", PT__JSON_OPTIONAL, &alphabet->whole);
}

static void write_masking(const pt__task_options_t *options, pt__text_t *text)
{
    const pt__masking_t *masking = &options->masking;
    if (!masks(options->task))
        return;
    pt__text_add(text, ", \"mask_token\": %d, \"whole_words\": %s, \"probability\": ", (int)masking->mask_token,
                 masking->whole_words ? "true" : "false");
    pt__json_add_number(text, masking->probability);
    pt__text_add(text, ", \"masked\": ");
    pt__json_add_number(text, masking->masked);
    pt__text_add(text, ", \"random\": ");
    pt__json_add_number(text, masking->random);
}

/* The tasks on unlabelled sound. */
static int32_t is_task(const char *task, const char *name)
{
    return task != NULL && strcmp(task, name) == 0;
}

static int32_t hides_frames(const char *task)
{
    return is_task(task, PT_TASK_MASKED_FRAMES) || is_task(task, PT_TASK_DATA2VEC);
}

static void write_of_frames(const pt__task_options_t *options, pt__text_t *text)
{
    const pt__of_frames_t *own = &options->of_frames;
    if (hides_frames(options->task)) {
        pt__text_add(text, ", \"span\": %d, \"probability\": ", (int)own->span);
        pt__json_add_number(text, options->masking.probability);
    }
    if (is_task(options->task, PT_TASK_MASKED_FRAMES))
        pt__text_add(text, ", \"loss\": \"%s\"", own->loss == PT_FRAMES_L2 ? "l2" : "l1");
    if (is_task(options->task, PT_TASK_DATA2VEC)) {
        pt__text_add(text, ", \"layers\": %d, \"decay\": ", (int)own->layers);
        pt__json_add_number(text, own->decay);
    }
    if (is_task(options->task, PT_TASK_CONTRASTIVE)) {
        pt__text_add(text, ", \"steps\": %d, \"width\": %d, \"temperature\": ", (int)own->steps, (int)own->width);
        pt__json_add_number(text, own->temperature);
    }
}

static pt_status_t read_count(const pt__json_t *root, const char *key, int32_t *count)
{
    int64_t value = 0;
    PT__TRY(pt__json_get_integer(root, key, PT__JSON_REQUIRED, 0, INT32_MAX, &value));
    *count = (int32_t)value; /* its range is the task's to check */
    return PT_OK;
}

static pt_status_t read_loss(const pt__json_t *root, int32_t *loss)
{
    const char *name = "";
    PT__TRY(pt__json_get_string(root, "loss", PT__JSON_REQUIRED, &name));
    if (strcmp(name, "l1") != 0 && strcmp(name, "l2") != 0)
        return pt__json_fail(pt__json_find(root, "loss"), PT_ERR_FORMAT, "\"%.32s\", expected \"l1\" or \"l2\"", name);
    *loss = strcmp(name, "l2") == 0 ? PT_FRAMES_L2 : PT_FRAMES_L1;
    return PT_OK;
}

static pt_status_t read_of_frames(const pt__json_t *root, pt__task_options_t *options)
{
    pt__of_frames_t *own = &options->of_frames;
    if (hides_frames(options->task)) {
        PT__TRY(read_count(root, "span", &own->span));
        PT__TRY(pt__json_get_number(root, "probability", PT__JSON_REQUIRED, 0, 1, &options->masking.probability));
    }
    if (is_task(options->task, PT_TASK_MASKED_FRAMES))
        PT__TRY(read_loss(root, &own->loss));
    if (is_task(options->task, PT_TASK_DATA2VEC)) {
        PT__TRY(read_count(root, "layers", &own->layers));
        PT__TRY(pt__json_get_number(root, "decay", PT__JSON_REQUIRED, 0, 1, &own->decay));
    }
    if (is_task(options->task, PT_TASK_CONTRASTIVE)) {
        PT__TRY(read_count(root, "steps", &own->steps));
        PT__TRY(read_count(root, "width", &own->width));
        PT__TRY(pt__json_get_number(root, "temperature", PT__JSON_REQUIRED, 0, DBL_MAX, &own->temperature));
    }
    return PT_OK;
}

static pt_status_t read_masking(const pt__json_t *root, pt__task_options_t *options)
{
    pt__masking_t *masking = &options->masking;
    int64_t token = -1;
    if (!masks(options->task))
        return PT_OK;
    *masking = pt__masking_published;
    PT__TRY(pt__json_get_integer(root, "mask_token", PT__JSON_OPTIONAL, -1, INT32_MAX, &token));
    masking->mask_token = (int32_t)token;
    PT__TRY(pt__json_get_bool(root, "whole_words", PT__JSON_OPTIONAL, &masking->whole_words));
    PT__TRY(pt__json_get_number(root, "probability", PT__JSON_OPTIONAL, 0, 1, &masking->probability));
    PT__TRY(pt__json_get_number(root, "masked", PT__JSON_OPTIONAL, 0, 1, &masking->masked));
    return pt__json_get_number(root, "random", PT__JSON_OPTIONAL, 0, 1, &masking->random);
}

static void write_per_output(const pt__task_options_t *options, pt__text_t *text)
{
    const int32_t kinds = has_kinds(options->task);
    if (options->per_output == NULL)
        return;
    pt__text_add(text, kinds ? ", \"token_kinds\": \"" : ", \"class_weights\": [");
    for (int64_t i = 0; i < options->outputs; i++) {
        if (!kinds && i > 0)
            pt__text_add(text, ", ");
        pt__json_add_number(text, (double)options->per_output[i]);
    }
    pt__text_add(text, kinds ? "\"" : "]");
}

void pt__task_write(const pt__task_options_t *options, pt__text_t *text)
{
    pt__text_add(text, "{\"task\": ");
    if (options->task == NULL)
        pt__text_add(text, "null");
    else
        pt__json_add_string(text, options->task, (int64_t)strlen(options->task));
    pt__text_add(text, ", \"outputs\": %lld, \"pooling\": \"%s\", \"label_smoothing\": ", (long long)options->outputs,
                 poolings[options->pooling]);
    pt__json_add_number(text, options->label_smoothing);
    pt__text_add(text, ", \"dropout\": ");
    pt__json_add_number(text, options->dropout);
    write_masking(options, text);
    write_of_frames(options, text);
    write_alphabet(options, text);
    if (options->normalize)
        pt__text_add(text, ", \"normalize\": true");
    if (options->mixup > 0 || options->cutmix > 0) {
        pt__text_add(text, ", \"mixup\": ");
        pt__json_add_number(text, options->mixup);
        pt__text_add(text, ", \"cutmix\": ");
        pt__json_add_number(text, options->cutmix);
    }
    if (options->positive_weight > 0) {
        pt__text_add(text, ", \"positive_weight\": ");
        pt__json_add_number(text, options->positive_weight);
    }
    write_per_output(options, text);
    pt__text_add(text, "}");
}

static pt_status_t read_pooling(const pt__json_t *root, int32_t *pooling)
{
    const char *name = poolings[PT_POOL_MEAN];
    PT__TRY(pt__json_get_string(root, "pooling", PT__JSON_OPTIONAL, &name));
    for (*pooling = 0; *pooling < POOLINGS; (*pooling)++)
        if (strcmp(poolings[*pooling], name) == 0)
            return PT_OK;
    return pt__json_fail(pt__json_find(root, "pooling"), PT_ERR_FORMAT,
                         "\"%.32s\", expected \"mean\", \"first\", \"last\", \"sum\", \"max\" or \"family\"", name);
}

static pt_status_t read_weights(pt__memory_t *memory, const pt__json_t *root, int64_t outputs, float **weights)
{
    const pt__json_t *list = NULL;
    int64_t count = 0;
    PT__TRY(pt__json_get_array(root, "class_weights", PT__JSON_OPTIONAL, &list));
    if (list == NULL)
        return PT_OK;
    if (list->length != outputs)
        return pt__json_fail(list, PT_ERR_FORMAT, "expected %lld weights, found %lld", (long long)outputs,
                             (long long)list->length);
    PT__TRY(pt__allocate(memory, (size_t)outputs, sizeof **weights, "class weights", weights));
    for (const pt__json_t *one = list->first; one != NULL; one = one->next) {
        if (one->kind != PT__JSON_NUMBER)
            return pt__json_fail(one, PT_ERR_FORMAT, "expected a number, found %s", pt__json_kind_name(one->kind));
        (*weights)[count++] = (float)one->number;
    }
    return PT_OK;
}

static pt_status_t read_kinds(pt__memory_t *memory, const pt__json_t *root, int64_t outputs, float **kinds)
{
    const char *digits = NULL;
    PT__TRY(pt__json_get_string(root, "token_kinds", PT__JSON_OPTIONAL, &digits));
    if (digits == NULL)
        return PT_OK;
    const int64_t count = (int64_t)strlen(digits);
    if (count != outputs)
        return pt__json_fail(pt__json_find(root, "token_kinds"), PT_ERR_FORMAT, "expected %lld kinds, found %lld",
                             (long long)outputs, (long long)count);
    PT__TRY(pt__allocate(memory, (size_t)outputs, sizeof **kinds, "kinds of tokens", kinds));
    for (int64_t i = 0; i < outputs; i++)
        (*kinds)[i] = (float)(digits[i] - '0'); /* the task tells those that are none */
    return PT_OK;
}

static pt_status_t read(pt__memory_t *memory, const pt__json_t *root, pt__task_options_t *options, float **per_output)
{
    const char *name = NULL;
    const pt__task_t *task;
    if (root->kind != PT__JSON_OBJECT)
        return pt__json_fail(root, PT_ERR_FORMAT, "expected an object, found %s", pt__json_kind_name(root->kind));
    PT__TRY(pt__json_get_string(root, "task", PT__JSON_OPTIONAL, &name));
    options->task = name;
    PT__TRY(pt__json_get_integer(root, "outputs", PT__JSON_OPTIONAL, 0, INT32_MAX, &options->outputs));
    PT__TRY(read_pooling(root, &options->pooling));
    PT__TRY(pt__json_get_number(root, "label_smoothing", PT__JSON_OPTIONAL, 0, 1, &options->label_smoothing));
    PT__TRY(pt__json_get_number(root, "dropout", PT__JSON_OPTIONAL, 0, 1, &options->dropout));
    PT__TRY(pt__json_get_bool(root, "normalize", PT__JSON_OPTIONAL, &options->normalize));
    if (name != NULL && strcmp(name, PT_TASK_MULTI_LABEL) == 0)
        options->positive_weight = 1;
    PT__TRY(pt__json_get_number(root, "positive_weight", PT__JSON_OPTIONAL, 0, DBL_MAX, &options->positive_weight));
    PT__TRY(pt__json_get_number(root, "mixup", PT__JSON_OPTIONAL, 0, PT__MIXING_LARGEST_ALPHA, &options->mixup));
    PT__TRY(pt__json_get_number(root, "cutmix", PT__JSON_OPTIONAL, 0, PT__MIXING_LARGEST_ALPHA, &options->cutmix));
    PT__TRY(read_masking(root, options));
    PT__TRY(read_of_frames(root, options));
    PT__TRY(read_alphabet(root, options));
    PT__TRY((has_kinds(name) ? read_kinds : read_weights)(memory, root, options->outputs, per_output));
    options->per_output = *per_output;
    PT__TRY(pt__task_check(options, &task));
    options->task = task == NULL ? NULL : task->name; /* the document's goes with it */
    return PT_OK;
}

pt_status_t pt__task_read(pt__memory_t *memory, const char *json, int64_t length, pt__task_options_t *options,
                          float **per_output)
{
    pt__json_document_t *document;
    const pt__json_t *root;
    *per_output = NULL;
    *options = (pt__task_options_t){0};
    PT__TRY(pt__json_parse(memory, "task", json, length, &document, &root));
    pt_status_t status = read(memory, root, options, per_output);
    pt__json_free(document);
    if (status != PT_OK) {
        pt__release(memory, *per_output);
        *per_output = NULL;
        *options = (pt__task_options_t){0};
    }
    return status;
}
