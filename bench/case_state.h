/* A case of the performance table: its network, data and optimizer, and a step of it. */
#ifndef BENCH_CASE_STATE_H
#define BENCH_CASE_STATE_H

#include "pretrain.h"

#include <stdio.h>

enum { BATCHES = 16, STRETCHES = 4096 };

typedef struct bench {
    const char *name;
    int layers, heads, width, vocabulary, positions; /* GPT */
    int batch, length;
    int staged;          /* through pt_pretrain */
    int kv_heads, inner; /* Llama; inner 0: GPT */
    int classes;         /* BERT with a classifier of so many; 0: a language model */
    int speech;          /* Deep Speech 2; 2: of samples of several lengths */
} bench_t;

typedef struct state {
    const bench_t *bench;
    pt_context_t *context;
    pt_model_t *model;
    pt_optimizer_t *optimizer;
    int64_t inputs, outputs; /* of linear and mlp */
    float *features[BATCHES], *target[BATCHES];
    int32_t *tokens[BATCHES], *labels[BATCHES];
    int64_t lengths[64], sample_lengths[BATCHES][64];
    pt_array_t values[BATCHES][2];
    double rates[STRETCHES], ends[STRETCHES];
    int n_rates;
    int64_t steps;
    double first_loss, last_loss;
} state_t;

/* Both end the program where they fail. */
void must(pt_status_t status, const char *what);
void *must_allocate(size_t count, size_t size);

/* `state` is zeroed. Ends the program, with a message, where there is no such case. */
void make_state(state_t *state, const char *name, int threads);
void free_state(state_t *state);
/* The loss of a step on batch `number`, of which a few go round. */
double step(state_t *state, int64_t number);
/* Network and data of a case with `speech`. */
void make_speech(state_t *state);
/* The next of a fixed sequence of random numbers. */
uint32_t draw(void);
/* All names, on one line. */
void print_cases(FILE *file);

#endif
