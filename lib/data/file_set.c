/* The list that readers of files fill, and what is passed over in it; see file_set.h. */
#include "data/file_set.h"

#include <string.h>

#include "base/bitmap.h"
#include "base/file.h"
#include "data/classes.h"

pt_status_t pt__file_set_init(pt__file_set_t *set, pt__memory_t *memory, const char *root, int32_t is_strict)
{
    *set = (pt__file_set_t){
        .memory = memory, .is_strict = is_strict, .noun = "picture", .options = "pt_image_options_t"};
    PT__TRY(pt__string_copy(memory, root, &set->root));
    if (pthread_mutex_init(&set->lock, NULL) == 0)
        return PT_OK;
    pt__release(memory, set->root);
    set->root = NULL;
    return pt__fail(PT_ERR_MEMORY, "the system gives no lock for the dataset");
}

void pt__file_set_free(pt__file_set_t *set)
{
    if (set->root == NULL) /* it never began */
        return;
    for (int64_t i = 0; i < set->n_classes; i++)
        pt__release(set->memory, set->classes[i]);
    for (int64_t i = 0; i < set->n_skipped; i++)
        pt__release(set->memory, set->skipped[i].text);
    pt__release(set->memory, set->classes);
    pt__release(set->memory, set->skipped);
    pt__release(set->memory, set->names);
    pt__release(set->memory, set->begins);
    pt__release(set->memory, set->pixels);
    pt__release(set->memory, set->labels);
    pt__release(set->memory, set->root);
    pthread_mutex_destroy(&set->lock);
    set->root = NULL;
}

pt_status_t pt__file_set_add_class(pt__file_set_t *set, const char *name)
{
    if (set->n_classes == INT32_MAX)
        return pt__fail(PT_ERR_UNSUPPORTED, "more than 2147483647 classes");
    PT__TRY(pt__grow(set->memory, &set->classes, &set->classes_capacity, set->n_classes + 1, sizeof *set->classes,
                     "classes of pictures"));
    PT__TRY(pt__string_copy(set->memory, name, &set->classes[set->n_classes]));
    set->n_classes++;
    return PT_OK;
}

pt_status_t pt__file_set_order_classes(pt__file_set_t *set, pt__classes_t *classes, int32_t names_are_numbers)
{
    if (set->labels == NULL)
        return PT_OK;
    PT__TRY(pt__classes_finish(classes, names_are_numbers));
    for (int64_t i = 0; i < classes->n_ordered; i++)
        PT__TRY(pt__file_set_add_class(set, pt__classes_name(classes, i)));
    for (int64_t i = 0; i < set->samples; i++)
        set->labels[i] = classes->list[set->labels[i]].place;
    return PT_OK;
}

static pt_status_t find_number(const char *path, const char *class, const char *const *names, int64_t count,
                               int32_t *number)
{
    for (int64_t i = 0; i < count; i++)
        if (strcmp(names[i], class) == 0) {
            *number = (int32_t)i;
            return PT_OK;
        }
    return pt__fail(PT_ERR_STATE,
                    "%s: its class \"%.200s\" is none of the %lld that are known, the first being \"%.200s\"", path,
                    class, (long long)count, names[0]);
}

pt_status_t pt__file_set_number(pt__file_set_t *set, const char *path, const char *const *names, int64_t count)
{
    int32_t *numbers;
    pt_status_t status;
    const int64_t found = set->n_classes;
    if (count < 1 || count > INT32_MAX)
        return pt__fail(PT_ERR_ARGUMENT, "%s: n_classes is %lld, expected at least 1", set->options, (long long)count);
    for (int64_t i = 0; i < count; i++)
        if (names[i] == NULL)
            return pt__fail(PT_ERR_ARGUMENT, "%s: classes[%lld] is NULL", set->options, (long long)i);
    if (set->labels == NULL)
        return PT_OK;
    PT__TRY(pt__allocate(set->memory, (size_t)found + 1, sizeof *numbers, "classes of pictures", &numbers));
    for (int64_t i = 0; i < found; i++)
        PT__TRY_OUT(find_number(path, set->classes[i], names, count, &numbers[i]));
    for (int64_t i = 0; i < set->samples; i++) /* a class without a name keeps its number */
        set->labels[i] = set->labels[i] < found ? numbers[set->labels[i]] : set->labels[i];
    while (set->n_classes > 0)
        pt__release(set->memory, set->classes[--set->n_classes]);
    for (int64_t i = 0; i < count; i++)
        PT__TRY_OUT(pt__file_set_add_class(set, names[i]));
out:
    pt__release(set->memory, numbers);
    return status;
}

static pt_status_t add_label(pt__file_set_t *set, int64_t sample, int32_t label)
{
    PT__TRY(pt__grow(set->memory, &set->labels, &set->labels_capacity, sample + 1, sizeof *set->labels,
                     "labels of pictures"));
    set->labels[sample] = label;
    return PT_OK;
}

pt_status_t pt__file_set_add_file(pt__file_set_t *set, const char *name, int32_t label)
{
    const int64_t length = (int64_t)strlen(name) + 1;
    PT__TRY(
        pt__grow(set->memory, &set->names, &set->names_capacity, set->names_length + length, 1, "names of pictures"));
    PT__TRY(pt__grow(set->memory, &set->begins, &set->begins_capacity, set->samples + 1, sizeof *set->begins,
                     "names of pictures"));
    if (label >= 0)
        PT__TRY(add_label(set, set->samples, label));
    memcpy(set->names + set->names_length, name, (size_t)length);
    set->begins[set->samples++] = set->names_length;
    set->names_length += length;
    return PT_OK;
}

/* One picture's pixels, side by side or a channel after the other, with as many channels as the set has. */
static void put_pixels(const pt__file_set_t *set, const uint8_t *from, int32_t channels, int32_t planes, uint8_t *to)
{
    const int64_t pixels = (int64_t)set->height * set->width;
    for (int64_t i = 0; i < pixels; i++, to += set->channels) {
        uint8_t color[3];
        for (int32_t c = 0; c < 3; c++)
            color[c] = channels == 1 ? from[i] : planes ? from[c * pixels + i] : from[3 * i + c];
        if (set->channels == 3)
            memcpy(to, color, 3);
        else
            *to = channels == 1 ? color[0] : pt__picture_gray(color);
    }
}

pt_status_t pt__file_set_add_pixels(pt__file_set_t *set, const uint8_t *pixels, int64_t count, int32_t channels,
                                    int32_t planes, const int32_t *labels)
{
    const int64_t area = (int64_t)set->height * set->width, bytes = area * set->channels;
    PT__TRY(pt__grow(set->memory, &set->pixels, &set->pixels_capacity, (set->samples + count) * bytes, 1,
                     "pixels of pictures"));
    for (int64_t i = 0; i < count; i++)
        put_pixels(set, pixels + i * area * channels, channels, planes, set->pixels + (set->samples + i) * bytes);
    for (int64_t i = 0; i < count && labels != NULL; i++)
        PT__TRY(add_label(set, set->samples + i, labels[i]));
    set->samples += count;
    return PT_OK;
}

void pt__file_set_root_above(pt__file_set_t *set)
{
    char *end = strrchr(set->root, '/');
    if (end == NULL)
        memcpy(set->root, ".", 2); /* a name has a byte at least */
    else
        end[end == set->root] = 0;
}

pt_status_t pt__file_set_path(const pt__file_set_t *set, int64_t sample, char *path)
{
    const char *name = set->names + set->begins[sample];
    return pt__path_join(name[0] == '/' ? "" : set->root, name[0] == '/' ? name + 1 : name, path, PT__PATH_SIZE);
}

/* ---- What is passed over ---- */

/* The place of the first that is not before this sample. Called with the lock. */
static int64_t place_of(const pt__file_set_t *set, int64_t sample)
{
    int64_t low = 0, high = set->n_skipped;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (set->skipped[middle].sample < sample)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static pt_status_t insert(pt__file_set_t *set, int64_t sample, const char *text)
{
    const int64_t at = sample < 0 ? set->n_skipped : place_of(set, sample);
    char *copy;
    if (sample >= 0 && at < set->n_skipped && set->skipped[at].sample == sample)
        return PT_OK; /* another thread found it at the same time */
    PT__TRY(pt__grow(set->memory, &set->skipped, &set->skipped_capacity, set->n_skipped + 1, sizeof *set->skipped,
                     "pictures that are passed over"));
    PT__TRY(pt__string_copy(set->memory, text, &copy));
    memmove(set->skipped + at + 1, set->skipped + at, (size_t)(set->n_skipped - at) * sizeof *set->skipped);
    set->skipped[at] = (pt__skipped_t){sample, copy};
    set->n_skipped++;
    return PT_OK;
}

pt_status_t pt__file_set_skip(pt__file_set_t *set, int64_t sample, const char *path, pt_status_t status)
{
    if (strncmp(pt__error_message(), path, strlen(path)) != 0) /* files' failures begin with it */
        pt__fail_within(status, "%s", path);
    if (set->is_strict || status == PT_ERR_MEMORY)
        return status;
    pthread_mutex_lock(&set->lock);
    status = insert(set, sample, pt__error_message());
    pthread_mutex_unlock(&set->lock);
    return status;
}

int32_t pt__file_set_is_skipped(pt__file_set_t *set, int64_t sample)
{
    pthread_mutex_lock(&set->lock);
    const int64_t at = place_of(set, sample);
    const int32_t is = at < set->n_skipped && set->skipped[at].sample == sample;
    pthread_mutex_unlock(&set->lock);
    return is;
}

int64_t pt__file_set_skipped_count(pt__file_set_t *set)
{
    pthread_mutex_lock(&set->lock);
    const int64_t count = set->n_skipped;
    pthread_mutex_unlock(&set->lock);
    return count;
}

const char *pt__file_set_skipped(pt__file_set_t *set, int64_t index)
{
    pthread_mutex_lock(&set->lock);
    const char *text = index < 0 || index >= set->n_skipped ? NULL : set->skipped[index].text;
    pthread_mutex_unlock(&set->lock);
    return text;
}
