/* Tasks: each adds to a trunk the fields of a batch, the head, the loss and the metrics, and says what the engine
 * has to know of it. */
#ifndef PT__TASKS_H
#define PT__TASKS_H

#include "graph/derived.h"
#include "graph/graph.h"

struct pt__text;

/* How a masked language model's tokens are hidden: masking.h. */
typedef struct pt__masking {
    double probability, masked, random;
    int32_t mask_token; /* -1: none is known */
    int32_t whole_words;
} pt__masking_t;

/* As published models were trained, without a mask token: what a host that has a tokenizer names. */
extern const pt__masking_t pt__masking_published;

/* What the tasks on unlabelled sound ask for beside the share that is hidden (masking.probability). */
typedef struct pt__of_frames {
    int32_t span;  /* frames that are hidden together */
    int32_t loss;  /* masked_frames: PT_FRAMES_... */
    int32_t steps; /* contrastive: rows ahead */
    int32_t width; /* and of what is compared */
    double temperature;
    int32_t layers; /* data2vec: the last so many; 0: all */
    double decay;
} pt__of_frames_t;

/* What recognition's classes are, and what becomes of transcripts that are too long. */
typedef struct pt__alphabet {
    int32_t blank;     /* below 0: from the end */
    int32_t delimiter; /* the token between words; -1: none */
    int32_t infeasible, whole;
} pt__alphabet_t;

/* A task with what its options say: the union of all tasks', zero where a task has no such option. The structs that
 * hosts fill are each task's own. */
typedef struct pt__task_options {
    const char *task;       /* NULL: none */
    int64_t outputs;        /* classes or numbers a sample */
    int32_t pooling;        /* PT_POOL_...: how a text's rows become one */
    double label_smoothing; /* of a cross-entropy, in [0, 1) */
    double dropout;         /* before the head, in [0, 1) */
    /* [outputs] or NULL: of each class its weight in the loss; of masked_lm and recognition each token's kind,
     * PT_TOKEN_... */
    const float *per_output;
    pt__masking_t masking;
    pt__of_frames_t of_frames;
    pt__alphabet_t alphabet; /* of recognition */
    int32_t normalize;      /* embedding: to length 1 */
    double positive_weight; /* multi_label: times the loss of what holds */
    double mixup, cutmix;   /* classification: the alpha of each; 0: it is not done */
} pt__task_options_t;

/* A task: one file and one line in tasks.def. Its fields are the inputs that build adds. */
typedef struct pt__task {
    const char *name;        /* "causal_lm" */
    int32_t self_supervised; /* pt_pretrain accepts it */
    const pt__derived_t *derived;
    int32_t n_derived;
    /* int32, one of options.outputs classes a sample, or float32, a number for each: they can have names. NULL: none */
    const char *class_field;
    const char *generated_output; /* the scores of a sample's next token ... */
    const char *generated_field;  /* ... and the field that tokens are read from; NULL: it generates nothing */
    /* From the struct that hosts fill (NULL: its defaults), by its size; task stays. What the host gives for each
     * output comes as a checked view of [outputs], or of fewer, 0 behind; its data stays NULL where there is none. */
    pt_status_t (*read)(const void *options, pt__task_options_t *out, pt_array_t *per_output);
    /* Of the options that are the task's own; those of all are checked by pt__task_check. */
    pt_status_t (*check)(const pt__task_options_t *options);
    /* Finds the trunk's output "hidden" and adds inputs, the head's parameters, outputs, the loss (graph->loss) and
     * the metrics. */
    pt_status_t (*build)(const pt__task_options_t *options, pt_graph_t *graph);
} pt__task_t;

const pt__task_t *pt__task_find(const char *name); /* NULL: unknown, or name is NULL */
const pt__task_t *pt__task_at(int32_t index);      /* NULL past the last: for listing names in messages */

/* A host's choice, checked: options is the named task's own struct, or NULL. The caller releases *per_output, which
 * out->per_output points to (NULL: there are none). */
pt_status_t pt__task_choose(pt__memory_t *memory, const char *name, const void *options, pt__task_options_t *out,
                            float **per_output);
/* PT_ERR_ARGUMENT where an option is out of range or not one of the task's. *task: the task named; NULL where none
 * is. */
pt_status_t pt__task_check(const pt__task_options_t *options, const pt__task_t **task);

/* The options as a JSON object, and back: what files hold. Reading checks as pt__task_check does; options->task and
 * per_output point to what lives as long as the process, and to an array that the caller releases (NULL where
 * there is none). */
void pt__task_write(const pt__task_options_t *options, struct pt__text *text);
pt_status_t pt__task_read(pt__memory_t *memory, const char *json, int64_t length, pt__task_options_t *options,
                          float **per_output);
/* What is written there for PT_POOL_...: "mean". */
const char *pt__pooling_name(int32_t pooling);

#endif
