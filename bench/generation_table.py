#!/usr/bin/env python3
"""A GGUF model generates text, beside the transformers library: the same tokens, and how many a second.

    python3 bench/generation_table.py BUILD MODEL.gguf [--threads N] [--count N] [--runs N] [--check] [--speed]

BUILD is a build directory of the library. Ours reads the file's blocks where they are mapped, and, as a second side,
all weights as float32 in memory of its own; theirs (transformers, gguf, accelerate; from_pretrained(gguf_file=...))
has float32 and its own cache. All are greedy and end after --count tokens.

--check: of several prompts, token numbers of the tokenizers, logits of the prompts, and generated tokens, ours with
and without the cache; it ends with 1 where numbers of tokens differ, or a logit by more than 1e-3 of the largest.
--speed: tokens a second at batch 1, prompt included, after one generation that is not counted. Each measurement is a
process of its own, and sides take turns; figures are medians. Beside them the bytes of weights that pass for a token,
and their share of what read_bandwidth reads on as many threads. Without either option, both.
"""

import argparse
import array
import base64
import importlib.util
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

PROMPTS = [
    "The capital of France is",
    "Once upon a time",
    "def fibonacci(n):\n",
    "Water boils at",
    "<|im_start|>user\nName three colours.<|im_end|>\n<|im_start|>assistant\n",
]
TEXTS = PROMPTS + [
    "",
    " ",
    "Hello  world\t\n\n  indented\r\n",
    "don't I'LL we've 12345 3.14159 1,000,000",
    "naïve Σίσυφος 東京 привет 🙂👩‍👩‍👧 e\u0301",
    "<|endoftext|>mid<|im_end|> <|im_start|>",
    "x" * 300,
]
BLOCKS = "blocks, mapped"  # our sides ...
FLOATS = "float32"
THEIRS = "transformers, float32"
TOLERANCE = 1e-3  # of logits

# ---- One side: in the process that measures --------------------------------------------------------------------------


def open_ours(model, threads, mapped):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "examples" / "python"))
    import pretrain

    context = pretrain.Context(threads=threads)
    return pretrain, context.open(model, mapped=mapped), context.tokenizer(model)


def packed(numbers):
    return base64.b64encode(memoryview(numbers).tobytes()).decode()


def check_ours(model, threads, count, mapped):
    pretrain, opened, tokenizer = open_ours(model, threads, mapped)
    prompts = [tokenizer.encode([text], plain=True)[0] for text in PROMPTS]
    found = {"texts": [tokenizer.encode([text])[0] for text in TEXTS], "prompts": prompts}
    found["ids"] = [opened.generate(prompt, count=count) for prompt in prompts]
    found["batch"] = opened.generator(count=count).run(prompts)
    found["anew"] = opened.generator(count=count, flags=pretrain.GENERATE_RECOMPUTE).run(prompts)
    found["logits"] = [
        packed(opened.forward({"tokens": [array.array("i", prompt)]}, output="logits")) for prompt in prompts
    ]
    return found


def time_ours(model, threads, count, mapped):
    _, opened, tokenizer = open_ours(model, threads, mapped)
    prompt = tokenizer.encode([PROMPTS[1]], plain=True)[0]
    return time_calls(lambda: opened.generate(prompt, count=count), count)


def open_theirs(model, threads):
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import torch
    import transformers

    torch.set_num_threads(threads)
    transformers.logging.disable_progress_bar()
    path = pathlib.Path(model)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    opened = transformers.AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    return torch, opened.eval(), tokenizer


def generate_theirs(torch, opened, prompt, count):
    given = torch.tensor([prompt])
    with torch.no_grad():
        made = opened.generate(
            given,
            attention_mask=torch.ones_like(given),
            max_new_tokens=count,
            do_sample=False,
            eos_token_id=None,
            pad_token_id=0,
        )
    return made[0, len(prompt) :].tolist()


def check_theirs(model, threads, count):
    torch, opened, tokenizer = open_theirs(model, threads)
    prompts = [tokenizer(text, add_special_tokens=False).input_ids for text in PROMPTS]
    found = {"texts": [tokenizer(text).input_ids for text in TEXTS], "prompts": prompts}
    found["ids"] = [generate_theirs(torch, opened, prompt, count) for prompt in prompts]
    with torch.no_grad():
        found["logits"] = [packed(opened(torch.tensor([prompt])).logits.flatten().numpy()) for prompt in prompts]
    return found


def time_theirs(model, threads, count):
    torch, opened, tokenizer = open_theirs(model, threads)
    prompt = tokenizer(PROMPTS[1], add_special_tokens=False).input_ids
    return time_calls(lambda: generate_theirs(torch, opened, prompt, count), count)


def time_calls(generate, count):
    generate()
    begun = time.perf_counter()
    generate()
    return {"speed": count / (time.perf_counter() - begun)}


# ---- All sides -------------------------------------------------------------------------------------------------------

MEASURES = {
    "check": {
        BLOCKS: lambda *given: check_ours(*given, True),
        FLOATS: lambda *given: check_ours(*given, False),
        THEIRS: check_theirs,
    },
    "speed": {
        BLOCKS: lambda *given: time_ours(*given, True),
        FLOATS: lambda *given: time_ours(*given, False),
        THEIRS: time_theirs,
    },
}


def measure(options, what, side):
    environment = dict(
        os.environ,
        PRETRAIN_LIBRARY=str(options.build / "lib" / "libpretrain.so"),
        PRETRAIN_DESCRIPTION=str(options.build / "pretrain.json"),
    )
    given = [what, side, options.model, str(options.threads), str(options.count)]
    command = [sys.executable, __file__, "--measure", *given]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{side}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def largest_difference(ours, theirs):
    """Of logits, in shares of the largest of a prompt's."""
    most = 0.0
    for pair in zip(ours, theirs, strict=True):
        one, other = (array.array("f", base64.b64decode(numbers)) for numbers in pair)
        size = max(map(abs, other))
        most = max(most, max(abs(a - b) for a, b in zip(one, other, strict=True)) / size)
    return most


def report_agreement(options, theirs):
    """Whether all agree."""
    right = True
    for side in BLOCKS, FLOATS:
        ours = measure(options, "check", side)
        wrong = [text for text, a, b in zip(TEXTS, ours["texts"], theirs["texts"]) if a != b]
        print(f"{side}: token numbers of {len(TEXTS)} texts", f"differ: {wrong}" if wrong else "are equal")
        right &= not wrong and ours["prompts"] == theirs["prompts"]
        for name, said in ("ids", "with the cache"), ("batch", "with it, in one batch"), ("anew", "without it"):
            equal = [a == b for a, b in zip(ours[name], theirs["ids"], strict=True)]
            print(f"{side}, {said}: {sum(equal)} of {len(equal)} prompts' {options.count} tokens are equal")
            right &= all(equal)
        difference = largest_difference(ours["logits"], theirs["logits"])
        print(f"{side}: logits differ by {difference:.1e} of the largest")
        right &= difference <= TOLERANCE
    return right


def parameters_of(model):
    """(bytes as they are stored, elements) of the tensors that a token needs all of."""
    import gguf

    tensors = gguf.GGUFReader(model).tensors
    return sum(int(tensor.n_bytes) for tensor in tensors), sum(int(tensor.n_elements) for tensor in tensors)


def report_speed(options, sides):
    speeds = {side: [] for side in sides}
    bandwidths = []
    for _ in range(options.runs):
        for side in sides:
            speeds[side].append(measure(options, "speed", side)["speed"])
        command = [str(options.build / "bench" / "read_bandwidth"), str(options.threads)]
        bandwidths.append([float(line) for line in subprocess.check_output(command, text=True).split()])
    small, large = (max(rates) for rates in zip(*bandwidths))
    print(
        f"\nread by {options.threads} threads: {small / 1e9:.1f} GB/s in small pages, {large / 1e9:.1f} in large ones"
    )
    packed, elements = parameters_of(options.model) if importlib.util.find_spec("gguf") else (0, 0)
    print("\n| weights | tokens/s, median (least, most) | to transformers | GB/s | share of what is read |")
    print("| --- | --- | --- | --- | --- |")
    for side in sides:
        speed = statistics.median(speeds[side])
        ratio = speed / statistics.median(speeds[THEIRS]) if THEIRS in sides else float("nan")
        rate = speed * (packed if side == BLOCKS else 4 * elements)
        print(
            f"| {side} | {speed:.1f} ({min(speeds[side]):.1f}, {max(speeds[side]):.1f}) | {ratio:.2f} | "
            f"{rate / 1e9:.1f} | {rate / (large if side == FLOATS else small):.0%} |"
        )


def main():
    if sys.argv[1:2] == ["--measure"]:
        what, side, model, threads, count = sys.argv[2:]
        print(json.dumps(MEASURES[what][side](model, int(threads), int(count))))
        return 0
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=lambda path: pathlib.Path(path).resolve(), help="a build directory")
    parser.add_argument("model", help="a GGUF file")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--count", type=int, default=64, help="tokens that are generated")
    parser.add_argument("--runs", type=int, default=3, help="processes a figure")
    parser.add_argument("--check", action="store_true", help="only whether tokens and logits are the same")
    parser.add_argument("--speed", action="store_true", help="only the speed")
    options = parser.parse_args()
    compared = all(importlib.util.find_spec(name) for name in ("transformers", "gguf", "accelerate"))
    if not compared:
        print("without transformers, gguf and accelerate there is nothing to compare with: only our speed\n")
    right = True
    if compared and not options.speed:
        right = report_agreement(options, measure(options, "check", THEIRS))
    if not options.check:
        report_speed(options, [BLOCKS, FLOATS] + [THEIRS] * compared)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
