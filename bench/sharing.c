/* Two handles on the same weights (pt_model_share), each in a context of one thread: what each predicts a second by
 * itself and while the other does too, and whether they come to the same bits.
 *
 *   sharing [ROUNDS [SECONDS]]      medians of the rounds (9), of stretches of so many seconds (0.5) */
#include "case_state.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SAMPLES = 4, LENGTH = 64, CLASSES = 256, MOST_ROUNDS = 99 };

typedef struct reader {
    pt_model_t *model;
    double seconds, rate;
    float logits[SAMPLES * CLASSES];
} reader_t;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void predict(reader_t *reader)
{
    static const int64_t lengths[SAMPLES] = {LENGTH, LENGTH, LENGTH, LENGTH};
    static int32_t tokens[SAMPLES * LENGTH];
    const pt_array_t given = {
        .name = "tokens", .data = tokens, .lengths = (int64_t *)(uintptr_t)lengths, .dtype = PT_INT32};
    pt_array_t result = {.data = reader->logits, .capacity = SAMPLES * CLASSES, .dtype = PT_FLOAT32};
    must(pt_forward(reader->model, &given, 1, sizeof given, SAMPLES, "next_logits", &result), "forward");
}

static void *read_on(void *argument)
{
    reader_t *reader = argument;
    int64_t made = 0;
    predict(reader); /* plans and memory */
    const double begin = now();
    double end;
    do {
        predict(reader);
        made++;
        end = now();
    } while (end - begin < reader->seconds);
    reader->rate = (double)made / (end - begin);
    return NULL;
}

static void run(reader_t *readers, int count)
{
    pthread_t threads[2];
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, read_on, &readers[i]) != 0)
            abort();
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static int compare(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
    static const char config[] = "{\"model_type\": \"gpt2\", \"vocab_size\": 256, \"n_positions\": 64, \"n_embd\": 128,"
                                 " \"n_layer\": 4, \"n_head\": 4}";
    static reader_t readers[2];
    const long asked = argc > 1 ? atol(argv[1]) : 9;
    const int rounds = asked < 1 ? 1 : asked > MOST_ROUNDS ? MOST_ROUNDS : (int)asked;
    double ratios[2 * MOST_ROUNDS];
    int same = 1;
    pt_context_t *contexts[2];
    for (int i = 0; i < 2; i++) {
        pt_context_options_t options;
        must(pt_context_options_init(&options, sizeof options), "context");
        options.threads = 1;
        must(pt_context_create(&options, &contexts[i]), "context");
        readers[i].seconds = argc > 2 ? atof(argv[2]) : 0.5;
    }
    must(pt_model_create_from_config(contexts[0], config, sizeof config - 1, &readers[0].model), "model");
    must(pt_model_set_task(readers[0].model, PT_TASK_CAUSAL_LM, NULL), "task");
    must(pt_model_share(contexts[1], readers[0].model, &readers[1].model), "share");
    for (int round = 0; round < rounds; round++) {
        double alone[2];
        for (int i = 0; i < 2; i++) {
            run(&readers[i], 1);
            alone[i] = readers[i].rate;
        }
        run(readers, 2);
        for (int i = 0; i < 2; i++)
            ratios[2 * round + i] = readers[i].rate / alone[i];
        same &= memcmp(readers[0].logits, readers[1].logits, sizeof readers[0].logits) == 0;
    }
    qsort(ratios, (size_t)rounds * 2, sizeof *ratios, compare);
    printf("together to alone, median of %d: %.3f (least %.3f, most %.3f); %s bits\n", 2 * rounds, ratios[rounds],
           ratios[0], ratios[2 * rounds - 1], same ? "the same" : "OTHER");
    for (int i = 0; i < 2; i++) {
        pt_model_free(readers[i].model);
        pt_context_free(contexts[i]);
    }
    return same ? EXIT_SUCCESS : EXIT_FAILURE;
}
