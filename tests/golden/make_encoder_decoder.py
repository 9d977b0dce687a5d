"""Writes encoder_decoder.safetensors and encoder_decoder.txt beside this file: an encoder-decoder of one layer, both
sides ragged, trained for 20 steps in PyTorch, padded and masked. Read by tests/train/test_encoder_decoder.c.

    python3 tests/golden/make_encoder_decoder.py
"""

import pathlib

import torch
from safetensors.torch import save_file

STEPS, SAMPLES, WIDTH, HEADS, WORDS, LONGEST = 20, 5, 8, 2, 11, 9
HERE = pathlib.Path(__file__).resolve().parent
torch.manual_seed(3)
network = torch.nn.ModuleDict(
    {
        "source": torch.nn.Embedding(WORDS, WIDTH),
        "target": torch.nn.Embedding(WORDS, WIDTH),
        "places": torch.nn.Embedding(LONGEST, WIDTH),
        **{
            f"{part}_{name}": torch.nn.Linear(WIDTH, WIDTH)
            for part in ("encode", "decode", "cross")
            for name in ("q", "k", "v", "out")
        },
        **{f"{part}_{name}": torch.nn.LayerNorm(WIDTH) for part in ("encode", "decode") for name in ("first", "last")},
        "cross_first": torch.nn.LayerNorm(WIDTH),
        "encode_up": torch.nn.Linear(WIDTH, 2 * WIDTH),
        "encode_down": torch.nn.Linear(2 * WIDTH, WIDTH),
        "head": torch.nn.Linear(WIDTH, WORDS),
    }
)


def attend(part, queries, keys, mask):
    """queries [N, Q, C], keys [N, K, C], mask [N, Q, K] of what is attended to."""
    def heads(x):
        return x.view(x.shape[0], x.shape[1], HEADS, WIDTH // HEADS).transpose(1, 2)
    q, k, v = heads(network[f"{part}_q"](queries)), heads(network[f"{part}_k"](keys)), heads(network[f"{part}_v"](keys))
    scores = (q @ k.transpose(-1, -2) / (WIDTH // HEADS) ** 0.5).masked_fill(~mask[:, None], float("-inf"))
    mixed = torch.softmax(scores, -1) @ v
    return network[f"{part}_out"](mixed.transpose(1, 2).reshape(queries.shape))


def pad(rows, value=0):
    return torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=value)


def loss_of(source, tokens, labels):
    real = pad([[True] * len(row) for row in source], False)
    x, y = network["source"](pad(source)), pad(tokens)
    keys = real[:, None, :].expand(-1, x.shape[1], -1)
    normed = network["encode_first"](x)
    x = x + attend("encode", normed, normed, keys)
    x = x + network["encode_down"](torch.relu(network["encode_up"](network["encode_last"](x))))
    y = network["target"](y) + network["places"](torch.arange(y.shape[1]))
    causal = torch.ones(y.shape[1], y.shape[1]).tril().bool()[None].expand(len(tokens), -1, -1)
    normed = network["decode_first"](y)
    y = y + attend("decode", normed, normed, causal)
    y = y + attend("cross", network["cross_first"](y), x, real[:, None, :].expand(-1, y.shape[1], -1))
    logits = network["head"](network["decode_last"](y))
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), pad(labels, -100).flatten(), ignore_index=-100)


save_file(
    {name: value.detach().clone() for name, value in network.state_dict().items()}, HERE / "encoder_decoder.safetensors"
)
optimizer = torch.optim.AdamW(network.parameters(), lr=0.01, weight_decay=0.01)
lines, losses = [], []
for step in range(STEPS):
    source = [torch.randint(0, WORDS, (1 + (step * 5 + i * 3) % 7,)).tolist() for i in range(SAMPLES)]
    tokens = [torch.randint(0, WORDS, (1 + (step * 2 + i * 4) % LONGEST,)).tolist() for i in range(SAMPLES)]
    labels = [[(t + 2 * row[0] + i) % WORDS for i, t in enumerate(text)] for row, text in zip(source, tokens)]
    for name, rows in (("source", source), ("tokens", tokens), ("labels", labels)):
        lines.append(f"{name} {step}: " + " ".join(str(value) for row in rows for value in row))
        lines.append(f"{name} lengths {step}: " + " ".join(str(len(row)) for row in rows))
    optimizer.zero_grad()
    loss = loss_of(source, tokens, labels)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
lines.append("losses: " + " ".join(repr(loss) for loss in losses))
(HERE / "encoder_decoder.txt").write_text("\n".join(lines) + "\n")
