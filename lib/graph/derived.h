/* Fields that are made on the host from others, for one micro-batch, where the data lacks them: by a task (labels,
 * masks) or by a family (segments). */
#ifndef PT__DERIVED_H
#define PT__DERIVED_H

#include "base/status.h"

struct pt_graph;

typedef struct pt__derivation {
    const void *from;       /* the other field's values, converted and checked */
    const int32_t *offsets; /* [samples + 1] of the other field's rows; NULL where they are not ragged */
    int64_t samples;
    int64_t limit; /* of a field that indexes: its values are below this */
    uint64_t key;  /* for random choices: from the seed and the micro-step while training, always the same otherwise */
    const void *options; /* the task's, pt__task_options_t; for a family NULL */
    const struct pt_graph *graph; /* with the task on it */
    int32_t is_training;
    int32_t *chosen; /* [samples + 1] where the field's rows are chosen ones (pt__graph_choose_dimension): to be filled
                      * with their offsets; else NULL */
} pt__derivation_t;

typedef struct pt__derived {
    const char *field;
    const char *from;    /* another field of the network, or the field itself: then what is made takes its place */
    const char *unless;  /* it is not made where the data has this field; NULL: it always is */
    int32_t for_outputs; /* also for a run that gives an output, not only for the loss */
    int32_t in_training_only;
    int32_t (*applies)(const void *options); /* whether these options want it at all; NULL: any do */
    pt_status_t (*check)(const void *options); /* whether the options allow it to be made; NULL: they do */
    void (*derive)(const pt__derivation_t *derivation, void *values); /* fills all rows of the field */
} pt__derived_t;

enum { PT__MAX_DERIVED = 6 }; /* derived fields of a task and a family together */

#endif
