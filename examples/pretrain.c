/* Pretrains a small GPT on any text file, byte by byte, and writes a directory that finetune.c, or any tool that reads
 * Hugging Face's layout, goes on from: config.json and model.safetensors. Interrupt it and start it again: it resumes.
 *
 *   cc pretrain.c $(pkg-config --cflags --libs pretrain) -lm -o pretrain && ./pretrain TEXT_FILE DIRECTORY [STEPS] */
#include "example.h"
#include <stdlib.h>
#include <sys/stat.h>

static const char config[] = "{\"model_type\": \"gpt2\", \"vocab_size\": 256, \"n_positions\": 128, \"n_embd\": 128, "
                             "\"n_layer\": 4, \"n_head\": 4,"
                             " \"resid_pdrop\": 0.0, \"embd_pdrop\": 0.0, \"attn_pdrop\": 0.0}";

static int write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    int written = file && fputs(text, file) >= 0;
    return (file && fclose(file) == 0 && written) ? 0 : -1;
}

static pt_status_t print_sample(pt_model_t *model, const char *text)
{
    int32_t tokens[200];
    const pt_array_t prompt = {.dtype = PT_UINT8, .data = (char *)text, .elements = (int64_t)strlen(text)};
    pt_array_t made = {.dtype = PT_INT32, .data = tokens, .capacity = 200};
    pt_generate_options_t options;
    pt_generate_options_init(&options, sizeof options);
    options.count = 200;
    options.temperature = 0.8;
    options.top_k = 20;
    pt_status_t status = pt_generate(model, &prompt, &options, &made, sizeof made);
    if (status == PT_OK)
        fputs(text, stdout);
    for (int64_t i = 0; status == PT_OK && i < made.elements; i++)
        putchar(tokens[i] == '\n' || tokens[i] >= ' ' ? tokens[i] : '?');
    putchar('\n');
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s TEXT_FILE DIRECTORY [STEPS]\n", argv[0]);
        return 2;
    }
    int result = 1;
    pt_context_t *context = NULL;
    pt_model_t *model = NULL;
    pt_dataset_t *texts = NULL, *held_out = NULL;
    pt_optimizer_t *optimizer = NULL;
    char path[4096], checkpoints[4096];
    mkdir(argv[2], 0777);
    snprintf(checkpoints, sizeof checkpoints, "%s/checkpoints", argv[2]);

    pt_context_options_t machine;
    pt_context_options_init(&machine, sizeof machine);
    machine.seed = 1;
    TRY(pt_context_create(&machine, &context));
    TRY(pt_model_create_from_config(context, config, strlen(config), &model));

    /* Windows of 128 bytes from the first nineteen twentieths of the file; the rest tells how well it learns. */
    pt_window_options_t window;
    pt_window_options_init(&window, sizeof window);
    window.length = 128;
    window.stride = 64;
    window.end = 0.95;
    TRY(pt_dataset_create_from_text(context, argv[1], &window, &texts));
    window.start = 0.95;
    window.end = 1;
    window.stride = 0;
    TRY(pt_dataset_create_from_text(context, argv[1], &window, &held_out));

    pt_optimizer_options_t rule;
    pt_optimizer_options_init(&rule, sizeof rule); /* AdamW */
    rule.flags = PT_OPTIMIZER_DECAY_MATRICES;
    rule.learning_rate = 2e-3;
    rule.weight_decay = 0.1;
    rule.beta2 = 0.95;
    rule.clip_norm = 1;
    TRY(pt_optimizer_create(context, &rule, &optimizer));

    progress_t progress = {.title = "pretraining"};
    pt_train_options_t train;
    pt_train_options_init(&train, sizeof train);
    train.flags = PT_TRAIN_RESUME;
    train.steps = argc > 3 ? atoll(argv[3]) : 1000;
    train.batch = 16;
    train.event = show_progress;
    train.event_user = &progress;
    train.evaluation = held_out;
    train.evaluate_every = 200;
    train.checkpoint_directory = checkpoints;
    train.checkpoint_seconds = 30;

    pt_schedule_options_t schedule;
    pt_schedule_options_init(&schedule, sizeof schedule);
    schedule.kind = PT_SCHEDULE_COSINE; /* over the stage's steps */
    schedule.warmup_steps = train.steps / 20;
    schedule.minimum_factor = 0.1;
    TRY(pt_optimizer_set_schedule(optimizer, &schedule));

    pt_train_result_t trained = {.struct_size = sizeof trained};
    TRY(pt_pretrain(model, optimizer, texts, &train, &trained));
    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    TRY(pt_evaluate(model, held_out, 16, &evaluation));
    printf("loss on held-out text %.3f (bits a byte: %.2f), memory at most %.1f MB\n", evaluation.loss,
           evaluation.loss / 0.693147, (double)trained.peak_bytes / 1e6);

    snprintf(path, sizeof path, "%s/model.safetensors", argv[2]);
    TRY(pt_model_save(model, path, NULL));
    snprintf(path, sizeof path, "%s/config.json", argv[2]);
    if (write_text(path, config) != 0) {
        perror(path);
        goto out;
    }
    TRY(print_sample(model, "The "));
    result = 0;
out:
    pt_optimizer_free(optimizer);
    pt_dataset_free(held_out);
    pt_dataset_free(texts);
    pt_model_free(model);
    pt_context_free(context);
    return result;
}
