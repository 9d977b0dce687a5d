/* A model as the stages see it: graphs, the store of what outlives a step, plans and their one arena.
 * lib/api/ checks arguments and calls what is declared here; nothing here checks for NULL. */
#ifndef PT__MODEL_H
#define PT__MODEL_H

#include "base/file.h"
#include "data/data.h"
#include "metrics/metrics.h"
#include "models/models.h"
#include "optim/optim.h"
#include "plan/plan.h"
#include "tasks/tasks.h"
#include "train/class_names.h"
#include "train/normalizations.h"
#include "train/store.h"

typedef struct pt__transfer { /* what became of a tensor name when weights were taken over */
    char *name;
    int32_t kind; /* PT_TRANSFER_... */
} pt__transfer_t;

typedef struct pt__report {
    pt__transfer_t *entries;
    int64_t count, capacity;
} pt__report_t;

typedef enum pt__mode { PT__MODE_TRAIN, PT__MODE_EVALUATE, PT__MODE_OUTPUT, PT__MODE_COUNT } pt__mode_t;

enum { PT__SHELVED = 3 }; /* plans of other outputs than the last one that are kept */

typedef struct pt__planned { /* a plan of each mode is kept, and a few of outputs; it grows when more rows come */
    pt__plan_t *plan;
    pt_tensor_t tensor; /* OUTPUT: which one it gives */
    pt__rows_t rows;    /* its capacity */
    uint64_t bound;     /* model->store.moves when its addresses were set; of the tensors at that time: */
    int32_t has_files, has_states;
} pt__planned_t;

typedef struct pt__requests { /* the fields that a mode reads, and where they go */
    pt__request_t *list;
    int32_t *input; /* [count] the graph's input each one fills */
    int32_t count;
    uint32_t lacking;                       /* bit i: derived field i is made (pt__requests_derived) */
    int32_t derived[PT__MAX_DERIVED];       /* the input that it fills; -1: it is not made */
    int32_t derived_from[PT__MAX_DERIVED];  /* the field in list that it is made from; -1: */
    int32_t derived_after[PT__MAX_DERIVED]; /* from this derived field */
} pt__requests_t;

/* What runs of a mode leave to be read: the loss, its weight, what the metrics read. */
enum { PT__MAX_TARGETS = 2 + PT__METRIC_SOURCES * PT__MAX_METRICS };
typedef struct pt__targets {
    pt_tensor_t list[PT__MAX_TARGETS]; /* PT_NO_TENSOR: not there */
    int32_t count;
} pt__targets_t;

typedef struct pt__derived_buffer {
    void *values;
    int64_t bytes;
} pt__derived_buffer_t;

typedef struct pt__plans { /* what plans.c keeps: all of them lie in one arena and read the same constants */
    int32_t recompute;     /* PT_RECOMPUTE_...: what is made again in the backward pass */
    pt__planned_t planned[PT__MODE_COUNT]; /* the last one used */
    pt__planned_t shelf[PT__SHELVED];      /* of other outputs, the last used first: they alternate at no cost */
    void *arena;                           /* the device's */
    int64_t arena_bytes;
    const void **constants;           /* [graph->n_constants] as kernels see them; NULL until a plan is bound */
    void *constant_block;             /* that holds them, on a device of its own memory */
    int32_t *offsets[PT__DIMENSIONS]; /* [offset_samples + 1] of each derived dimension, for the next run */
    int64_t offset_samples;
    pt__derived_buffer_t derived[PT__MAX_DERIVED]; /* fields that the task makes, for the next run */
} pt__plans_t;

typedef struct pt__pending { /* a step under way: sums over its micro-batches, and states as they were before it */
    double loss_sum, weight;
    int64_t accumulated; /* micro-batches */
    float *kept_state;   /* [kept_elements] of all states (running_state.c) */
    int64_t kept_elements;
    int32_t has_kept_state;
} pt__pending_t;

struct pt_model {
    pt_context_t *context;
    pt_graph_t *trunk;                   /* as described or as the family built it */
    pt_graph_t *graph;                   /* with the task's head and loss */
    const pt__family_t *family;          /* NULL: a host's network */
    char *config;                        /* JSON; NULL for a host's network */
    char *directory;                     /* where what else belongs to it stands: tokenizer, ...; NULL: nowhere */
    char *gguf;                          /* the GGUF file that it came from, with its tokenizer; NULL: none */
    pt__task_options_t task;             /* names live as long as the process */
    const pt__task_t *task_kind;         /* NULL: none */
    float *per_output;                   /* what task.per_output points to */
    pt__class_names_t class_names;       /* of the head; none with a task that has no classes */
    pt__class_names_t config_names;      /* those that config has: a head of as many outputs begins with them */
    pt__normalizations_t normalizations; /* of the trunk's fields */

    pt__store_t store; /* of the graph's parameters */
    pt__plans_t plans;
    pt__collector_t *collectors[PT__MODE_COUNT]; /* for values handed over directly; made when needed */
    pt__requests_t requests[PT__MODE_COUNT];
    pt_tensor_t requests_tensor;         /* OUTPUT: for which tensor */
    const void **inputs;                 /* [graph->n_inputs] addresses for the next run */
    double metrics[1 + PT__MAX_METRICS]; /* of the last evaluation: the loss, then graph->metrics */

    pt__pending_t pending;
    int64_t micro_steps; /* ever: the random state, with the seed */
    uint64_t seed;       /* the context's, or that of the checkpoint that was loaded */
    int64_t generations; /* texts that were continued without a seed of their own */

    atomic_int cancelled;
    int32_t busy; /* a stage runs: what a callback may not call gives PT_ERR_BUSY */
    int32_t free_when_idle;
    pt__report_t report; /* what the last transfer of weights did */
    char message[PT__MESSAGE_SIZE];
};

/* ---- model.c ---- */
pt_status_t pt__model_create(pt_context_t *context, const pt_graph_t *graph, const pt__family_t *family,
                             const char *config, pt_model_t **out);
void pt__model_free(pt_model_t *model);

/* ---- model_task.c ---- */
pt_status_t pt__model_set_task(pt_model_t *model, const pt__task_options_t *options);

/* ---- share.c ---- */
/* Another handle on the stored tensors of `source`, in a context whose device reads the same memory. */
pt_status_t pt__model_share(pt_context_t *context, pt_model_t *source, pt_model_t **out);

/* ---- model_config.c ---- */
/* A family's model from its configuration, JSON of `length` bytes. */
pt_status_t pt__model_from_config(pt_context_t *context, const char *json, int64_t length, pt_model_t **out);

/* ---- model_open.c ---- */
struct pt__file_tensors;
/* What a file of ours holds of the task; none where it holds none. The caller releases *per_output. path is for
 * messages. */
pt_status_t pt__saved_task(pt_context_t *context, const struct pt__file_tensors *file, const char *path,
                           pt__task_options_t *task, float **per_output);
/* From options only the place and PT_LOAD_MAPPED; the path may be a directory's. */
pt_status_t pt__model_open(pt_context_t *context, const char *path, const pt_load_options_t *options, pt_model_t **out);

/* ---- architecture.c: the head that a published configuration names ---- */
struct pt__json;
/* The task with its options; task NULL: none, or a head that no task here has. */
pt_status_t pt__architecture_task(const pt__family_t *family, const struct pt__json *config, pt__task_options_t *task);
/* Whether configurations have labels for the task. */
int32_t pt__architecture_has_labels(const char *task);
/* The family's class with this task's head (NULL: with none); NULL: it has none. */
const char *pt__architecture_class(const pt__family_t *family, const char *task);
/* Whether tensors of this name belong to heads, of whatever task. */
int32_t pt__architecture_is_head(const char *name);

/* ---- learnables.c ---- */
/* Names changed sets of learnables: after trainable flags, task or memory changed. */
pt_status_t pt__model_renew_learnables(pt_model_t *model);
/* Parameters whose names match learn or do not; *matched says how many match. A failure changes nothing. */
pt_status_t pt__model_set_trainable(pt_model_t *model, const char *pattern, int32_t trainable, int64_t *matched);
/* A stored tensor as an optimizer sees it. */
pt__learnable_t pt__stored_learnable(const pt__stored_t *stored);
/* Tells the graph in which dtypes its tensors stand after some have moved from or to a file; plans for others are
 * dropped. */
pt_status_t pt__model_renew_dtypes(pt_model_t *model);
/* The learnable parameters as an optimizer binds to them, with memory for values and gradients. */
pt_status_t pt__model_bind_optimizer(pt_model_t *model, pt_optimizer_t *optimizer);
/* The same where a state is about to be read of frozen parameters too: has_state [stored tensors], or NULL. */
pt_status_t pt__model_bind_optimizer_for(pt_model_t *model, pt_optimizer_t *optimizer, const int8_t *has_state);
/* What the optimizer keeps, or would keep, of all that learns; 0 without one. */
int64_t pt__model_slot_bytes(const pt_model_t *model, const pt_optimizer_t *optimizer);

/* ---- report.c ---- */
/* Puts an empty report in place of the last one, which the caller keeps for pt__report_end: that releases it, or after
 * a failure brings it back. */
pt__report_t pt__report_begin(pt_model_t *model);
void pt__report_end(pt_model_t *model, pt__report_t last, pt_status_t status);
void pt__report_release(pt_model_t *model);
pt_status_t pt__report_note(pt_model_t *model, const char *name, int32_t kind);

/* ---- transfer.c, weights.c ---- */
pt_status_t pt__transfer_copy(pt_model_t *model, const pt_model_t *source);
pt_status_t pt__weights_load(pt_model_t *model, const char *path, const pt_load_options_t *options);
/* The same from a file that is open (pt__place_open) and whose checksum is right; name is for messages. *file is NULL
 * afterwards where the model keeps it; otherwise it stays the caller's. */
pt_status_t pt__weights_take(pt_model_t *model, const char *name, const pt_load_options_t *options,
                             struct pt__file_tensors **file);
/* Gives the tensors of a file that is open the names that the model's family has for them, and its order of planes;
 * config is that of the file, NULL: none. */
pt_status_t pt__weights_rename(const pt_model_t *model, struct pt__file_tensors *file, const char *config);

/* ---- planes.c ---- */
/* Of a parameter whose rows are planes that are turned: the width of a head; 0: of any other. */
int64_t pt__planes_width(const pt_model_t *model, const char *name);
/* Whether a configuration says that they stand side by side; NULL says that they are halves, as Hugging Face's are. */
pt_status_t pt__planes_said(pt__memory_t *memory, const char *config, int32_t *side_by_side);
/* The configuration among a file's metadata; NULL: there is none. */
struct pt__tensors;
const char *pt__planes_config_of(const struct pt__tensors *table);
/* Puts an open file that this configuration describes in the model's order. */
pt_status_t pt__planes_fit(const pt_model_t *model, struct pt__file_tensors *file, const char *config);
/* The configuration of the same network whose planes are halves; released by the caller. */
pt_status_t pt__planes_config(pt__memory_t *memory, const char *config, char **out);

/* ---- requests.c ---- */
/* The tensors that a run of a mode leaves to be read, inputs that a metric reads among them. */
void pt__requests_targets(const pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, pt__targets_t *targets);
/* The fields that the task makes, then those that the family makes, in the order in which they are made; NULL past the
 * last. */
const pt__derived_t *pt__requests_derived(const pt_model_t *model, int32_t index);
/* Bit i: derived field i is made, if the data has no field at all ... */
uint32_t pt__requests_lacking(const pt_model_t *model, pt__mode_t mode);
/* ... which then need not be made because of a field that it has. */
void pt__requests_note_field(const pt_model_t *model, const char *name, uint32_t *lacking);
/* The fields that the mode reads from data that lacks some of the derived ones. A model without what the mode needs is
 * PT_ERR_STATE. */
pt_status_t pt__requests_find(pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, uint32_t lacking,
                              const pt__requests_t **out);
/* The field that fills a graph's input; its name is the caller's to release. */
pt_status_t pt__requests_describe(const pt_graph_t *graph, int64_t index, pt__request_t *request);
void pt__requests_release(pt__memory_t *memory, pt__requests_t *requests);

/* ---- plans.c ---- */
/* Makes the plan of this mode able to take so many rows. */
pt_status_t pt__plans_prepare(pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, const pt__rows_t *rows,
                              pt__plan_t **out);
/* What a plan of these sizes would take, TRAIN or EVALUATE, without making it the model's: bytes of its arena and
 * tables, operations of a run. */
typedef struct pt__measure {
    int64_t arena_bytes, table_bytes;
    double operations;
} pt__measure_t;
pt_status_t pt__plans_measure(const pt_model_t *model, pt__mode_t mode, const pt__rows_t *rows, pt__measure_t *measure);
void pt__plans_set_recompute(pt_model_t *model, int32_t recompute);
/* Plans, and what was made for handing values over. */
void pt__plans_drop(pt_model_t *model);
/* Plans and their memory, which otherwise only grow. */
void pt__plans_release(pt_model_t *model);
/* The graph's constants on the device, until the next run; before the graph goes. */
void pt__plans_release_constants(pt_model_t *model);
/* The graph's constants, model->plans.constants, for all plans: as they stand, where the device follows the host's
 * addresses, else uploaded. */
pt_status_t pt__plans_place_constants(pt_model_t *model);

/* ---- engine.c ---- */
/* Runs the mode's plan on a micro-batch that fits it. After a failure nothing that it wrote is of use: not its
 * targets, nor the gradients that it added to; the random state is as before. */
pt_status_t pt__engine_run(pt_model_t *model, pt__mode_t mode, const pt__requests_t *requests,
                           const pt__loaded_t *loaded);
/* A target of the mode's last run, with that run's sizes; one with a single float. */
pt_status_t pt__engine_read(const pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, void *dst);
pt_status_t pt__engine_read_scalar(const pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, double *value);
/* Whether training updates states from all rows of a run together, so that results depend on how a batch is cut. */
int32_t pt__engine_couples(const pt_model_t *model);
/* The most rows that one sample of this dataset can have for this model, in each dimension; 0 where nothing it reads
 * counts one. */
pt__rows_t pt__engine_sample_rows(const pt_model_t *model, const pt_dataset_t *dataset);
/* The fields that the mode reads of this dataset; and a loader of them. */
pt_status_t pt__engine_requests(pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, const pt_dataset_t *dataset,
                                const pt__requests_t **requests);
pt_status_t pt__engine_loader(pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, pt_dataset_t *dataset,
                              const pt__loader_options_t *options, const pt__cursor_t *start,
                              const pt__requests_t **requests, pt__loader_t **out);
/* Values handed over directly, checked; and the plan made ready for them. */
typedef struct pt__given {
    const pt_array_t *values; /* [count], `size` bytes from each to the next */
    int32_t count;
    uint32_t size;
    int64_t samples;
} pt__given_t;
pt_status_t pt__engine_take(pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, const pt__given_t *given,
                            const pt__requests_t **requests, pt__loaded_t *loaded);
/* The values of one of the mode's targets after a run: what the data filled is at hand, the rest is brought into
 * the buffer. */
pt_status_t pt__engine_values(const pt_model_t *model, pt__mode_t mode, const pt__requests_t *requests,
                              const pt__loaded_t *loaded, pt_tensor_t tensor, void *buffer, const void **values);
/* Loss and weight after a run of TRAIN or EVALUATE. Weight 0: no label counted, and the loss means nothing. */
pt_status_t pt__engine_loss(const pt_model_t *model, pt__mode_t mode, int64_t samples, double *loss, double *weight);

/* ---- running_state.c ---- */
/* Copies the states before a step's first micro-batch; what the step did to them holds from pt__state_commit on, and
 * is undone by pt__state_restore. */
pt_status_t pt__state_keep(pt_model_t *model);
void pt__state_commit(pt_model_t *model);
pt_status_t pt__state_restore(pt_model_t *model);
void pt__state_forget(pt_model_t *model);
/* The sums over the micro-batches so far. */
void pt__state_forget_accumulation(pt_model_t *model);

/* ---- step.c ---- */
/* Drops what was accumulated, and what it did to the states. */
pt_status_t pt__step_abandon(pt_model_t *model);
/* Forward and backward of one micro-batch that the plan has been prepared for, added to the accumulation; where that
 * fails the accumulation is forgotten. */
pt_status_t pt__step_accumulate(pt_model_t *model, const pt__requests_t *requests, const pt__loaded_t *loaded,
                                double *loss, double *weight);
/* The update from what was accumulated, which ends the accumulation. The optimizer is bound to the model. */
pt_status_t pt__step_update(pt_model_t *model, pt_optimizer_t *optimizer, const pt__horizon_t *horizon,
                            int32_t want_norm, pt__update_result_t *result);

/* ---- stages ---- */
pt_status_t pt__train(pt_model_t *model, pt_optimizer_t *optimizer, pt_dataset_t *dataset,
                      const pt_train_options_t *options, pt_train_result_t *result);
typedef struct pt__portion { /* what is loaded at a time */
    int64_t samples;         /* at most; 0 (where rows are given): no limit */
    int64_t rows;            /* at most in each ragged dimension; 0: by samples alone */
} pt__portion_t;
/* A loader over all samples once, in order, with a plan that has room for its batches; until it is closed. */
pt_status_t pt__pass_open(pt_model_t *model, pt__mode_t mode, pt_tensor_t tensor, pt_dataset_t *dataset,
                          pt__portion_t portion, const pt__requests_t **requests, pt__loader_t **loader);
/* The loader is freed by its close, or where a callback never returns. pt__pass_open has begun. */
void pt__pass_begin(pt__loader_t *loader);
void pt__pass_close(pt__loader_t *loader);
/* Also into model->metrics, which a failure leaves as they are. */
pt_status_t pt__evaluate(pt_model_t *model, pt_dataset_t *dataset, pt__portion_t portion, pt_evaluation_t *result);
/* A metric's place in model->metrics; -1: there is none of this name. "loss" is the first. */
int32_t pt__metric_index(const pt_model_t *model, const char *name);
const char *pt__metric_name(const pt_model_t *model, int32_t index);
int32_t pt__metric_direction(const pt_model_t *model, int32_t index);
pt_status_t pt__predict(pt_model_t *model, pt_dataset_t *dataset, pt_tensor_t output, int64_t batch,
                        pt__receiver_t *receiver);
/* The same of values handed over directly. */
pt_status_t pt__forward(pt_model_t *model, const pt__given_t *given, pt_tensor_t output, pt__receiver_t *receiver);
pt_status_t pt__estimate(pt_model_t *model, const pt_optimizer_t *optimizer, const pt__rows_t *rows,
                         pt_estimate_t *estimate);

/* ---- budget.c ---- */
/* A micro-batch: as the options say, or the most that the budget allows. PT_ERR_BUDGET says what would be needed. */
pt_status_t pt__budget_micro_batch(pt_model_t *model, const pt_optimizer_t *optimizer, const pt_dataset_t *dataset,
                                   const pt_train_options_t *options, pt__portion_t *micro_batch);
/* What the stage's evaluation loads at a time: as the options say, or as the training does. */
pt__portion_t pt__budget_evaluation(const pt_model_t *model, const pt_train_options_t *options,
                                    const pt__portion_t *micro_batch);

/* ---- checkpoint_write.c, checkpoint_read.c ---- */
typedef struct pt__progress { /* a stage's place, beside model and optimizer */
    pt__cursor_t cursor;
    int64_t samples; /* of the dataset; -1: a stream */
    uint64_t order;  /* stands for the order in which an epoch's samples come, apart from the seed */
    int64_t step;
    int64_t begin; /* updates that the optimizer had made before the stage */
    int64_t evaluations_without_gain;
    int32_t best_metric; /* place in model->metrics of the value that is meant by best */
    double best_value;   /* NaN: none yet */
    int64_t best_step;
    int64_t evaluated_step; /* of the last evaluation */
    float *best;            /* what the stage changes, as pt__store_copy_changing makes it; NULL: not kept */
} pt__progress_t;
/* Of the options only the place and PT_SAVE_TRAINED_ONLY: hashes stand for what is frozen. */
pt_status_t pt__checkpoint_write(pt_model_t *model, const pt_optimizer_t *optimizer, const pt__progress_t *progress,
                                 const char *path, const pt_save_options_t *options);
/* progress may be NULL. progress->best, where it is not NULL, is filled where the file has it. Without an optimizer
 * its state is left aside. Of the options only the place. */
pt_status_t pt__checkpoint_read(pt_model_t *model, pt_optimizer_t *optimizer, pt__progress_t *progress,
                                const char *path, const pt_load_options_t *options);
pt_status_t pt__weights_write(pt_model_t *model, const char *path, const pt_save_options_t *options);

/* ---- gguf_save.c, gguf_companions.c ---- */
/* As a GGUF file, whose matrices are of this dtype; 0: of that which each has. */
pt_status_t pt__gguf_save(pt_model_t *model, const char *path, const pt_save_options_t *options, int32_t dtype);
/* What belongs to the model, which has this configuration, as metadata. */
struct pt__gguf_metadata;
pt_status_t pt__gguf_companions(const pt_model_t *model, const char *config, struct pt__gguf_metadata *metadata);

/* ---- model_save.c, saved_config.c ---- */
/* In the format of the options. */
pt_status_t pt__model_save(pt_model_t *model, const char *path, const pt_save_options_t *options);
/* The config.json of a model whose class is this one and whose weights are written in this dtype; released by the
 * caller. */
pt_status_t pt__saved_config(const pt_model_t *model, const char *class, int32_t dtype, char **out);

/* ---- rotation.c: checkpoints in a directory ---- */
pt_status_t pt__rotation_path(const char *directory, int64_t step, char path[PT__PATH_SIZE]);
/* Takes the directory for one stage, making it where it is missing: no other stage, of whatever process, gets it
 * (PT_ERR_BUSY) until the caller gives *lock to pt__directory_unlock, also after a failure. Clears away what killed
 * writers left aside, and finds out whether files can be written there. */
pt_status_t pt__rotation_open(pt_context_t *context, const char *directory, int *lock);
/* Reads the newest checkpoint that is whole and fits; *found 0 where the directory holds none at all. Those that do not
 * are passed over with a log message, whatever is wrong with them. */
pt_status_t pt__rotation_resume(pt_model_t *model, pt_optimizer_t *optimizer, pt__progress_t *progress,
                                const char *directory, char path[PT__PATH_SIZE], int32_t *found);
/* PT_ERR_STATE where the directory holds checkpoints: a training that begins would be mixed up with that which left
 * them. */
pt_status_t pt__rotation_refuse_others(pt_context_t *context, const char *directory);
int32_t pt__rotation_has(const char *directory, int64_t step);
/* Removes the checkpoints of steps first to last where an older one is whole, and tells the log. */
void pt__rotation_drop(pt_context_t *context, const char *directory, int64_t first, int64_t last);
/* Of the checkpoints up to `step`, removes all but the newest `kept`. Later ones are damaged, or they would have
 * been resumed from. One that cannot be removed is a warning in the log, unless *has_told. */
pt_status_t pt__rotation_prune(pt_context_t *context, const char *directory, int64_t step, int64_t kept,
                               int32_t *has_told);

#endif
