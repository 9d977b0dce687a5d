/* How many steps batches by rows give is known before the first, wherever a source knows its lengths. */
#include <stdio.h>

#include "support/networks.h"

#define BYTES                                                                                                          \
    "{\"model_type\": \"gpt2\", \"vocab_size\": 256, \"n_positions\": 12, \"n_embd\": 8, \"n_layer\": 1, \"n_head\": " \
    "1}"

typedef struct seen {
    int64_t total, last;
} seen_t;

static void look(void *user, pt_event_t *event)
{
    seen_t *seen = user;
    if (event->kind == PT_EVENT_STEP) {
        ck_assert(seen->last == 0 || event->total_steps == seen->total);
        seen->total = event->total_steps;
        seen->last = event->step;
    }
    event->action = PT_ACTION_GO_ON;
}

static seen_t train(pt_context_t *context, pt_dataset_t *data, int64_t epochs, uint32_t flags)
{
    seen_t seen = {0};
    pt_train_options_t options;
    pt_model_t *model;
    pt_optimizer_t *optimizer = network_optimizer(context, PT_OPTIMIZER_ADAMW, 1e-3);
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.batch_rows = 20;
    options.epochs = epochs;
    options.flags = flags;
    options.event = look;
    options.event_user = &seen;
    ck_ok(pt_model_create_from_config(context, BYTES, strlen(BYTES), &model));
    network_set_task(model, PT_TASK_CAUSAL_LM, 0);
    ck_ok(pt_pretrain(model, optimizer, data, &options, NULL));
    pt_model_free(model);
    pt_optimizer_free(optimizer);
    return seen;
}

/* Known, and true, in order and shuffled, for one epoch and for two. */
static void check_known(pt_context_t *context, pt_dataset_t *data, int64_t least)
{
    for (int64_t epochs = 1; epochs <= 2; epochs++)
        for (int order = 0; order < 2; order++) {
            const seen_t seen = train(context, data, epochs, order ? PT_TRAIN_IN_ORDER : 0);
            ck_assert_int_ge(seen.total, least * epochs);
            ck_assert_int_eq(seen.total, seen.last);
        }
}

START_TEST(test_tables)
{
    static const pt_column_t column = {.field = "tokens", .source = "text", .kind = PT_COLUMN_TEXT, .max_length = 12};
    static const char table[] = "text\nthe cat\nsat\non a mat\nall day\nand more\nno\nmatter\nwhat they\nsaid\n";
    pt_context_t *context = network_context(1, 3);
    pt_dataset_t *data, *view;
    ck_ok(pt_dataset_create_from_csv(context, suite_write("table.csv", table, sizeof table - 1), &column, 1,
                                     sizeof column, NULL, &data));
    check_known(context, data, 3);
    ck_ok(pt_dataset_shuffle(data, 5, &view));
    check_known(context, view, 3);
    pt_dataset_free(view);
    pt_dataset_free(data);
    pt_context_free(context);
}
END_TEST

START_TEST(test_windows)
{
    pt_context_t *context = network_context(1, 3);
    pt_dataset_t *data;
    pt_window_options_t windows;
    char text[107];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i * 7 % 26);
    const char *path = suite_write("text.txt", text, sizeof text);
    for (int32_t partial = 0; partial < 2; partial++)
        for (int64_t stride = 0; stride <= 12; stride += 3) {
            ck_ok(pt_window_options_init(&windows, sizeof windows));
            windows.length = 9;
            windows.stride = stride;
            windows.keep_partial = partial;
            ck_ok(pt_dataset_create_from_text(context, path, &windows, &data));
            check_known(context, data, 4);
            pt_dataset_free(data);
        }
    pt_context_free(context);
}
END_TEST

/* As long as each other, which their field says. */
static void fetch(void *user, pt_batch_t *batch)
{
    (void)user;
    for (int64_t i = 0; i < batch->capacity * 7; i++)
        ((int32_t *)batch->fields[0].data)[i] = (int32_t)(i % 50);
    batch->filled = batch->capacity;
    batch->status = PT_OK;
}

static void fetch_ragged(void *user, pt_batch_t *batch)
{
    fetch(user, batch);
    for (int64_t i = 0; i < batch->capacity; i++)
        batch->fields[0].lengths[i] = 7;
}

START_TEST(test_callbacks)
{
    pt_field_spec_t field = {.name = "tokens", .dtype = PT_INT32, .rank = 1, .shape = {7}};
    pt_context_t *context = network_context(1, 3);
    pt_dataset_t *data;
    ck_ok(pt_dataset_create_map(context, &field, 1, sizeof field, 9, 0, fetch, NULL, NULL, &data));
    check_known(context, data, 5);
    pt_dataset_free(data);
    field.shape[0] = PT_DIM_TOKENS;
    field.max_length = 7;
    ck_ok(pt_dataset_create_map(context, &field, 1, sizeof field, 9, 0, fetch_ragged, NULL, NULL, &data));
    ck_assert_int_eq(train(context, data, 1, 0).total, 0); /* only the host knows */
    pt_dataset_free(data);
    pt_context_free(context);
}
END_TEST

SUITE("known_steps", 120, test_tables, test_windows, test_callbacks)
