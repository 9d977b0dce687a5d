/* The cases of the performance table, as bench_case.c takes them. Written with the public interface alone, as a host
 * would. */
#include "case_state.h"

#include <stdlib.h>
#include <string.h>

static const bench_t benches[] = {
    {"linear", 0, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0},
    {"linear-stage", 0, 0, 0, 0, 0, 64, 0, 1, 0, 0, 0, 0},
    {"mlp", 0, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0},
    {"gpt-4x128", 4, 4, 128, 65, 64, 12, 64, 0, 0, 0, 0, 0},
    {"gpt-6x384", 6, 6, 384, 65, 256, 8, 256, 0, 0, 0, 0, 0},
    {"gpt2-4x64", 12, 12, 768, 50257, 1024, 4, 64, 0, 0, 0, 0, 0},
    {"gpt2-1x1024", 12, 12, 768, 50257, 1024, 1, 1024, 0, 0, 0, 0, 0},
    {"llama-6x384", 6, 6, 384, 8192, 256, 4, 256, 0, 2, 1024, 0, 0},
    {"minilm-16x128", 6, 12, 384, 30522, 512, 16, 128, 0, 0, 1536, 2, 0},
    {"bert-8x128", 12, 12, 768, 30522, 512, 8, 128, 0, 0, 3072, 2, 0},
    {"deepspeech2-8x400", 3, 0, 512, 0, 0, 8, 400, 0, 0, 0, 0, 1},
    {"deepspeech2-ragged", 3, 0, 512, 0, 0, 8, 400, 0, 0, 0, 0, 2},
};

void must(pt_status_t status, const char *what)
{
    if (status == PT_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, pt_status_name(status), pt_last_error());
    exit(EXIT_FAILURE);
}

void *must_allocate(size_t count, size_t size)
{
    void *block = calloc(count, size);
    if (!block) {
        fputs("out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return block;
}

uint32_t draw(void)
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
        pt_graph_set_loss(graph, pt_mse_loss(graph, prediction, target, NULL));
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

/* The configuration of GPT-2, of a Llama or of BERT, as the case has it. Its length. */
static int print_config(const bench_t *bench, char *config, size_t size)
{
    if (bench->classes > 0) /* with BERT's dropouts, 0.1 */
        return snprintf(config, size,
                        "{\"model_type\": \"bert\", \"vocab_size\": %d, \"max_position_embeddings\": %d, "
                        "\"hidden_size\": %d, \"num_hidden_layers\": %d, \"num_attention_heads\": %d, "
                        "\"intermediate_size\": %d}",
                        bench->vocabulary, bench->positions, bench->width, bench->layers, bench->heads, bench->inner);
    if (bench->inner > 0)
        return snprintf(config, size,
                        "{\"model_type\": \"llama\", \"vocab_size\": %d, \"max_position_embeddings\": %d, "
                        "\"hidden_size\": %d, \"num_hidden_layers\": %d, \"num_attention_heads\": %d, "
                        "\"num_key_value_heads\": %d, \"intermediate_size\": %d, \"tie_word_embeddings\": true}",
                        bench->vocabulary, bench->positions, bench->width, bench->layers, bench->heads, bench->kv_heads,
                        bench->inner);
    return snprintf(config, size,
                    "{\"model_type\": \"gpt2\", \"vocab_size\": %d, \"n_positions\": %d, \"n_embd\": %d, "
                    "\"n_layer\": %d, \"n_head\": %d, \"resid_pdrop\": 0, \"embd_pdrop\": 0, \"attn_pdrop\": 0}",
                    bench->vocabulary, bench->positions, bench->width, bench->layers, bench->heads);
}

static void make_transformer(state_t *state)
{
    const bench_t *bench = state->bench;
    char config[512];
    int length = print_config(bench, config, sizeof config);
    must(pt_model_create_from_config(state->context, config, (size_t)length, &state->model), "model");
    pt_classification_options_t task;
    must(pt_classification_options_init(&task, sizeof task), "task");
    task.classes = bench->classes;
    must(bench->classes > 0 ? pt_model_set_task(state->model, PT_TASK_CLASSIFICATION, &task)
                            : pt_model_set_task(state->model, PT_TASK_CAUSAL_LM, NULL),
         "task");
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
        for (int j = 0; bench->classes > 0 && j < bench->batch; j++)
            state->labels[i][j] = (int32_t)(draw() % (uint32_t)bench->classes);
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
        if (bench->classes > 0) { /* fine-tuning */
            options.learning_rate = 5e-5;
            options.weight_decay = 0.01;
            options.beta2 = 0.999;
        }
    } else {
        options.kind = PT_OPTIMIZER_SGD;
        options.learning_rate = 0.01;
        options.momentum = strcmp(bench->name, "mlp") == 0 ? 0.9 : 0.0;
    }
    must(pt_optimizer_create(state->context, &options, &state->optimizer), "optimizer");
}

/* The views are made once, beside the numbers, as a host that goes round the same batches keeps them. */
static void make_values(state_t *state)
{
    for (int i = 0; i < BATCHES; i++) {
        pt_array_t *values = state->values[i];
        if (state->bench->layers > 0) {
            values[0] = (pt_array_t){
                .name = "tokens", .data = state->tokens[i], .lengths = state->lengths, .dtype = PT_INT32};
            values[1] = (pt_array_t){
                .name = "labels", .data = state->labels[i], .lengths = state->lengths, .dtype = PT_INT32};
            if (state->bench->classes > 0)
                values[1] = (pt_array_t){.name = "label", .data = state->labels[i], .dtype = PT_INT32};
            continue;
        }
        values[0] = (pt_array_t){.name = "features", .data = state->features[i], .dtype = PT_FLOAT32};
        values[1] = state->outputs > 1 ? (pt_array_t){.name = "label", .data = state->labels[i], .dtype = PT_INT32}
                                       : (pt_array_t){.name = "target", .data = state->target[i], .dtype = PT_FLOAT32};
    }
}

void make_state(state_t *state, const char *name, int threads)
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
    if (state->bench->speech)
        make_speech(state);
    else if (state->bench->layers > 0)
        make_transformer(state);
    else
        make_network(state);
    if (!state->bench->speech)
        make_values(state);
    make_optimizer(state);
}

void free_state(state_t *state)
{
    pt_optimizer_free(state->optimizer);
    pt_model_free(state->model);
    pt_context_free(state->context);
}

double step(state_t *state, int64_t number)
{
    const pt_array_t *values = state->values[number % BATCHES];
    pt_step_result_t result = {.struct_size = sizeof result};
    must(pt_train_step(state->model, state->optimizer, values, 2, sizeof values[0], state->bench->batch, 0, &result),
         "step");
    return result.loss;
}

void print_cases(FILE *file)
{
    for (size_t i = 0; i < sizeof benches / sizeof benches[0]; i++)
        fprintf(file, " %s", benches[i].name);
    fputs("\n", file);
}
