/* Fine-tunes what pretrain.c wrote into a classifier of texts, from JSON lines such as {"text": "...", "label": "..."},
 * keeps the weights of the best evaluation, and classifies a text given on the command line.
 *
 *   cc finetune.c $(pkg-config --cflags --libs pretrain) -lm -o finetune && ./finetune DIRECTORY LABELS_FILE [EPOCHS
 * [TEXT]] */
#include "example.h"
#include <stdlib.h>

/* What was taken over from the file, and what begins anew. */
static void print_transfer(const pt_model_t *model)
{
    printf("%lld tensors taken over", (long long)pt_model_transfer_count(model, PT_TRANSFER_COPIED));
    for (int64_t i = 0; i < pt_model_transfer_count(model, 0); i++) {
        const char *name;
        int32_t kind;
        if (pt_model_transfer_entry(model, i, &name, &kind) == PT_OK && kind != PT_TRANSFER_COPIED)
            printf(", %s %s", name, kind == PT_TRANSFER_NEW ? "new" : "not used");
    }
    printf("\n");
}

static pt_status_t classify(pt_model_t *model, const pt_dataset_t *dataset, const char *text)
{
    int32_t tokens[128];
    int64_t length = 0, classes = pt_dataset_class_count(dataset, "label");
    for (; text[length] && length < 128; length++)
        tokens[length] = (unsigned char)text[length];
    pt_array_t value = {.name = "tokens", .dtype = PT_INT32, .data = tokens, .elements = length, .lengths = &length};
    float *probabilities = calloc((size_t)classes, sizeof *probabilities);
    pt_array_t found = {.dtype = PT_FLOAT32, .data = probabilities, .capacity = classes};
    pt_status_t status = probabilities ? pt_forward(model, &value, 1, sizeof value, 1, "probabilities", &found)
                                       : PT_ERR_MEMORY;
    for (int64_t i = 0; status == PT_OK && i < classes; i++)
        printf("%5.1f %% %s\n", 100 * (double)probabilities[i], pt_dataset_class_name(dataset, "label", i));
    free(probabilities);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s DIRECTORY LABELS_FILE [EPOCHS [TEXT]]\n", argv[0]);
        return 2;
    }
    int result = 1;
    pt_context_t *context = NULL;
    pt_model_t *model = NULL;
    pt_dataset_t *all = NULL, *training = NULL, *held_out = NULL;
    pt_optimizer_t *optimizer = NULL;
    char path[4096];
    snprintf(path, sizeof path, "%s/config.json", argv[1]);
    char *config = read_text(path);
    if (!config)
        return 1;
    TRY(pt_context_create(NULL, &context));

    /* The text's bytes are the tokens; the distinct labels, in order, are the classes. A quarter of the texts is for
     * evaluation. */
    pt_column_t columns[] = {
        {.field = "tokens", .source = "text", .kind = PT_COLUMN_TEXT, .max_length = 128},
        {.field = "label", .source = "label", .kind = PT_COLUMN_CLASS},
    };
    TRY(pt_dataset_create_from_jsonl(context, argv[2], columns, 2, sizeof columns[0], NULL, &all));
    TRY(pt_dataset_split(all, 0.75, 1, &training, &held_out));

    /* The same trunk, with a classification head in place of the language model's. */
    TRY(pt_model_create_from_config(context, config, strlen(config), &model));
    pt_classification_options_t task;
    pt_classification_options_init(&task, sizeof task);
    task.classes = pt_dataset_class_count(all, "label");
    task.pooling = PT_POOL_MEAN;
    task.dropout = 0.1;
    TRY(pt_model_set_task(model, PT_TASK_CLASSIFICATION, &task));
    snprintf(path, sizeof path, "%s/model.safetensors", argv[1]);
    TRY(pt_model_load(model, path, NULL));
    print_transfer(model);

    pt_optimizer_options_t rule;
    pt_optimizer_options_init(&rule, sizeof rule);
    rule.learning_rate = 1e-3;
    rule.clip_norm = 1;
    TRY(pt_optimizer_create(context, &rule, &optimizer));

    progress_t progress = {.title = "fine-tuning"};
    pt_train_options_t train;
    pt_train_options_init(&train, sizeof train);
    train.flags = PT_TRAIN_KEEP_BEST;
    train.epochs = argc > 3 ? atoll(argv[3]) : 10;
    train.batch = 16;
    train.event = show_progress;
    train.event_user = &progress;
    train.evaluation = held_out;
    train.patience = 3;
    TRY(pt_finetune(model, optimizer, training, &train, NULL));

    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    TRY(pt_evaluate(model, held_out, 16, &evaluation));
    printf("accuracy %.1f %% on %lld held-out texts of %lld classes\n", 100 * pt_model_metric_value(model, "accuracy"),
           (long long)evaluation.samples, (long long)task.classes);
    snprintf(path, sizeof path, "%s/classifier.safetensors", argv[1]);
    TRY(pt_model_save(model, path, NULL));
    if (argc > 4)
        TRY(classify(model, all, argv[4]));
    result = 0;
out:
    pt_optimizer_free(optimizer);
    pt_dataset_free(held_out);
    pt_dataset_free(training);
    pt_dataset_free(all);
    pt_model_free(model);
    pt_context_free(context);
    free(config);
    return result;
}
