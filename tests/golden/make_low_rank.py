"""Makes low_rank.txt for tests/graph/test_rewrite.c: low-rank additions beside linear layers, trained by PyTorch.

    python3 make_low_rank.py        (torch; writes beside itself; deterministic)

x [B, 6] -> a: linear 6 to 8, tanh -> b: linear 8 to 8, added to what it read -> c: linear 8 to 4 -> cross-entropy.
The layers a and c get an addition, layer(x) + ALPHA / RANK · (x Aᵀ) Bᵀ, before a's activation; everything else is
frozen. For 20 steps of AdamW: the losses, and A and B at the end. Made in float64 as well, which must agree.
"""
import pathlib

import numpy
import torch
import torch.nn.functional as F

STEPS, SAMPLES, RANK, ALPHA = 20, 5, 2, 3.0
SIZES = {"a": (8, 6), "b": (8, 8), "c": (4, 8)}
ADAPTED = ("a", "c")
HERE = pathlib.Path(__file__).resolve().parent


def line(key, values):
    values = numpy.asarray(values).reshape(-1)
    form = "{}" if numpy.issubdtype(values.dtype, numpy.integer) else "{:.9g}"
    return key + ": " + " ".join(form.format(v) for v in values) + "\n"


def train(values, x, labels, dtype):
    held = {name: torch.tensor(value, dtype=dtype) for name, value in values.items()}
    learning = [name for name in held if name.endswith((".A", ".B"))]
    for name in learning:
        held[name].requires_grad_(True)
    optimizer = torch.optim.AdamW([held[name] for name in learning], lr=0.02, weight_decay=0.01)

    def layer(name, rows):
        out = F.linear(rows, held[name + ".weight"], held[name + ".bias"])
        if name in ADAPTED:
            out = out + ALPHA / RANK * F.linear(F.linear(rows, held[name + ".A"]), held[name + ".B"])
        return out

    losses = []
    for step in range(STEPS):
        rows = torch.tensor(x[step], dtype=dtype)
        hidden = torch.tanh(layer("a", rows))
        hidden = hidden + layer("b", hidden)
        loss = F.cross_entropy(layer("c", hidden), torch.tensor(labels[step]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, {name: held[name].detach().numpy() for name in learning}


def main():
    generator = numpy.random.default_rng(5)
    rounded = lambda *shape: numpy.round(generator.standard_normal(shape), 2).astype(numpy.float32)
    values = {}
    for name, (outputs, inputs) in SIZES.items():
        values[name + ".weight"], values[name + ".bias"] = rounded(outputs, inputs), rounded(outputs)
        if name in ADAPTED:
            values[name + ".A"] = rounded(RANK, inputs)
            values[name + ".B"] = numpy.zeros((outputs, RANK), numpy.float32)
    x, labels = rounded(STEPS, SAMPLES, 6), generator.integers(0, 4, (STEPS, SAMPLES))
    losses, final = train(values, x, labels, torch.float32)
    exact_losses, exact_final = train(values, x, labels, torch.float64)
    assert numpy.allclose(losses, exact_losses, rtol=0, atol=1e-5)
    text = line("x", x) + line("labels", labels) + line("loss", losses)
    for name, value in values.items():
        text += line(name, value)
    for name, value in final.items():
        assert numpy.allclose(value, exact_final[name], rtol=0, atol=2e-5), name
        text += line("final " + name, value)
    (HERE / "low_rank.txt").write_text(text)


main()
