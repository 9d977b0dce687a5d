/* Recognizers, as hosts have them: texts, words and their rows from logarithms of probabilities; a language model that
 * gzip has packed or not; hot words; a beam with a language model against greedy decoding; a model's samples; what is
 * refused. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/edit_distance.h"
#include "support/networks.h"
#include "support/samples.h"

enum { TOKENS = 4, CLASSES = TOKENS + 1, MOST = 400 };

typedef struct speech {
    float rows[MOST * CLASSES];
    int64_t count;
} speech_t;

/* A row where a class has so much, and the others the rest. */
static void say(speech_t *speech, int32_t class, double probability)
{
    float *row = speech->rows + speech->count++ * CLASSES;
    for (int32_t c = 0; c < CLASSES; c++)
        row[c] = (float)log(c == class ? probability : (1 - probability) / (CLASSES - 1));
}

static pt_tokenizer_t *make_alphabet(pt_context_t *context)
{
    pt_tokenizer_t *tokenizer;
    ck_ok(pt_tokenizer_from_characters(context, "abc ", NULL, &tokenizer));
    return tokenizer;
}

static pt_recognizer_t *make(pt_tokenizer_t *tokenizer, const pt_recognizer_options_t *options)
{
    pt_recognizer_t *recognizer;
    ck_ok(pt_recognizer_create(tokenizer, options, &recognizer));
    return recognizer;
}

static void push(pt_recognizer_t *recognizer, const speech_t *speech)
{
    const pt_array_t rows = {.dtype = PT_FLOAT32, .data = view_data(speech->rows), .elements = speech->count * CLASSES};
    ck_ok(pt_recognizer_push(recognizer, &rows, sizeof rows));
}

static const char *text_of(pt_recognizer_t *recognizer, int32_t rank)
{
    static char buffer[256];
    size_t length;
    ck_ok(pt_recognizer_text(recognizer, rank, buffer, sizeof buffer, &length, NULL));
    ck_assert_uint_eq(length, strlen(buffer));
    return buffer;
}

START_TEST(test_texts_and_words)
{
    static speech_t speech;
    pt_spoken_word_t words[4];
    int64_t count;
    double score;
    size_t length;
    pt_context_t *context = samples_context();
    pt_tokenizer_t *tokenizer = make_alphabet(context);
    static const int32_t said[] = {4, 0, 0, 4, 1, 4, 3, 4, 2, 2, 4, 2, 4}; /* "ab cc" */
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        say(&speech, said[i], i == 2 ? 0.95 : 0.9);
    for (int32_t beam = 0; beam < 20; beam += 10) {
        pt_recognizer_options_t options;
        ck_ok(pt_recognizer_options_init(&options, sizeof options));
        options.beam = beam;
        pt_recognizer_t *recognizer = make(tokenizer, &options);
        for (int32_t again = 0; again < 2; again++) { /* after the end a new text begins */
            push(recognizer, &speech);
            ck_assert_str_eq(text_of(recognizer, 0), "ab cc"); /* partial */
            ck_ok(pt_recognizer_finish(recognizer));
            ck_assert_str_eq(text_of(recognizer, 0), "ab cc");
            ck_assert_int_eq(pt_recognizer_count(recognizer), beam == 0 ? 1 : beam);
            ck_ok(pt_recognizer_words(recognizer, 0, words, sizeof *words, 4, &count));
            ck_assert_int_eq(count, 2);
            ck_assert(words[0].begin == 0 && words[0].end == 2 && words[0].first_row == 2 && words[0].end_row == 5);
            ck_assert(words[1].begin == 3 && words[1].end == 5 && words[1].first_row == 8 && words[1].end_row == 12);
            ck_ok(pt_recognizer_words(recognizer, 0, NULL, sizeof *words, 0, &count));
            ck_assert_int_eq(count, 2);
            ck_ok(pt_recognizer_text(recognizer, 0, NULL, 0, &length, &score));
            ck_assert_uint_eq(length, 5);
            ck_assert(beam == 0 ? score < -1 : score > -1);
        }
        if (beam > 0)
            ck_assert_str_ne(text_of(recognizer, 1), "ab cc");
        pt_recognizer_free(recognizer);
    }
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

static const char arpa[] = "\\data\\\nngram 1=5\nngram 2=6\n\\1-grams:\n-99 <s> 0\n-1 </s>\n-0.7 abc -1\n-0.7 cab -1\n"
                           "-0.7 bac -1\n\\2-grams:\n-0.1 <s> abc\n-0.05 abc cab\n-0.05 cab bac\n-0.4 bac abc\n"
                           "-0.4 bac </s>\n-1 abc </s>\n\\end\\\n";

/* The same, packed by gzip. */
static const char packed[] =
    "\037\213\010\000\000\000\000\000\002\003\075\215\073\016\200\060\010\100\167\116\301\005\320\142\374\104\243"
    "\236\204\205\252\161\322\301\172\377\330\322\306\355\075\302\003\331\365\125\201\373\174\364\102\136\272\102"
    "\315\322\203\060\045\016\023\320\070\342\034\126\164\100\214\163\035\126\040\127\015\250\176\103\342\314\233"
    "\372\237\275\332\134\232\277\167\025\333\201\130\044\161\235\265\261\051\226\352\130\045\153\055\057\213\131"
    "\362\107\266\306\130\216\173\027\370\000\277\052\007\172\273\000\000\000";

static const char *write_file(const char *name, const void *bytes, size_t size)
{
    const char *path = suite_path(name);
    FILE *file = fopen(path, "wb");
    ck_assert(file != NULL && fwrite(bytes, 1, size, file) == size);
    fclose(file);
    return path;
}

static uint32_t state;
static double draw(void)
{
    state = state * 1664525u + 1013904223u;
    return (double)(state >> 8) / 16777216.0;
}

static int64_t edits_of(const char *truth, const char *found)
{
    int32_t a[128], b[128];
    static pt__edit_cell_t cells[300];
    int64_t n = (int64_t)strlen(truth), m = (int64_t)strlen(found);
    for (int64_t i = 0; i < n; i++)
        a[i] = truth[i];
    for (int64_t i = 0; i < m; i++)
        b[i] = found[i];
    const pt__edits_t edits = pt__edit_distance(n, a, m, b, cells);
    return edits.substitutions + edits.deletions + edits.insertions;
}

/* Sentences of the language model's words, heard through noise. */
START_TEST(test_against_greedy)
{
    static const char *const sentences[] = {"abc cab bac", "abc cab bac abc cab bac", "abc cab bac"};
    int64_t errors[2] = {0};
    int32_t worse = 0;
    pt_context_t *context = samples_context();
    pt_tokenizer_t *tokenizer = make_alphabet(context);
    pt_recognizer_options_t options;
    ck_ok(pt_recognizer_options_init(&options, sizeof options));
    options.beam = 0;
    pt_recognizer_t *greedy = make(tokenizer, &options);
    options.beam = 32;
    options.language_model = write_file("words.arpa", arpa, sizeof arpa - 1);
    options.language_weight = 1;
    pt_recognizer_t *beam = make(tokenizer, &options);
    state = 4;
    for (int32_t i = 0; i < 30; i++) {
        static speech_t speech;
        int64_t found[2];
        const char *truth = sentences[i % 3];
        speech.count = 0;
        for (const char *at = truth; *at != 0; at++) {
            int32_t class = *at == ' ' ? 3 : *at - 'a';
            say(&speech, draw() < 0.2 ? (int32_t)(draw() * 3) : class, 0.4 + 0.3 * draw());
            say(&speech, 4, 0.9);
        }
        push(greedy, &speech);
        ck_ok(pt_recognizer_finish(greedy));
        found[0] = edits_of(truth, text_of(greedy, 0));
        push(beam, &speech);
        ck_ok(pt_recognizer_finish(beam));
        found[1] = edits_of(truth, text_of(beam, 0));
        worse += found[1] > found[0];
        errors[0] += found[0];
        errors[1] += found[1];
    }
    ck_assert_msg(worse == 0 && errors[1] < errors[0] / 2, "greedy makes %d errors, the beam %d; %d are worse",
                  (int)errors[0], (int)errors[1], (int)worse);
    pt_recognizer_free(greedy);
    pt_recognizer_free(beam);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

#ifdef PT__ZLIB
START_TEST(test_packed)
{
    static speech_t speech;
    double scores[2];
    size_t length;
    pt_context_t *context = samples_context();
    pt_tokenizer_t *tokenizer = make_alphabet(context);
    pt_recognizer_options_t options;
    ck_ok(pt_recognizer_options_init(&options, sizeof options));
    for (const char *at = "abc cab"; *at != 0; at++)
        say(&speech, *at == ' ' ? 3 : *at - 'a', 0.9);
    for (int i = 0; i < 2; i++) {
        options.language_model = i == 0 ? write_file("words.arpa", arpa, sizeof arpa - 1)
                                        : write_file("words.arpa.gz", packed, sizeof packed - 1);
        pt_recognizer_t *recognizer = make(tokenizer, &options);
        push(recognizer, &speech);
        ck_ok(pt_recognizer_finish(recognizer));
        ck_assert_str_eq(text_of(recognizer, 0), "abc cab");
        ck_ok(pt_recognizer_text(recognizer, 0, NULL, 0, &length, &scores[i]));
        pt_recognizer_free(recognizer);
    }
    ck_assert_double_eq(scores[0], scores[1]);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST
#define PACKED test_packed,
#else
#define PACKED
#endif

/* "b" and "a" are all but equal at the second place. */
START_TEST(test_hot_words)
{
    static speech_t speech;
    pt_context_t *context = samples_context();
    pt_tokenizer_t *tokenizer = make_alphabet(context);
    const pt_hot_word_t hot[] = {{"cb", 3}, {"abba", 1}, {"cbb", 2}};
    pt_recognizer_options_t options;
    ck_ok(pt_recognizer_options_init(&options, sizeof options));
    say(&speech, 2, 0.9);
    say(&speech, 0, 0.4);
    speech.rows[CLASSES + 1] = (float)log(0.35);
    pt_recognizer_t *recognizer = make(tokenizer, &options);
    push(recognizer, &speech);
    ck_ok(pt_recognizer_finish(recognizer));
    ck_assert_str_eq(text_of(recognizer, 0), "ca");
    pt_recognizer_free(recognizer);
    options.hot_words = hot;
    options.hot_word_size = sizeof *hot;
    options.n_hot_words = 3;
    recognizer = make(tokenizer, &options);
    push(recognizer, &speech);
    ck_ok(pt_recognizer_finish(recognizer));
    ck_assert_str_eq(text_of(recognizer, 0), "cb");
    pt_recognizer_free(recognizer);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

/* ---- With a model ---- */

static void set(pt_model_t *model, const char *name, float *values, int64_t count)
{
    const pt_array_t view = {.dtype = PT_FLOAT32, .data = values, .elements = count};
    int64_t index;
    ck_ok(pt_model_parameter_find(model, name, &index));
    ck_ok(pt_model_parameter_set(model, index, &view, sizeof view));
}

START_TEST(test_model)
{
    float frames[6 * CLASSES];
    int64_t length = 6;
    pt_graph_t *graph;
    pt_model_t *model;
    pt_recognition_options_t task;
    pt_context_t *context = network_context(1, 3);
    pt_tokenizer_t *tokenizer = make_alphabet(context);
    ck_ok(pt_graph_create(context, &graph));
    int64_t rows = pt_graph_dim(graph, "frames");
    pt_tensor_t heard = pt_input(graph, "frames", PT_FLOAT32, 2, (int64_t[]){rows, CLASSES});
    pt_graph_set_output(graph, "hidden", pt_linear_layer(graph, "trunk", heard, CLASSES, PT_ACTIVATION_NONE));
    ck_ok(pt_model_create(context, graph, &model));
    pt_graph_free(graph);
    ck_ok(pt_recognition_options_init(&task, sizeof task));
    task.classes = CLASSES;
    ck_ok(pt_model_set_task(model, PT_TASK_RECOGNITION, &task));
    float weight[CLASSES * CLASSES] = {0}, bias[CLASSES] = {0};
    for (int32_t c = 0; c < CLASSES; c++)
        weight[c * CLASSES + c] = 3;
    set(model, "trunk.weight", weight, CLASSES * CLASSES);
    set(model, "lm_head.weight", weight, CLASSES * CLASSES);
    set(model, "trunk.bias", bias, CLASSES);
    set(model, "lm_head.bias", bias, CLASSES);
    static const int32_t said[] = {0, 4, 0, 3, 1, 1};
    for (int32_t i = 0; i < 6; i++)
        for (int32_t c = 0; c < CLASSES; c++)
            frames[i * CLASSES + c] = c == said[i];
    const pt_array_t values = {.name = "frames", .dtype = PT_FLOAT32, .data = frames, .lengths = &length};
    pt_recognizer_t *recognizer = make(tokenizer, NULL);
    ck_ok(pt_recognize(model, recognizer, &values, 1, sizeof values));
    ck_assert_str_eq(text_of(recognizer, 0), "aa b");
    ck_ok(pt_recognize(model, recognizer, &values, 1, sizeof values));
    ck_assert_str_eq(text_of(recognizer, 0), "aa b");
    pt_recognizer_free(recognizer);
    pt_model_free(model);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

/* ---- What is refused ---- */

static void expect_refused(pt_tokenizer_t *tokenizer, const pt_recognizer_options_t *options, pt_status_t status,
                           const char *part)
{
    pt_recognizer_t *recognizer;
    ck_assert_int_eq(pt_recognizer_create(tokenizer, options, &recognizer), status);
    ck_assert_ptr_null(recognizer);
    ck_assert_msg(strstr(pt_last_error(), part) != NULL, "%s", pt_last_error());
}

START_TEST(test_refusals)
{
    pt_context_t *context = samples_context();
    pt_tokenizer_t *tokenizer = make_alphabet(context);
    pt_hot_word_t hot = {"a b", 1};
    pt_recognizer_options_t good, options;
    char buffer[8];
    size_t length;
    int64_t count;
    ck_ok(pt_recognizer_options_init(&good, sizeof good));
#define REFUSED(field, value, status, part)                \
    do {                                                   \
        options = good;                                    \
        options.field = value;                             \
        expect_refused(tokenizer, &options, status, part); \
    } while (0)
    REFUSED(flags, 1, PT_ERR_ARGUMENT, "flags is 0x1");
    REFUSED(blank, 4, PT_ERR_ARGUMENT, "blank is 4");
    REFUSED(beam, -1, PT_ERR_ARGUMENT, "beam is -1");
    REFUSED(threshold, 1, PT_ERR_ARGUMENT, "threshold is 1");
    REFUSED(language_weight, -1, PT_ERR_ARGUMENT, "language_weight is -1");
    REFUSED(word_bonus, 1e9, PT_ERR_ARGUMENT, "word_bonus is 1e+09");
    REFUSED(unknown, 2, PT_ERR_ARGUMENT, "unknown is 2");
    REFUSED(n_hot_words, 1, PT_ERR_ARGUMENT, "n_hot_words is 1, hot_words NULL");
    REFUSED(language_model, "/no/such/file", PT_ERR_NOT_FOUND, "/no/such/file");
    REFUSED(language_model, write_file("none.arpa", "hello\n", 6), PT_ERR_FORMAT, "none.arpa: it has no line");
    good.hot_words = &hot;
    good.hot_word_size = sizeof hot;
    REFUSED(n_hot_words, 1, PT_ERR_ARGUMENT, "hot_words[0] is a b, expected one word");
    hot.word = "a";
    hot.weight = INFINITY;
    REFUSED(n_hot_words, 1, PT_ERR_ARGUMENT, "hot_words[0], \"a\"");
    good.n_hot_words = 1;
    REFUSED(beam, 0, PT_ERR_ARGUMENT, "n_hot_words is set, but beam is 0");
    pt_recognizer_t *recognizer = make(tokenizer, NULL);
    float rows[CLASSES] = {-1, -1, -1, -1, 2};
    pt_array_t view = {.dtype = PT_FLOAT32, .data = rows, .elements = 4};
    ck_assert_int_eq(pt_recognizer_push(recognizer, &view, sizeof view), PT_ERR_SHAPE);
    view.elements = CLASSES;
    ck_assert_int_eq(pt_recognizer_push(recognizer, &view, sizeof view), PT_ERR_ARGUMENT);
    ck_assert_msg(strstr(pt_recognizer_last_error(recognizer), "class 4 is 2") != NULL, "%s", pt_last_error());
    ck_assert_int_eq(pt_recognizer_text(recognizer, 1, buffer, sizeof buffer, &length, NULL), PT_ERR_ARGUMENT);
    ck_assert_int_eq(pt_recognizer_text(recognizer, -1, buffer, sizeof buffer, &length, NULL), PT_ERR_ARGUMENT);
    ck_assert_int_eq(pt_recognizer_words(recognizer, 0, NULL, 32, 1, &count), PT_ERR_ARGUMENT);
    ck_assert_str_eq(text_of(recognizer, 0), "");
    pt_recognizer_free(recognizer);
    pt_recognizer_free(NULL);
    ck_assert_int_eq(pt_recognizer_count(NULL), 0);
    ck_assert_str_eq(pt_recognizer_last_error(NULL), "");
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
}
END_TEST

static pt_status_t recognize(failing_allocator_t *allocator, const char *path)
{
    pt_context_t *context = NULL;
    pt_tokenizer_t *tokenizer = NULL;
    pt_recognizer_t *recognizer = NULL;
    const pt_hot_word_t hot[] = {{"cb", 3}, {"ca", 1}};
    pt_recognizer_options_t options;
    float rows[2 * CLASSES];
    char buffer[16];
    size_t length;
    int64_t count;
    for (int32_t i = 0; i < 2 * CLASSES; i++)
        rows[i] = i == 1 || i == 7 ? -0.2f : -2;
    const pt_array_t view = {.dtype = PT_FLOAT32, .data = rows, .elements = 2 * CLASSES};
    pt_recognizer_options_init(&options, sizeof options);
    pt_status_t status = samples_failing_context(allocator, &context);
    options.language_model = path;
    options.hot_words = hot;
    options.hot_word_size = sizeof *hot;
    options.n_hot_words = 2;
    if (status == PT_OK)
        status = pt_tokenizer_from_characters(context, "abc ", NULL, &tokenizer);
    if (status == PT_OK)
        status = pt_recognizer_create(tokenizer, &options, &recognizer);
    if (status == PT_OK)
        status = pt_recognizer_push(recognizer, &view, sizeof view);
    if (status == PT_OK)
        status = pt_recognizer_finish(recognizer);
    if (status == PT_OK)
        status = pt_recognizer_text(recognizer, 0, buffer, sizeof buffer, &length, NULL);
    if (status == PT_OK)
        status = pt_recognizer_words(recognizer, 0, NULL, sizeof(pt_spoken_word_t), 0, &count);
    pt_recognizer_free(recognizer);
    pt_tokenizer_free(tokenizer);
    pt_context_free(context);
    return status;
}

START_TEST(test_failing_allocations)
{
    failing_allocator_t allocator;
    pt_status_t status;
    const char *path = write_file("words.arpa", arpa, sizeof arpa - 1);
    FOR_EACH_FAILING_ALLOCATION(allocator, { status = recognize(&allocator, path); }, status);
}
END_TEST

SUITE("recognizer", 120, test_texts_and_words, PACKED test_against_greedy, test_hot_words, test_model, test_refusals,
      test_failing_allocations)
