/* The config.json of a model's directory: what the model was made from, untouched where nothing here knows better, with
 * the class of its head, its labels and the dtype of the weights beside it. */
#include <string.h>

#include "base/dtype.h"
#include "base/json.h"
#include "base/text.h"
#include "train/model.h"

/* Written anew, whatever stands there. */
static int32_t is_replaced(const char *key, int32_t has_labels)
{
    static const char *const always[] = {"architectures", "torch_dtype", "dtype", "rope_interleaved"};
    static const char *const labels[] = {"id2label", "label2id", "num_labels", "problem_type"};
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        if (strcmp(key, always[i]) == 0)
            return 1;
    for (size_t i = 0; has_labels && i < sizeof labels / sizeof labels[0]; i++)
        if (strcmp(key, labels[i]) == 0)
            return 1;
    return 0;
}

static void add_label(const pt_model_t *model, int64_t number, pt__text_t *text)
{
    const char *name = model->class_names.list == NULL ? NULL : model->class_names.list[number];
    if (name == NULL)
        pt__text_add(text, "\"LABEL_%lld\"", (long long)number);
    else
        pt__json_add_string(text, name, (int64_t)strlen(name));
}

/* The names that the transformers library gives where there are none: it counts labels by them. */
static void add_labels(const pt_model_t *model, pt__text_t *text)
{
    const int32_t has_one = strcmp(model->task.task, PT_TASK_CLASSIFICATION) == 0;
    /* the other tasks' names are those that stand there */
    pt__text_add(text, ",\n  \"problem_type\": \"%s\"", has_one ? "single_label_classification" : model->task.task);
    pt__text_add(text, ",\n  \"id2label\": {");
    for (int64_t i = 0; i < model->task.outputs; i++) {
        pt__text_add(text, "%s\"%lld\": ", i == 0 ? "" : ", ", (long long)i);
        add_label(model, i, text);
    }
    pt__text_add(text, "},\n  \"label2id\": {");
    for (int64_t i = 0; i < model->task.outputs; i++) {
        pt__text_add(text, "%s", i == 0 ? "" : ", ");
        add_label(model, i, text);
        pt__text_add(text, ": %lld", (long long)i);
    }
    pt__text_add(text, "}");
}

pt_status_t pt__saved_config(const pt_model_t *model, const char *class, int32_t dtype, char **out)
{
    pt__memory_t *memory = &model->context->memory;
    const int32_t has_labels = pt__architecture_has_labels(model->task.task);
    pt__json_document_t *document;
    const pt__json_t *root;
    PT__TRY(pt__json_parse(memory, "config", model->config, (int64_t)strlen(model->config), &document, &root));
    pt__text_t text = pt__text_start(memory);
    pt__text_add(&text, "{\n  \"architectures\": [\"%s\"],\n  \"torch_dtype\": \"%s\"", class, pt__dtype_name(dtype));
    if (has_labels)
        add_labels(model, &text);
    for (const pt__json_t *one = root->first; one != NULL; one = one->next) {
        if (is_replaced(one->key, has_labels))
            continue;
        pt__text_add(&text, ",\n  ");
        pt__json_print_member(one, &text);
    }
    pt__text_add(&text, "\n}\n");
    pt__json_free(document);
    return pt__text_take(&text, out, NULL);
}
