/* One case of the performance table with libpretrain, in a process of its own; run.py starts it beside torch_case.py.
 *
 *   bench_case CASE SECONDS [THREADS [processor]]
 *                                        one line of JSON: first_step_at (the system's monotonic clock when the first
 *                                        step had ended), rates (steps a second of each stretch of the run), ends (the
 *                                        monotonic clock at their ends), losses, peak_bytes, start_bytes (resident
 *                                        before anything was made). "processor": seconds are
 *                                        those that the process had on a processor, for runs beside another
 *   bench_case turns CASE [THREADS]      a first step, then for each line "SECONDS" on standard input the rate of steps
 *                                        taken for so long, on a line of its own; the first line is for warming up
 *   bench_case peak [THREADS]            the measured peak of one core and of THREADS cores, in operations a second,
 *                                        and the memory's bandwidth, in bytes a second
 *   bench_case bandwidth BYTES...        one core's within arrays of so many bytes
 *   bench_case bits CASE [THREADS]       twenty steps, then a hash of all weights: equal at any number of threads
 *
 * SECONDS 0 makes the first step only. Written with the public interface alone, as a host would. */
#include "case_state.h"
#include "peak.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define STREAMED_BYTES 256e6 /* more than caches hold */

static clockid_t rate_clock = CLOCK_MONOTONIC; /* what rates are taken with */

static double seconds_of(clockid_t which)
{
    struct timespec time;
    clock_gettime(which, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double now(void)
{
    return seconds_of(rate_clock);
}

/* A line of the process' status, in bytes. 0: not there. */
static int64_t status_bytes(const char *key)
{
    char line[256];
    long kilobytes = 0;
    size_t length = strlen(key);
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, key, length) == 0 && sscanf(line + length, ": %ld", &kilobytes) == 1)
            break;
    if (file)
        fclose(file);
    return (int64_t)kilobytes * 1024;
}

/* The most memory that the process has had in the machine. */
static int64_t peak_bytes(void)
{
    int64_t bytes = status_bytes("VmHWM");
    if (bytes == 0) {
        struct rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        bytes = (int64_t)usage.ru_maxrss * 1024;
    }
    return bytes;
}

/* ---- Steps ---- */

static void keep_rate(state_t *state, double steps, double seconds)
{
    if (state->n_rates == STRETCHES)
        return;
    state->ends[state->n_rates] = seconds_of(CLOCK_MONOTONIC);
    state->rates[state->n_rates++] = steps / seconds;
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
            if (keep)
                keep_rate(state, (double)in_stretch, time - stretch_begin);
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
    if (time - watch->begin >= 0.5) /* the first stretches warm up */
        keep_rate(watch->state, (double)(event->step - watch->last_step), time - watch->last);
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
    must(pt_dataset_create_map(state->context, fields, 2, sizeof(pt_field_spec_t),
                               (int64_t)BATCHES * state->bench->batch, 0, fetch, state, NULL,
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

/* ---- The uses ---- */

static void print_list(const char *name, const double *values, int n)
{
    printf("\"%s\": [", name);
    for (int i = 0; i < n; i++)
        printf("%s%.9g", i > 0 ? ", " : "", values[i]);
    printf("]");
}

static int measure(const char *name, double seconds, int threads)
{
    static state_t state;
    int64_t start_bytes = status_bytes("VmRSS"); /* what program and library take before anything is made */
    make_state(&state, name, threads);
    pt_dataset_t *dataset = state.bench->staged ? make_dataset(&state) : NULL;
    state.first_loss = dataset ? first_of_stage(&state, dataset) : step(&state, 0);
    double first_step_at = seconds_of(CLOCK_MONOTONIC);
    state.last_loss = state.first_loss;
    if (seconds > 0 && dataset)
        run_stage(&state, dataset, seconds);
    else if (seconds > 0) {
        run_steps(&state, seconds < 2 ? seconds / 4 : 0.5, 0);
        run_steps(&state, seconds, 1);
    }
    printf(
        "{\"case\": \"%s\", \"first_step_at\": %.9f, \"first_loss\": %.7g, \"last_loss\": %.7g, \"peak_bytes\": %lld, "
        "\"start_bytes\": %lld, \"context_peak_bytes\": %lld, \"engine\": \"%s\", ",
        name, first_step_at, state.first_loss, state.last_loss, (long long)peak_bytes(), (long long)start_bytes,
        (long long)pt_context_peak_bytes(state.context), pt_context_describe(state.context));
    print_list("rates", state.rates, state.n_rates);
    printf(", ");
    print_list("ends", state.ends, state.n_rates);
    printf("}\n");
    pt_dataset_free(dataset);
    free_state(&state);
    return EXIT_SUCCESS;
}

/* Waits for its turn between stretches, so that two programs can have the machine by turns without starting again. */
static int turns(const char *name, int threads)
{
    static state_t state;
    double seconds;
    make_state(&state, name, threads);
    if (state.bench->staged) {
        fprintf(stderr, "turns: \"%s\" is one stage, which cannot wait\n", name);
        return EXIT_FAILURE;
    }
    state.first_loss = step(&state, 0);
    while (scanf("%lf", &seconds) == 1) {
        int64_t made = 0, look_every = 1;
        double begin = now(), time = begin;
        do {
            for (int64_t i = 0; i < look_every; i++)
                step(&state, ++state.steps);
            made += look_every;
            time = now();
            look_every = time - begin < 0.01 ? look_every * 2 : look_every;
        } while (time - begin < seconds);
        printf("%.9g %lld\n", (double)made / (time - begin), (long long)peak_bytes());
        fflush(stdout);
    }
    free_state(&state);
    return EXIT_SUCCESS;
}

static int bandwidth(int n, char **bytes)
{
    printf("{\"bandwidth\": [");
    for (int i = 0; i < n; i++)
        printf("%s[%s, %.6g]", i > 0 ? ", " : "", bytes[i], bandwidth_measure(1, atof(bytes[i]), 0.2));
    printf("]}\n");
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
        pt_array_t view = {.dtype = PT_FLOAT32, .data = values, .capacity = info.elements};
        must(pt_model_parameter_get(state.model, i, &view, sizeof view), "parameter");
        const unsigned char *bytes = (const unsigned char *)values;
        for (size_t j = 0; j < (size_t)info.elements * sizeof(float); j++)
            hash = (hash ^ bytes[j]) * 1099511628211u;
        free(values);
    }
    printf("{\"case\": \"%s\", \"threads\": %d, \"loss\": %.9g, \"hash\": \"%016llx\"}\n", name, threads,
           state.last_loss, (unsigned long long)hash);
    free_state(&state);
    return EXIT_SUCCESS;
}

static int usage(void)
{
    fputs("usage: bench_case CASE SECONDS [THREADS [processor]] | turns CASE [THREADS] | "
          "bits CASE [THREADS] | peak [THREADS] | bandwidth BYTES...\ncases:",
          stderr);
    print_cases(stderr);
    return EXIT_FAILURE;
}

static int peak(int threads)
{
    const double seconds = 0.2;
    printf("{\"threads\": %d, \"one\": %.6g, \"all\": %.6g, ", threads, peak_measure(1, seconds),
           peak_measure(threads, seconds));
    printf("\"bandwidth_one\": %.6g, \"bandwidth_all\": %.6g}\n", bandwidth_measure(1, STREAMED_BYTES, seconds),
           bandwidth_measure(threads, STREAMED_BYTES, seconds));
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "bandwidth") == 0)
        return bandwidth(argc - 2, argv + 2);
    if (strcmp(what, "peak") == 0)
        return peak(argc > 2 ? atoi(argv[2]) : 2);
    if (argc < 3)
        return usage();
    int threads = argc > 3 ? atoi(argv[3]) : 2;
    if (strcmp(what, "bits") == 0)
        return bits(argv[2], threads);
    if (strcmp(what, "turns") == 0)
        return turns(argv[2], threads);
    if (argc > 4 && strcmp(argv[4], "processor") == 0)
        rate_clock = CLOCK_PROCESS_CPUTIME_ID;
    else if (argc > 4)
        return usage();
    return measure(what, atof(argv[2]), threads);
}
