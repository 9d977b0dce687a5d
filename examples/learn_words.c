/* Learns to tell spoken words apart, from nothing, as a keyword spotter on a device does: a directory with a directory
 * a word, each with recordings of it (WAV, FLAC, OGG or MP3). Then says how many it hears right of a second such
 * directory, which it has not learnt from, and where it was most mistaken.
 *
 *   cc learn_words.c $(pkg-config --cflags --libs pretrain) -lm -o learn_words
 *   ./learn_words RECORDINGS HELD_OUT [EPOCHS [MODEL.safetensors]] */
#include "mistakes.h"

enum { BANDS = 40, BATCH = 32, MOST_MISTAKES = 5 };

/* Rows of 40 bands of the mel scale, each recording's brought to mean 0 and deviation 1; for learning, spoken slower or
 * faster, louder or softer, in noise, with parts hidden. Words are numbered as `words` has them. */
static pt_status_t open_recordings(pt_context_t *context, const char *path, int32_t varied, const pt_model_t *words,
                                   pt_dataset_t **out)
{
    pt_audio_options_t options;
    pt_audio_options_init(&options, sizeof options);
    options.features = PT_AUDIO_MEL;
    options.mel_bands = BANDS;
    options.window_seconds = 0.025;
    options.high_hertz = 4000; /* telephones have no more */
    options.normalization = PT_AUDIO_NORMALIZE_BINS;
    options.n_classes = words ? pt_model_class_count(words) : 0;
    const char **names = calloc((size_t)options.n_classes + 1, sizeof *names);
    if (!names)
        return PT_ERR_MEMORY;
    for (int64_t i = 0; i < options.n_classes; i++)
        names[i] = pt_model_class_name(words, i);
    options.classes = words ? names : NULL;
    if (varied) {
        options.speed_least = 0.85;
        options.speed_most = 1.15;
        options.gain_least = -6;
        options.gain_most = 6;
        options.noise = 0.5;
        options.frequency_masks = options.time_masks = 2;
        options.frequency_mask = 6;
        options.time_mask = 8;
        options.time_mask_part = 0.2;
    }
    const pt_status_t status = pt_dataset_create_from_audio(context, path, &options, out);
    free(names);
    return status;
}

static pt_status_t make_model(pt_context_t *context, int64_t words, pt_model_t **out)
{
    static const char config[] = "{\"preset\": \"keywords\"}";
    pt_classification_options_t task;
    pt_classification_options_init(&task, sizeof task);
    task.classes = words;
    task.label_smoothing = 0.05;
    pt_status_t status = pt_model_create_from_config(context, config, sizeof config - 1, out);
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

/* The surest of what was wrong, by the files' names. */
static pt_status_t show_mistakes(pt_model_t *model, pt_dataset_t *held_out)
{
    mistake_t mistakes[MOST_MISTAKES];
    int count;
    pt_status_t status = find_mistakes(model, held_out, BATCH, mistakes, MOST_MISTAKES, &count);
    for (int i = 0; status == PT_OK && i < count; i++)
        printf("%s: \"%s\" taken for \"%s\", by %.0f %%\n", pt_dataset_sample_name(held_out, mistakes[i].sample),
               pt_model_class_name(model, mistakes[i].truth), pt_model_class_name(model, mistakes[i].said),
               100 * mistakes[i].by);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s RECORDINGS HELD_OUT [EPOCHS [MODEL.safetensors]]\n", argv[0]);
        return 2;
    }
    int result = 1;
    pt_context_t *context = NULL;
    pt_model_t *model = NULL;
    pt_optimizer_t *optimizer = NULL;
    pt_dataset_t *training = NULL, *held_out = NULL;
    TRY(pt_context_create(NULL, &context));
    TRY(open_recordings(context, argv[1], 1, NULL, &training));
    for (int64_t i = 0; i < pt_dataset_skipped_count(training); i++)
        fprintf(stderr, "passed over: %s\n", pt_dataset_skipped(training, i));
    TRY(make_model(context, pt_dataset_class_count(training, "label"), &model));
    TRY(make_optimizer(context, &optimizer));

    progress_t progress = {.title = "learning words"};
    pt_train_options_t train;
    pt_train_options_init(&train, sizeof train);
    train.epochs = argc > 3 ? atoll(argv[3]) : 25;
    train.batch = BATCH;
    train.event = show_progress;
    train.event_user = &progress;
    pt_train_result_t trained = {.struct_size = sizeof trained};
    TRY(pt_finetune(model, optimizer, training, &train, &trained));

    pt_evaluation_t evaluation = {.struct_size = sizeof evaluation};
    TRY(open_recordings(context, argv[2], 0, model, &held_out));
    TRY(pt_evaluate(model, held_out, BATCH, &evaluation));
    printf("%.2f %% of %lld recordings that it has not heard are told right, after %.0f s\n",
           100 * pt_model_metric_value(model, "accuracy"), (long long)evaluation.samples, trained.seconds);
    TRY(show_mistakes(model, held_out));
    if (argc > 4)
        TRY(pt_model_save(model, argv[4], NULL));
    result = 0;
out:
    pt_optimizer_free(optimizer);
    pt_dataset_free(held_out);
    pt_dataset_free(training);
    pt_model_free(model);
    pt_context_free(context);
    return result;
}
