"""Makes recurrence.txt of tests/ops/test_recurrence.c: what PyTorch's nn.GRU, nn.LSTM and nn.RNN give for packed
samples of several lengths, and their gradients.

    python3 make_recurrence.py        (torch; writes beside itself; deterministic)

Lines "CASE NAME: number number ...": src, parameters and initial states, d_dst, d_h_n and d_c_n (the gradients of the
results) with two decimals; dst, h_n, c_n and the gradients of all that goes in. Rows of samples stand end to end,
states as [samples, directions x size]. Every case is made in float32 as well and must agree.
"""
import pathlib

import torch
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

# name: module, inputs, hidden, projection, two directions, bias, initial states, nonlinearity
CASES = {
    "gru": ("GRU", 3, 5, 0, 0, 1, 0, None),
    "gru two": ("GRU", 4, 10, 0, 1, 1, 1, None),
    "lstm": ("LSTM", 3, 4, 0, 0, 0, 1, None),
    "lstm two": ("LSTM", 2, 9, 0, 1, 1, 0, None),
    "lstm projected": ("LSTM", 3, 6, 2, 1, 1, 1, None),
    "rnn": ("RNN", 4, 18, 0, 1, 1, 1, "tanh"),
    "rnn relu": ("RNN", 3, 4, 0, 0, 1, 0, "relu"),
}
LENGTHS = (3, 1, 7, 3)
NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


def side_by_side(state):
    return state.transpose(0, 1).reshape(len(LENGTHS), -1)


def run(case, arrays, dtype):
    kind, inputs, hidden, projection, two, bias, initial, nonlinearity = case
    options = {"bidirectional": bool(two), "bias": bool(bias)}
    if kind == "LSTM":
        options["proj_size"] = projection
    if nonlinearity:
        options["nonlinearity"] = nonlinearity
    module = getattr(torch.nn, kind)(inputs, hidden, dtype=dtype, **options)
    tensors = {name: torch.tensor(value, dtype=dtype, requires_grad=True) for name, value in arrays.items()}
    directions, outputs = 1 + two, projection or hidden
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(tensors[name].detach())
    samples = torch.split(tensors["src"], LENGTHS)
    states = None
    if initial:
        h = tensors["h_0"].reshape(len(LENGTHS), directions, outputs).transpose(0, 1)
        states = h
        if kind == "LSTM":
            states = (h, tensors["c_0"].reshape(len(LENGTHS), directions, hidden).transpose(0, 1))
    packed, last = module(pack_sequence(samples, enforce_sorted=False), states)
    padded, _ = pad_packed_sequence(packed, batch_first=True)
    results = {"dst": torch.cat([padded[i, :length] for i, length in enumerate(LENGTHS)])}
    results["h_n"] = side_by_side(last[0] if kind == "LSTM" else last)
    if kind == "LSTM":
        results["c_n"] = side_by_side(last[1])
    sum((results[a] * tensors["d_" + a].detach()).sum() for a in results).backward()
    for name, parameter in module.named_parameters():
        results["grad " + name] = parameter.grad
    for name in ("src", "h_0", "c_0"):
        if name in tensors:
            results["grad " + name] = tensors[name].grad
    return {name: value.detach().double().numpy() for name, value in results.items()}


def arrays_of(case, generator):
    kind, inputs, hidden, projection, two, bias, initial, _ = case
    gates, directions, outputs = {"GRU": 3, "LSTM": 4, "RNN": 1}[kind], 1 + two, projection or hidden
    rows, samples = sum(LENGTHS), len(LENGTHS)
    shapes = {"src": (rows, inputs)}
    for suffix in ("_l0", "_l0_reverse")[:directions]:
        sizes = ((gates * hidden, inputs), (gates * hidden, outputs), (gates * hidden,), (gates * hidden,),
                 (projection, hidden))
        for name, size in zip(NAMES, sizes):
            if (bias or not name.startswith("bias")) and (projection or name != "weight_hr"):
                shapes[name + suffix] = size
    shapes.update({"d_dst": (rows, directions * outputs), "d_h_n": (samples, directions * outputs)})
    if kind == "LSTM":
        shapes["d_c_n"] = (samples, directions * hidden)
    if initial:
        shapes["h_0"] = (samples, directions * outputs)
        if kind == "LSTM":
            shapes["c_0"] = (samples, directions * hidden)
    scale = {name: 0.5 if name.startswith("weight") else 1.0 for name in shapes}
    drawn = {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()}
    return {name: (value * scale[name] * 100).round().numpy() / 100 for name, value in drawn.items()}


def line(key, values, form):
    return key + ": " + " ".join(format(value, form) for value in values.reshape(-1)) + "\n"


def main():
    generator = torch.Generator().manual_seed(20)
    with open(pathlib.Path(__file__).with_name("recurrence.txt"), "w", encoding="utf-8") as file:
        for name, case in CASES.items():
            arrays = arrays_of(case, generator)
            exact, single = run(case, arrays, torch.float64), run(case, arrays, torch.float32)
            for key, value in exact.items():
                assert abs(value - single[key]).max() < 2e-5 * max(1, abs(value).max()), (name, key)
            file.writelines(line(f"{name} {key}", value, ".4g") for key, value in arrays.items())
            file.writelines(line(f"{name} {key}", value, ".8g") for key, value in exact.items())


main()
