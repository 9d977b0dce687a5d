"""PyTorch's own samples of operators against the library, forward and backward.

    python3 torch_samples.py LIBRARY [OPERATOR...]

The samples are those of torch.testing._internal.common_methods_invocations.op_db (needs the package expecttest), in
float32 on the CPU. Each is rebuilt with the library's calls, its tensors as parameters; results and gradients, of the
sum of results times random numbers, may differ by 1e-4 of their largest number. Says how many samples there are, how
many apply, and how many of these pass. An operator's entry below gives the library's result for the sample's tensors,
or None where the library has no such call.
"""

import argparse
import os
import sys

import numpy as np
import torch
from torch.testing._internal.common_methods_invocations import op_db

TOLERANCE = 1e-4


def pair(value, axes):
    return [int(value)] * axes if isinstance(value, int) else [int(v) for v in value]


def last(tensor, axes):
    """Channels behind the axes, and a batch of one where there is none: how the library's pictures lie."""
    tensor = tensor if tensor.dim() == axes + 2 else tensor.unsqueeze(0)
    return tensor.movedim(1, -1)


def convolution(axes, transposed):
    def build(graph, tensors, sample):
        values = dict(sample.kwargs)
        if len(sample.args) > 2:  # positional: stride, padding, dilation, groups
            names = ["stride", "padding", "output_padding", "groups", "dilation"]
            names = names if transposed else ["stride", "padding", "dilation", "groups"]
            values.update(zip(names, sample.args[2:]))
        padding, dilation = values.get("padding", 0), pair(values.get("dilation", 1), axes)
        kernel = sample.args[0].shape[2:]
        if padding == "valid":
            sides = [(0, 0)] * axes
        elif padding == "same":
            reach = [d * (k - 1) for d, k in zip(dilation, kernel)]
            sides = [(r // 2, r - r // 2) for r in reach]
        else:
            sides = [(p, p) for p in pair(padding, axes)]
        rest = 2 - axes
        options = {
            "stride": pair(values.get("stride", 1), axes) + [1] * rest,
            "padding": [side for axis in sides for side in axis] + [0] * 2 * rest,
            "dilation": dilation + [1] * rest,
            "groups": values.get("groups", 1),
        }
        if transposed:
            options["output_padding"] = pair(values.get("output_padding", 0), axes) + [0] * rest
        call = graph.convolution_transposed if transposed else graph.convolution
        src = graph.tensor("src", last(tensors[0], axes))
        weight = graph.tensor("weight", tensors[1])
        bias = None if len(tensors) < 3 or tensors[2] is None else graph.tensor("bias", tensors[2])
        return call(src, weight, bias, **options), axes

    return build


OPERATORS = {
    "nn.functional.conv1d": convolution(1, False),
    "nn.functional.conv2d": convolution(2, False),
    "nn.functional.conv_transpose1d": convolution(1, True),
    "nn.functional.conv_transpose2d": convolution(2, True),
}


def differs(found, expected):
    expected = expected.detach().double().numpy()
    found = np.asarray(found, dtype=np.float64).reshape(expected.shape)
    return np.abs(found - expected).max(initial=0) / max(1.0, np.abs(expected).max(initial=0))


def library_of(pretrain):
    class Graph(pretrain.Graph):
        """Remembers how each parameter lies."""

        def __init__(self, context):
            super().__init__(context)
            self.shapes = {}

        def tensor(self, name, values):
            self.shapes[name] = values.shape
            return self.parameter(name, list(values.shape), values=values.detach().contiguous().numpy())

    return Graph


def gradient_of(pretrain, model, name):
    values = np.empty(len(model.parameter(name)), dtype=np.float32)
    view = pretrain.Array(dtype=pretrain.FLOAT32, data=values.ctypes.data, capacity=len(values))
    pretrain._check(
        pretrain.library.pt_model_gradient_get(
            model, model._parameter(name), pretrain.ctypes.byref(view), pretrain.ctypes.sizeof(view)
        )
    )
    return values


def check(pretrain, operator, build, sample):
    """The largest relative difference, or None where the library has no such call."""
    tensors = [sample.input] + [a for a in sample.args if torch.is_tensor(a) or a is None]
    expected = operator(sample.input, *sample.args, **sample.kwargs)
    context = pretrain.Context()
    graph = library_of(pretrain)(context)
    graph.input("n", pretrain.FLOAT32, pretrain.DIM_BATCH, 1)
    built = build(graph, tensors, sample)
    if built is None:
        return None
    result, axes = built
    shown = last(expected, axes)
    cotangent = torch.randn(shown.shape)
    given = [t for t in tensors if torch.is_tensor(t)]
    gradients = torch.autograd.grad((shown * cotangent).sum(), given)
    graph.output("result", result)
    loss = graph.mul(result, graph.constant(cotangent.contiguous().numpy()))
    for _ in shown.shape:
        loss = graph.sum(loss, 0, 0)
    graph.loss(loss)
    model = context.model(graph)
    one = {"n": np.zeros((1, 1), dtype=np.float32)}
    found = np.asarray(model.forward(one, "result"))
    worst = differs(found, shown)
    model.train_step(context.optimizer(kind=pretrain.OPTIMIZER_SGD, learning_rate=0.1), one, accumulate=True)
    for name, gradient, tensor in zip(["src", "weight", "bias"], gradients, given):
        gradient = last(gradient, axes) if name == "src" else gradient
        worst = max(worst, differs(gradient_of(pretrain, model, name), gradient))
    return worst


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("operators", nargs="*", default=[])
    arguments = parser.parse_args()
    os.environ["PRETRAIN_LIBRARY"] = arguments.library
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples", "python"))
    import pretrain

    torch.set_num_threads(1)
    torch.manual_seed(1)
    failed = 0
    for name in arguments.operators or OPERATORS:
        operator = next(o for o in op_db if o.name == name)
        samples = applied = passed = 0
        largest = 0.0
        for sample in operator.sample_inputs("cpu", torch.float32, requires_grad=True):
            samples += 1
            worst = check(pretrain, operator, OPERATORS[name], sample)
            if worst is None:
                continue
            applied += 1
            passed += worst <= TOLERANCE
            largest = max(largest, worst)
            if worst > TOLERANCE:
                print(f"{name}: {tuple(sample.input.shape)} {sample.args[1:]} {sample.kwargs}: differs by {worst:.1e}")
        print(
            f"{name}: {samples} samples, {applied} apply, {passed} pass; largest difference {largest:.1e}", flush=True
        )
        failed += applied - passed
    sys.exit(int(failed > 0))


if __name__ == "__main__":
    main()
