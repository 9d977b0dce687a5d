/* Data from the host's own callbacks. Map style: the library draws sample numbers, so that shuffling, epochs and
 * resuming are exact, and the callback fills in those samples. Stream style: the callback gives what comes next until
 * it says PT_END. An event callback draws a progress bar; another thread cancels a run, as a window's Stop button
 * would. Each callback is handed a struct that says "failed" or "stop" until it writes otherwise.
 *
 *   cc callbacks.c $(pkg-config --cflags --libs pretrain) -lm -pthread -o callbacks && ./callbacks */
#include "example.h"
#include <pthread.h>
#include <time.h>

enum { POINTS = 4096 };

/* Point number `index` of two spirals, and which of them it is on. */
static void spiral(int64_t index, float *point, int32_t *label)
{
    float arm = (float)(index % 2), t = 0.25f + (float)((index * 2654435761) % 4096) / 1024;
    point[0] = t * cosf(2 * t + 3.14159265f * arm) / 4;
    point[1] = t * sinf(2 * t + 3.14159265f * arm) / 4;
    *label = (int32_t)arm;
}

/* Map style: the fields that are declared below, with room for `capacity` samples. */
static void fetch(void *user, pt_batch_t *batch)
{
    (void)user;
    float *points = pt_batch_field(batch, "features")->data;
    int32_t *labels = pt_batch_field(batch, "label")->data;
    for (int64_t i = 0; i < batch->capacity; i++)
        spiral(batch->indices[i], points + 2 * i, labels + i);
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

/* Stream style: at most `capacity` samples from batch->position on. */
static void next(void *user, pt_batch_t *batch)
{
    const int64_t *end = user;
    int64_t left = *end - batch->position;
    float *points = pt_batch_field(batch, "features")->data;
    int32_t *labels = pt_batch_field(batch, "label")->data;
    batch->filled = left < batch->capacity ? left : batch->capacity;
    for (int64_t i = 0; i < batch->filled; i++)
        spiral(batch->position + i, points + 2 * i, labels + i);
    batch->status = batch->filled == left ? PT_END : PT_OK;
}

static pt_status_t make_model(pt_context_t *context, pt_model_t **model)
{
    const char *config =
        "{\"model_type\": \"mlp\", \"input_size\": 2, \"hidden_sizes\": [64, 64], \"activation_function\": \"relu\"}";
    pt_status_t status = pt_model_create_from_config(context, config, strlen(config), model);
    pt_classification_options_t task;
    pt_classification_options_init(&task, sizeof task);
    task.classes = 2;
    return status == PT_OK ? pt_model_set_task(*model, PT_TASK_CLASSIFICATION, &task) : status;
}

static void *cancel_soon(void *user)
{
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    pt_model_cancel(user); /* the one call besides getters that another thread may make */
    return NULL;
}

int main(void)
{
    int result = 1;
    int64_t end = POINTS;
    pt_context_t *context = NULL;
    pt_model_t *model = NULL;
    pt_dataset_t *map = NULL, *stream = NULL;
    pt_optimizer_t *optimizer = NULL;
    pthread_t canceller;
    pt_field_spec_t fields[] = {
        {.name = "features", .dtype = PT_FLOAT32, .rank = 1, .shape = {2}},
        {.name = "label", .dtype = PT_INT32},
    };
    TRY(pt_context_create(NULL, &context));
    TRY(make_model(context, &model));
    TRY(pt_dataset_create_map(context, fields, 2, sizeof fields[0], POINTS, PT_DATASET_THREAD_SAFE, fetch, NULL, NULL,
                              &map));
    TRY(pt_dataset_create_stream(context, fields, 2, sizeof fields[0], 0, next, &end, NULL, &stream));
    pt_optimizer_options_t rule;
    pt_optimizer_options_init(&rule, sizeof rule);
    rule.learning_rate = 3e-3;
    TRY(pt_optimizer_create(context, &rule, &optimizer));

    progress_t progress = {.title = "map"};
    pt_train_options_t train;
    pt_train_options_init(&train, sizeof train);
    train.epochs = 10;
    train.batch = 64;
    train.event = show_progress;
    train.event_user = &progress;
    TRY(pt_finetune(model, optimizer, map, &train, NULL));

    progress = (progress_t){.title = "stream"};
    train.epochs = 2;
    TRY(pt_finetune(model, optimizer, stream, &train, NULL));

    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    TRY(pt_evaluate(model, map, 256, &evaluation));
    printf("accuracy %.1f %%\n", 100 * pt_model_metric_value(model, "accuracy"));

    progress = (progress_t){.title = "cancelled"};
    train.epochs = 1000000;
    if (pthread_create(&canceller, NULL, cancel_soon, model) != 0)
        goto out;
    pt_status_t status = pt_finetune(model, optimizer, map, &train, NULL);
    printf("%s: %s\n", pt_status_name(status), pt_last_error());
    pthread_join(canceller, NULL);
    result = status == PT_ERR_CANCELLED ? 0 : 1;
out:
    pt_optimizer_free(optimizer);
    pt_dataset_free(stream);
    pt_dataset_free(map);
    pt_model_free(model);
    pt_context_free(context);
    return result;
}
