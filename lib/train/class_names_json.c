/* Class names in JSON, in the two members that Hugging Face's configurations have for them:
 *
 *   {..., "id2label": {"0": "negative", "1": "positive"}, "label2id": {"negative": 0, "positive": 1}}
 *
 * A known family's stand in its configuration, metadata "pretrain.config"; those of a host's network, which has none,
 * alone in "pretrain.classes". label2id may be missing; where it is there it must say the same. */
#include "train/class_names.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/number.h"
#include "base/text.h"
#include "train/model.h"

#define ID2LABEL "id2label"
#define LABEL2ID "label2id"

/* The ids are 0 to count - 1 in plain digits, so that as many distinct keys leave no gap. */
static pt_status_t read_ids(const pt__json_t *object, const char **names)
{
    char plain[24];
    for (const pt__json_t *one = object->first; one != NULL; one = one->next) {
        int64_t id;
        if (!pt__number_parse_int64(one->key, one->key_length, &id) || id < 0 || id >= object->length)
            return pt__json_fail(object, PT_ERR_FORMAT, "the id \"%.40s\", expected \"0\" to \"%lld\" for %lld classes",
                                 one->key, (long long)(object->length - 1), (long long)object->length);
        snprintf(plain, sizeof plain, "%lld", (long long)id);
        if (strcmp(plain, one->key) != 0)
            return pt__json_fail(object, PT_ERR_FORMAT, "the id \"%.40s\", expected \"%s\"", one->key, plain);
        PT__TRY(pt__json_get_string(object, one->key, PT__JSON_REQUIRED, &names[id]));
    }
    return PT_OK;
}

static pt_status_t check_inverse(const pt__json_t *root, const pt__class_names_t *names)
{
    const pt__json_t *object = NULL;
    PT__TRY(pt__json_get_object(root, LABEL2ID, PT__JSON_OPTIONAL, &object));
    if (object == NULL)
        return PT_OK;
    if (object->length != names->count)
        return pt__json_fail(object, PT_ERR_FORMAT, "%lld classes, expected %lld as in " ID2LABEL,
                             (long long)object->length, (long long)names->count);
    for (int64_t i = 0; i < names->count; i++) {
        const pt__json_t *one = pt__json_find(object, names->list[i]);
        if (one == NULL)
            return pt__json_fail(object, PT_ERR_FORMAT, "no \"%.200s\", which " ID2LABEL " has for class %lld",
                                 names->list[i], (long long)i);
        if (one->kind != PT__JSON_NUMBER || !one->is_integer || one->integer != i)
            return pt__json_fail(object, PT_ERR_FORMAT, "\"%.200s\" is not %lld, its class in " ID2LABEL,
                                 names->list[i], (long long)i);
    }
    return PT_OK;
}

static pt_status_t read(pt__memory_t *memory, const pt__json_t *root, pt__class_names_t *out)
{
    const pt__json_t *object = NULL, *inverse = NULL;
    const char **names = NULL;
    pt_status_t status;
    *out = (pt__class_names_t){0};
    PT__TRY(pt__json_get_object(root, ID2LABEL, PT__JSON_OPTIONAL, &object));
    PT__TRY(pt__json_get_object(root, LABEL2ID, PT__JSON_OPTIONAL, &inverse));
    if (object == NULL || object->length == 0)
        return inverse == NULL || inverse->length == 0
                   ? PT_OK
                   : pt__json_fail(inverse, PT_ERR_FORMAT, "there is no " ID2LABEL " that it is the inverse of");
    PT__TRY(pt__allocate(memory, (size_t)object->length, sizeof *names, "class names", &names));
    PT__TRY_OUT(read_ids(object, names));
    status = pt__class_names_make(memory, names, object->length, PT_ERR_FORMAT, out);
    if (status != PT_OK) {
        status = pt__fail_within(status, ID2LABEL);
        goto out;
    }
    PT__TRY_OUT(check_inverse(root, out));
out:
    pt__release(memory, names);
    if (status != PT_OK)
        pt__class_names_release(memory, out);
    return status;
}

static pt_status_t read_text(pt__memory_t *memory, const char *name, const char *json, pt__class_names_t *out)
{
    pt__json_document_t *document;
    const pt__json_t *root;
    *out = (pt__class_names_t){0};
    PT__TRY(pt__json_parse(memory, name, json, (int64_t)strlen(json), &document, &root));
    pt_status_t status = read(memory, root, out);
    pt__json_free(document);
    return status == PT_OK ? PT_OK : pt__fail_within(status, "%s", name);
}

pt_status_t pt__class_names_read_config(pt_model_t *model)
{
    if (model->config == NULL)
        return PT_OK;
    return read_text(&model->context->memory, "config", model->config, &model->config_names);
}

pt_status_t pt__class_names_read_file(const pt_model_t *model, const char *path, const pt__tensors_t *table,
                                      pt__class_names_t *out)
{
    static const char *const keys[] = {"pretrain.classes", "pretrain.config"};
    const char *json = NULL;
    int32_t number = -1;
    *out = (pt__class_names_t){0};
    if (pt__class_names_field(model) == NULL)
        return PT_OK;
    while (json == NULL && ++number < (int32_t)(sizeof keys / sizeof keys[0]))
        json = pt__tensors_value(table, keys[number]);
    if (json == NULL)
        return PT_OK;
    pt_status_t status = read_text(&model->context->memory, keys[number], json, out);
    if (status == PT_OK && out->list != NULL && out->count != model->task.outputs) {
        status = pt__fail(PT_ERR_FORMAT, "%s: " ID2LABEL ": %lld classes, expected %lld as the head has outputs",
                          keys[number], (long long)out->count, (long long)model->task.outputs);
        pt__class_names_release(&model->context->memory, out);
    }
    return status == PT_OK ? PT_OK : pt__fail_within(status, "%s", path);
}

static void write(const pt__class_names_t *names, pt__text_t *text)
{
    pt__text_add(text, "\"" ID2LABEL "\": {");
    for (int64_t i = 0; i < names->count; i++) {
        pt__text_add(text, "%s\"%lld\": ", i == 0 ? "" : ", ", (long long)i);
        pt__json_add_string(text, names->list[i], (int64_t)strlen(names->list[i]));
    }
    pt__text_add(text, "}, \"" LABEL2ID "\": {");
    for (int64_t i = 0; i < names->count; i++) {
        pt__text_add(text, "%s", i == 0 ? "" : ", ");
        pt__json_add_string(text, names->list[i], (int64_t)strlen(names->list[i]));
        pt__text_add(text, ": %lld", (long long)i);
    }
    pt__text_add(text, "}");
}

/* The configuration's members but those of class names; whether there was one. */
static pt_status_t write_others(pt__memory_t *memory, const char *config, pt__text_t *text, int32_t *any)
{
    pt__json_document_t *document;
    const pt__json_t *root;
    PT__TRY(pt__json_parse(memory, "config", config, (int64_t)strlen(config), &document, &root));
    for (const pt__json_t *one = root->first; one != NULL; one = one->next) {
        if (strcmp(one->key, ID2LABEL) == 0 || strcmp(one->key, LABEL2ID) == 0)
            continue;
        pt__text_add(text, "%s", *any ? ", " : "");
        pt__json_print_member(one, text);
        *any = 1;
    }
    pt__json_free(document);
    return PT_OK;
}

pt_status_t pt__class_names_config(const pt_model_t *model, char **out)
{
    pt__memory_t *memory = &model->context->memory;
    const int32_t has_names = model->class_names.list != NULL;
    int32_t any = 0;
    /* As it came, where it says what is the case: with a task that has no classes it may speak of some other head. */
    if (!has_names && (pt__class_names_field(model) == NULL || model->config_names.list == NULL))
        return pt__string_copy(memory, model->config, out);
    pt__text_t text = pt__text_start(memory);
    pt__text_add(&text, "{");
    pt_status_t status = model->config == NULL ? PT_OK : write_others(memory, model->config, &text, &any);
    if (status != PT_OK) {
        pt__text_free(&text);
        return status;
    }
    if (has_names) {
        pt__text_add(&text, "%s", any ? ", " : "");
        write(&model->class_names, &text);
    }
    pt__text_add(&text, "}");
    return pt__text_take(&text, out, NULL);
}
