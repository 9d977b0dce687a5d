"""Makes sampling.txt for tests/train/test_sampling.c: what is left of logits by transformers' logits processors.

    python3 make_sampling.py        (torch, transformers; writes beside itself; deterministic)

Each case: temperature, top_k, top_p, min_p and repetition penalty (0: not asked for), logits, the text's tokens, and
the probabilities that transformers samples from, in the order that its generate() puts the processors in.
"""

import pathlib

import numpy
import torch
from transformers import GenerationConfig, LogitsProcessorList
from transformers.generation import logits_process

CASES = [
    (1.0, 0, 0, 0, 0),
    (0.7, 0, 0, 0, 1.3),
    (1.0, 5, 0, 0, 0),
    (1.5, 0, 0.8, 0, 0),
    (0.9, 8, 0.75, 0, 1.2),
    (1.2, 0, 0, 0.1, 0),
    (1.2, 6, 0, 0.2, 0.8),
    (0.8, 0, 0.95, 0.05, 0),
    (2.0, 9, 0.9, 0.4, 1.7),
    (1.0, 1, 0, 0, 0),
    (1.0, 0, 0.001, 0, 0),
    (1.0, 0, 0, 1.0, 0),
    (0.5, 20, 0.6, 0.3, 2.5),
]
CLASSES = 16
HERE = pathlib.Path(__file__).resolve().parent


def processors(temperature, top_k, top_p, min_p, penalty):
    made = LogitsProcessorList()
    if penalty:
        made.append(logits_process.RepetitionPenaltyLogitsProcessor(penalty))
    made.append(logits_process.TemperatureLogitsWarper(temperature))
    if top_k:
        made.append(logits_process.TopKLogitsWarper(top_k))
    if top_p:
        made.append(logits_process.TopPLogitsWarper(top_p))
    if min_p:
        made.append(logits_process.MinPLogitsWarper(min_p))
    return made


def generates(temperature, top_k, top_p, min_p, penalty):
    """The processors that generate() itself makes, to be sure of their order."""
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(vocab_size=CLASSES, n_positions=8, n_embd=4, n_layer=1, n_head=1))
    config = GenerationConfig(
        do_sample=True,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p or 1.0,
        min_p=min_p or None,
        repetition_penalty=penalty or 1.0,
    )
    return model._get_logits_processor(config, input_ids_seq_length=3, device="cpu")


def line(key, values):
    return key + ": " + " ".join("%.9g" % value for value in numpy.asarray(values, dtype=float).reshape(-1)) + "\n"


def main():
    random = numpy.random.default_rng(18)
    out = ["Made by make_sampling.py.\n"]
    for number, case in enumerate(CASES):
        logits = (random.standard_normal(CLASSES) * 2.5).astype(numpy.float32)
        tokens = random.integers(0, CLASSES, 7)
        given = (torch.tensor(tokens)[None], torch.tensor(logits)[None])
        left = torch.softmax(processors(*case)(given[0], given[1].clone())[0].double(), -1)
        other = torch.softmax(generates(*case)(given[0], given[1].clone())[0].double(), -1)
        assert torch.equal(left, other), case
        out += [line("%d options" % number, case), line("%d logits" % number, logits)]
        out += [line("%d tokens" % number, tokens), line("%d probabilities" % number, left)]
    (HERE / "sampling.txt").write_text("".join(out))


main()
