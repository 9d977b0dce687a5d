/* One case of the performance table with libpretrain, in a process of its own; run.py starts it beside torch_case.py.
 *
 *   bench_case CASE SECONDS [THREADS]    one line of JSON: first_step_at (the system's monotonic clock when the
 *                                        first step had
 *                                        ended), rates (steps a second of each stretch of the run), losses, peak_bytes
 *   bench_case peak [THREADS]            the measured peak of one core and of THREADS cores, in operations a second
 *   bench_case bits CASE [THREADS]       twenty steps, then a hash of all weights: equal at any number of threads
 *
 * SECONDS 0 makes the first step only. Written with the public interface alone, as a host would. */
#include "peak.h"
#include "pretrain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { BATCHES = 16, STRETCHES = 4096 };

typedef struct bench {
    const char *name;
    int layers, heads, width, vocabulary, positions; /* GPT */
    int batch, length;
    int staged; /* through pt_pretrain */
} bench_t;

static const bench_t benches[] = {
    {"linear", 0, 0, 0, 0, 0, 64, 0, 0},
    {"linear-stage", 0, 0, 0, 0, 0, 64, 0, 1},
    {"mlp", 0, 0, 0, 0, 0, 64, 0, 0},
    {"gpt-4x128", 4, 4, 128, 65, 64, 12, 64, 0},
    {"gpt-6x384", 6, 6, 384, 65, 256, 8, 256, 0},
    {"gpt2-4x64", 12, 12, 768, 50257, 1024, 4, 64, 0},
    {"gpt2-1x1024", 12, 12, 768, 50257, 1024, 1, 1024, 0},
};

typedef struct state {
    const bench_t *bench;
    pt_context_t *context;
    pt_model_t *model;
    pt_optimizer_t *optimizer;
    int64_t inputs, outputs; /* of linear and mlp */
    float *features[BATCHES], *target[BATCHES];
    int32_t *tokens[BATCHES], *labels[BATCHES];
    int64_t lengths[64];
    double rates[STRETCHES];
    int n_rates;
    int64_t steps;
    double first_loss, last_loss;
} state_t;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void must(pt_status_t status, const char *what)
{
    if (status == PT_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, pt_status_name(status), pt_last_error());
    exit(EXIT_FAILURE);
}

static void *must_allocate(size_t count, size_t size)
{
    void *block = calloc(count, size);
    if (!block) {
        fputs("out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return block;
}

/* The most memory that the process has had in the machine. */
static int64_t peak_bytes(void)
{
    char line[256];
    long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %ld", &kilobytes) == 1)
            break;
    if (file)
        fclose(file);
    if (kilobytes == 0) {
        struct rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        kilobytes = usage.ru_maxrss;
    }
    return (int64_t)kilobytes * 1024;
}

static uint32_t draw(void)
{
    static uint64_t random_state = 88172645463325252u;
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32);
}

/* ---- The networks and their data ---- */

static void make_network(state_t *state)
{
    pt_graph_t *graph;
    int classes = strcmp(state->bench->name, "mlp") == 0;
    state->inputs = classes ? 784 : 10;
    state->outputs = classes ? 10 : 1;
    must(pt_graph_create(state->context, &graph), "graph");
    pt_tensor_t features = pt_input(graph, "features", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, state->inputs});
    if (classes) {
        pt_tensor_t label = pt_input(graph, "label", PT_INT32, 1, (int64_t[]){PT_DIM_BATCH});
        pt_tensor_t hidden = pt_linear_layer(graph, "0", features, 256, PT_ACTIVATION_RELU);
        pt_tensor_t logits = pt_linear_layer(graph, "2", hidden, 10, PT_ACTIVATION_NONE);
        pt_graph_set_loss(graph, pt_cross_entropy_loss(graph, logits, label, NULL));
    } else {
        pt_tensor_t target = pt_input(graph, "target", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 1});
        pt_tensor_t prediction = pt_linear_layer(graph, "linear", features, 1, PT_ACTIVATION_NONE);
        pt_graph_set_loss(graph, pt_mse_loss(graph, prediction, target));
    }
    must(pt_model_create(state->context, graph, &state->model), "model");
    pt_graph_free(graph);
    for (int i = 0; i < BATCHES; i++) {
        size_t samples = (size_t)state->bench->batch;
        state->features[i] = must_allocate(samples * (size_t)state->inputs, sizeof(float));
        state->target[i] = must_allocate(samples, sizeof(float));
        state->labels[i] = must_allocate(samples, sizeof(int32_t));
        for (size_t j = 0; j < samples * (size_t)state->inputs; j++)
            state->features[i][j] = (float)(draw() % 2048) / 1024.0f - (classes ? 0.0f : 1.0f);
        for (size_t j = 0; j < samples; j++) {
            state->target[i][j] = (float)(draw() % 2048) / 1024.0f - 1.0f;
            state->labels[i][j] = (int32_t)(draw() % 10);
        }
    }
}

static void make_gpt(state_t *state)
{
    const bench_t *bench = state->bench;
    char config[512];
    pt_task_options_t task;
    int length = snprintf(config, sizeof config,
                          "{\"model_type\": \"gpt2\", \"vocab_size\": %d, \"n_positions\": %d, \"n_embd\": %d, "
                          "\"n_layer\": %d, \"n_head\": %d,"
                          " \"resid_pdrop\": 0, \"embd_pdrop\": 0, \"attn_pdrop\": 0}",
                          bench->vocabulary, bench->positions, bench->width, bench->layers, bench->heads);
    must(pt_model_create_from_config(state->context, config, (size_t)length, &state->model), "model");
    must(pt_task_options_init(&task, sizeof task), "task");
    task.task = PT_TASK_CAUSAL_LM;
    must(pt_model_set_task(state->model, &task), "task");
    for (int i = 0; i < bench->batch; i++)
        state->lengths[i] = bench->length;
    for (int i = 0; i < BATCHES; i++) {
        size_t count = (size_t)(bench->batch * bench->length);
        state->tokens[i] = must_allocate(count, sizeof(int32_t));
        state->labels[i] = must_allocate(count, sizeof(int32_t));
        for (size_t j = 0; j < count; j++)
            state->tokens[i][j] = (int32_t)(draw() % (uint32_t)bench->vocabulary);
        for (size_t j = 0; j < count; j++) /* the next token; each sample's last one gets the next sample's first */
            state->labels[i][j] = state->tokens[i][(j + 1) % count];
    }
}

static void make_optimizer(state_t *state)
{
    const bench_t *bench = state->bench;
    pt_optimizer_options_t options;
    must(pt_optimizer_options_init(&options, sizeof options), "optimizer");
    if (bench->layers > 0) {
        options.kind = PT_OPTIMIZER_ADAMW;
        options.flags = PT_OPTIMIZER_DECAY_MATRICES;
        options.learning_rate = bench->width < 768 ? 1e-3 : 1e-4;
        options.weight_decay = 0.1;
        options.beta2 = 0.99;
    } else {
        options.kind = PT_OPTIMIZER_SGD;
        options.learning_rate = 0.01;
        options.momentum = strcmp(bench->name, "mlp") == 0 ? 0.9 : 0.0;
    }
    must(pt_optimizer_create(state->context, &options, &state->optimizer), "optimizer");
}

static void make_state(state_t *state, const char *name, int threads)
{
    pt_context_options_t options;
    for (size_t i = 0; i < sizeof benches / sizeof benches[0]; i++)
        if (strcmp(benches[i].name, name) == 0)
            state->bench = &benches[i];
    if (!state->bench) {
        fprintf(stderr, "no case \"%s\"\n", name);
        exit(EXIT_FAILURE);
    }
    must(pt_context_options_init(&options, sizeof options), "context");
    options.threads = threads;
    options.seed = 1;
    must(pt_context_create(&options, &state->context), "context");
    if (state->bench->layers > 0)
        make_gpt(state);
    else
        make_network(state);
    make_optimizer(state);
}

/* ---- Steps ---- */

static double step(state_t *state, int64_t number)
{
    int i = (int)(number % BATCHES);
    pt_value_t values[2];
    pt_step_result_t result = {.struct_size = sizeof result};
    if (state->bench->layers > 0) {
        values[0] = (pt_value_t){
            .name = "tokens", .data = state->tokens[i], .lengths = state->lengths, .dtype = PT_INT32};
        values[1] = (pt_value_t){
            .name = "labels", .data = state->labels[i], .lengths = state->lengths, .dtype = PT_INT32};
    } else {
        values[0] = (pt_value_t){.name = "features", .data = state->features[i], .dtype = PT_FLOAT32};
        values[1] = state->outputs > 1 ? (pt_value_t){.name = "label", .data = state->labels[i], .dtype = PT_INT32}
                                       : (pt_value_t){.name = "target", .data = state->target[i], .dtype = PT_FLOAT32};
    }
    must(pt_train_step(state->model, state->optimizer, values, 2, state->bench->batch, 0, &result), "step");
    return result.loss;
}

/* Steps until `seconds` have gone by, in stretches of about a quarter of a second; keeps their rates where `keep`. */
static void run_steps(state_t *state, double seconds, int keep)
{
    double begin = now(), stretch_begin = begin;
    int64_t in_stretch = 0, look_every = 1, until_look = 1, least = keep ? 5 : 1;
    for (int64_t made = 0;;) {
        state->last_loss = step(state, ++state->steps);
        in_stretch++;
        made++;
        if (--until_look > 0)
            continue;
        double time = now();
        look_every = time - stretch_begin < 0.01 ? look_every * 2
                                                 : look_every; /* small steps: look at the clock rarely */
        until_look = look_every;
        if (time - stretch_begin >= 0.25) {
            if (keep && state->n_rates < STRETCHES)
                state->rates[state->n_rates++] = (double)in_stretch / (time - stretch_begin);
            stretch_begin = time;
            in_stretch = 0;
            look_every = 1 + look_every / 4;
            if (made >= least && time - begin >= seconds)
                return;
        }
    }
}

/* ---- The same through a stage, with a map-style callback ---- */

static void fetch(void *user, pt_batch_t *batch)
{
    state_t *state = user;
    float *features = batch->fields[0].data, *target = batch->fields[1].data;
    for (int64_t i = 0; i < batch->capacity; i++) {
        int64_t place = batch->indices[i] / state->bench->batch, row = batch->indices[i] % state->bench->batch;
        memcpy(features + i * state->inputs, state->features[place] + row * state->inputs,
               (size_t)state->inputs * sizeof(float));
        target[i] = state->target[place][row];
    }
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

typedef struct watch {
    state_t *state;
    double begin, last;
    int64_t last_step;
    double seconds;
} watch_t;

static void on_event(void *user, pt_event_t *event)
{
    watch_t *watch = user;
    double time = now();
    event->action = PT_ACTION_GO_ON;
    if (event->kind != PT_EVENT_STEP || time - watch->last < 0.25)
        return;
    if (time - watch->begin >= 0.5 && watch->state->n_rates < STRETCHES) /* the first stretches warm up */
        watch->state->rates[watch->state->n_rates++] = (double)(event->step - watch->last_step) / (time - watch->last);
    watch->last = time;
    watch->last_step = event->step;
    watch->state->last_loss = event->loss;
    if (time - watch->begin >= watch->seconds + 0.5)
        event->action = PT_ACTION_STOP;
}

static pt_dataset_t *make_dataset(state_t *state)
{
    const pt_field_spec_t fields[] = {
        {.name = "features", .dtype = PT_FLOAT32, .rank = 1, .shape = {state->inputs}},
        {.name = "target", .dtype = PT_FLOAT32, .rank = 1, .shape = {1}},
    };
    pt_dataset_t *dataset;
    must(pt_dataset_create_map(state->context, fields, 2, (int64_t)BATCHES * state->bench->batch, 0, fetch, state, NULL,
                               &dataset),
         "dataset");
    return dataset;
}

static double first_of_stage(state_t *state, pt_dataset_t *dataset)
{
    pt_train_options_t options;
    pt_train_result_t result = {.struct_size = sizeof result};
    must(pt_train_options_init(&options, sizeof options), "options");
    options.steps = 1;
    options.batch = state->bench->batch;
    must(pt_pretrain(state->model, state->optimizer, dataset, &options, &result), "pt_pretrain");
    return result.loss;
}

static void run_stage(state_t *state, pt_dataset_t *dataset, double seconds)
{
    pt_train_options_t options;
    double begin = now();
    watch_t watch = {.state = state, .begin = begin, .last = begin, .seconds = seconds};
    must(pt_train_options_init(&options, sizeof options), "options");
    options.steps = INT64_C(1) << 40;
    options.batch = state->bench->batch;
    options.event_every = 1000;
    options.event = on_event;
    options.event_user = &watch;
    pt_status_t status = pt_pretrain(state->model, state->optimizer, dataset, &options, NULL);
    if (status != PT_ERR_CANCELLED) /* how a stage that its host stopped may end */
        must(status, "pt_pretrain");
}

/* ---- The three uses ---- */

static int measure(const char *name, double seconds, int threads)
{
    static state_t state;
    make_state(&state, name, threads);
    pt_dataset_t *dataset = state.bench->staged ? make_dataset(&state) : NULL;
    state.first_loss = dataset ? first_of_stage(&state, dataset) : step(&state, 0);
    double first_step_at = now();
    state.last_loss = state.first_loss;
    if (seconds > 0 && dataset)
        run_stage(&state, dataset, seconds);
    else if (seconds > 0) {
        run_steps(&state, seconds < 2 ? seconds / 4 : 0.5, 0);
        run_steps(&state, seconds, 1);
    }
    printf(
        "{\"case\": \"%s\", \"first_step_at\": %.9f, \"first_loss\": %.7g, \"last_loss\": %.7g, \"peak_bytes\": %lld, "
        "\"context_peak_bytes\": %lld, \"engine\": \"%s\", \"rates\": [",
        name, first_step_at, state.first_loss, state.last_loss, (long long)peak_bytes(),
        (long long)pt_context_peak_bytes(state.context), pt_context_describe(state.context));
    for (int i = 0; i < state.n_rates; i++)
        printf("%s%.6g", i > 0 ? ", " : "", state.rates[i]);
    printf("]}\n");
    pt_dataset_free(dataset);
    pt_optimizer_free(state.optimizer);
    pt_model_free(state.model);
    pt_context_free(state.context);
    return EXIT_SUCCESS;
}

static int bits(const char *name, int threads)
{
    static state_t state;
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    make_state(&state, name, threads);
    for (int64_t i = 0; i < 20; i++)
        state.last_loss = step(&state, i);
    for (int64_t i = 0; i < pt_model_parameter_count(state.model); i++) {
        pt_parameter_info_t info = {.struct_size = sizeof info};
        must(pt_model_parameter_info(state.model, i, &info), "parameter");
        float *values = must_allocate((size_t)info.elements, sizeof(float));
        must(pt_model_parameter_get(state.model, i, values, info.elements), "parameter");
        const unsigned char *bytes = (const unsigned char *)values;
        for (size_t j = 0; j < (size_t)info.elements * sizeof(float); j++)
            hash = (hash ^ bytes[j]) * 1099511628211u;
        free(values);
    }
    printf("{\"case\": \"%s\", \"threads\": %d, \"loss\": %.9g, \"hash\": \"%016llx\"}\n", name, threads,
           state.last_loss, (unsigned long long)hash);
    pt_optimizer_free(state.optimizer);
    pt_model_free(state.model);
    pt_context_free(state.context);
    return EXIT_SUCCESS;
}

static int usage(void)
{
    fputs(
        "usage: bench_case CASE SECONDS [THREADS] | bench_case peak [THREADS] | bench_case bits CASE [THREADS]\ncases:",
        stderr);
    for (size_t i = 0; i < sizeof benches / sizeof benches[0]; i++)
        fprintf(stderr, " %s", benches[i].name);
    fputs("\n", stderr);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "peak") == 0) {
        int threads = argc > 2 ? atoi(argv[2]) : 2;
        double one = peak_measure(1, 0.5);
        printf("{\"threads\": %d, \"one\": %.6g, \"all\": %.6g}\n", threads, one, peak_measure(threads, 0.5));
        return EXIT_SUCCESS;
    }
    if (argc < 3)
        return usage();
    int threads = argc > 3 ? atoi(argv[3]) : 2;
    if (strcmp(argv[1], "bits") == 0)
        return bits(argv[2], threads);
    return measure(argv[1], atof(argv[2]), threads);
}
