/* Lists of pictures in JSON lines: in each line "image" (or "file_name", as Hugging Face's metadata.jsonl has it), the
 * path of a picture from the list's directory, and where they have classes "label", a string or a whole number. */
#include <string.h>

#include "data/classes.h"
#include "data/json_lines.h"
#include "data/picture_set.h"

typedef struct list {
    pt__picture_set_t *set;
    pt__classes_t classes;
} list_t;

int32_t pt__picture_list_is(const uint8_t *bytes, int64_t size)
{
    int64_t at = size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    while (at < size && strchr(" \t\r\n", bytes[at]) != NULL && bytes[at] != 0)
        at++;
    return at < size && bytes[at] == '{';
}

/* The class in the order of appearance; -1: the line has none. */
static pt_status_t read_label(list_t *list, const pt__json_t *object, int32_t *label)
{
    const pt__json_t *value = pt__json_find(object, "label");
    *label = -1;
    if (value == NULL)
        return PT_OK;
    if (value->kind == PT__JSON_STRING)
        return pt__classes_add_name(&list->classes, value->string, value->length, label);
    if (value->kind == PT__JSON_NUMBER && value->is_integer)
        return pt__classes_add_number(&list->classes, value->integer, label);
    return pt__json_fail(value, PT_ERR_FORMAT, "expected a string or a whole number");
}

static pt_status_t add_line(void *user, const pt__json_t *object)
{
    list_t *list = user;
    const char *name = NULL;
    int32_t label;
    if (object->kind != PT__JSON_OBJECT)
        return pt__fail(PT_ERR_FORMAT, "expected an object");
    PT__TRY(pt__json_get_string(object, "image", PT__JSON_OPTIONAL, &name));
    if (name == NULL)
        PT__TRY(pt__json_get_string(object, "file_name", PT__JSON_OPTIONAL, &name));
    if (name == NULL || *name == 0)
        return pt__fail(PT_ERR_FORMAT, "the object has no key \"image\" or \"file_name\" with a path");
    PT__TRY(read_label(list, object, &label));
    if (list->set->samples > 0 && (label >= 0) != (list->set->labels != NULL))
        return pt__fail(PT_ERR_FORMAT, "%s, unlike the lines before it", label >= 0 ? "has a label" : "has no label");
    return pt__picture_set_add_file(list->set, name, label);
}

/* Classes in their order, and labels that count them so. */
static pt_status_t order_classes(list_t *list)
{
    pt__picture_set_t *set = list->set;
    if (set->labels == NULL)
        return PT_OK;
    PT__TRY(pt__classes_finish(&list->classes, 0));
    for (int64_t i = 0; i < list->classes.n_ordered; i++)
        PT__TRY(pt__picture_set_add_class(set, pt__classes_name(&list->classes, i)));
    for (int64_t i = 0; i < set->samples; i++)
        set->labels[i] = list->classes.list[set->labels[i]].place;
    return PT_OK;
}

pt_status_t pt__picture_list_read(pt__picture_set_t *set, const char *path)
{
    list_t list = {.set = set, .classes = {.memory = set->memory}};
    char *end = strrchr(set->root, '/'); /* names are from the directory of the list */
    if (end == NULL)
        memcpy(set->root, ".", 2);
    else
        end[end == set->root] = 0;
    pt_status_t status = pt__json_lines_read(set->memory, path, add_line, &list);
    if (status == PT_OK)
        status = order_classes(&list);
    pt__classes_free(&list.classes);
    return status;
}
