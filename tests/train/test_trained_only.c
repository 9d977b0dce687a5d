/* Checkpoints that leave out what is frozen, and files that lack or change what a model needs: states, frozen
 * tensors, dtypes. */
#include <stdio.h>
#include <sys/stat.h>

#include "formats/tensors.h"
#include "support/networks.h"
#include "train/model.h"
#include "support/views.h"

typedef struct rig {
    pt_context_t *context;
    pt_model_t *model;
    pt_optimizer_t *optimizer;
    pt_dataset_t *data;
} rig_t;

static const char *trunk_file(const char *name, uint64_t seed)
{
    pt_context_t *context = network_context(1, seed);
    pt_model_t *model = network_gpt(context);
    const char *path = suite_path(name);
    ck_ok(pt_model_save(model, path, NULL));
    pt_model_free(model);
    pt_context_free(context);
    return path;
}

/* A classifier on a frozen trunk from a file. */
static rig_t rig_up(const char *trunk, uint32_t flags)
{
    rig_t rig = {.context = network_context(1, 9)};
    rig.model = network_gpt(rig.context);
    network_set_task(rig.model, PT_TASK_CLASSIFICATION, 3);
    ck_ok(pt_model_load(rig.model, trunk, LOADING(flags)));
    ck_ok(pt_model_set_trainable(rig.model, "transformer.*", 0, NULL));
    rig.optimizer = network_optimizer(rig.context, PT_OPTIMIZER_ADAMW, 1e-2);
    rig.data = network_text_data(rig.context, 40, 3);
    return rig;
}

static void rig_down(rig_t *rig)
{
    pt_dataset_free(rig->data);
    pt_optimizer_free(rig->optimizer);
    pt_model_free(rig->model);
    pt_context_free(rig->context);
}

static pt_status_t train(rig_t *rig, const char *directory, int64_t steps, uint32_t flags)
{
    pt_train_options_t options;
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.steps = steps;
    options.batch = 4;
    options.checkpoint_directory = directory;
    options.evaluation = rig->data;
    options.evaluate_every = 2;
    options.flags = PT_TRAIN_RESUME | PT_TRAIN_KEEP_BEST | flags;
    return pt_finetune(rig->model, rig->optimizer, rig->data, &options, NULL);
}

START_TEST(test_frozen_tensors_are_left_out)
{
    const char *trunk = trunk_file("trunk.safetensors", 3), *other = trunk_file("other.safetensors", 4);
    char directory[512], whole[512], checkpoint[600];
    struct stat small, large;
    snprintf(directory, sizeof directory, "%s", suite_path("trained"));
    snprintf(whole, sizeof whole, "%s", suite_path("whole"));
    rig_t undisturbed = rig_up(trunk, 0), first = rig_up(trunk, PT_LOAD_MAPPED), second = rig_up(trunk, 0);
    ck_ok(train(&undisturbed, whole, 12, 0));
    ck_ok(train(&first, directory, 6, PT_TRAIN_TRAINED_ONLY));
    snprintf(checkpoint, sizeof checkpoint, "%s/step-000000000006.safetensors", directory);
    ck_assert_int_eq(stat(checkpoint, &small), 0);
    snprintf(whole, sizeof whole, "%s", suite_path("whole/step-000000000012.safetensors"));
    ck_assert_int_eq(stat(whole, &large), 0);
    ck_assert_int_lt(small.st_size, large.st_size - 7000 * 4 / 2); /* the trunk has some 7,000 floats */
    ck_ok(train(&second, directory, 12, 0));
    ck_assert_uint_eq(network_fingerprint(second.model), network_fingerprint(undisturbed.model));

    rig_t wrong = rig_up(other, 0); /* the same network with another trunk */
    uint64_t before = network_fingerprint(wrong.model);
    ck_fails(pt_checkpoint_load(wrong.model, wrong.optimizer, checkpoint, NULL), PT_ERR_STATE, "\"transformer.");
    ck_assert_ptr_nonnull(strstr(pt_last_error(), "is left out, being frozen"));
    ck_assert_uint_eq(network_fingerprint(wrong.model), before);
    ck_assert_int_eq(pt_optimizer_steps(wrong.optimizer), 0);
    ck_ok(pt_model_load(wrong.model, trunk, NULL));
    ck_ok(pt_checkpoint_load(wrong.model, wrong.optimizer, checkpoint, NULL)); /* now it is the right one */
    ck_ok(pt_model_set_trainable(wrong.model, "transformer.wte.*", 1, NULL));
    ck_fails(pt_checkpoint_load(wrong.model, NULL, checkpoint, NULL), PT_ERR_NOT_FOUND,
             "\"transformer.wte.weight\" was frozen and is left out; in the model it learns");
    rig_down(&undisturbed);
    rig_down(&first);
    rig_down(&second);
    rig_down(&wrong);
}
END_TEST

/* What is done to one tensor of a file that is then whole again, checksum and all. */
typedef enum hostility { DROPPED, INTEGERS, HALVES, RESHAPED, HOSTILITIES } hostility_t;

static void rewrite(pt_context_t *context, const char *from, const char *to, const char *name, hostility_t hostility)
{
    pt__file_tensors_t *file;
    ck_ok(pt__file_tensors_open(context, &pt__format_safetensors, from, 0, &file));
    pt__tensors_t table = *pt__file_tensors_table(file);
    static pt__entry_t entries[64];
    int64_t found = 0;
    table.entries = entries;
    table.n_entries = 0;
    for (int64_t i = 0; i < pt__file_tensors_table(file)->n_entries; i++) {
        pt__entry_t entry = pt__file_tensors_table(file)->entries[i];
        if (strcmp(entry.name, name) == 0) {
            found++;
            if (hostility == DROPPED)
                continue;
            if (hostility == INTEGERS)
                entry.dtype = PT_INT32;
            if (hostility == HALVES) {
                entry.dtype = PT_FLOAT16;
                entry.bytes /= 2;
            }
            if (hostility == RESHAPED)
                entry.shape[entry.rank++] = 1;
        }
        ck_assert_int_lt(table.n_entries, 64);
        entries[table.n_entries++] = entry;
    }
    ck_assert_int_eq(found, 1);
    ck_ok(pt__safetensors_write(context, to, &table, 1));
    pt__file_tensors_close(file);
}

/* A frozen tensor is in the file, or its hash is: where neither is, or something else is in the hash's place, nobody
 * could tell whether the model is the one that was trained. */
START_TEST(test_frozen_tensors_that_a_checkpoint_lacks)
{
    static const struct {
        const char *name;
        uint32_t flags;
        hostility_t hostility;
        pt_status_t status;
        const char *message;
    } cases[] = {
        {"transformer.wte.weight", 0, DROPPED, PT_ERR_NOT_FOUND, "no tensor \"transformer.wte.weight\""},
        {"pretrain.hash.transformer.wte.weight", PT_SAVE_TRAINED_ONLY, DROPPED, PT_ERR_NOT_FOUND,
         "no tensor \"transformer.wte.weight\""},
        {"pretrain.hash.transformer.wte.weight", PT_SAVE_TRAINED_ONLY, RESHAPED, PT_ERR_SHAPE,
         "is uint64[1, 1], expected uint64[1]"},
    };
    const char *trunk = trunk_file("trunk.safetensors", 3);
    const char *path = suite_path("frozen.safetensors"), *hostile = suite_path("hostile.safetensors");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rig_t rig = rig_up(trunk, 0);
        uint64_t before = network_fingerprint(rig.model);
        pt_save_options_t options = {.struct_size = sizeof options, .flags = cases[i].flags};
        ck_ok(pt_checkpoint_save(rig.model, rig.optimizer, path, &options));
        rewrite(rig.context, path, hostile, cases[i].name, cases[i].hostility);
        ck_fails(pt_checkpoint_load(rig.model, rig.optimizer, hostile, NULL), cases[i].status, cases[i].message);
        ck_assert_uint_eq(network_fingerprint(rig.model), before);
        ck_ok(pt_checkpoint_load(rig.model, rig.optimizer, path, NULL));
        rig_down(&rig);
    }
}
END_TEST

/* A network with running statistics. */
static rig_t rig_norm(void)
{
    rig_t rig = {.context = network_context(1, 5)};
    pt_graph_t *graph;
    ck_ok(pt_graph_create(rig.context, &graph));
    pt_tensor_t x = pt_input(graph, "x", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 10});
    pt_tensor_t y = pt_input(graph, "y", PT_FLOAT32, 2, (int64_t[]){PT_DIM_BATCH, 1});
    pt_tensor_t norm = pt_batch_norm_layer(graph, "norm", x, 0.1, 1e-5);
    pt_graph_set_loss(graph,
                      pt_mse_loss(graph, pt_linear_layer(graph, "linear", norm, 1, PT_ACTIVATION_NONE), y, NULL));
    ck_ok(pt_model_create(rig.context, graph, &rig.model));
    pt_graph_free(graph);
    rig.optimizer = network_optimizer(rig.context, PT_OPTIMIZER_ADAM, 1e-2);
    rig.data = network_linear_data(rig.context, 32);
    return rig;
}

START_TEST(test_what_a_checkpoint_lacks_or_has_otherwise)
{
    static const struct {
        const char *name;
        hostility_t hostility;
        pt_status_t status;
    } cases[] = {
        {"norm.running_mean", DROPPED, PT_ERR_NOT_FOUND},
        {"norm.running_var", DROPPED, PT_ERR_NOT_FOUND},
        {"linear.weight", DROPPED, PT_ERR_NOT_FOUND},
        {"norm.running_mean", INTEGERS, PT_ERR_SHAPE},
        {"linear.weight", INTEGERS, PT_ERR_SHAPE},
        {"linear.weight", RESHAPED, PT_ERR_SHAPE},
        {"norm.running_var", RESHAPED, PT_ERR_SHAPE},
        {"pretrain.slot.exp_avg.norm.weight", DROPPED, PT_ERR_NOT_FOUND},
        {"pretrain.slot.exp_avg.norm.weight", HALVES, PT_ERR_SHAPE},
    };
    rig_t rig = rig_norm();
    pt_train_options_t options;
    const char *path = suite_path("norm.safetensors"), *hostile = suite_path("hostile.safetensors");
    ck_ok(pt_train_options_init(&options, sizeof options));
    options.steps = 4;
    options.batch = options.micro_batch = 8;
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL));
    uint64_t trained = network_fingerprint(rig.model);
    ck_ok(pt_checkpoint_save(rig.model, rig.optimizer, path, NULL));
    rig_t other = rig_norm();
    uint64_t before = network_fingerprint(other.model);
    ck_assert_uint_ne(before, trained);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rewrite(rig.context, path, hostile, cases[i].name, cases[i].hostility);
        ck_fails(pt_checkpoint_load(other.model, other.optimizer, hostile, NULL), cases[i].status, cases[i].name);
        ck_assert_uint_eq(network_fingerprint(other.model), before);
        ck_assert_int_eq(pt_optimizer_steps(other.optimizer), 0);
    }
    ck_ok(pt_checkpoint_load(other.model, other.optimizer, path, NULL));
    ck_assert_uint_eq(network_fingerprint(other.model), trained); /* states included */
    options.steps = 2;
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL));
    ck_ok(pt_pretrain(other.model, other.optimizer, other.data, &options, NULL));
    ck_assert_uint_eq(network_fingerprint(other.model), network_fingerprint(rig.model));

    int64_t index;
    float values[10];
    ck_ok(pt_model_parameter_find(other.model, "norm.running_mean", &index));
    ck_ok(get_parameter(other.model, index, values, 10));
    values[3] = (float)(0.0 / 0.0);
    ck_fails(set_parameter(other.model, index, values, 10), PT_ERR_NONFINITE, "norm.running_mean");
    ck_ok(pt_model_copy(rig.model, other.model));
    ck_ok(pt_model_save(other.model, path, NULL));
    /* what a run writes is not left in a file */
    ck_ok(pt_model_load(rig.model, path, LOADING(PT_LOAD_STRICT | PT_LOAD_MAPPED)));
    ck_assert_uint_eq(network_fingerprint(other.model), network_fingerprint(rig.model));
    ck_assert_ptr_null(rig.model->store.tensors[index].mapped);
    ck_ok(pt_model_set_trainable(rig.model, "*", 1, NULL));
    ck_ok(pt_pretrain(rig.model, rig.optimizer, rig.data, &options, NULL));
    ck_ok(pt_pretrain(other.model, other.optimizer, other.data, &options, NULL));
    ck_assert_uint_eq(network_fingerprint(other.model), network_fingerprint(rig.model));
    rig_down(&rig);
    rig_down(&other);
}
END_TEST

SUITE("trained_only", 60, test_frozen_tensors_are_left_out, test_frozen_tensors_that_a_checkpoint_lacks,
      test_what_a_checkpoint_lacks_or_has_otherwise)
