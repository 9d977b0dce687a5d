/* What the parts of the quickstart share: quickstart.c trains; quickstart_texts.c and quickstart_labels.c prepare the
 * texts; quickstart_report.c writes what came out as JSON and as a page. */
#ifndef QUICKSTART_H
#define QUICKSTART_H

#include <pretrain.h>
#include <stdint.h>
#include <stdio.h>

enum { MAX_CLASSES = 64, MAX_RUNS = 64, MAX_SAMPLE = 480 };

typedef struct curve {
    int64_t count, capacity;
    double *steps, *losses;
} curve_t;

typedef struct run { /* one fine-tuning */
    int pretrained;  /* 0: from scratch */
    int64_t seed;
    double loss, held_out_loss, accuracy, seconds;
    curve_t curve;
} run_t;

typedef struct quickstart {
    /* What was asked for. */
    const char *text, *labels, *out; /* NULL: the fortunes */
    double minutes;
    int64_t per_class, seeds, seed, threads, steps, finetune_steps, batch, length, layers, heads, width;
    double learning_rate, finetune_rate, scratch_rate;
    /* What came out. */
    const char *machine; /* one line from the library */
    char labels_path[4096], text_path[4096];
    int64_t classes, held_out, text_bytes, parameters;
    char class_names[MAX_CLASSES][64];
    double pretrain_loss, pretrain_held_out_loss, pretrain_seconds, tokens_per_second, seconds;
    int64_t peak_bytes;
    curve_t pretrain_curve;
    run_t runs[MAX_RUNS];
    int64_t n_runs;
    char sample[MAX_SAMPLE + 64];
} quickstart_t;

typedef struct texts {
    pt_dataset_t *all;      /* fields "tokens", cut at the model's length, and "label" */
    pt_dataset_t *held_out; /* as many of each class as there may be, at most 60 */
    int64_t *pool;          /* the others' numbers, class after class */
    int64_t pool_begin[MAX_CLASSES + 1];
} texts_t;

/* Writes what is to be trained on where the user gave none, and opens it. 0, or -1 after a message. */
int prepare(pt_context_t *context, quickstart_t *quickstart, texts_t *texts);
/* Opens the labelled texts and parts them; the same parts each time. */
int open_texts(pt_context_t *context, quickstart_t *quickstart, texts_t *texts);
/* per_class texts of each class, drawn by the seed from those that are not held out. */
pt_status_t draw_training(const quickstart_t *quickstart, const texts_t *texts, int64_t seed, pt_dataset_t **out);

/* Mean and standard error of the accuracy over the runs that began pretrained, or from scratch. */
void accuracy_of(const quickstart_t *quickstart, int pretrained, double *mean, double *standard_error);

/* The fortunes of the chosen categories as JSON lines {"text", "label"}, and further ones, without labels, as plain
 * text into `more`. 0, or -1 after a message. */
int write_fortunes(const char *labels_path, FILE *more);

/* report.json and report.html in quickstart->out. 0, or -1 after a message. */
int write_report(const quickstart_t *quickstart);

#endif
