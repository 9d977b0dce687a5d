/* The quickstart's network. A text is a bag of subwords: the mean of their vectors, in which frequent ones count less,
 * moved and scaled by batch norm. Without labels it learns from windows of text: half of a window's subwords are shown,
 * and the network tells subwords of the hidden half from others drawn at random (Mikolov 2013, negative sampling).
 * With labels a linear layer on that vector learns classes; where nothing was pretrained all below it learns too. */
#include "example.h"
#include "quickstart.h"

#include <stdlib.h>

enum { WINDOW = 32, SHOWN_OTHERS = 8, DRAWN_OTHERS = 40, CANDIDATES = SHOWN_OTHERS + DRAWN_OTHERS, DRAWS = 1 << 20 };

/* ---- The network ------------------------------------------------------------------------------------------------- */

static pt_tensor_t table(pt_graph_t *graph, const char *name, int64_t rows, int64_t width, double deviation)
{
    pt_parameter_options_t options;
    pt_parameter_options_init(&options, sizeof options);
    options.initializer = PT_INIT_NORMAL;
    options.value = deviation;
    return pt_parameter(graph, name, 2, (int64_t[]){rows, width}, &options);
}

/* [batch, width]: the weighted mean of the vectors of a text's subwords. A frozen column says how much each subword
 * counts; it is a parameter so that the saved file has it. */
static pt_tensor_t describe_text(pt_graph_t *graph, const quickstart_t *q)
{
    pt_parameter_options_t options;
    pt_parameter_options_init(&options, sizeof options);
    options.flags = PT_PARAMETER_FROZEN;
    options.value = 1;
    pt_tensor_t tokens = pt_input(graph, "tokens", PT_INT32, 1, (int64_t[]){PT_DIM_TOKENS});
    pt_tensor_t counts = pt_parameter(graph, "importance", 2, (int64_t[]){q->tokenizer_size, 1}, &options);
    pt_tensor_t importance = pt_embedding(graph, tokens, counts);
    pt_tensor_t vectors = pt_embedding(graph, tokens, table(graph, "tokens", q->tokenizer_size, q->width, 0.02));
    pt_tensor_t sum = pt_pool(graph, pt_mul(graph, vectors, importance), PT_POOL_SUM);
    pt_tensor_t mean = pt_div(graph, sum, pt_pool(graph, importance, PT_POOL_SUM));
    return pt_batch_norm_layer(graph, "norm", mean, 0.02, 1e-8);
}

/* Are the candidates among the hidden subwords of the window? */
static pt_status_t make_pretraining(pt_context_t *context, const quickstart_t *q, pt_model_t **out)
{
    pt_graph_t *graph = NULL;
    pt_status_t status = pt_graph_create(context, &graph);
    if (status != PT_OK)
        return status;
    pt_tensor_t text = describe_text(graph, q);
    pt_tensor_t candidates = pt_input(graph, "candidates", PT_INT32, 2, (int64_t[]){PT_DIM_BATCH, CANDIDATES});
    pt_tensor_t hidden = pt_input(graph, "hidden", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, CANDIDATES});
    pt_tensor_t vectors = pt_embedding(graph, candidates, table(graph, "guesses", q->tokenizer_size, q->width, 0));
    pt_tensor_t biases = pt_embedding(graph, candidates, table(graph, "frequencies", q->tokenizer_size, 1, 0));
    text = pt_reshape(graph, text, 3, (int64_t[]){PT_DIM_BATCH, 1, q->width});
    pt_tensor_t scores = pt_add(graph, pt_sum(graph, pt_mul(graph, vectors, text), -1, 1), biases);
    scores = pt_reshape(graph, scores, 2, (int64_t[]){PT_DIM_BATCH, CANDIDATES});
    pt_graph_set_loss(graph, pt_bce_loss(graph, scores, hidden, 1, NULL));
    status = pt_model_create(context, graph, out);
    pt_graph_free(graph);
    return status;
}

static pt_status_t make_classifier(pt_context_t *context, int method, const lesson_t *lesson, pt_model_t **out)
{
    pt_graph_t *graph = NULL;
    pt_status_t status = pt_graph_create(context, &graph);
    if (status != PT_OK)
        return status;
    pt_tensor_t logits, label = pt_input(graph, "label", PT_INT32, 1, (int64_t[]){PT_DIM_BATCH});
    if (method == NGRAMS) { /* logistic regression, whose features are nearly all 0 */
        pt_tensor_t tokens = pt_input(graph, "tokens", PT_INT32, 1, (int64_t[]){PT_DIM_TOKENS});
        pt_tensor_t weights = pt_input(graph, "weights", PT_FLOAT32, 2, (int64_t[]){PT_DIM_TOKENS, 1});
        pt_tensor_t rows = pt_embedding(graph, tokens, table(graph, "ngrams", lesson->rows, lesson->classes, 0));
        logits = pt_add(graph, pt_pool(graph, pt_mul(graph, rows, weights), PT_POOL_SUM),
                        pt_parameter(graph, "bias", 1, (int64_t[]){lesson->classes}, NULL));
    } else {
        const quickstart_t *q = lesson->quickstart; /* a text's vector has length 1, as its n-grams have */
        pt_tensor_t text = pt_rms_norm(graph, describe_text(graph, q), PT_NO_TENSOR, 1e-8);
        text = pt_scale(graph, text, 1 / sqrt((double)q->width));
        logits = pt_linear_layer(graph, "classes", text, lesson->classes, PT_ACTIVATION_NONE);
    }
    pt_graph_set_output(graph, "probabilities", pt_softmax(graph, logits));
    pt_graph_set_loss(graph, pt_cross_entropy_loss(graph, logits, label, NULL));
    status = pt_model_create(context, graph, out);
    pt_graph_free(graph);
    return status;
}

/* ---- Events: the progress bar, and the curves for the report ----------------------------------------------------- */

typedef struct watcher {
    progress_t progress;
    curve_t *curve;
} watcher_t;

static void watch(void *user, pt_event_t *event)
{
    watcher_t *watcher = user;
    event->action = PT_ACTION_GO_ON;
    if (watcher->progress.title)
        show_progress(&watcher->progress, event);
    if (event->kind == PT_EVENT_STEP && watcher->curve)
        add_point(watcher->curve, (double)event->step, event->loss);
}

static pt_status_t make_optimizer(pt_context_t *context, int32_t kind, double learning_rate, int64_t warmup_steps,
                                  pt_optimizer_t **out)
{
    pt_optimizer_options_t rule;
    pt_optimizer_options_init(&rule, sizeof rule);
    rule.kind = kind;
    rule.learning_rate = learning_rate;
    rule.beta2 = 0.99;
    rule.momentum = kind == PT_OPTIMIZER_SGD ? 0.9 : -1;
    pt_schedule_options_t schedule;
    pt_schedule_options_init(&schedule, sizeof schedule);
    schedule.kind = PT_SCHEDULE_LINEAR;
    schedule.warmup_steps = warmup_steps;
    pt_status_t status = pt_optimizer_create(context, &rule, out);
    return status == PT_OK ? pt_optimizer_set_schedule(*out, &schedule) : status;
}

/* ---- Pretraining ------------------------------------------------------------------------------------------------- */

typedef struct windows {
    const bags_t *texts;
    int64_t count;
    int64_t *text_of, *begin_of; /* [count] */
    float *importance;           /* [tokenizer_size]: sqrt(t / frequency), at most 1: Mikolov 2013's subsampling */
    int32_t *others;             /* [DRAWS] subwords to draw from, in proportion to (importance * frequency)^0.75 */
} windows_t;

static void fetch_windows(void *user, pt_batch_t *batch)
{
    const windows_t *windows = user;
    pt_array_t *tokens = pt_batch_field(batch, "tokens"), *candidates = pt_batch_field(batch, "candidates"),
               *hidden = pt_batch_field(batch, "hidden");
    int64_t used = 0;
    for (int64_t i = 0; i < batch->capacity; i++) {
        uint64_t random = pt_batch_key(batch, i);
        int64_t window = batch->indices[i], text = windows->text_of[window];
        int64_t first = windows->texts->offsets[text], length = windows->texts->offsets[text + 1] - first;
        int64_t size = length < WINDOW ? length : WINDOW, begin = windows->begin_of[window] + draw(&random, WINDOW);
        begin = begin + size > length ? length - size : begin;
        const int32_t *from = windows->texts->ids + first + begin;
        int32_t *shown = (int32_t *)tokens->data + used, kept[WINDOW];
        int64_t n_shown = 0, n_kept = 0;
        for (int64_t j = 0; j < size; j++) {
            if (draw(&random, 2) == 0)
                shown[n_shown++] = from[j];
            else
                kept[n_kept++] = from[j];
        }
        if (n_shown == 0)
            shown[n_shown++] = kept[--n_kept];
        if (n_kept == 0)
            kept[n_kept++] = shown[n_shown > 1 ? --n_shown : 0];
        int32_t *candidate = (int32_t *)candidates->data + i * CANDIDATES;
        float *is_hidden = (float *)hidden->data + i * CANDIDATES;
        for (int64_t j = 0; j < CANDIDATES; j++) {
            is_hidden[j] = j < SHOWN_OTHERS ? 1.0f : 0.0f;
            if (j >= SHOWN_OTHERS) {
                candidate[j] = windows->others[draw(&random, DRAWS)];
                continue;
            }
            for (int tries = 0; tries < 50; tries++) { /* frequent ones seldom */
                candidate[j] = kept[draw(&random, n_kept)];
                if ((float)draw(&random, 1 << 20) < windows->importance[candidate[j]] * (float)(1 << 20))
                    break;
            }
        }
        tokens->lengths[i] = n_shown;
        used += n_shown;
    }
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

static pt_status_t open_windows(pt_context_t *context, const quickstart_t *q, windows_t *windows, pt_dataset_t **out)
{
    const bags_t *texts = windows->texts;
    int64_t total = texts->offsets[texts->count], used = 0;
    double *share = checked(calloc((size_t)q->tokenizer_size, sizeof *share)), sum = 0, place = 0;
    windows->text_of = checked(malloc((size_t)(total / WINDOW + texts->count) * sizeof(int64_t)));
    windows->begin_of = checked(malloc((size_t)(total / WINDOW + texts->count) * sizeof(int64_t)));
    windows->importance = checked(malloc((size_t)q->tokenizer_size * sizeof *windows->importance));
    windows->others = checked(malloc(DRAWS * sizeof *windows->others));
    for (int64_t i = 0; i < texts->count; i++) {
        int64_t length = texts->offsets[i + 1] - texts->offsets[i];
        for (int64_t begin = 0; begin < length && (begin == 0 || begin + WINDOW / 2 < length); begin += WINDOW) {
            windows->text_of[windows->count] = i;
            windows->begin_of[windows->count++] = begin - WINDOW / 2 > 0 ? begin - WINDOW / 2 : 0;
        }
    }
    for (int64_t i = 0; i < total; i++)
        share[texts->ids[i]] += 1 / (double)total;
    for (int64_t i = 0; i < q->tokenizer_size; i++) {
        double importance = share[i] > 3e-4 ? sqrt(3e-4 / share[i]) : 1;
        windows->importance[i] = (float)importance;
        share[i] = pow(importance * share[i], 0.75);
        sum += share[i];
    }
    for (int64_t i = 0; i < q->tokenizer_size; i++) {
        for (place += share[i] / sum; used < DRAWS && (double)used < place * DRAWS;)
            windows->others[used++] = (int32_t)i;
    }
    while (used < DRAWS) /* rounding */
        windows->others[used++] = windows->others[0];
    free(share);
    const pt_field_spec_t fields[] = {
        {.name = "tokens", .dtype = PT_INT32, .rank = 1, .shape = {PT_DIM_TOKENS}, .max_length = WINDOW},
        {.name = "candidates", .dtype = PT_INT32, .rank = 1, .shape = {CANDIDATES}},
        {.name = "hidden", .dtype = PT_FLOAT32, .rank = 1, .shape = {CANDIDATES}},
    };
    return pt_dataset_create_map(context, fields, 3, sizeof fields[0], windows->count, PT_DATASET_CONCURRENT,
                                 fetch_windows, windows, NULL, out);
}

static void windows_free(windows_t *windows)
{
    free(windows->text_of);
    free(windows->begin_of);
    free(windows->importance);
    free(windows->others);
}

static pt_status_t set_importance(pt_model_t *model, const quickstart_t *q, const windows_t *windows)
{
    int64_t index = -1;
    const pt_array_t values = {.dtype = PT_FLOAT32, .data = windows->importance, .elements = q->tokenizer_size};
    pt_status_t status = pt_model_parameter_find(model, "importance", &index);
    return status == PT_OK ? pt_model_parameter_set(model, index, &values, sizeof values) : status;
}

/* How many steps fit into half of the time that is left: a few are made on a network that is then thrown away. The
 * other half is for what follows. */
static pt_status_t plan_steps(pt_context_t *context, quickstart_t *q, pt_dataset_t *dataset, const windows_t *windows,
                              double began)
{
    pt_model_t *model = NULL;
    pt_optimizer_t *optimizer = NULL;
    pt_train_options_t train;
    pt_train_result_t trained = {.struct_size = sizeof trained};
    pt_train_options_init(&train, sizeof train);
    train.steps = 20;
    train.batch = q->batch;
    pt_status_t status = make_pretraining(context, q, &model);
    if (status == PT_OK)
        status = set_importance(model, q, windows);
    if (status == PT_OK)
        status = make_optimizer(context, PT_OPTIMIZER_ADAM, 1e-3, 0, &optimizer);
    for (int i = 0; i < 2 && status == PT_OK; i++) /* the first ones, which touch new memory, are slow */
        status = pt_pretrain(model, optimizer, dataset, &train, &trained);
    if (status == PT_OK) {
        double second = (double)trained.steps / trained.seconds, left = 60 * q->minutes - (now() - began);
        int64_t fit = (int64_t)(0.5 * left * second), least = q->steps < 200 ? q->steps : 200;
        q->steps = fit >= q->steps ? q->steps : fit > least ? fit : least;
        printf("%.1f steps a second here: %lld steps, about %.0f seconds\n", second, (long long)q->steps,
               (double)q->steps / second);
    }
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    return status;
}

int pretrain(pt_context_t *context, quickstart_t *q, const bags_t *unlabelled, double began)
{
    int result = -1;
    windows_t windows = {.texts = unlabelled};
    pt_dataset_t *dataset = NULL;
    pt_model_t *model = NULL;
    pt_optimizer_t *optimizer = NULL;
    watcher_t watcher = {.progress = {.title = "pretraining"}, .curve = &q->pretrain_curve};
    pt_train_result_t trained = {.struct_size = sizeof trained};
    TRY(open_windows(context, q, &windows, &dataset));
    TRY(plan_steps(context, q, dataset, &windows, began));
    TRY(make_pretraining(context, q, &model));
    TRY(set_importance(model, q, &windows));
    TRY(make_optimizer(context, PT_OPTIMIZER_ADAM, q->learning_rate, q->steps / 20, &optimizer));
    pt_train_options_t train;
    pt_train_options_init(&train, sizeof train);
    train.steps = q->steps;
    train.batch = q->batch;
    train.event_every = q->steps >= 400 ? q->steps / 200 : 1;
    train.event = watch;
    train.event_user = &watcher;
    TRY(pt_pretrain(model, optimizer, dataset, &train, &trained));
    TRY(pt_model_save(model, q->model_path, NULL));
    pt_estimate_t estimate = {.struct_size = sizeof estimate};
    const pt_dim_rows_t rows = {"tokens", q->batch * WINDOW};
    TRY(pt_model_estimate(model, optimizer, q->batch, &rows, 1, sizeof rows, &estimate));
    q->parameters = estimate.parameters;
    q->pretrain_loss = trained.loss;
    q->pretrain_seconds = trained.seconds;
    q->windows_per_second = (double)trained.samples / trained.seconds;
    result = 0;
out:
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    pt_dataset_free(dataset);
    windows_free(&windows);
    return result;
}

/* ---- Learning from labels ---------------------------------------------------------------------------------------- */

int learn(pt_context_t *context, int method, const lesson_t *lesson, float *probabilities)
{
    int result = -1;
    const quickstart_t *q = lesson->quickstart;
    pt_model_t *model = NULL;
    pt_optimizer_t *optimizer = NULL;
    watcher_t watcher = {.progress = {.title = lesson->title}, .curve = lesson->curve};
    TRY(make_classifier(context, method, lesson, &model));
    if (method == PRETRAINED) {
        TRY(pt_model_load(model, q->model_path, NULL));
        TRY(pt_model_set_trainable(model, "*", 0, NULL));
        TRY(pt_model_set_trainable(model, "classes.*", 1, NULL));
    } else if (method == FROM_SCRATCH) { /* few texts tell no means: nothing is moved or scaled */
        TRY(pt_model_set_trainable(model, "norm.running_*", 0, NULL));
    }
    /* Plain gradient descent is as good as scikit-learn's solver; Adam moves rare n-grams as far as frequent ones. A
     * network from scratch needs it. */
    TRY(make_optimizer(context, method == FROM_SCRATCH ? PT_OPTIMIZER_ADAM : PT_OPTIMIZER_SGD, lesson->rate,
                       q->finetune_steps / 10, &optimizer));
    pt_train_options_t train;
    pt_train_options_init(&train, sizeof train);
    train.steps = q->finetune_steps;
    train.batch = lesson->n_training < 128 ? lesson->n_training : 128;
    train.flags = PT_TRAIN_DROP_PARTIAL;
    train.event_every = q->finetune_steps >= 50 ? q->finetune_steps / 25 : 1;
    train.event = watch;
    train.event_user = &watcher;
    TRY(pt_finetune(model, optimizer, lesson->training, &train, NULL));
    pt_array_t values = {.dtype = PT_FLOAT32, .data = probabilities, .capacity = lesson->n_test * lesson->classes};
    TRY(pt_predict(model, lesson->test, "probabilities", 64, &values, sizeof values));
    result = 0;
out:
    pt_optimizer_free(optimizer);
    pt_model_free(model);
    return result;
}
