"""PyTorch's own samples for its operators on pictures, norms and activations (torch.testing._internal), run by this
library too: forward and backward to 1e-4. Prints for each operator how many samples there are, how many apply, how many
pass, and why others do not apply. Needs torch, numpy and expecttest; run by hand:

    PRETRAIN_LIBRARY=build/lib/libpretrain.so PYTHONPATH=examples/python python3 bench/operator_samples.py [NAME...]

Channels come last here: tensors are turned where they go in and come out. A case is a graph whose parameters are what
the operator differentiates; its loss is the sum of the result times an input, so that a step of SGD at rate 1 takes the
gradient off each parameter.
"""

import collections
import sys

import numpy
import torch
from torch.testing._internal.common_methods_invocations import op_db

import pretrain

TOLERANCE = 1e-4


class DoesNotApply(Exception):
    pass


def last(tensor):
    """Channels last, of a batch."""
    return tensor.movedim(1, -1)


class Case:
    """A graph under construction: parameters by name with the tensors that they come from."""

    def __init__(self):
        self.context = pretrain.Context(seed=1, threads=1)
        self.graph = self.context.graph()
        self.sources = {}  # name: (torch tensor, how it is turned)
        self.states = {}  # name: what it should be after a step
        self.held = []  # states that the operator does not change
        self.training = False

    def parameter(self, name, tensor, turn=lambda t: t):
        if tensor is None:
            return pretrain.NO_TENSOR
        if tensor.dtype != torch.float32:
            raise DoesNotApply("not float32")
        if tensor.numel() == 0:
            raise DoesNotApply("no elements")
        turned = turn(tensor.detach())
        if turned.dim() > 6:
            raise DoesNotApply("rank above 6")
        self.sources[name] = (tensor, turn)
        return self.graph.parameter(name, list(turned.shape), values=numpy.ascontiguousarray(turned.numpy()))

    def picture(self, tensor, spatial):
        """The operator's input: [N, C, spatial...] or without N."""
        if tensor.dim() == spatial + 1:
            return self.parameter("x", tensor, lambda t: last(t[None])), lambda t: t.movedim(-1, 1)[0]
        if tensor.dim() != spatial + 2:
            raise DoesNotApply("rank %d" % tensor.dim())
        return self.parameter("x", tensor, last), lambda t: t.movedim(-1, 1)


def pair(value, rank):
    values = [value] * rank if isinstance(value, int) else list(value)
    values = values * rank if len(values) == 1 else values
    return values + [1] * (2 - rank)


def padding_of(value, rank):
    sides = pair(value, rank)[:rank]
    return [side for one in sides for side in (one, one)] + [0] * (4 - 2 * rank)


def options(**given):
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


# ---- Operators: case, sample -> tensor of the graph, and what turns its result to PyTorch's order


def max_pool(spatial):
    def build(case, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
        src, back = case.picture(x, spatial)
        stride = kernel_size if stride is None or stride == () else stride
        made = case.graph.max_pool(
            src,
            tuple(pair(kernel_size, spatial)),
            **options(
                stride=pair(stride, spatial),
                padding=padding_of(padding, spatial),
                dilation=pair(dilation, spatial),
                flags=pretrain.POOL_CEIL if ceil_mode else 0,
            ),
        )
        return made, back

    return build


def average_pool(spatial):
    def build(case, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor=None):
        src, back = case.picture(x, spatial)
        stride = kernel_size if stride is None or stride == () else stride
        flags = (pretrain.POOL_CEIL if ceil_mode else 0) | (0 if count_include_pad else pretrain.POOL_EXCLUDE_PADDING)
        made = case.graph.average_pool(
            src,
            tuple(pair(kernel_size, spatial)),
            **options(
                stride=pair(stride, spatial),
                padding=padding_of(padding, spatial),
                flags=flags,
                divisor=divisor or 0,
            ),
        )
        return made, back

    return build


def adaptive(spatial, name):
    def build(case, x, output_size, return_indices=False):
        src, back = case.picture(x, spatial)
        sizes = [output_size] * spatial if isinstance(output_size, int) else list(output_size)
        sizes = [x.shape[i - spatial] if size is None else size for i, size in enumerate(sizes)]
        return getattr(case.graph, name)(src, *(sizes + [1] * (2 - spatial))), back

    return build


def interpolate(case, x, size=None, scale_factor=None, mode="nearest", align_corners=None, **rest):
    modes = {
        "nearest": pretrain.UPSAMPLE_NEAREST,
        "bilinear": pretrain.UPSAMPLE_BILINEAR_CORNERS if align_corners else pretrain.UPSAMPLE_BILINEAR,
    }
    modes["linear"] = modes["bilinear"]
    if mode not in modes:
        raise DoesNotApply("mode " + mode)
    if any(value for value in rest.values()):
        raise DoesNotApply(", ".join(name for name, value in rest.items() if value))
    spatial = x.dim() - 2
    if spatial > 2:
        raise DoesNotApply("rank %d" % x.dim())
    src, back = case.picture(x, spatial)
    if size is None:
        factors = [scale_factor] * spatial if isinstance(scale_factor, (int, float)) else list(scale_factor)
        size = [int(x.shape[2 + i] * factor) for i, factor in enumerate(factors)]
        if any(have * factor != made for have, factor, made in zip(x.shape[2:], factors, size)):
            raise DoesNotApply("a scale that is not that of the sizes")
    size = [size] * spatial if isinstance(size, int) else list(size)
    return case.graph.upsample(src, *(size + [1] * (2 - spatial)), modes[mode]), back


def pad(kind):
    modes = {"reflect": "PAD_REFLECT", "replicate": "PAD_REPLICATE", "circular": "PAD_CIRCULAR"}

    def build(case, x, pad, mode="constant", value=None):
        mode = getattr(pretrain, modes.get(mode, "PAD_CONSTANT"))
        pad = list(pad)
        axes = len(pad) // 2
        if len(pad) > 4 or axes > x.dim():
            raise DoesNotApply("padding of more than two axes")
        sides = pad[2:4] + pad[0:2]
        if mode != pretrain.PAD_CONSTANT and x.dim() >= axes + 1:
            spatial = axes
            turned = x.dim() == spatial + 1
            src, back = case.picture(x, spatial)
        else:  # leading sizes are the batch, one channel
            shape = list(x.shape)
            lead = int(numpy.prod(shape[: len(shape) - axes]))
            src = case.parameter("x", x, lambda t: t.reshape([lead] + shape[len(shape) - axes :] + [1]))
            back = lambda t: t.reshape(shape[: len(shape) - axes] + list(t.shape[1:-1]))
        return case.graph.pad(src, sides + [0] * (4 - len(sides)), mode, value or 0.0), back

    return build


def convolution(spatial, transposed):
    def build(case, x, weight, bias=None, stride=1, padding=0, *rest, **named):
        if not hasattr(pretrain.library, "pt_convolution"):
            raise DoesNotApply("this build has no convolution")
        names = ("output_padding", "groups", "dilation") if transposed else ("dilation", "groups")
        given = dict(zip(names, rest), **named)
        groups, dilation, more = given.get("groups", 1), given.get("dilation", 1), given.get("output_padding", 0)
        if x.dim() != spatial + 2:
            x = x if x.dim() == spatial + 1 else None
            if x is None:
                raise DoesNotApply("rank")
        src, back = case.picture(x, spatial)
        dilations = pair(dilation, spatial)
        if padding == "valid":
            padding = 0
        if padding == "same":
            sides = []
            for i in range(spatial):
                total = dilations[i] * (weight.shape[2 + i] - 1)
                sides += [total // 2, total - total // 2]
            sides += [0] * (4 - 2 * spatial)
        else:
            sides = padding_of(padding, spatial)
        shared = options(stride=pair(stride, spatial), padding=sides, dilation=dilations, groups=groups)
        w, b = case.parameter("w", weight), case.parameter("b", bias)
        if transposed:
            shared["output_padding"] = tuple(padding_of(more, spatial)[:1] + padding_of(more, spatial)[2:3])
        call = case.graph.convolution_transposed if transposed else case.graph.convolution
        return call(src, w, b, **shared), back

    return build


def rows_and_back(case, x):
    """[N, C, ...] with channels last."""
    if x.dim() < 2:
        raise DoesNotApply("rank %d" % x.dim())
    return case.parameter("x", x, last), lambda t: t.movedim(-1, 1)


def batch_norm(
    case, x, running_mean=None, running_var=None, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5
):
    src, back = rows_and_back(case, x)
    channels = x.shape[1]
    if not training and running_mean is None:
        raise DoesNotApply("no statistics")
    states = []
    for name, given, first in (("mean", running_mean, 0.0), ("var", running_var, 1.0)):
        values = numpy.full(channels, first, "float32") if given is None else given.detach().numpy()
        states.append(case.graph.state(name, [channels], values=values))
        if training and given is not None:
            case.states[name] = given
    case.training = training
    case.held = [] if training else ["mean", "var"]
    w, b = case.parameter("w", weight), case.parameter("b", bias)
    return case.graph.batch_norm(src, *states, w, b, momentum, eps), back


def instance_norm(
    case,
    x,
    running_mean=None,
    running_var=None,
    weight=None,
    bias=None,
    use_input_stats=True,
    momentum=0.1,
    eps=1e-5,
):
    if not use_input_stats:
        return batch_norm(case, x, running_mean, running_var, weight, bias, False, momentum, eps)
    src, back = rows_and_back(case, x)
    return case.graph.instance_norm(src, case.parameter("w", weight), case.parameter("b", bias), eps), back


def group_norm(case, x, num_groups, weight=None, bias=None, eps=1e-5):
    src, back = rows_and_back(case, x)
    return case.graph.group_norm(src, num_groups, case.parameter("w", weight), case.parameter("b", bias), eps), back


def layer_norm(case, x, normalized_shape, weight=None, bias=None, eps=1e-5):
    flat = int(numpy.prod(normalized_shape))
    shape = list(x.shape)
    src = case.parameter("x", x, lambda t: t.reshape(-1, flat))
    flatten = lambda t: t.reshape(-1)
    w, b = case.parameter("w", weight, flatten), case.parameter("b", bias, flatten)
    return case.graph.layer_norm(src, w, b, eps), lambda t: t.reshape(shape)


def elementwise(name):
    def build(case, x, **rest):
        if any(value not in (False, "none", None) for value in rest.values()):
            raise DoesNotApply(", ".join(rest))
        shape = list(x.shape)
        return getattr(case.graph, name)(case.parameter("x", x, lambda t: t.reshape(-1))), lambda t: t.reshape(shape)

    return build


def gelu(case, x, approximate="none"):
    return elementwise("gelu_tanh" if approximate == "tanh" else "gelu")(case, x)


OPERATORS = {
    "nn.functional.conv1d": convolution(1, False),
    "nn.functional.conv2d": convolution(2, False),
    "nn.functional.conv_transpose1d": convolution(1, True),
    "nn.functional.conv_transpose2d": convolution(2, True),
    "nn.functional.max_pool1d": max_pool(1),
    "nn.functional.max_pool2d": max_pool(2),
    "nn.functional.avg_pool1d": average_pool(1),
    "nn.functional.avg_pool2d": average_pool(2),
    "nn.functional.adaptive_avg_pool1d": adaptive(1, "adaptive_average_pool"),
    "nn.functional.adaptive_avg_pool2d": adaptive(2, "adaptive_average_pool"),
    "nn.functional.adaptive_max_pool1d": adaptive(1, "adaptive_max_pool"),
    "nn.functional.adaptive_max_pool2d": adaptive(2, "adaptive_max_pool"),
    "nn.functional.batch_norm": batch_norm,
    "nn.functional.group_norm": group_norm,
    "nn.functional.instance_norm": instance_norm,
    "nn.functional.layer_norm": layer_norm,
    "nn.functional.upsample_nearest": interpolate,
    "nn.functional.upsample_bilinear": lambda case, x, **rest: interpolate(
        case, x, mode="bilinear", align_corners=True, **rest
    ),
    "nn.functional.interpolate": interpolate,
    "nn.functional.pad": pad(None),
    "nn.functional.relu": elementwise("relu"),
    "nn.functional.relu6": elementwise("relu6"),
    "nn.functional.hardswish": elementwise("hardswish"),
    "nn.functional.silu": elementwise("silu"),
    "nn.functional.gelu": gelu,
    "sigmoid": elementwise("sigmoid"),
    "tanh": elementwise("tanh"),
}


def differs(found, expected):
    found, expected = torch.as_tensor(numpy.asarray(found, "float32")), expected.detach()
    return bool(((found - expected).abs() > TOLERANCE * (1 + expected.abs())).any()) or bool(
        (found.isnan() != expected.isnan()).any()
    )


def run(op, build, sample):
    """What differs; an empty list: nothing."""
    case, leaves = Case(), []

    def leaf(value):
        if isinstance(value, torch.Tensor) and value.dtype == torch.float32:
            value = value.detach().clone().requires_grad_()
            leaves.append(value)
        return value

    args = [leaf(value) for value in sample.args]
    kwargs = {name: leaf(value) for name, value in sample.kwargs.items()}
    x = leaf(sample.input)
    made, back = build(case, x, *args, **kwargs)
    if made == pretrain.NO_TENSOR:
        case.context.model(case.graph)  # tells why
    shape = case.graph.shape(made)
    size = int(numpy.prod(shape))
    weights = case.graph.input("g", pretrain.FLOAT32, pretrain.DIM_BATCH, size)
    row = case.graph.reshape(made, [1, size])
    case.graph.output("y", case.graph.add(weights, row))
    product = case.graph.sum(case.graph.mul(weights, row), 1, 0)
    case.graph.loss(case.graph.sum(product, 0, 0))
    model = case.context.model(case.graph)

    for value in leaves:  # statistics and the like are not differentiated
        if not any(value is one for one, _ in case.sources.values()):
            value.requires_grad_(False)
    expected = op(x, *args, **kwargs)
    expected = expected[0] if isinstance(expected, (tuple, list)) else expected
    torch.manual_seed(3)
    g = torch.randn(expected.shape)
    expected.backward(g)
    # PyTorch's order of the result's elements, by turning their numbers
    order = back(torch.arange(size).reshape(shape)).reshape(-1)
    turned = torch.empty(size)
    turned[order] = g.reshape(-1)

    wrong = []
    if tuple(back(torch.empty(shape)).shape) != tuple(expected.shape):
        return ["shape %s, expected %s" % (tuple(back(torch.empty(shape)).shape), tuple(expected.shape))]
    if not case.training:
        y = numpy.array(model.forward({"g": [[0.0] * size]}, "y")).reshape(-1)
        if differs(y[order.numpy()].reshape(expected.shape), expected):
            wrong.append("y")
    before = {name: numpy.array(model.parameter(name)) for name in case.sources}
    for name in case.held:
        model.set_trainable(name, False)
    sgd = case.context.optimizer(kind=pretrain.OPTIMIZER_SGD, learning_rate=1.0)
    result = model.train_step(sgd, {"g": [turned.tolist()]})
    loss = float((expected.detach().double() * g.double()).sum())
    if abs(result.loss - loss) > TOLERANCE * (1 + float((expected.detach() * g).abs().sum())):
        wrong.append("loss %g, expected %g" % (result.loss, loss))
    for name, (source, turn) in case.sources.items():
        gradient = before[name] - numpy.array(model.parameter(name))
        wanted = torch.zeros_like(source) if source.grad is None else source.grad
        if differs(gradient, turn(wanted).reshape(-1)):
            wrong.append("gradient of " + name)
    for name, state in case.states.items():
        if differs(model.parameter(name), state.reshape(-1)):
            wrong.append("state " + name)
    return wrong


def main():
    torch.set_num_threads(1)
    chosen = sys.argv[1:]
    failed, totals = 0, collections.Counter()
    for name, build in OPERATORS.items():
        if chosen and not any(part in name for part in chosen):
            continue
        entries = [entry for entry in op_db if entry.name == name]
        counts, reasons = collections.Counter(), collections.Counter()
        for entry in entries:
            for sample in entry.sample_inputs("cpu", torch.float32, requires_grad=False):
                counts["samples"] += 1
                try:
                    wrong = run(entry.op, build, sample)
                except DoesNotApply as reason:
                    reasons[str(reason)] += 1
                    continue
                except pretrain.Error as error:
                    reasons["refused: " + str(error)[:110]] += 1
                    continue
                counts["apply"] += 1
                counts["pass"] += not wrong
                if wrong:
                    failed += 1
                    print("  ", name, tuple(sample.input.shape), sample.args, sample.kwargs, ":", "; ".join(wrong))
        totals.update(counts)
        line = "%-36s %4d samples, %4d apply, %4d pass" % (name, counts["samples"], counts["apply"], counts["pass"])
        print(line + "".join("; %d: %s" % (count, why) for why, count in reasons.items()), flush=True)
    print("all: %(samples)d samples, %(apply)d apply, %(pass)d pass" % totals)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
