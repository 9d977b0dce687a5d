/* Sound as a task on unlabelled frames sees it: the rows that a network makes of frames, which of them are hidden from
 * it, and what stood there.
 *
 * A network may have fewer rows than frames: row r stands for the frames from stride · r on, `stride` of them, the last
 * one repeated where the sample ends before. Spans of rows are hidden, and with them their frames, which become 0: what
 * normalised frames are on average. Of a sample's n rows max(1, round(probability · n / span)) spans are hidden, which
 * are not longer than the share that is asked for, neither overlap nor end behind the last row, and every such choice
 * is as likely as any other. What is drawn depends
 * on the derivation's key and the sample's frames alone, as for masked language models (masking.h). */
#ifndef PT__FRAME_SPANS_H
#define PT__FRAME_SPANS_H

#include "tasks/tasks.h"

/* The field that sound comes in, of a network of frames. */
#define PT__FRAMES "frames"

typedef struct pt__frame_rows {
    pt_tensor_t frames, hidden; /* float32 [frames, bins] and [rows, D] */
    int32_t frames_dimension, rows_dimension;
    int64_t bins, width, stride;
} pt__frame_rows_t;

/* Of the network's input "frames" and its output "hidden"; a status, with the task's name, where it is no such network.
 */
pt_status_t pt__frame_rows_find(const pt_graph_t *graph, const char *task, pt__frame_rows_t *rows);
/* How many rows a sample of so many frames has. */
int64_t pt__frame_rows_count(const pt_graph_t *graph, const pt__frame_rows_t *rows, int64_t frames);

/* Of options that tasks on frames do not have, none is given. */
pt_status_t pt__frame_rows_check(const pt__task_options_t *options);
/* The same, and probability from 0 to 1, span at least 1. */
pt_status_t pt__frame_spans_check(const pt__task_options_t *options);

/* Adds an input for the numbers of some rows, int32 of a dimension of its own, whose code is given. */
pt_tensor_t pt__frame_places(pt_graph_t *graph, const char *name, const pt__frame_rows_t *rows, int64_t *dimension);

/* Derived from "frames": "masked_places", those that are hidden; "masked_targets" float32 [the same dimension,
 * stride · bins], what stood there; and the frames as the network sees them. */
void pt__frame_spans_derive_places(const pt__derivation_t *derivation, void *values);
void pt__frame_spans_derive_targets(const pt__derivation_t *derivation, void *values);
void pt__frame_spans_derive_frames(const pt__derivation_t *derivation, void *values);
/* Of all rows: their numbers, and the frames that they stand for, float32 [the same dimension, stride · bins]. */
void pt__frame_rows_derive_places(const pt__derivation_t *derivation, void *values);
void pt__frame_rows_derive(const pt__derivation_t *derivation, void *values);
/* The frames as they are. */
void pt__frame_rows_copy(const pt__derivation_t *derivation, void *values);

#endif
