"""Writes batch_norm.txt beside this file: 20 steps of two networks with batch norm in PyTorch, over rows [B, C] and
over ragged rows [T, C], then 5 steps with the statistics held, and losses in evaluation. Read by
tests/train/test_batch_norm.c.

    python3 tests/golden/make_batch_norm.py
"""

import pathlib

import torch

STEPS, HELD, BATCH, WIDTH, HIDDEN, CLASSES = 20, 5, 7, 6, 8, 3
torch.manual_seed(5)
lines = []


def put(key, values):
    values = torch.as_tensor(values).detach().flatten().tolist()
    lines.append(f"{key}: " + " ".join(repr(float(v)) if isinstance(v, float) else str(v) for v in values))


def put_network(prefix, first, norm, second):
    for name, tensor in (
        ("a.weight", first.weight),
        ("a.bias", first.bias),
        ("n.weight", norm.weight),
        ("n.bias", norm.bias),
        ("b.weight", second.weight),
        ("b.bias", second.bias),
    ):
        put(f"{prefix} {name}", tensor)


def make(outputs):
    first, norm, second = torch.nn.Linear(WIDTH, HIDDEN), torch.nn.BatchNorm1d(HIDDEN), torch.nn.Linear(HIDDEN, outputs)
    torch.nn.init.normal_(norm.weight, 1, 0.2)
    torch.nn.init.normal_(norm.bias, 0, 0.2)
    return first, norm, second


def train(prefix, network, batches, loss_of):
    first, norm, second = network
    put_network(f"{prefix} begin", *network)
    optimizer = torch.optim.SGD([p for m in network for p in m.parameters()], lr=0.1, momentum=0.9)
    losses = []
    for step, batch in enumerate(batches):
        norm.train(step < STEPS)
        optimizer.zero_grad()
        loss = loss_of(network, batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step == STEPS - 1:
            put(f"{prefix} running mean", norm.running_mean)
            put(f"{prefix} running var", norm.running_var)
            put_network(f"{prefix} middle", *network)
    norm.eval()
    put(f"{prefix} losses", losses)
    put(f"{prefix} evaluation", [loss_of(network, batch).item() for batch in batches[:3]])
    put(f"{prefix} held mean", norm.running_mean)
    put_network(f"{prefix} end", *network)


def rows_loss(network, batch):
    first, norm, second = network
    x, label = batch
    return torch.nn.functional.cross_entropy(second(torch.relu(norm(first(x)))), label)


def ragged_loss(network, batch):
    first, norm, second = network
    x, lengths, y = batch
    hidden = torch.tanh(norm(first(x)))
    pooled = torch.stack([part.mean(0) for part in torch.split(hidden, lengths)])
    return torch.nn.functional.mse_loss(second(pooled), y)


rows = [(torch.randn(BATCH, WIDTH) * 2 + 1, torch.randint(0, CLASSES, (BATCH,))) for _ in range(STEPS + HELD)]
for step, (x, label) in enumerate(rows):
    put(f"rows x {step}", x)
    put(f"rows label {step}", label)
train("rows", make(CLASSES), rows, rows_loss)

ragged = []
for step in range(STEPS + HELD):
    lengths = [1 + (step * 3 + i * 5) % 6 for i in range(4)]
    ragged.append((torch.randn(sum(lengths), WIDTH) - 0.5, lengths, torch.randn(4, 1)))
    put(f"ragged x {step}", ragged[-1][0])
    put(f"ragged lengths {step}", lengths)
    put(f"ragged y {step}", ragged[-1][2])
train("ragged", make(1), ragged, ragged_loss)

(pathlib.Path(__file__).resolve().parent / "batch_norm.txt").write_text("\n".join(lines) + "\n")
