/* Each allocation fails once in programs that use everything of a model: stages by rows with evaluation, the best
 * weights, checkpoints and a resume; steps, predictions and values in every form; weights that are partly frozen. */
#include <stdio.h>

#include "support/failing_allocator.h"
#include "support/failing_io.h"
#include "support/networks.h"

#define CONFIG                                                                                                         \
    "{\"model_type\": \"gpt2\", \"vocab_size\": 5, \"n_positions\": 6, \"n_embd\": 4, \"n_layer\": 1, \"n_head\": 1, " \
    "\"resid_pdrop\": 0, \"embd_pdrop\": 0, \"attn_pdrop\": 0}"

enum { SAMPLES = 3, ROWS_OF_ALL = 9, WEIGHT = 3 /* rank 2 */ };
static const int32_t tokens[ROWS_OF_ALL] = {1, 2, 3, 4, 0, 1, 2, 3, 4}, labels[SAMPLES] = {0, 1, 1};
static const int64_t lengths[SAMPLES] = {2, 4, 3};

static const pt_array_t arrays[] = {{.name = "tokens",
                                     .dtype = PT_INT32,
                                     .rank = 1,
                                     .shape = {PT_DIM_TOKENS},
                                     .max_length = 6,
                                     .data = (void *)(uintptr_t)tokens,
                                     .lengths = (void *)(uintptr_t)lengths},
                                    {.name = "label", .dtype = PT_INT32, .data = (void *)(uintptr_t)labels}};

typedef struct program {
    failing_allocator_t allocator;
    pt_context_t *context;
    pt_model_t *model;
    pt_optimizer_t *optimizer;
    pt_dataset_t *data;
    char directory[512];
} program_t;

static pt_status_t begin(program_t *program)
{
    pt_context_options_t options;
    const network_task_t task = {.task = PT_TASK_CLASSIFICATION, .outputs = 2};
    ck_ok(pt_context_options_init(&options, sizeof options));
    failing_allocator_hooks(&program->allocator, &options);
    options.threads = 1;
    PT__TRY(pt_context_create(&options, &program->context));
    PT__TRY(pt_model_create_from_config(program->context, CONFIG, strlen(CONFIG), &program->model));
    PT__TRY(network_choose_task(program->model, &task));
    PT__TRY(pt_optimizer_create(program->context, NULL, &program->optimizer));
    return pt_dataset_create_from_arrays(program->context, arrays, 2, sizeof(pt_array_t), SAMPLES, 0, &program->data);
}

static void end(program_t *program)
{
    pt_dataset_free(program->data);
    pt_optimizer_free(program->optimizer);
    pt_model_free(program->model);
    pt_context_free(program->context);
    program->data = NULL;
    program->optimizer = NULL;
    program->model = NULL;
    program->context = NULL;
}

static pt_status_t run_stages(program_t *program)
{
    pt_train_options_t options;
    PT__TRY(begin(program));
    PT__TRY(pt_model_set_trainable(program->model, "*ln_f*", 0, NULL));
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.batch_rows = 6;
    options.epochs = 1;
    options.evaluation = program->data;
    options.evaluate_every = 1;
    options.patience = 9;
    options.checkpoint_directory = program->directory;
    options.checkpoint_every = 1;
    options.checkpoints_kept = 1;
    options.flags = PT_TRAIN_RESUME | PT_TRAIN_KEEP_BEST;
    PT__TRY(pt_finetune(program->model, program->optimizer, program->data, &options, NULL));
    options.epochs = 2;
    return pt_finetune(program->model, program->optimizer, program->data, &options, NULL);
}

static pt_status_t predict_all(program_t *program)
{
    double numbers[16];
    int64_t of_samples[SAMPLES];
    pt_array_t view = {.dtype = PT_FLOAT64, .data = numbers, .capacity = 1};
    PT__TRY(begin(program));
    /* too small, which tells how much there will be */
    pt_status_t status = pt_predict(program->model, program->data, "logits", 2, &view, sizeof view);
    ck_assert_int_ne(status, PT_OK);
    if (status == PT_ERR_MEMORY)
        return status;
    ck_assert_int_eq(view.elements, 2 * SAMPLES);
    view.capacity = 16;
    PT__TRY(pt_predict(program->model, program->data, "logits", 2, &view, sizeof view));
    view.lengths = of_samples;
    view.lengths_capacity = SAMPLES;
    PT__TRY(pt_predict(program->model, program->data, "logits", 2, &view, sizeof view));
    ck_assert_int_eq(of_samples[2], 2);
    view = (pt_array_t){0};
    PT__TRY(pt_predict(program->model, program->data, "hidden", 2, &view, sizeof view));
    ck_assert_int_eq(view.elements, 4 * ROWS_OF_ALL);
    view = (pt_array_t){.dtype = PT_FLOAT64, .data = numbers, .capacity = 16};
    PT__TRY(pt_forward(program->model, arrays, 1, sizeof(pt_array_t), SAMPLES, "logits", &view));
    PT__TRY(pt_loss(program->model, arrays, 2, sizeof(pt_array_t), SAMPLES, numbers));
    return PT_OK;
}

static pt_status_t step_and_look(program_t *program)
{
    double numbers[64];
    pt_array_t view = {.dtype = PT_FLOAT64, .data = numbers, .capacity = 64};
    pt_estimate_t estimate = {.struct_size = sizeof estimate};
    const char *path = suite_path("half.safetensors");
    PT__TRY(begin(program));
    PT__TRY(pt_model_estimate(program->model, program->optimizer, SAMPLES, TOKEN_ROWS(ROWS_OF_ALL), &estimate));
    PT__TRY(
        pt_train_step(program->model, program->optimizer, arrays, 2, sizeof(pt_array_t), SAMPLES, PT_STEP_NORM, NULL));
    PT__TRY(pt_model_estimate(program->model, program->optimizer, SAMPLES, TOKEN_ROWS(ROWS_OF_ALL), &estimate));
    PT__TRY(pt_train_step(program->model, program->optimizer, arrays, 2, sizeof(pt_array_t), SAMPLES,
                          PT_STEP_ACCUMULATE, NULL));
    PT__TRY(pt_model_gradient_get(program->model, WEIGHT, &view, sizeof view));
    PT__TRY(pt_checkpoint_save(program->model, program->optimizer, path, NULL));
    PT__TRY(pt_checkpoint_load(program->model, program->optimizer, path, NULL));
    PT__TRY(pt_model_parameter_get(program->model, WEIGHT, &view, sizeof view));
    view.lengths = NULL;
    PT__TRY(pt_model_parameter_set(program->model, WEIGHT, &view, sizeof view));
    PT__TRY(pt_model_set_trainable(program->model, "*wte*", 0, NULL));
    const pt_save_options_t saving = {.struct_size = sizeof saving, .flags = PT_SAVE_TRAINED_ONLY};
    PT__TRY(pt_checkpoint_save(program->model, program->optimizer, path, &saving));
    return pt_checkpoint_load(program->model, program->optimizer, path, NULL);
}

static void try_all(pt_status_t (*run)(program_t *program), long least)
{
    program_t program = {0};
    pt_status_t status;
    long runs = 0;
    failing_io_skip_fsync();
    FOR_EACH_FAILING_ALLOCATION(program.allocator, {
        char name[32];
        snprintf(name, sizeof name, "run%ld", runs++);
        snprintf(program.directory, sizeof program.directory, "%s", suite_path(name));
        status = run(&program);
        end(&program);
    }, status);
    ck_assert_int_gt(runs, least);
}

START_TEST(test_stages)
{
    try_all(run_stages, 200);
}
END_TEST

START_TEST(test_predictions)
{
    try_all(predict_all, 100);
}
END_TEST

START_TEST(test_steps)
{
    try_all(step_and_look, 200);
}
END_TEST

SUITE("allocations", 200, test_stages, test_predictions, test_steps)
