/* Teaches a ResNet a host's own classes of pictures: a directory with a directory a class, each with JPEG, PNG or WebP
 * files. From published weights, a model directory such as microsoft/resnet-18's or a state dict of torchvision's, the
 * last layer is replaced; without any, it learns from nothing, which takes many more pictures.
 *
 *   cc learn_pictures.c $(pkg-config --cflags --libs pretrain) -lm -o learn_pictures
 *   ./learn_pictures PICTURES OUT_DIRECTORY [EPOCHS [WEIGHTS [IMAGE_SIZE]]]      WEIGHTS -: none */
#include "mistakes.h"

enum { BATCH = 16, MOST_MISTAKES = 5 };

/* Sizes, and what the pixels go through, are the model's. */
typedef struct look {
    int32_t height, width;
} look_t;

static pt_status_t make_model(pt_context_t *context, const char *weights, const char *size, pt_model_t **out)
{
    static const double means[] = {123.675, 116.28, 103.53}, deviations[] = {58.395, 57.12, 57.375}; /* ImageNet's */
    const pt_array_t shift = {.dtype = PT_FLOAT64, .data = (void *)(uintptr_t)means, .elements = 3},
                     scale = {.dtype = PT_FLOAT64, .data = (void *)(uintptr_t)deviations, .elements = 3};
    char config[96];
    pt_status_t status = PT_ERR_NOT_FOUND;
    *out = NULL;
    if (weights) /* a directory says what it is */
        status = pt_model_open(context, weights, NULL, out);
    if (status == PT_OK)
        return PT_OK;
    int length = snprintf(config, sizeof config, "{\"preset\": \"resnet18\", \"image_size\": %d}", atoi(size));
    status = pt_model_create_from_config(context, config, (size_t)length, out);
    if (status == PT_OK && weights) /* a state dict has weights alone */
        status = pt_model_load(*out, weights, NULL);
    return status == PT_OK ? pt_model_set_normalization(*out, "pixel_values", &shift, &scale, sizeof shift) : status;
}

static pt_status_t find_look(const pt_model_t *model, look_t *look)
{
    for (int64_t i = 0; i < pt_model_input_count(model); i++) {
        pt_input_info_t info = {.struct_size = sizeof info};
        pt_status_t status = pt_model_input_info(model, i, &info);
        if (status != PT_OK)
            return status;
        if (strcmp(info.name, "pixel_values") == 0)
            *look = (look_t){(int32_t)info.shape[0], (int32_t)info.shape[1]};
    }
    return PT_OK;
}

static pt_status_t open_pictures(pt_context_t *context, const char *path, const look_t *look, int32_t varied,
                                 pt_dataset_t **out)
{
    pt_image_options_t options;
    pt_image_options_init(&options, sizeof options);
    options.height = look->height;
    options.width = look->width;
    options.channels = 3;
    options.shorter_side = look->height + look->height / 7;
    if (varied) {
        options.crop = PT_IMAGE_CROP_RANDOM_RESIZED;
        options.scale_least = 0.35;
        options.flip_horizontally = 0.5;
        options.brightness = options.contrast = options.saturation = 0.2;
    }
    return pt_dataset_create_from_images(context, path, &options, out);
}

/* The surest of what was wrong. */
static pt_status_t show_mistakes(pt_model_t *model, pt_dataset_t *held_out)
{
    mistake_t mistakes[MOST_MISTAKES];
    int count;
    pt_status_t status = find_mistakes(model, held_out, BATCH, mistakes, MOST_MISTAKES, &count);
    for (int i = 0; status == PT_OK && i < count; i++)
        printf("%s taken for %s, by %.0f %%\n", pt_model_class_name(model, mistakes[i].truth),
               pt_model_class_name(model, mistakes[i].said), 100 * mistakes[i].by);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s PICTURES OUT_DIRECTORY [EPOCHS [WEIGHTS [IMAGE_SIZE]]]\n", argv[0]);
        return 2;
    }
    const char *weights = argc > 4 && strcmp(argv[4], "-") != 0 ? argv[4] : NULL;
    int result = 1;
    look_t look = {0, 0};
    pt_context_t *context = NULL;
    pt_model_t *model = NULL;
    pt_optimizer_t *optimizer = NULL;
    pt_dataset_t *varied = NULL, *still = NULL, *training = NULL, *unused[2] = {NULL, NULL}, *held_out = NULL;
    TRY(pt_context_create(NULL, &context));
    TRY(make_model(context, weights, argc > 5 ? argv[5] : "224", &model));
    TRY(find_look(model, &look));

    TRY(open_pictures(context, argv[1], &look, 1, &varied));
    TRY(open_pictures(context, argv[1], &look, 0, &still));
    TRY(pt_dataset_split(varied, 0.8, 1, &training, &unused[0]));
    TRY(pt_dataset_split(still, 0.8, 1, &unused[1], &held_out));
    for (int64_t i = 0; i < pt_dataset_skipped_count(still); i++)
        fprintf(stderr, "passed over: %s\n", pt_dataset_skipped(still, i));

    pt_classification_options_t task;
    pt_classification_options_init(&task, sizeof task);
    task.classes = pt_dataset_class_count(still, "label");
    task.label_smoothing = 0.1;
    TRY(pt_model_set_task(model, PT_TASK_CLASSIFICATION, &task));

    pt_optimizer_options_t rule;
    pt_schedule_options_t schedule;
    pt_optimizer_options_init(&rule, sizeof rule);
    pt_schedule_options_init(&schedule, sizeof schedule);
    rule.learning_rate = weights ? 3e-4 : 2e-3;
    rule.weight_decay = 0.05;
    rule.flags = PT_OPTIMIZER_DECAY_MATRICES;
    schedule.kind = PT_SCHEDULE_ONE_CYCLE;
    TRY(pt_optimizer_create(context, &rule, &optimizer));
    TRY(pt_optimizer_set_schedule(optimizer, &schedule));

    progress_t progress = {.title = "learning pictures"};
    pt_train_options_t train;
    pt_train_options_init(&train, sizeof train);
    train.epochs = argc > 3 ? atoll(argv[3]) : 5;
    train.batch = BATCH;
    train.event = show_progress;
    train.event_user = &progress;
    TRY(pt_finetune(model, optimizer, training, &train, NULL));

    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    TRY(pt_evaluate(model, held_out, BATCH, &evaluation));
    printf("%.1f %% of %lld pictures that it has not seen are right, of %lld classes\n",
           100 * pt_model_metric_value(model, "accuracy"), (long long)evaluation.samples,
           (long long)pt_model_class_count(model));
    TRY(show_mistakes(model, held_out));

    pt_save_options_t saving;
    pt_save_options_init(&saving, sizeof saving);
    saving.format = PT_FORMAT_DIRECTORY;
    TRY(pt_model_save(model, argv[2], &saving));
    result = 0;
out:
    pt_optimizer_free(optimizer);
    pt_dataset_free(held_out);
    pt_dataset_free(unused[1]);
    pt_dataset_free(unused[0]);
    pt_dataset_free(training);
    pt_dataset_free(still);
    pt_dataset_free(varied);
    pt_model_free(model);
    pt_context_free(context);
    return result;
}
