/* Generators: prompts in a batch, streams, stop sequences, scores, draws; what ends a run, and what may be done
 * meanwhile. */
#include <math.h>

#include "support/failing_allocator.h"
#include "support/networks.h"
#include "train/model.h"
#include "support/views.h"

enum { COUNT = 20, PROMPTS = 40 };

/* A model that has learned to count: 0 1 2 ... 16 0 1 ... */
static pt_model_t *counting_model(pt_context_t *context, int steps)
{
    static int32_t tokens[12 * 17];
    static int64_t lengths[17];
    pt_model_t *model = network_gpt(context);
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-2);
    for (int32_t i = 0; i < 17; i++) {
        lengths[i] = 12;
        for (int32_t k = 0; k < 12; k++)
            tokens[i * 12 + k] = (i + k) % 17;
    }
    pt_array_t value = {.name = "tokens", .data = tokens, .lengths = lengths, .dtype = PT_INT32};
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    for (int step = 0; step < steps; step++)
        ck_ok(pt_train_step(model, optimizer, &value, 1, sizeof(pt_array_t), 17, 0, NULL));
    pt_optimizer_free(optimizer);
    return model;
}

static pt_generate_options_t with(double temperature, uint64_t seed)
{
    pt_generate_options_t options;
    ck_ok(pt_generate_options_init(&options, sizeof options));
    options.count = COUNT;
    options.temperature = temperature;
    options.seed = seed;
    return options;
}

/* Prompts of 1 to 5 tokens that count on from their number. */
static void begin(pt_generator_t *generator, int64_t first, int64_t prompts)
{
    int32_t tokens[PROMPTS * 5];
    int64_t lengths[PROMPTS], at = 0;
    for (int64_t i = 0; i < prompts; i++) {
        lengths[i] = 1 + (first + i) % 5;
        for (int64_t k = 0; k < lengths[i]; k++)
            tokens[at++] = (int32_t)((first + i + k) % 17);
    }
    ck_ok(begin_prompts(generator, tokens, lengths, prompts));
}

static int32_t read_text(const pt_generator_t *generator, int64_t prompt, int32_t *tokens, float *scores,
                         int64_t expected)
{
    int64_t count;
    int32_t reason;
    ck_ok(read_tokens(generator, prompt, tokens, scores, COUNT, &count, &reason));
    ck_assert_int_eq(count, expected);
    return reason;
}

START_TEST(test_a_batch_is_its_prompts)
{
    pt_context_t *context = network_context(2, 4);
    pt_model_t *model = counting_model(context, 150);
    pt_generate_options_t options = with(0, 0);
    pt_generator_t *generator;
    int32_t tokens[COUNT];
    float scores[COUNT];
    int64_t live, steps = 1, count;
    ck_ok(pt_generator_create(model, &options, &generator));
    begin(generator, 0, PROMPTS); /* more than are read together */
    ck_ok(pt_generator_step(generator, &live));
    for (; live > 0; steps++) {
        ck_assert_int_eq(live, PROMPTS);
        ck_ok(pt_generator_step(generator, &live));
    }
    ck_assert_int_eq(steps, COUNT);
    for (int64_t i = 0; i < PROMPTS; i++) {
        ck_assert_int_eq(read_text(generator, i, tokens, scores, COUNT), PT_GENERATED_COUNT);
        for (int64_t k = 0; k < COUNT; k++) {
            ck_assert_int_eq(tokens[k], (i + 1 + i % 5 + k) % 17);
            ck_assert(scores[k] <= 0 && scores[k] > -5);
        }
    }
    /* one as of the batch */
    ck_ok(generate_tokens(model, (int32_t[]){3, 4, 5, 6}, 4, &options, tokens, COUNT, &count));
    int32_t other[COUNT];
    read_text(generator, 3, other, NULL, COUNT);
    ck_assert_mem_eq(tokens, other, sizeof tokens);
    pt_generator_free(generator);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* The score of each token is what pt_forward's logits say. */
START_TEST(test_scores)
{
    pt_context_t *context = network_context(1, 4);
    pt_model_t *model = counting_model(context, 3);
    pt_generate_options_t options = with(1.5, 5);
    pt_generator_t *generator;
    int32_t text[4 + 6] = {3, 4, 5, 6};
    float scores[6], logits[17];
    options.count = 6;
    options.top_k = 9;
    ck_ok(pt_generator_create(model, &options, &generator));
    ck_ok(begin_prompts(generator, text, (int64_t[]){4}, 1));
    ck_ok(pt_generator_run(generator, NULL, NULL));
    ck_ok(read_tokens(generator, 0, text + 4, scores, 6, NULL, NULL));
    for (int64_t k = 0; k < 6; k++) {
        const int64_t length = 4 + k;
        const pt_array_t value = {.name = "tokens", .data = text, .lengths = view_data(&length), .dtype = PT_INT32};
        double total = 0;
        ck_ok(forward_floats(model, &value, 1, 1, "next_logits", logits, 17, NULL));
        for (int i = 0; i < 17; i++)
            total += exp((double)logits[i]);
        ck_assert_double_eq_tol((double)scores[k], log(exp((double)logits[text[length]]) / total), 1e-5);
    }
    pt_generator_free(generator);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

static void generate(pt_model_t *model, const pt_generate_options_t *options, int32_t tokens[COUNT])
{
    int64_t count;
    ck_ok(generate_tokens(model, (int32_t[]){3, 4, 5, 6}, 4, options, tokens, COUNT, &count));
    ck_assert_int_eq(count, COUNT);
}

/* Seeds: given, they decide; left to the context, its seed does, and each call draws anew. */
START_TEST(test_draws)
{
    pt_context_t *context = network_context(1, 4), *elsewhere = network_context(1, 5), *again = network_context(1, 4);
    pt_model_t *model = counting_model(context, 3), *other = counting_model(elsewhere, 3);
    pt_model_t *same = counting_model(again, 3);
    pt_generate_options_t options = with(1, 0);
    int32_t first[COUNT], second[COUNT], third[COUNT];
    ck_ok(pt_model_copy(other, model));
    generate(model, &options, first);
    generate(model, &options, second);
    generate(other, &options, third);
    ck_assert_mem_ne(first, second, sizeof first);
    ck_assert_mem_ne(first, third, sizeof first);
    generate(same, &options, third); /* the same program again */
    ck_assert_mem_eq(first, third, sizeof first);
    options.seed = 7;
    generate(model, &options, first);
    generate(model, &options, second);
    generate(other, &options, third);
    ck_assert_mem_eq(first, second, sizeof first);
    ck_assert_mem_eq(first, third, sizeof first);
    /* A text draws for itself: its neighbours may go or come. */
    pt_generator_t *generators[2];
    for (int i = 0; i < 2; i++) {
        ck_ok(pt_generator_create(model, &options, &generators[i]));
        begin(generators[i], 0, i == 0 ? 3 : 7);
        ck_ok(pt_generator_run(generators[i], NULL, NULL));
    }
    for (int64_t i = 0; i < 3; i++) {
        read_text(generators[0], i, first, NULL, COUNT);
        read_text(generators[1], i, second, NULL, COUNT);
        ck_assert_mem_eq(first, second, sizeof first);
    }
    begin(generators[0], 1, 1); /* the same prompt in another place is another text */
    ck_ok(pt_generator_run(generators[0], NULL, NULL));
    read_text(generators[0], 0, second, NULL, COUNT);
    read_text(generators[1], 1, first, NULL, COUNT);
    ck_assert_mem_ne(first, second, sizeof first);
    for (int i = 0; i < 2; i++)
        pt_generator_free(generators[i]);
    options.seed = 0;
    for (int i = 0; i < 2; i++) {
        ck_ok(pt_generator_create(model, &options, &generators[i]));
        begin(generators[i], 0, 1);
        ck_ok(pt_generator_run(generators[i], NULL, NULL));
    }
    read_text(generators[0], 0, first, NULL, COUNT);
    read_text(generators[1], 0, second, NULL, COUNT);
    ck_assert_mem_ne(first, second, sizeof first);
    for (int i = 0; i < 2; i++)
        pt_generator_free(generators[i]);
    pt_model_free(same);
    pt_model_free(other);
    pt_model_free(model);
    pt_context_free(again);
    pt_context_free(elsewhere);
    pt_context_free(context);
}
END_TEST

START_TEST(test_stop_sequences)
{
    static const int32_t stops[] = {9, 2, 3, 4, 16, 0};
    static const int64_t lengths[] = {1, 3, 2};
    pt_context_t *context = network_context(1, 4);
    pt_model_t *model = counting_model(context, 150);
    pt_generate_options_t options = with(0, 0);
    pt_generator_t *generator;
    int32_t tokens[COUNT];
    pt_array_t sequences = view_of_tokens(stops, 6, lengths, 3);
    options.stops = &sequences;
    options.array_size = sizeof sequences;
    ck_ok(pt_generator_create(model, &options, &generator));
    sequences = (pt_array_t){0}; /* copied */
    /* 3 is not over with "2 3 4", as it began with 3; 10 and 16 end with "16 0", of which 16 must be new */
    ck_ok(begin_prompts(generator, (int32_t[]){3, 1, 10, 16}, (int64_t[]){1, 1, 1, 1}, 4));
    ck_ok(pt_generator_run(generator, NULL, NULL));
    ck_assert_int_eq(read_text(generator, 0, tokens, NULL, 6), PT_GENERATED_STOP); /* 4 5 6 7 8 9 */
    ck_assert_int_eq(tokens[5], 9);
    ck_assert_int_eq(read_text(generator, 1, tokens, NULL, 3), PT_GENERATED_STOP); /* 2 3 4 */
    ck_assert_int_eq(read_text(generator, 2, tokens, NULL, 7), PT_GENERATED_STOP); /* 11 .. 16 0 */
    ck_assert_int_eq(read_text(generator, 3, tokens, NULL, 5), PT_GENERATED_STOP); /* 0 1 2 3 4 */
    pt_generator_free(generator);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

typedef struct stream {
    pt_generator_t *generator;
    pt_model_t *model;
    int64_t heard, stop_at, last_position;
    int32_t tokens[3][COUNT];
    int32_t says_nothing, frees;
} stream_t;

static void hear(void *user, pt_token_t *token)
{
    stream_t *stream = user;
    int64_t live;
    ck_assert_int_eq(token->action, PT_ACTION_STOP);
    ck_assert_int_eq(pt_generator_step(stream->generator, &live), PT_ERR_BUSY);
    ck_assert_int_eq(pt_generator_run(stream->generator, hear, user), PT_ERR_BUSY);
    if (stream->frees)
        pt_generator_free(stream->generator);
    if (stream->model != NULL) /* the model is free for all else, even to go */
        ck_ok(pt_model_set_trainable(stream->model, "*", 1, NULL));
    ck_assert_int_ge(token->position, stream->last_position);
    stream->last_position = token->position;
    stream->tokens[token->prompt][token->position] = token->token;
    ck_assert_int_eq(token->reason, token->position == COUNT - 1 ? PT_GENERATED_COUNT : 0);
    if (++stream->heard != stream->stop_at && !stream->says_nothing)
        token->action = PT_ACTION_GO_ON;
}

START_TEST(test_streams)
{
    pt_context_t *context = network_context(1, 4);
    pt_model_t *model = counting_model(context, 20);
    pt_generate_options_t options = with(0.7, 3);
    pt_generator_t *generator;
    int32_t tokens[COUNT];
    ck_ok(pt_generator_create(model, &options, &generator));
    stream_t stream = {.generator = generator, .model = model};
    begin(generator, 0, 3);
    ck_ok(pt_generator_run(generator, hear, &stream));
    ck_assert_int_eq(stream.heard, 3 * COUNT);
    for (int64_t i = 0; i < 3; i++) {
        read_text(generator, i, tokens, NULL, COUNT);
        ck_assert_mem_eq(tokens, stream.tokens[i], sizeof tokens);
    }
    /* A callback that says nothing, as one that raises, stops at once; so does one that asks for it. */
    for (int32_t nothing = 0; nothing < 2; nothing++) {
        stream = (stream_t){.generator = generator, .says_nothing = nothing, .stop_at = 5};
        begin(generator, 0, 3);
        ck_ok(pt_generator_run(generator, hear, &stream));
        ck_assert_int_eq(stream.heard, nothing ? 1 : 5);
        ck_assert_int_eq(read_text(generator, 0, tokens, NULL, nothing ? 1 : 2), PT_GENERATED_HOST);
        ck_assert_int_eq(read_text(generator, 2, tokens, NULL, nothing ? 0 : 1), PT_GENERATED_HOST);
    }
    begin(generator, 0, 1);
    pt_generator_cancel(generator);
    ck_fails(pt_generator_run(generator, NULL, NULL), PT_ERR_CANCELLED, "cancelled");
    ck_assert_str_eq(pt_generator_last_error(generator), pt_last_error());
    ck_ok(pt_generator_run(generator, NULL, NULL)); /* and goes on */
    read_text(generator, 0, tokens, NULL, COUNT);
    /* The generator has the weights of when it was made, and outlives the model. */
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_SGD, 10);
    const int64_t length = 3;
    const pt_array_t value = {.name = "tokens", .data = tokens, .lengths = view_data(&length), .dtype = PT_INT32};
    ck_ok(pt_train_step(model, optimizer, &value, 1, sizeof(pt_array_t), 1, 0, NULL));
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    int32_t after[COUNT];
    begin(generator, 0, 1);
    ck_ok(pt_generator_run(generator, NULL, NULL));
    read_text(generator, 0, after, NULL, COUNT);
    ck_assert_mem_eq(after, tokens, sizeof after);
    stream = (stream_t){.generator = generator, .frees = 1, .stop_at = 2};
    begin(generator, 0, 2);
    ck_ok(pt_generator_run(generator, hear, &stream)); /* it ends with the run */
    pt_context_free(context);
}
END_TEST

START_TEST(test_refused)
{
    pt_context_t *context = network_context(1, 4);
    pt_model_t *model = network_gpt(context);
    pt_generate_options_t options = with(0, 0);
    pt_generator_t *generator;
    int32_t tokens[] = {1, 2};
    int64_t lengths[] = {1, 1}, live;
    ck_fails(pt_generator_create(NULL, &options, &generator), PT_ERR_ARGUMENT, "model");
    ck_assert_ptr_null(generator);
    ck_fails(pt_generator_create(model, &options, NULL), PT_ERR_ARGUMENT, "out");
    ck_fails(pt_generator_create(model, &options, &generator), PT_ERR_STATE, "language model");
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    options.flags = 2;
    ck_fails(pt_generator_create(model, &options, &generator), PT_ERR_ARGUMENT, "flags");
    options.flags = 0;
    options.count = INT32_MAX;
    ck_fails(pt_generator_create(model, &options, &generator), PT_ERR_ARGUMENT, "count");
    options.count = -1;
    ck_fails(pt_generator_create(model, &options, &generator), PT_ERR_ARGUMENT, "count");
    ck_assert_ptr_null(generator);
    options.count = 2;
    ck_ok(pt_generator_create(model, &options, &generator));
    ck_fails(pt_generator_step(generator, &live), PT_ERR_STATE, "pt_generator_begin");
    ck_fails(pt_generator_run(generator, NULL, NULL), PT_ERR_STATE, "pt_generator_begin");
    ck_fails(read_tokens(generator, 0, NULL, NULL, 0, NULL, NULL), PT_ERR_ARGUMENT, "there are 0");
    ck_ok(begin_prompts(generator, tokens, lengths, 2));
    ck_ok(pt_generator_run(generator, NULL, NULL));
    ck_fails(read_tokens(generator, 2, NULL, NULL, 0, NULL, NULL), PT_ERR_ARGUMENT, "prompt 2");
    ck_fails(read_tokens(NULL, 2, NULL, NULL, 0, NULL, NULL), PT_ERR_ARGUMENT, "generator");
    ck_fails(pt_generator_step(NULL, NULL), PT_ERR_ARGUMENT, "generator");
    ck_assert_str_eq(pt_generator_last_error(NULL), "");
    pt_generator_cancel(NULL);
    pt_generator_free(NULL);
    pt_generator_free(generator);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

static pt_status_t generate_all(failing_allocator_t *allocator)
{
    pt_context_options_t options;
    pt_context_t *context = NULL;
    pt_model_t *model = NULL;
    pt_generator_t *generator = NULL;
    pt_generate_options_t generation = with(1, 2);
    pt_status_t status;
    ck_ok(pt_context_options_init(&options, sizeof options));
    failing_allocator_hooks(allocator, &options);
    options.threads = 1;
    generation.count = 2;
    const pt_array_t stops = view_of_tokens(&(int32_t){3}, 1, NULL, 0);
    generation.stops = &stops;
    generation.array_size = sizeof stops;
    PT__TRY_OUT(pt_context_create(&options, &context));
    PT__TRY_OUT(pt_model_create_from_config(context, NETWORK_GPT, strlen(NETWORK_GPT), &model));
    PT__TRY_OUT(pt_model_set_task(model, PT_TASK_CAUSAL_LM, NULL));
    PT__TRY_OUT(pt_generator_create(model, &generation, &generator));
    PT__TRY_OUT(begin_prompts(generator, (int32_t[]){1, 2, 3}, (int64_t[]){1, 2}, 2));
    PT__TRY_OUT(pt_generator_run(generator, NULL, NULL));
out:
    pt_generator_free(generator);
    pt_model_free(model);
    pt_context_free(context);
    return status;
}

START_TEST(test_every_allocation_may_fail)
{
    failing_allocator_t allocator;
    pt_status_t status;
    FOR_EACH_FAILING_ALLOCATION(allocator, status = generate_all(&allocator), status);
}
END_TEST

SUITE("generator", 60, test_a_batch_is_its_prompts, test_scores, test_draws, test_stop_sequences, test_streams,
      test_refused, test_every_allocation_may_fail)
