"""Losses of convolutional networks over 20 steps: the library's beside PyTorch's in float32 and in float64.

    python3 picture_losses.py LIBRARY NETWORK [BATCH [SIZE [RATE]]]    NETWORK: resnet20, resnet18, vgg11, mobilenet_v2

The three start from the same weights and see the same pictures: another batch each step, of ten classes that differ in
color and pattern, so that there is something to learn. SGD, momentum 0.9. Prints the losses and how far apart each two
are at most, as a part of the loss in float64. Where PyTorch's own float32 leaves its float64, the steps are chaotic
and say nothing of the library.
"""

import os
import sys

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "examples", "python")]
STEPS, CLASSES, MOMENTUM = 20, 10, 0.9


def draw_batches(batch, size):
    random = np.random.default_rng(1)
    down, across = np.mgrid[0:size, 0:size] / size
    for _ in range(STEPS):
        labels = random.integers(0, CLASSES, batch)
        angles = (labels * np.pi / CLASSES)[:, None, None]
        phases = random.uniform(0, 2 * np.pi, batch)[:, None, None]
        waves = np.sin(8 * np.pi * (down * np.sin(angles) + across * np.cos(angles)) + phases)
        colors = np.stack([np.cos(labels), np.sin(labels), np.cos(2 * labels)], 1)
        noise = random.standard_normal((batch, size, size, 3))
        values = 0.5 * waves[..., None] + 0.5 * colors[:, None, None, :] + noise
        yield values.astype(np.float32), labels.astype(np.int32)


def run_torch(net, batches, rate):
    dtype = next(net.parameters()).dtype
    optimizer = torch.optim.SGD(net.parameters(), lr=rate, momentum=MOMENTUM)
    for values, labels in batches:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(
            net(torch.from_numpy(values).permute(0, 3, 1, 2).to(dtype)), torch.from_numpy(labels).long()
        )
        loss.backward()
        optimizer.step()
        yield loss.item()


def library_parameters(net, flat):
    """The library's names of PyTorch's parameters, and their values. What a reshape to a row put in the order of
    channels, rows, columns stands there in the order of rows, columns, channels."""
    learning = [layer for layer in net.layers if list(layer.parameters())]
    for number, layer in enumerate(learning, 1):
        for name, parameter in layer.named_parameters():
            values = parameter.detach()
            if flat and values.dim() == 2 and values.shape[1] == flat[0] * flat[1] * flat[2]:
                values = values.unflatten(1, flat).permute(0, 2, 3, 1).flatten(1)
            yield f"layer{number}.{name}", values.contiguous().numpy()


def run_library(network, net, batches, rate, shape, flat):
    import picture_step
    import pretrain

    context = pretrain.Context(threads=2)
    graph = context.graph()
    pictures = graph.input("pixel_values", pretrain.FLOAT32, pretrain.DIM_BATCH, *shape)
    labels = graph.input("label", pretrain.INT32, pretrain.DIM_BATCH)
    logits = getattr(picture_step, network)(picture_step.Ours(pretrain, graph), pictures)
    graph.loss(graph.cross_entropy_loss(logits, labels))
    model = context.model(graph)
    shapes = model.parameters()
    for name, value in library_parameters(net, flat):
        assert value.shape == shapes.pop(name)
        model.set_parameter(name, value)
    assert not [name for name in shapes if "running" not in name], shapes
    optimizer = context.optimizer(kind=pretrain.OPTIMIZER_SGD, learning_rate=rate, momentum=MOMENTUM)
    for values, classes in batches:
        yield model.train_step(optimizer, {"pixel_values": values, "label": classes}).loss


def main():
    os.environ["PRETRAIN_LIBRARY"] = sys.argv[1]
    import picture_step

    network = sys.argv[2]
    batch, size = (int(sys.argv[i]) if len(sys.argv) > i else value for i, value in ((3, 64), (4, 32)))
    rate = float(sys.argv[5]) if len(sys.argv) > 5 else 0.01
    torch.set_num_threads(2)
    torch.manual_seed(1)
    batches = list(draw_batches(batch, size))
    net = picture_step.torch_network(network, torch.zeros(2, 3, size, size))
    # vgg11 halves pictures five times before its 512 channels become a row
    flat = (512, size // 32, size // 32) if network == "vgg11" else None
    double = picture_step.torch_network(network, torch.zeros(2, 3, size, size)).double()
    for trained in (net, double):  # the pass that sized the layers moved the statistics
        for layer in trained.layers:
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.reset_running_stats()
    double.load_state_dict(net.state_dict())
    losses = {
        "library": list(run_library(network, net, batches, rate, (size, size, 3), flat)),
        "float64": list(run_torch(double, batches, rate)),
        "float32": list(run_torch(net, batches, rate)),
    }
    for side, values in losses.items():
        print(f"{side:8} " + " ".join(f"{value:.5f}" for value in values))
    for one, other in (("library", "float64"), ("float32", "float64"), ("library", "float32")):
        apart = np.abs(np.array(losses[one]) - losses[other]) / losses["float64"]
        print(f"{network} {batch}x{size} rate {rate:g}: {one} and {other} apart by at most {apart.max():.1e}")


if __name__ == "__main__":
    main()
