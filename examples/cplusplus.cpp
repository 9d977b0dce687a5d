/* The C++ wrapper at work: an MLP learns which of two rings a point lies on; then an exception thrown by a callback
 * ends a run.
 *
 *   c++ -std=c++11 cplusplus.cpp $(pkg-config --cflags --libs pretrain) -o cplusplus && ./cplusplus */
#include <pretrain.hpp>
#include <cmath>
#include <cstdio>

int main()
try {
    auto machine = pretrain::options(pt_context_options_init);
    machine.seed = 1;
    pretrain::context context(pt_context_create, &machine);

    const std::string config =
        R"({"model_type": "mlp", "input_size": 2, "hidden_sizes": [32, 32], "activation_function": "relu"})";
    pretrain::model model(pt_model_create_from_config, context, config.data(), config.size());
    auto task = pretrain::options(pt_classification_options_init);
    task.classes = 2;
    pretrain::check(pt_model_set_task(model, PT_TASK_CLASSIFICATION, &task));

    pt_field_spec_t features = {}, label = {};
    features.name = "features";
    features.dtype = PT_FLOAT32;
    features.rank = 1;
    features.shape[0] = 2;
    label.name = "label";
    label.dtype = PT_INT32;
    bool broken = false;
    auto rings = pretrain::map_dataset(context, {features, label}, 2000, [&](pt_batch_t &batch) {
        for (int64_t i = 0; i < batch.capacity; i++) {
            int64_t number = batch.indices[i];
            if (broken)
                throw std::runtime_error("sample " + std::to_string(number) + " cannot be read");
            float angle = static_cast<float>(number) * 2.399963f, radius = number % 2 ? 1.0f : 0.5f;
            static_cast<float *>(batch.fields[0].data)[2 * i] = radius * std::cos(angle);
            static_cast<float *>(batch.fields[0].data)[2 * i + 1] = radius * std::sin(angle);
            static_cast<int32_t *>(batch.fields[1].data)[i] = static_cast<int32_t>(number % 2);
        }
        batch.filled = batch.capacity;
    });

    pretrain::normalize(rings, "features", model); /* the model takes raw values, and is saved with how */
    std::printf("x is divided by %.2f\n", pretrain::get_normalization(model, "features").scale[0]);

    pretrain::optimizer optimizer(pt_optimizer_create, context, nullptr); /* nullptr: AdamW with its defaults */
    auto train = pretrain::options(pt_train_options_init);
    train.epochs = 20;
    train.batch = 32;
    train.event_every = 100;
    auto result = pretrain::run(pt_finetune, model, optimizer, rings, train, [](const pt_event_t &event) {
        if (event.kind == PT_EVENT_STEP)
            std::printf("step %lld of %lld: loss %.4f\n", static_cast<long long>(event.step),
                        static_cast<long long>(event.total_steps), event.loss);
        return true;
    });
    pt_evaluation_t evaluation = {};
    evaluation.struct_size = sizeof evaluation;
    pretrain::check(pt_evaluate(model, rings, 100, &evaluation));
    std::printf("%lld steps, accuracy %.1f %%\n", static_cast<long long>(result.steps),
                100 * pt_model_metric_value(model, "accuracy"));

    try {
        broken = true;
        pretrain::run(pt_finetune, model, optimizer, rings, train);
        std::puts("a broken callback EXPECTED TO THROW did not");
        return 1;
    } catch (const std::runtime_error &exception) {
        std::printf("stopped by the callback's exception: %s\n", exception.what());
    }

    try {
        pretrain::model wrong(pt_model_create_from_config, context, R"({"model_type": "abacus"})", 24u);
        return 1;
    } catch (const pretrain::error &error) {
        std::printf("refused: %s\n", error.what());
    }
    return 0;
} catch (const std::exception &exception) {
    std::fprintf(stderr, "%s\n", exception.what());
    return 1;
}
