/* Lists of pictures in JSON lines: in each line "image" (or "file_name", as Hugging Face's metadata.jsonl has it), the
 * path of a picture from the list's directory, and where they have classes "label", a string or a whole number. */
#include "data/classes.h"
#include "data/json_lines.h"
#include "data/picture_readers.h"

typedef struct list {
    pt__file_set_t *set;
    pt__classes_t classes;
} list_t;

/* The class in the order of appearance; -1: the line has none. */
static pt_status_t read_label(list_t *list, const pt__json_t *object, int32_t *label)
{
    const pt__json_t *value = pt__json_find(object, "label");
    *label = -1;
    return value == NULL ? PT_OK : pt__classes_add_json(&list->classes, value, label);
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
    return pt__file_set_add_file(list->set, name, label);
}

pt_status_t pt__picture_list_read(pt__file_set_t *set, const char *path)
{
    list_t list = {.set = set, .classes = {.memory = set->memory}};
    pt__file_set_root_above(set);
    pt_status_t status = pt__json_lines_read(set->memory, path, add_line, &list);
    if (status == PT_OK)
        status = pt__file_set_order_classes(set, &list.classes, 0);
    pt__classes_free(&list.classes);
    return status;
}
