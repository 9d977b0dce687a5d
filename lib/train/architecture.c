/* What a published configuration says of the head on its trunk, and what is written there: the name of a class of
 * the transformers library, in "architectures", with "problem_type" and as many labels as "id2label" or
 * "num_labels" say. */
#include <string.h>

#include "base/json.h"
#include "train/model.h"

/* Ends of classes' names, and the task that such a class has; NULL: none. */
static const struct {
    const char *ending, *task;
} heads[] = {{"LMHeadModel", PT_TASK_CAUSAL_LM},
             {"ForCausalLM", PT_TASK_CAUSAL_LM},
             {"ForMaskedLM", PT_TASK_MASKED_LM},
             {"ForSequenceClassification", PT_TASK_CLASSIFICATION},
             {"ForImageClassification", PT_TASK_CLASSIFICATION},
             {"Model", NULL}};

enum { HEADS = sizeof heads / sizeof heads[0], MOST_LABELS = 1 << 24, LABELS = 2 };

static int32_t head_of(const char *class)
{
    const size_t length = strlen(class);
    for (int32_t i = 0; i < HEADS; i++) {
        const size_t end = strlen(heads[i].ending);
        if (length > end && strcmp(class + length - end, heads[i].ending) == 0)
            return i;
    }
    return -1;
}

static pt_status_t count_labels(const pt__json_t *config, int64_t *labels)
{
    const pt__json_t *names = NULL;
    *labels = LABELS;
    PT__TRY(pt__json_get_integer(config, "num_labels", PT__JSON_OPTIONAL, 1, MOST_LABELS, labels));
    PT__TRY(pt__json_get_object(config, "id2label", PT__JSON_OPTIONAL, &names));
    if (names != NULL && names->length > 0)
        *labels = names->length;
    return PT_OK;
}

static pt_status_t read_labels(const pt__family_t *family, const pt__json_t *config, pt__task_options_t *task)
{
    const char *problem = NULL;
    PT__TRY(count_labels(config, &task->outputs));
    PT__TRY(pt__json_get_string(config, "problem_type", PT__JSON_OPTIONAL, &problem));
    if (problem == NULL)
        problem = task->outputs == 1 ? "regression" : "single_label_classification";
    task->pooling = family->pooling;
    if (strcmp(problem, "regression") == 0)
        task->task = PT_TASK_REGRESSION;
    else if (strcmp(problem, PT_TASK_MULTI_LABEL) == 0)
        task->task = PT_TASK_MULTI_LABEL;
    else if (strcmp(problem, "single_label_classification") != 0)
        return pt__json_fail(pt__json_find(config, "problem_type"), PT_ERR_UNSUPPORTED,
                             "\"%.64s\", expected \"single_label_classification\", \"" PT_TASK_MULTI_LABEL
                             "\" or \"regression\"",
                             problem);
    task->positive_weight = strcmp(problem, PT_TASK_MULTI_LABEL) == 0;
    return PT_OK;
}

pt_status_t pt__architecture_task(const pt__family_t *family, const pt__json_t *config, pt__task_options_t *task)
{
    const pt__json_t *classes = NULL;
    *task = (pt__task_options_t){0};
    PT__TRY(pt__json_get_array(config, "architectures", PT__JSON_OPTIONAL, &classes));
    if (classes == NULL || classes->first == NULL)
        return PT_OK;
    if (classes->first->kind != PT__JSON_STRING)
        return pt__json_fail(classes->first, PT_ERR_FORMAT, "%s, expected the name of a class",
                             pt__json_kind_name(classes->first->kind));
    const int32_t head = head_of(classes->first->string);
    if (head < 0 || pt__task_find(heads[head].task) == NULL)
        return PT_OK;
    task->task = heads[head].task;
    task->masking = pt__masking_published;
    return strcmp(task->task, PT_TASK_CLASSIFICATION) == 0 ? read_labels(family, config, task) : PT_OK;
}

int32_t pt__architecture_has_labels(const char *task)
{
    return task != NULL && (strcmp(task, PT_TASK_CLASSIFICATION) == 0 || strcmp(task, PT_TASK_MULTI_LABEL) == 0 ||
                            strcmp(task, PT_TASK_REGRESSION) == 0);
}

const char *pt__architecture_class(const pt__family_t *family, const char *task)
{
    const int32_t most = sizeof family->classes / sizeof family->classes[0];
    if (pt__architecture_has_labels(task))
        task = PT_TASK_CLASSIFICATION;
    if (task != NULL && strcmp(task, PT_TASK_EMBEDDING) == 0) /* it has no tensors */
        task = NULL;
    for (int32_t i = 0; i < most && family->classes[i] != NULL; i++) {
        const int32_t head = head_of(family->classes[i]);
        const char *of = head < 0 ? NULL : heads[head].task;
        if (task == NULL ? of == NULL : of != NULL && strcmp(of, task) == 0)
            return family->classes[i];
    }
    return NULL;
}

/* Names of heads, of whatever task: the trunk's tensors are not among them. */
static const char *const of_heads[] = {"lm_head.*", "score.*",          "classifier.*",          "cls.*",
                                       "pooler.*",  "*.pooler.*",       "qa_outputs.*",          "summary.*",
                                       "vocab_*",   "pre_classifier.*", "multiple_choice_head.*",
                                       "linear.*",  "fc2.*"};

int32_t pt__architecture_is_head(const char *name)
{
    for (size_t i = 0; i < sizeof of_heads / sizeof of_heads[0]; i++)
        if (pt__pattern_match(of_heads[i], name))
            return 1;
    return 0;
}
