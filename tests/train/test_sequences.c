/* Tokens as views: prompts and stop sequences in, texts and scores out; what is refused of them, and how. */
#include "support/networks.h"

enum { COUNT = 6 };

static pt_context_t *context;
static pt_model_t *model;
static pt_generate_options_t options;

static pt_generator_t *begin(void)
{
    pt_generator_t *generator;
    context = network_context(1, 4);
    model = network_gpt(context);
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    ck_ok(pt_generate_options_init(&options, sizeof options));
    options.count = COUNT;
    options.seed = 3;
    options.temperature = 1;
    ck_ok(pt_generator_create(model, &options, &generator));
    return generator;
}

static void end(pt_generator_t *generator)
{
    pt_generator_free(generator);
    pt_model_free(model);
    pt_context_free(context);
}

/* The texts of all prompts that the generator was given. */
static void read_all(pt_generator_t *generator, int64_t prompts, int32_t *tokens)
{
    ck_ok(pt_generator_run(generator, NULL, NULL));
    for (int64_t i = 0; i < prompts; i++)
        ck_ok(read_tokens(generator, i, tokens + i * COUNT, NULL, COUNT, NULL, NULL));
}

/* The same prompts in every form that they may have. */
START_TEST(test_prompts)
{
    static const int32_t tokens[] = {1, 2, 3, 4};
    static const int64_t lengths[] = {2, 2};
    static const double doubles[] = {1, 2, 3, 4};
    static const uint8_t bytes[] = {1, 2, 3, 4};
    const pt_array_t forms[] = {
        {.dtype = PT_INT32, .data = view_data(tokens), .lengths = view_data(lengths), .samples = 2},
        {.dtype = PT_FLOAT64, .data = view_data(doubles), .lengths = view_data(lengths), .samples = 2, .elements = 4},
        {.dtype = PT_UINT8, .data = view_data(bytes), .rank = 1, .shape = {2}, .elements = 4},
        {.dtype = PT_INT32,
         .rank = 1,
         .shape = {PT_DIM_TOKENS},
         .data = view_data(tokens),
         .elements = 4,
         .lengths = view_data(lengths),
         .samples = 2}};
    pt_generator_t *generator = begin();
    int32_t expected[2 * COUNT], found[2 * COUNT];
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        ck_ok(pt_generator_begin(generator, &forms[i], sizeof forms[i]));
        read_all(generator, 2, i == 0 ? expected : found);
        if (i > 0)
            ck_assert_mem_eq(found, expected, sizeof found);
        ck_fails(read_tokens(generator, 2, found, NULL, COUNT, NULL, NULL), PT_ERR_ARGUMENT, "prompt 2, there are 2");
    }
    /* one prompt needs no lengths, and is the first of the two; what was made can go in again as it came out */
    int32_t text[COUNT];
    const pt_array_t one = view_of_tokens(tokens, 2, NULL, 0);
    pt_array_t made = {.data = text, .capacity = COUNT};
    ck_ok(pt_generate(model, &one, &options, &made, sizeof made));
    ck_assert(made.dtype == PT_INT32 && made.rank == 1 && made.shape[0] == PT_DIM_TOKENS && made.elements == COUNT);
    ck_assert(made.samples == 1 && made.max_length == COUNT);
    ck_assert_mem_eq(text, expected, sizeof text);
    ck_ok(pt_generator_begin(generator, &made, sizeof made));
    read_all(generator, 1, found);
    ck_ok(
        pt_generator_begin(generator, &(pt_array_t){.dtype = PT_INT32, .data = text, .elements = COUNT}, sizeof made));
    read_all(generator, 1, expected);
    ck_assert_mem_eq(found, expected, sizeof text);
    end(generator);
}
END_TEST

/* Sequences with lengths, sequences of one length, and each token by itself. */
START_TEST(test_stops)
{
    static const int32_t prompt[] = {1, 2};
    pt_generator_t *generator = begin();
    int32_t made[COUNT], again[COUNT];
    int64_t count;
    ck_ok(generate_tokens(model, prompt, 2, &options, made, COUNT, &count));
    ck_assert(made[1] != made[0] && made[2] != made[1] && made[2] != made[0]);
    const int16_t either[] = {(int16_t)made[2], (int16_t)made[1]};
    const struct {
        pt_array_t view;
        int64_t expected;
    } forms[] = {{{.dtype = PT_INT16, .data = view_data(either), .elements = 2}, 2},
                 {{.dtype = PT_INT16, .data = view_data(either), .elements = 2, .rank = 1, .shape = {1}}, 2},
                 {view_of_tokens(made + 1, 2, (int64_t[]){1, 1}, 2), 2},
                 {view_of_tokens(made + 1, 0, (int64_t[]){2}, 1), 3},
                 {{.dtype = PT_INT32, .data = made + 1, .elements = 4, .rank = 1, .shape = {2}}, 3}};
    options.array_size = sizeof(pt_array_t);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        options.stops = &forms[i].view;
        ck_ok(generate_tokens(model, prompt, 2, &options, again, COUNT, &count));
        ck_assert_int_eq(count, forms[i].expected);
        ck_assert_mem_eq(again, made, (size_t)count * sizeof made[0]);
    }
    end(generator);
}
END_TEST

/* Room is known before any work. */
START_TEST(test_room_of_one_text)
{
    static const int32_t prompt[] = {1, 2};
    pt_generator_t *generator = begin();
    const pt_array_t given = view_of_tokens(prompt, 2, NULL, 0);
    int32_t tokens[COUNT];
    int64_t length = -1;
    pt_array_t view = {0};
    ck_ok(pt_generate(model, &given, &options, &view, sizeof view));
    ck_assert(view.elements == COUNT && view.dtype == PT_INT32 && view.samples == 1);
    view = (pt_array_t){.data = tokens, .capacity = COUNT - 1};
    ck_fails(pt_generate(model, &given, &options, &view, sizeof view), PT_ERR_ARGUMENT,
             "pt_generate: tokens: data has room for 5 elements, expected 6 in all");
    ck_assert_int_eq(view.elements, COUNT);
    view = (pt_array_t){.data = tokens, .capacity = COUNT, .lengths = &length};
    ck_fails(pt_generate(model, &given, &options, &view, sizeof view), PT_ERR_ARGUMENT,
             "pt_generate: tokens: lengths has room for 0 samples, expected 1 in all");
    ck_assert_int_eq(length, -1);
    view.lengths_capacity = 1;
    ck_ok(pt_generate(model, &given, &options, &view, sizeof view));
    ck_assert_int_eq(length, COUNT);
    view = (pt_array_t){.dtype = 99};
    ck_fails(pt_generate(model, &given, &options, &view, sizeof view), PT_ERR_ARGUMENT,
             "pt_generate: tokens: dtype is 99, expected 0 or one of PT_FLOAT32 to PT_BOOL");
    ck_fails(pt_generate(model, &given, &options, NULL, sizeof view), PT_ERR_ARGUMENT, "pt_generate: tokens is NULL");
    ck_fails(pt_generate(model, &given, &options, &view, 3), PT_ERR_ARGUMENT, "pt_generate: tokens of 3 bytes each");
    uint8_t bytes[COUNT];
    view = (pt_array_t){.dtype = PT_UINT8, .data = bytes, .capacity = COUNT};
    ck_ok(pt_generate(model, &given, &options, &view, sizeof view));
    for (int i = 0; i < COUNT; i++)
        ck_assert_int_eq(bytes[i], tokens[i]);
    options.count = 0;
    ck_ok(pt_generate(model, &given, &options, &view, sizeof view));
    ck_assert_int_eq(view.elements, 0);
    end(generator);
}
END_TEST

/* Tokens and scores are converted, and each tells its own need. */
START_TEST(test_room_of_texts)
{
    static const int32_t prompt[] = {1, 2};
    pt_generator_t *generator = begin();
    const pt_array_t given = view_of_tokens(prompt, 2, NULL, 0);
    const uint32_t size = sizeof given;
    int32_t tokens[COUNT];
    float scores[COUNT];
    double doubles[COUNT];
    uint8_t bytes[COUNT];
    ck_ok(pt_generator_begin(generator, &given, size));
    ck_ok(pt_generator_run(generator, NULL, NULL));
    pt_array_t of_tokens = {.data = tokens, .capacity = 2}, of_scores = {.data = scores, .capacity = 3};
    ck_fails(pt_generator_text(generator, 0, &of_tokens, &of_scores, size, NULL), PT_ERR_ARGUMENT,
             "pt_generator_text: tokens: data has room for 2 elements, expected 6 in all");
    ck_assert(of_tokens.elements == COUNT && of_scores.elements == COUNT);
    ck_fails(pt_generator_text(generator, 0, NULL, &of_scores, size, NULL), PT_ERR_ARGUMENT,
             "pt_generator_text: scores: data has room for 3 elements, expected 6 in all");
    of_tokens = (pt_array_t){.dtype = PT_UINT8, .data = bytes, .capacity = COUNT};
    of_scores = (pt_array_t){.dtype = PT_FLOAT64, .data = doubles, .capacity = COUNT};
    ck_ok(pt_generator_text(generator, 0, &of_tokens, &of_scores, size, NULL));
    ck_ok(read_tokens(generator, 0, tokens, scores, COUNT, NULL, NULL));
    for (int i = 0; i < COUNT; i++)
        ck_assert(bytes[i] == tokens[i] && (float)doubles[i] == scores[i] && scores[i] < 0);
    of_scores = (pt_array_t){.dtype = PT_INT32, .data = tokens, .capacity = COUNT};
    ck_fails(pt_generator_text(generator, 0, NULL, &of_scores, size, NULL), PT_ERR_ARGUMENT,
             "pt_generator_text: scores: element 0 is -");
    ck_fails(pt_generator_text(generator, 0, NULL, &of_scores, 2, NULL), PT_ERR_ARGUMENT, "scores of 2 bytes each");
    ck_ok(pt_generator_text(generator, 0, NULL, NULL, 0, NULL)); /* nothing is wanted */
    end(generator);
}
END_TEST

static int32_t some[] = {1, 2, 99};
static float fraction[] = {1.5f};
static int64_t of_two[] = {1, 1}, with_none[] = {1, 0};

/* What is wrong with sequences, be they prompts or stops. */
static const struct {
    pt_status_t status;
    const char *part;
    pt_array_t view;
} wrong[] = {
    {PT_ERR_ARGUMENT, "dtype is 0, expected one of PT_FLOAT32 to PT_BOOL", {.data = some, .elements = 2}},
    {PT_ERR_ARGUMENT, "data is NULL", {.dtype = PT_INT32, .elements = 2}},
    {PT_ERR_ARGUMENT, "elements is 0, expected 1 to 2147483647", {.dtype = PT_INT32, .data = some}},
    {PT_ERR_ARGUMENT,
     "samples is 0, expected 1 to 2147483647",
     {.dtype = PT_INT32, .data = some, .elements = 2, .lengths = of_two}},
    {PT_ERR_ARGUMENT,
     "lengths[1] is 0, expected 1 to",
     {.dtype = PT_INT32, .data = some, .lengths = with_none, .samples = 2}},
    {PT_ERR_SHAPE,
     "elements is 3, expected 2",
     {.dtype = PT_INT32, .data = some, .elements = 3, .lengths = of_two, .samples = 2}},
    {PT_ERR_SHAPE,
     "shape [1, 2], expected [tokens]",
     {.dtype = PT_INT32, .data = some, .elements = 2, .rank = 2, .shape = {1, 2}}},
    {PT_ERR_SHAPE,
     "shape [1], expected [tokens]",
     {.dtype = PT_INT32, .data = some, .rank = 1, .shape = {1}, .lengths = of_two, .samples = 2}},
    {PT_ERR_SHAPE,
     "elements is 3, expected a multiple of shape[0], which is 2",
     {.dtype = PT_INT32, .data = some, .elements = 3, .rank = 1, .shape = {2}}},
    {PT_ERR_SHAPE,
     "elements is 3, expected a multiple of shape[0], which is 0",
     {.dtype = PT_INT32, .data = some, .elements = 3, .rank = 1}},
    {PT_ERR_SHAPE, "rank 9, expected 0 to 6", {.dtype = PT_INT32, .data = some, .elements = 3, .rank = 9}},
    {PT_ERR_ARGUMENT, "element 2 is 99, expected 0 to 16", {.dtype = PT_INT32, .data = some, .elements = 3}},
    {PT_ERR_ARGUMENT,
     "element 0 is 1.5 (float32), which does not fit int32",
     {.dtype = PT_FLOAT32, .data = fraction, .elements = 1}},
};

static void check_refused(pt_status_t status, pt_status_t expected, const char *what, const char *part)
{
    ck_fails(status, expected, part);
    ck_assert_msg(strstr(pt_last_error(), what) != NULL, "%s, expected \"%s\" in it", pt_last_error(), what);
}

START_TEST(test_wrong_sequences)
{
    pt_generator_t *generator = begin(), *other;
    int32_t tokens[COUNT];
    pt_array_t room = {.data = tokens, .capacity = COUNT};
    const pt_array_t good = {.dtype = PT_INT32, .data = some, .elements = 2};
    const uint32_t size = sizeof good;
    options.array_size = size;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const pt_array_t *view = &wrong[i].view;
        options.stops = NULL;
        ck_ok(pt_generator_begin(generator, &good, size));
        check_refused(pt_generator_begin(generator, view, size), wrong[i].status, "pt_generator_begin: prompts",
                      wrong[i].part);
        ck_fails(pt_generator_step(generator, NULL), PT_ERR_STATE, "there are no prompts");
        check_refused(pt_generate(model, view, &options, &room, size), wrong[i].status, "pt_generate: prompt",
                      wrong[i].part);
        options.stops = view;
        check_refused(pt_generator_create(model, &options, &other), wrong[i].status, "pt_generate_options.stops",
                      wrong[i].part);
        ck_assert_ptr_null(other);
        check_refused(pt_generate(model, &good, &options, &room, size), wrong[i].status, "pt_generate_options.stops",
                      wrong[i].part);
    }
    options.stops = &good;
    options.array_size = 4;
    ck_fails(pt_generator_create(model, &options, &other), PT_ERR_ARGUMENT,
             "pt_generate_options.stops of 4 bytes each, expected the struct's size");
    options.stops = NULL;
    ck_fails(pt_generator_begin(generator, NULL, size), PT_ERR_ARGUMENT, "pt_generator_begin: prompts is NULL");
    ck_fails(pt_generator_begin(generator, &good, 4), PT_ERR_ARGUMENT,
             "pt_generator_begin: prompts of 4 bytes each, expected the struct's size");
    ck_fails(pt_generate(model, NULL, &options, &room, size), PT_ERR_ARGUMENT, "pt_generate: prompt is NULL");
    const pt_array_t two = view_of_tokens(some, 2, of_two, 2);
    ck_fails(pt_generate(model, &two, &options, &room, size), PT_ERR_ARGUMENT,
             "pt_generate: prompt: samples is 2, expected 1");
    end(generator);
}
END_TEST

SUITE("sequences", 60, test_prompts, test_stops, test_room_of_one_text, test_room_of_texts, test_wrong_sequences)
