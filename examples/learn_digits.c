/* Learns handwritten digits from a file as MNIST has them, in about a minute, and says how many it reads right of those
 * that it has not seen. Then draws some of them, and what it takes them for.
 *
 *   cc learn_digits.c $(pkg-config --cflags --libs pretrain) -lm -o learn_digits
 *   ./learn_digits t10k-images-idx3-ubyte.gz [EPOCHS [MODEL.safetensors]]
 *
 * The labels are read from the file beside it, here t10k-labels-idx1-ubyte.gz. */
#include "example.h"

enum { SIDE = 28, CLASSES = 10, SHOWN = 3 };

/* What a pixel is counted as by the network: -1 for the ground, 1 for ink. */
static const double middle = 127.5;

/* The same digits twice: one copy moved about a little each time that it is asked for. */
static pt_status_t open_digits(pt_context_t *context, const char *path, int32_t moves, pt_dataset_t **out)
{
    pt_image_options_t options;
    pt_image_options_init(&options, sizeof options);
    options.height = options.width = SIDE;
    options.channels = 1;
    options.crop = moves ? PT_IMAGE_CROP_PADDED : PT_IMAGE_CROP_CENTER;
    options.padding = 2;
    return pt_dataset_create_from_images(context, path, &options, out);
}

static pt_status_t make_model(pt_context_t *context, pt_model_t **out)
{
    static const char config[] = "{\"preset\": \"digits\"}";
    const pt_array_t number = {.dtype = PT_FLOAT64, .data = (void *)(uintptr_t)&middle, .elements = 1};
    pt_classification_options_t task;
    pt_classification_options_init(&task, sizeof task);
    task.classes = CLASSES;
    pt_status_t status = pt_model_create_from_config(context, config, sizeof config - 1, out);
    if (status == PT_OK)
        status = pt_model_set_normalization(*out, "pixel_values", &number, &number, sizeof number);
    return status == PT_OK ? pt_model_set_task(*out, PT_TASK_CLASSIFICATION, &task) : status;
}

static pt_status_t make_optimizer(pt_context_t *context, pt_optimizer_t **out)
{
    pt_optimizer_options_t rule;
    pt_schedule_options_t schedule;
    pt_optimizer_options_init(&rule, sizeof rule); /* AdamW */
    pt_schedule_options_init(&schedule, sizeof schedule);
    rule.learning_rate = 3e-3;
    rule.flags = PT_OPTIMIZER_DECAY_MATRICES;
    schedule.kind = PT_SCHEDULE_ONE_CYCLE;
    pt_status_t status = pt_optimizer_create(context, &rule, out);
    return status == PT_OK ? pt_optimizer_set_schedule(*out, &schedule) : status;
}

static void draw(const uint8_t *pixels)
{
    static const char ink[] = " .:*#";
    for (int y = 4; y < SIDE - 4; y += 2) { /* characters are about twice as high as wide */
        putchar(' ');
        for (int x = 0; x < SIDE; x++)
            putchar(ink[(pixels[y * SIDE + x] + pixels[(y + 1) * SIDE + x]) / 2 * 5 / 256]);
        putchar('\n');
    }
}

static pt_status_t show(pt_model_t *model, pt_dataset_t *digits)
{
    for (int64_t i = 0; i < SHOWN && i < pt_dataset_length(digits); i++) {
        uint8_t pixels[SIDE * SIDE];
        float probabilities[CLASSES];
        int64_t best = 0;
        pt_array_t picture = {.name = "pixel_values", .dtype = PT_UINT8, .data = pixels, .capacity = sizeof pixels};
        pt_array_t found = {.dtype = PT_FLOAT32, .data = probabilities, .capacity = CLASSES};
        pt_status_t status = pt_dataset_read(digits, &i, 1, "pixel_values", &picture, sizeof picture);
        if (status == PT_OK)
            status = pt_forward(model, &picture, 1, sizeof picture, 1, "probabilities", &found);
        if (status != PT_OK)
            return status;
        for (int64_t class = 1; class < CLASSES; class ++)
            best = probabilities[class] > probabilities[best] ? class : best;
        draw(pixels);
        printf("%s, it says, by %.1f %%\n\n", pt_model_class_name(model, best), 100 * (double)probabilities[best]);
    }
    return PT_OK;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s IMAGES_FILE [EPOCHS [MODEL.safetensors]]\n", argv[0]);
        return 2;
    }
    int result = 1;
    pt_context_t *context = NULL;
    pt_model_t *model = NULL;
    pt_optimizer_t *optimizer = NULL;
    pt_dataset_t *moved = NULL, *still = NULL, *training = NULL, *unused[2] = {NULL, NULL}, *held_out = NULL;
    TRY(pt_context_create(NULL, &context));

    /* Both copies are parted alike, as the seed is the same: four fifths to learn from, the rest to be asked about. */
    TRY(open_digits(context, argv[1], 1, &moved));
    TRY(open_digits(context, argv[1], 0, &still));
    TRY(pt_dataset_split(moved, 0.8, 1, &training, &unused[0]));
    TRY(pt_dataset_split(still, 0.8, 1, &unused[1], &held_out));
    TRY(make_model(context, &model));
    TRY(make_optimizer(context, &optimizer));

    progress_t progress = {.title = "learning digits"};
    pt_train_options_t train;
    pt_train_options_init(&train, sizeof train);
    train.epochs = argc > 2 ? atoll(argv[2]) : 8;
    train.batch = 64;
    train.event = show_progress;
    train.event_user = &progress;
    pt_train_result_t trained = {.struct_size = sizeof trained};
    TRY(pt_finetune(model, optimizer, training, &train, &trained));

    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    TRY(pt_evaluate(model, held_out, 64, &evaluation));
    TRY(show(model, held_out));
    printf("%.2f %% of %lld digits that it has not seen are read right, after %.0f s\n",
           100 * pt_model_metric_value(model, "accuracy"), (long long)evaluation.samples, trained.seconds);
    if (argc > 3)
        TRY(pt_model_save(model, argv[3], NULL));
    result = 0;
out:
    pt_optimizer_free(optimizer);
    pt_dataset_free(held_out);
    pt_dataset_free(unused[1]);
    pt_dataset_free(unused[0]);
    pt_dataset_free(training);
    pt_dataset_free(still);
    pt_dataset_free(moved);
    pt_model_free(model);
    pt_context_free(context);
    return result;
}
