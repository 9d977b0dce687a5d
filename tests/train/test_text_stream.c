/* Generated text as it comes, in whole characters and none that may be a stop string's; stop strings that lie across
 * tokens and characters. The network says after each token the one that the test wants. */
#include "support/failing_allocator.h"
#include "support/networks.h"
#include "support/views.h"
#include "train/model.h"

enum { WORDS = 12, COUNT = 40 };

/* Pieces as byte-level files write them; the last is "<end>", which is special. 0xC3 0xA9 is an e with an accent. */
static const char tokenizer_json[] =
    "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[{\"id\":11,\"content\":\"<end>\","
    "\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,\"special\":true}],"
    "\"normalizer\":null,\"pre_tokenizer\":null,\"post_processor\":null,\"decoder\":{\"type\":\"ByteLevel\","
    "\"add_prefix_space\":true,\"trim_offsets\":true,\"use_regex\":true},\"model\":{\"type\":\"WordLevel\",\"vocab\":{"
    "\"a\":0,\"b\":1,\"ab\":2,\"c\":3,\"\xC3\x83\":4,\"\xC2\xA9\":5,\"\xC4\xA0\x78\":6,\"abc\":7,\".\":8,\"\xC4\x8A\":"
    "9,"
    "\"dd\":10,\"<end>\":11},\"unk_token\":\"a\"}}";

static pt_status_t open_tokenizer(pt_context_t *context, pt_tokenizer_t **tokenizer)
{
    const pt_load_options_t place = {
        .struct_size = sizeof place, .data = tokenizer_json, .bytes = sizeof tokenizer_json - 1};
    return pt_tokenizer_open(context, NULL, &place, tokenizer);
}

/* After token i comes next[i], whatever was before. */
static pt_status_t make(pt_context_t *context, const int32_t next[WORDS], pt_model_t **model)
{
    float embedding[WORDS * WORDS] = {0}, head[WORDS * WORDS] = {0};
    pt_graph_t *graph = NULL;
    pt_status_t status;
    for (int i = 0; i < WORDS; i++) {
        embedding[i * WORDS + i] = 1;
        head[next[i] * WORDS + i] = 9;
        head[(next[i] + 1) % WORDS * WORDS + i] = 5; /* the next best */
    }
    PT__TRY_OUT(pt_graph_create(context, &graph));
    pt_tensor_t tokens = pt_input(graph, "tokens", PT_INT32, 1, (int64_t[]){PT_DIM_TOKENS});
    pt_graph_set_output(graph, "hidden", pt_embedding_layer(graph, "words", tokens, WORDS, WORDS));
    PT__TRY_OUT(pt_graph_status(graph));
    PT__TRY_OUT(pt_model_create(context, graph, model));
    PT__TRY_OUT(pt_model_set_task(*model, PT_TASK_CAUSAL_LM, NULL));
    PT__TRY_OUT(set_parameter(*model, 0, embedding, WORDS * WORDS));
    PT__TRY_OUT(set_parameter(*model, 1, head, WORDS * WORDS));
out:
    pt_graph_free(graph);
    return status;
}

typedef struct heard {
    char text[4][256];
    int64_t length[4];
    int32_t pieces[4][COUNT]; /* bytes that came with each token */
    int32_t reason[4];
} heard_t;

static void hear(void *user, pt_token_t *token)
{
    heard_t *heard = user;
    int64_t *length = &heard->length[token->prompt];
    ck_assert_int_ge(token->text_length, 0);
    ck_assert_ptr_nonnull(token->text);
    ck_assert_int_lt(*length + token->text_length, 256);
    memcpy(heard->text[token->prompt] + *length, token->text, (size_t)token->text_length);
    *length += token->text_length;
    heard->pieces[token->prompt][token->position] = (int32_t)token->text_length;
    heard->reason[token->prompt] = token->reason;
    token->action = PT_ACTION_GO_ON;
}

/* What is told of one text that begins with this token, and what pt_generator_string gives. */
static void check(const int32_t next[WORDS], int32_t first, int64_t count, const char *const *stops, int64_t n_stops,
                  const char *expected, int32_t reason, int64_t tokens, const char *pieces)
{
    pt_context_t *context = network_context(1, 1);
    pt_tokenizer_t *tokenizer;
    pt_model_t *model;
    pt_generator_t *generator;
    pt_generate_options_t options;
    heard_t heard = {.length = {0}};
    char whole[256];
    size_t length;
    int64_t made;
    ck_ok(open_tokenizer(context, &tokenizer));
    ck_ok(make(context, next, &model));
    ck_ok(pt_generate_options_init(&options, sizeof options));
    options.count = count;
    options.tokenizer = tokenizer;
    options.stop_strings = stops;
    options.n_stop_strings = n_stops;
    ck_ok(pt_generator_create(model, &options, &generator));
    pt_tokenizer_free(tokenizer); /* the generator retains it */
    ck_ok(begin_prompts(generator, &first, (int64_t[]){1}, 1));
    ck_ok(pt_generator_run(generator, hear, &heard));
    heard.text[0][heard.length[0]] = 0;
    ck_assert_str_eq(heard.text[0], expected);
    ck_assert_int_eq(heard.reason[0], reason);
    ck_ok(read_tokens(generator, 0, NULL, NULL, 0, &made, NULL));
    ck_assert_int_eq(made, tokens);
    for (int64_t i = 0; pieces != NULL && i < made; i++)
        ck_assert_msg(heard.pieces[0][i] == pieces[i] - '0', "token %d told %d bytes", (int)i, heard.pieces[0][i]);
    ck_ok(pt_generator_string(generator, 0, whole, sizeof whole, &length));
    ck_assert_str_eq(whole, expected);
    ck_assert_uint_eq(length, strlen(expected));
    ck_ok(pt_generator_string(generator, 0, NULL, 0, &length));
    ck_assert_uint_eq(length, strlen(expected));
    ck_fails(pt_generator_string(generator, 1, NULL, 0, &length), PT_ERR_ARGUMENT, "prompt 1");
    pt_generator_free(generator);
    pt_model_free(model);
    pt_context_free(context);
}

static const int32_t cycle[WORDS] = {1, 3, 4, 2, 5, 6, 7, 8, 9, 10, 11, 0}; /* a b c ab é " x" abc . \n dd <end> a */

START_TEST(test_pieces)
{
    /* half characters wait, special tokens say nothing */
    check(cycle, 11, 11, NULL, 0, "abcab\xC3\xA9 xabc.\ndd", PT_GENERATED_COUNT, 11, "11120223112");
    check(cycle, 11, 13, NULL, 0, "abcab\xC3\xA9 xabc.\ndda", PT_GENERATED_COUNT, 13, "1112022311201");
    check(cycle, 2, 1, NULL, 0, "\xEF\xBF\xBD", PT_GENERATED_COUNT, 1,
          "3"); /* a character that does not come to its end */
    check(cycle, 4, 2, NULL, 0, "\xC3\xA9 x", PT_GENERATED_COUNT, 2, "22"); /* or whose begin is the prompt's */
}
END_TEST

START_TEST(test_stop_strings)
{
    /* told: a, b, c | "ab" may begin "abX": waits until the accent comes */
    check(cycle, 11, 40, (const char *const[]){"abX", "dd"}, 2, "abcab\xC3\xA9 xabc.\n", PT_GENERATED_STOP, 11, NULL);
    check(cycle, 11, 40, (const char *const[]){"b\xC3\xA9 "}, 1, "abca", PT_GENERATED_STOP, 7, NULL);
    check(cycle, 11, 40, (const char *const[]){"cab\xC3\xA9!", "x"}, 2, "abcab\xC3\xA9 ", PT_GENERATED_STOP, 7,
          "1100006");
    /* the earlier one of two, the text's first bytes, and one that the last token completes with the count */
    check(cycle, 11, 40, (const char *const[]){"bc", "abc"}, 2, "", PT_GENERATED_STOP, 3, "000");
    check(cycle, 11, 3, (const char *const[]){"c"}, 1, "ab", PT_GENERATED_STOP, 3, "110");
    /* what was held back is told where the text ends otherwise */
    check(cycle, 11, 3, (const char *const[]){"abcd"}, 1, "abc", PT_GENERATED_COUNT, 3, "003");
    /* repeats: "aab" in "aaab" */
    check((const int32_t[WORDS]){0, 3, 4, 2, 5, 6, 7, 8, 9, 10, 11, 0}, 11, 5, (const char *const[]){"ab"}, 1, "aaaaa",
          PT_GENERATED_COUNT, 5, "01112");
}
END_TEST

START_TEST(test_refused)
{
    pt_context_t *context = network_context(1, 1);
    pt_tokenizer_t *tokenizer;
    pt_model_t *model;
    pt_generator_t *generator;
    pt_generate_options_t options;
    size_t length;
    const char *const stops[] = {"a", ""}, *const broken[] = {"a\xC3"};
    ck_ok(open_tokenizer(context, &tokenizer));
    ck_ok(make(context, cycle, &model));
    ck_ok(pt_generate_options_init(&options, sizeof options));
    options.stop_strings = stops;
    options.n_stop_strings = 2;
    ck_fails(pt_generator_create(model, &options, &generator), PT_ERR_ARGUMENT, "tokenizer is NULL");
    options.tokenizer = tokenizer;
    ck_fails(pt_generator_create(model, &options, &generator), PT_ERR_ARGUMENT, "stop_strings[1] is empty");
    options.stop_strings = broken;
    options.n_stop_strings = 1;
    ck_fails(pt_generator_create(model, &options, &generator), PT_ERR_ARGUMENT, "stop_strings[0] is not UTF-8");
    options.stop_strings = NULL;
    ck_fails(pt_generator_create(model, &options, &generator), PT_ERR_ARGUMENT, "stop_strings is NULL");
    options.n_stop_strings = -1;
    ck_fails(pt_generator_create(model, &options, &generator), PT_ERR_ARGUMENT, "negative");
    options.n_stop_strings = 0;
    options.tokenizer = NULL;
    options.min_p = 1.5;
    ck_fails(pt_generator_create(model, &options, &generator), PT_ERR_ARGUMENT, "min_p");
    options.min_p = 0;
    options.repetition_penalty = -1;
    ck_fails(pt_generator_create(model, &options, &generator), PT_ERR_ARGUMENT, "repetition_penalty");
    options.repetition_penalty = 0;
    ck_ok(pt_generator_create(model, &options, &generator));
    ck_fails(pt_generator_string(generator, 0, NULL, 0, &length), PT_ERR_STATE, "tokenizer");
    ck_fails(pt_generator_string(NULL, 0, NULL, 0, &length), PT_ERR_ARGUMENT, "generator");
    pt_generator_free(generator);
    pt_tokenizer_free(tokenizer);
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

/* Greedy texts do not come back to a token that a penalty has made less likely than all others. */
START_TEST(test_penalty)
{
    pt_context_t *context = network_context(1, 1);
    pt_model_t *model;
    pt_generate_options_t options;
    int32_t tokens[6];
    int64_t count;
    ck_ok(make(context, (const int32_t[WORDS]){1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, &model));
    ck_ok(pt_generate_options_init(&options, sizeof options));
    options.count = 6;
    for (int penalty = 0; penalty < 2; penalty++) {
        options.repetition_penalty = penalty ? 1e30 : 1;
        ck_ok(generate_tokens(model, (int32_t[]){5}, 1, &options, tokens, 6, &count));
        const int32_t expected[2][6] = {{1, 0, 1, 0, 1, 0}, {1, 0, 2, 1, 0, 0}};
        for (int i = 0; i < (penalty ? 3 : 6); i++)
            ck_assert_int_eq(tokens[i], expected[penalty][i]);
    }
    pt_model_free(model);
    pt_context_free(context);
}
END_TEST

static pt_status_t generate_all(failing_allocator_t *allocator)
{
    pt_context_options_t hooks;
    pt_context_t *context = NULL;
    pt_tokenizer_t *tokenizer = NULL;
    pt_model_t *model = NULL;
    pt_generator_t *generator = NULL;
    pt_generate_options_t options;
    pt_status_t status;
    heard_t heard = {.length = {0}};
    ck_ok(pt_context_options_init(&hooks, sizeof hooks));
    failing_allocator_hooks(allocator, &hooks);
    hooks.threads = 1;
    ck_ok(pt_generate_options_init(&options, sizeof options));
    options.count = 8;
    options.stop_strings = (const char *const[]){"xa", "q"};
    options.n_stop_strings = 2;
    PT__TRY_OUT(pt_context_create(&hooks, &context));
    PT__TRY_OUT(open_tokenizer(context, &tokenizer));
    PT__TRY_OUT(make(context, cycle, &model));
    options.tokenizer = tokenizer;
    PT__TRY_OUT(pt_generator_create(model, &options, &generator));
    PT__TRY_OUT(begin_prompts(generator, (int32_t[]){1, 2, 3}, (int64_t[]){1, 2}, 2));
    PT__TRY_OUT(pt_generator_run(generator, hear, &heard));
out:
    pt_generator_free(generator);
    pt_model_free(model);
    pt_tokenizer_free(tokenizer);
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

SUITE("text stream", 60, test_pieces, test_stop_strings, test_refused, test_penalty, test_every_allocation_may_fail)
