/* What is learnt, and the head for it. */
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "training_run.h"

static const choice_t pools[] = {{"family", PT_POOL_FAMILY},
                                 {"mean", PT_POOL_MEAN},
                                 {"first", PT_POOL_FIRST},
                                 {"last", PT_POOL_LAST},
                                 {"max", PT_POOL_MAX}};
int32_t number_of(const choice_t *choices, size_t count, const char *word, int32_t otherwise)
{
    for (size_t i = 0; word && i < count; i++) {
        if (strcmp(choices[i].word, word) == 0)
            return choices[i].number;
    }
    return otherwise;
}

void choose_task(run_t *run)
{
    const char *own = pt_model_task(run->opened.model);
    if (run->settings->task)
        run->task = run->settings->task;
    else if (!run->defaults->has_labels && run->opened.reads_tokens)
        run->task = opened_model_language_task(&run->opened);
    else
        run->task = own && needs_labels(own) ? own : PT_TASK_CLASSIFICATION;
}

/* Whether all classes of the files are among the model's. */
static int has_classes(const names_t *own, const names_t *found)
{
    for (int64_t i = 0; i < found->count; i++) {
        if (names_find(own, found->items[i]) < 0)
            return 0;
    }
    return own->count > 0;
}

/* A head for the classes of run->names. */
static int put_head_on(run_t *run)
{
    const int32_t pooling = number_of(pools, sizeof pools / sizeof *pools, run->settings->pool, PT_POOL_FAMILY);
    pt_model_t *model = run->opened.model;
    pt_classification_options_t one;
    pt_multi_label_options_t several;
    int status = EXIT_DONE;
    TRY(pt_classification_options_init(&one, sizeof one));
    TRY(pt_multi_label_options_init(&several, sizeof several));
    one.classes = several.classes = run->names.count;
    one.pooling = several.pooling = pooling;
    one.mixup = run->settings->mixup;
    one.cutmix = run->settings->cutmix;
    const int has_one = strcmp(run->task, PT_TASK_CLASSIFICATION) == 0;
    TRY(pt_model_set_task(model, run->task, has_one ? (const void *)&one : &several));
    TRY(pt_model_set_class_names(model, run->names.count, (const char *const *)run->names.items));
out:
    return status;
}

static int set_classification(run_t *run, const data_files_t *files, const data_files_t *evaluation)
{
    pt_model_t *model = run->opened.model;
    names_t own = {NULL, 0};
    int status = EXIT_DONE;
    pt_dataset_t **all = calloc((size_t)(files->count + evaluation->count), sizeof *all);
    if (!all)
        return fail("no memory for the classes");
    memcpy(all, files->datasets, (size_t)files->count * sizeof *all);
    if (evaluation->count > 0)
        memcpy(all + files->count, evaluation->datasets, (size_t)evaluation->count * sizeof *all);
    if (!names_of_datasets(all, files->count + evaluation->count, &run->names) || !names_of_model(model, &own)) {
        status = fail("no memory for the classes");
        goto out;
    }
    const char *task = pt_model_task(model);
    const int mixes = run->settings->mixup > 0 || run->settings->cutmix > 0;
    const int is_classifier = task && strcmp(task, run->task) == 0, is_known = has_classes(&own, &run->names);
    if (is_classifier && is_known && !run->settings->pool && !mixes) {
        names_t found = run->names;
        run->names = own;
        own = found;
        goto out;
    }
    if (is_classifier && !is_known)
        note("the data has other classes than the model: a new head for %lld classes", (long long)run->names.count);
    status = put_head_on(run);
out:
    names_free(&own);
    free(all);
    return status;
}

static int set_regression(run_t *run, int64_t outputs)
{
    const char *task = pt_model_task(run->opened.model);
    pt_regression_options_t options;
    int status = EXIT_DONE;
    if (task && strcmp(task, PT_TASK_REGRESSION) == 0 && !run->settings->pool)
        return EXIT_DONE; /* its head stays; the stage tells where the numbers are not as many */
    TRY(pt_regression_options_init(&options, sizeof options));
    options.outputs = outputs;
    options.pooling = number_of(pools, sizeof pools / sizeof *pools, run->settings->pool, PT_POOL_FAMILY);
    TRY(pt_model_set_task(run->opened.model, PT_TASK_REGRESSION, &options));
out:
    return status;
}

/* What stands for a hidden token, and which tokens are not hidden, is the tokenizer's. */
static int set_masked_lm(run_t *run)
{
    pt_tokenizer_t *tokenizer = run->opened.tokenizer;
    const char *own = pt_model_task(run->opened.model);
    pt_masked_lm_options_t options;
    pt_array_t kinds = {.dtype = PT_UINT8};
    int status = EXIT_DONE;
    if (own && strcmp(own, PT_TASK_MASKED_LM) == 0 && !run->settings->whole_words)
        return EXIT_DONE;
    if (!tokenizer)
        return fail("the task masked_lm needs a tokenizer with a token [MASK] or <mask>, found none");
    TRY(pt_masked_lm_options_init(&options, sizeof options));
    options.flags = run->settings->whole_words ? PT_MASK_WHOLE_WORDS : 0;
    options.mask_token = pt_tokenizer_id(tokenizer, "[MASK]");
    if (options.mask_token < 0)
        options.mask_token = pt_tokenizer_id(tokenizer, "<mask>");
    if (options.mask_token < 0)
        return fail("%s: no token [MASK] or <mask>, which the task masked_lm needs", run->opened.tokenizer_path);
    kinds.capacity = pt_tokenizer_size(tokenizer);
    kinds.data = malloc((size_t)kinds.capacity);
    if (!kinds.data)
        return fail("no memory for the kinds of tokens");
    TRY(pt_tokenizer_kinds(tokenizer, &kinds, sizeof kinds));
    options.token_kinds = &kinds;
    options.array_size = sizeof kinds;
    TRY(pt_model_set_task(run->opened.model, PT_TASK_MASKED_LM, &options));
out:
    free(kinds.data);
    return status;
}

/* Puts the head on, and numbers classes as it does. */
int set_task(run_t *run, const data_files_t *files, const data_files_t *evaluation)
{
    const char *own = pt_model_task(run->opened.model);
    int status = EXIT_DONE;
    if (run->settings->whole_words && strcmp(run->task, PT_TASK_MASKED_LM) != 0)
        return usage_error(run->settings->command, "--whole-words is of the task masked_lm, and what is learnt is %s",
                           run->task);
    if (strcmp(run->task, PT_TASK_CLASSIFICATION) == 0 || strcmp(run->task, PT_TASK_MULTI_LABEL) == 0)
        return set_classification(run, files, evaluation);
    if (strcmp(run->task, PT_TASK_REGRESSION) == 0)
        return set_regression(run, files->outputs);
    if (strcmp(run->task, PT_TASK_MASKED_LM) == 0)
        return set_masked_lm(run);
    if (!own || strcmp(own, run->task) != 0)
        TRY(pt_model_set_task(run->opened.model, run->task, NULL));
out:
    return status;
}

int freeze_trunk(pt_model_t *model)
{
    int64_t matched;
    int status = EXIT_DONE;
    TRY(pt_model_set_task(model, NULL, NULL));
    TRY(pt_model_set_trainable(model, "*", 0, &matched));
out:
    return status;
}
