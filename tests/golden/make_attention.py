"""Makes attention.txt of tests/ops/test_attention.c: what torch.nn.functional.scaled_dot_product_attention gives,
with masks that are written out, for keys of other lengths, queries with an offset, windows and other scales.

    python3 make_attention.py        (torch, numpy; writes beside itself; deterministic)

Lines "CASE NAME: number number ...": q, k, v and d (the gradient of the result) with two decimals; dst, d_q, d_k, d_v.
Samples stand end to end, a row of all heads side by side. Every case is made in float32 as well and must agree.
"""
import pathlib

import numpy
import torch
import torch.nn.functional as F

# name: queries and keys of each sample, heads, kv_heads, width, value width, causal, aligned to the last key, window,
# scale
CASES = {
    "cross": ((5, 5), (9, 9), 2, 2, 3, 2, 0, 0, 0, None),
    "ragged": ((3, 1, 6), (5, 8, 2), 4, 2, 3, 3, 0, 0, 0, None),
    "causal": ((9, 9), (4, 4), 2, 1, 2, 2, 1, 0, 0, None),
    "aligned": ((4, 4), (9, 9), 1, 1, 4, 4, 1, 1, 0, None),
    "ragged aligned": ((3, 1, 6), (5, 8, 7), 2, 2, 2, 2, 1, 1, 0, None),
    "window": ((12,), (12,), 2, 2, 2, 2, 1, 0, 3, None),
    "negative": ((5,), (5,), 1, 1, 3, 3, 1, 0, 0, -0.5),
    "tiles": ((70,), (140,), 1, 1, 3, 2, 1, 1, 50, None),
}


def sees(queries, keys, causal, aligned, window):
    place = torch.arange(queries)[:, None] + (keys - queries if aligned else 0)
    key = torch.arange(keys)[None, :]
    mask = torch.ones(queries, keys, dtype=torch.bool)
    if causal:
        mask &= key <= place
    if window:
        mask &= key > place - window
    return mask


def run(case, arrays, dtype):
    queries, keys, heads, kv_heads, width, value_width, causal, aligned, window, scale = case
    q, k, v, d = (torch.tensor(array, dtype=dtype, requires_grad=True) for array in arrays)
    results, q_at, k_at = [], 0, 0
    for n, m in zip(queries, keys):
        split = [t[at:at + length].reshape(length, count, size).transpose(0, 1)
                 for t, at, length, count, size in ((q, q_at, n, heads, width), (k, k_at, m, kv_heads, width),
                                                    (v, k_at, m, kv_heads, value_width))]
        split[1:] = [t.repeat_interleave(heads // kv_heads, 0) for t in split[1:]]
        result = F.scaled_dot_product_attention(*(t[None] for t in split), scale=scale,
                                                attn_mask=sees(n, m, causal, aligned, window))
        results.append(result[0].transpose(0, 1).reshape(n, heads * value_width))
        q_at, k_at = q_at + n, k_at + m
    dst = torch.cat(results)
    dst.backward(d.detach())
    return [t.detach().numpy() for t in (dst, q.grad, k.grad, v.grad)]


def line(key, values, form):
    return key + ": " + " ".join(format(value, form) for value in values.reshape(-1)) + "\n"


def main():
    generator = numpy.random.default_rng(14)
    text = ""
    for name, case in CASES.items():
        queries, keys, heads, kv_heads, width, value_width = case[:6]
        shapes = ((sum(queries), heads * width), (sum(keys), kv_heads * width), (sum(keys), kv_heads * value_width),
                  (sum(queries), heads * value_width))
        arrays = [numpy.round(generator.standard_normal(shape), 2) for shape in shapes]
        exact, rounded = run(case, arrays, torch.float64), run(case, arrays, torch.float32)
        for key, array in zip(("q", "k", "v", "d"), arrays):
            text += line(f"{name} {key}", array, "g")
        for key, array, other in zip(("dst", "d_q", "d_k", "d_v"), exact, rounded):
            assert numpy.isfinite(array).all() and abs(array - other).max() < 1e-5, (name, key)
            text += line(f"{name} {key}", array, ".7g")
    (pathlib.Path(__file__).resolve().parent / "attention.txt").write_text(text)


main()
