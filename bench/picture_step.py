"""Whole training steps of convolutional networks: the library's beside PyTorch's, eager, channels_last and compiled.

    python3 picture_step.py LIBRARY NETWORK [SECONDS [THREADS]]    NETWORK: resnet20, resnet18, vgg11, mobilenet_v2

Each side runs in a process of its own, on the same random pictures, with SGD and momentum; the sides take turns, three
times round, and the best rate of each counts. Prints milliseconds a step, the most memory that each process had, the
first losses (from each side's own weights), and how the library compares with the better of PyTorch's.

    python3 picture_step.py LIBRARY NETWORK SECONDS THREADS SIDE   one side, once: ours, eager, channels_last, compiled
"""

import json
import os
import resource
import subprocess
import sys
import time

SIDES = ["ours", "eager", "channels_last", "compiled"]
SHAPES = {
    "resnet20": (128, 32, 10),
    "resnet18": (16, 224, 1000),
    "vgg11": (8, 224, 1000),
    "mobilenet_v2": (16, 224, 1000),
}


def basic_block(b, x, outputs, stride):
    short = x
    y = b.relu(b.norm(b.convolution(x, outputs, 3, stride)))
    y = b.norm(b.convolution(y, outputs, 3, 1))
    if stride > 1 or b.channels(short) != outputs:
        short = b.norm(b.convolution(short, outputs, 1, stride))
    return b.relu(b.add(y, short))


def resnet20(b, x):
    x = b.relu(b.norm(b.convolution(x, 16, 3, 1)))
    for outputs in (16, 32, 64):
        for i in range(3):
            x = basic_block(b, x, outputs, 2 if outputs > 16 and i == 0 else 1)
    return b.linear(b.mean(x), 10)


def resnet18(b, x):
    x = b.max_pool(b.relu(b.norm(b.convolution(x, 64, 7, 2))), 3, 2, 1)
    for outputs in (64, 128, 256, 512):
        for i in range(2):
            x = basic_block(b, x, outputs, 2 if outputs > 64 and i == 0 else 1)
    return b.linear(b.mean(x), 1000)


def vgg11(b, x):
    for outputs, pools in ((64, 1), (128, 1), (256, 0), (256, 1), (512, 0), (512, 1), (512, 0), (512, 1)):
        x = b.relu(b.convolution(x, outputs, 3, 1, bias=True))
        x = b.max_pool(x, 2, 2, 0) if pools else x
    x = b.relu(b.linear(b.flat(x), 4096))
    return b.linear(b.relu(b.linear(x, 4096)), 1000)


def mobilenet_v2(b, x):
    x = b.relu(b.norm(b.convolution(x, 32, 3, 2)))
    settings = (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )
    for widen, outputs, count, stride in settings:
        for i in range(count):
            channels, y = b.channels(x), x
            if widen > 1:
                y = b.relu(b.norm(b.convolution(y, channels * widen, 1, 1)))
            y = b.relu(b.norm(b.convolution(y, channels * widen, 3, stride if i == 0 else 1, groups=channels * widen)))
            y = b.norm(b.convolution(y, outputs, 1, 1))
            x = b.add(x, y) if channels == outputs and (stride == 1 or i > 0) else y
    return b.linear(b.mean(b.relu(b.norm(b.convolution(x, 1280, 1, 1)))), 1000)


class Ours:
    """Builds the library's graph."""

    def __init__(self, pretrain, graph):
        self.pretrain, self.graph, self.made = pretrain, graph, 0

    def name(self):
        self.made += 1
        return f"layer{self.made}"

    def channels(self, x):
        return self.graph.shape(x)[-1]

    def convolution(self, x, outputs, kernel, stride, groups=1, bias=False):
        options = {"stride": [stride] * 2, "padding": [kernel // 2] * 4, "groups": groups}
        flags = 0 if bias else self.pretrain.CONVOLUTION_NO_BIAS
        return self.graph.convolution_layer(self.name(), x, outputs, kernel, kernel, flags=flags, **options)

    def norm(self, x):
        return self.graph.batch_norm_layer(self.name(), x, 0.1, 1e-5)

    def relu(self, x):
        return self.graph.relu(x)

    def add(self, x, y):
        return self.graph.add(x, y)

    def max_pool(self, x, size, stride, padding):
        return self.graph.max_pool(x, [size] * 2, stride=[stride] * 2, padding=[padding] * 4)

    def mean(self, x):
        return self.graph.mean(self.graph.mean(x, 1, 0), 1, 0)

    def flat(self, x):
        sizes = self.graph.shape(x)
        return self.graph.reshape(x, [sizes[0], sizes[1] * sizes[2] * sizes[3]])

    def linear(self, x, outputs):
        return self.graph.linear_layer(self.name(), x, outputs, self.pretrain.ACTIVATION_NONE)


def run_ours(library, network, seconds, threads):
    import numpy as np

    os.environ["PRETRAIN_LIBRARY"] = library
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples", "python"))
    import pretrain

    batch, size, classes = SHAPES[network]
    context = pretrain.Context(threads=threads)
    graph = context.graph()
    pictures = graph.input("pixel_values", pretrain.FLOAT32, pretrain.DIM_BATCH, size, size, 3)
    labels = graph.input("label", pretrain.INT32, pretrain.DIM_BATCH)
    graph.loss(graph.cross_entropy_loss(globals()[network](Ours(pretrain, graph), pictures), labels))
    model = context.model(graph)
    optimizer = context.optimizer(kind=pretrain.OPTIMIZER_SGD, learning_rate=0.01, momentum=0.9)
    random = np.random.default_rng(1)
    values = {
        "pixel_values": random.standard_normal((batch, size, size, 3), dtype=np.float32),
        "label": random.integers(0, classes, batch).astype(np.int32),
    }
    return measure(lambda: model.train_step(optimizer, values).loss, seconds)


def torch_network(network, pictures):
    """PyTorch's module of a network, its layers sized by a pass over the pictures."""
    import torch
    from torch import nn

    class Net(nn.Module):
        """The network by name: modules are made by the first pass, in its order, and taken again by the others."""

        def __init__(self):
            super().__init__()
            self.layers, self.at = nn.ModuleList(), 0

        def take(self, make, x):
            if self.at == len(self.layers):
                self.layers.append(make())
            self.at += 1
            return self.layers[self.at - 1](x)

        def channels(self, x):
            return x.shape[1]

        def convolution(self, x, outputs, kernel, stride, groups=1, bias=False):
            make = lambda: nn.Conv2d(x.shape[1], outputs, kernel, stride, kernel // 2, groups=groups, bias=bias)
            return self.take(make, x)

        def norm(self, x):
            return self.take(lambda: nn.BatchNorm2d(x.shape[1]), x)

        def relu(self, x):
            return self.take(lambda: nn.ReLU(inplace=True), x)

        def add(self, x, y):
            return x + y

        def max_pool(self, x, size, stride, padding):
            return self.take(lambda: nn.MaxPool2d(size, stride, padding), x)

        def mean(self, x):
            return x.mean((2, 3))

        def flat(self, x):
            return x.flatten(1)

        def linear(self, x, outputs):
            return self.take(lambda: nn.Linear(x.shape[1], outputs), x)

        def forward(self, x):
            self.at = 0
            return globals()[network](self, x)

    net = Net()
    with torch.no_grad():
        net(pictures)
    return net


def run_torch(side, network, seconds, threads):
    import numpy as np
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(1)

    batch, size, classes = SHAPES[network]
    random = np.random.default_rng(1)
    pictures = torch.from_numpy(random.standard_normal((batch, size, size, 3), dtype=np.float32)).permute(0, 3, 1, 2)
    labels = torch.from_numpy(random.integers(0, classes, batch))
    net = torch_network(network, pictures[:2])
    layout = torch.contiguous_format if side == "eager" else torch.channels_last
    net, pictures = net.to(memory_format=layout), pictures.contiguous(memory_format=layout)
    call = torch.compile(net) if side == "compiled" else net
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)

    def step():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(call(pictures), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return measure(step, seconds)


def measure(step, seconds):
    losses = [step(), step()]
    best, began = 1e9, time.perf_counter()
    while time.perf_counter() - began < seconds:
        last = time.perf_counter()
        losses.append(step())
        best = min(best, time.perf_counter() - last)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"ms": 1e3 * best, "peak_mb": peak / 1e6, "losses": losses[:3]}


def main():
    library, network = sys.argv[1:3]
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 5.0
    threads = int(sys.argv[4]) if len(sys.argv) > 4 else 2
    if len(sys.argv) > 5:
        side = sys.argv[5]
        run = (
            run_ours(library, network, seconds, threads)
            if side == "ours"
            else run_torch(side, network, seconds, threads)
        )
        print(json.dumps(run))
        return
    best = {}
    for _ in range(3):
        for side in SIDES:
            command = [sys.executable, sys.argv[0], library, network, str(seconds), str(threads), side]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                print(f"{side}: {done.stderr.strip().splitlines()[-1]}")
                continue
            found = json.loads(done.stdout.splitlines()[-1])
            if side not in best or found["ms"] < best[side]["ms"]:
                best[side] = found
    for side, found in best.items():
        losses = " ".join(f"{loss:.4f}" for loss in found["losses"])
        print(f"{network} {side:13} {found['ms']:9.1f} ms {found['peak_mb']:9.1f} MB  losses {losses}")
    others = [found for side, found in best.items() if side != "ours"]
    faster, smaller = min(o["ms"] for o in others), min(o["peak_mb"] for o in others)
    ours = best["ours"]
    print(f"{network}: {faster / ours['ms']:.2f} times as fast, {ours['peak_mb'] / smaller:.2f} of the memory")


if __name__ == "__main__":
    main()
