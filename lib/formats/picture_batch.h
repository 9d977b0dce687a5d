/* What CIFAR's pickled files hold: a dict of an array of bytes and lists, as numpy and Python write them. Nothing is
 * called. */
#ifndef PT__PICTURE_BATCH_H
#define PT__PICTURE_BATCH_H

#include "base/memory.h"

/* "data", an array of bytes [count, width], and "labels" or "fine_labels", whole numbers of it, into blocks that the
 * caller releases. */
pt_status_t pt__picture_batch_rows(pt__memory_t *memory, const uint8_t *bytes, int64_t size, int64_t width,
                                   uint8_t **rows, int32_t **labels, int64_t *count);
/* "label_names" or "fine_label_names": strings end to end, a 0 behind each. */
pt_status_t pt__picture_batch_names(pt__memory_t *memory, const uint8_t *bytes, int64_t size, char **names,
                                    int64_t *count);

#endif
