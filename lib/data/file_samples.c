/* See file_samples.h. */
#include "data/file_samples.h"

#include <string.h>

#include "base/log.h"

static pt__file_set_t *set_of(const pt_dataset_t *dataset)
{
    return dataset->state;
}

int64_t pt__file_samples_class_count(const pt_dataset_t *dataset, const char *field)
{
    const pt__file_set_t *set = set_of(dataset);
    return set->labels != NULL && strcmp(field, "label") == 0 ? set->n_classes : 0;
}

const char *pt__file_samples_class_name(const pt_dataset_t *dataset, const char *field, int64_t index)
{
    return index < 0 || index >= pt__file_samples_class_count(dataset, field) ? NULL : set_of(dataset)->classes[index];
}

const char *pt__file_samples_name(const pt_dataset_t *dataset, int64_t sample)
{
    const pt__file_set_t *set = set_of(dataset);
    return set->pixels != NULL ? NULL : set->names + set->begins[sample];
}

int64_t pt__file_samples_skipped_count(const pt_dataset_t *dataset)
{
    return pt__file_set_skipped_count(set_of(dataset));
}

const char *pt__file_samples_skipped(const pt_dataset_t *dataset, int64_t index)
{
    return pt__file_set_skipped(set_of(dataset), index);
}

/* 0 in *is_good: it is broken, and has been noted. */
static pt_status_t try_file(pt_dataset_t *dataset, int64_t sample, char *path, pt__file_sample_fn *make, void *user,
                            int32_t *is_good)
{
    pt__file_set_t *set = set_of(dataset);
    *is_good = 0;
    if (pt__file_set_is_skipped(set, sample))
        return PT_OK;
    PT__TRY(pt__file_set_path(set, sample, path));
    pt_status_t status = make(dataset, sample, path, user);
    *is_good = status == PT_OK;
    if (status == PT_OK)
        return PT_OK;
    PT__TRY(pt__file_set_skip(set, sample, path, status));
    pt__log(dataset->context, PT_LOG_WARNING, "passed over: %s", pt__error_message());
    pt__error_clear();
    return PT_OK;
}

pt_status_t pt__file_samples_make(pt_dataset_t *dataset, int64_t *sample, char *path, pt__file_sample_fn *make,
                                  void *user)
{
    const int64_t first = *sample;
    do {
        int32_t is_good;
        PT__TRY(try_file(dataset, *sample, path, make, user, &is_good));
        if (is_good)
            return PT_OK;
        *sample = *sample + 1 < dataset->length ? *sample + 1 : 0;
    } while (*sample != first);
    const pt__file_set_t *set = set_of(dataset);
    return pt__fail(PT_ERR_FORMAT, "%s: none of its %lld %ss can be read, the first being %s", set->root,
                    (long long)dataset->length, set->noun, set->skipped[set->n_skipped - dataset->length].text);
}
