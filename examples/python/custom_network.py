"""A network of one's own from Python: one linear layer from 10 numbers to 1 learns to add up its inputs; then a loop of
one's own.

PRETRAIN_LIBRARY=/path/to/libpretrain.so python3 custom_network.py
"""

import random

import pretrain

INPUTS = 10
numbers = random.Random(1)
xs = [[numbers.uniform(-1, 1) for _ in range(INPUTS)] for _ in range(1000)]
ys = [[sum(x)] for x in xs]

context = pretrain.Context(seed=1)
graph = context.graph()
x = graph.input("x", pretrain.FLOAT32, pretrain.DIM_BATCH, INPUTS)
y = graph.input("y", pretrain.FLOAT32, pretrain.DIM_BATCH, 1)
prediction = graph.linear_layer("linear", x, 1, pretrain.ACTIVATION_NONE)
graph.output("prediction", prediction)
graph.loss(graph.mse_loss(prediction, y))
print(graph)

model = context.model(graph)
sgd = context.optimizer(kind=pretrain.OPTIMIZER_SGD, learning_rate=0.1)
result = model.finetune(sgd, context.arrays({"x": xs, "y": ys}), epochs=20, batch=64, event=pretrain.show_progress)
print(
    "loss %.6f; weights, which should all be 1: %s"
    % (result.loss, " ".join("%.3f" % w for w in model.parameter("linear.weight")))
)

# The loop of one's own, from where the stage left off: two halves of a batch for each update.
for update in range(50):
    model.train_step(sgd, {"x": xs[:32], "y": ys[:32]}, accumulate=True)
    step = model.train_step(sgd, {"x": xs[32:64], "y": ys[32:64]})
print("loss %.9f" % step.loss)
print("%.3f should be %.3f" % (model.forward({"x": [xs[0]]}, "prediction")[0], ys[0][0]))
