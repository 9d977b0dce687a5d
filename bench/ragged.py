#!/usr/bin/env python3
"""Fine-tuning on real sentences as long as they are, beside PyTorch with batches padded to their longest.

    python3 bench/ragged.py MODEL_DIRECTORY TRAIN_FILE TEST_FILE [--build DIR] [--torch PYTHON] [--parts 7] [--record]

MODEL_DIRECTORY has a BERT with its tokenizer as Hugging Face's hub has them, MiniLM for one; the files have a sentence
a line, its class, 0 or 1, before it. One epoch, or as many batches of it as --batches says, is cut into parts, which
both sides train on by turns; the order within a side is shuffled. Figures are the middle of the parts' ratios; the
accuracy is that at the end, with its standard error. A part that comes before all others, so that both sides are warm,
is not counted.
"""

import argparse
import math
import pathlib
import statistics
import sys

import against
import machine
import record

HERE = pathlib.Path(__file__).resolve().parent


def spread(values):
    return f"{statistics.median(values):.3g} ({min(values):.3g}-{max(values):.3g})"


def finish(side):
    """The answer to the end of the input."""
    answer, _ = side.process.communicate()
    return float(answer.split()[-1])


def measure(options):
    common = [options.model, options.train, options.test, str(options.batch), str(options.rate), str(options.threads)]
    programs = {"ours": [str(pathlib.Path(options.build) / "bench" / "ragged_case"), *common]}
    for variant in options.variants.split(","):
        programs[variant] = [options.torch, str(HERE / "torch_ragged.py"), *common, variant]
    sides = {name: against.Turns(command) for name, command in programs.items()}
    sentences = sum(1 for line in open(options.train) if line.strip())
    warm = options.batch * options.warm
    part = (sentences - warm) // options.parts // options.batch * options.batch
    if options.batches > 0:
        part = min(part, options.batches // options.parts * options.batch)
    seconds, peaks = {name: [] for name in sides}, {}
    for name, side in sides.items():
        side.take(str(warm))
    for number in range(options.parts):
        names = list(sides) if number % 2 == 0 else list(reversed(sides))
        for name in names:
            taken, peaks[name], loss = sides[name].take(str(part))
            seconds[name].append(taken)
            print(f"  part {number + 1} {name}: {taken:.2f} s, loss {loss:.3f}", file=sys.stderr)
    return seconds, peaks, {name: finish(side) for name, side in sides.items()}, part


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("--build", default=str(HERE.parent / "build"), help="build directory")
    parser.add_argument("--torch", default=sys.executable, help="a Python that has PyTorch and transformers")
    parser.add_argument("--variants", default="eager", help="PyTorch's, separated by commas: eager, compile")
    parser.add_argument("--parts", type=int, default=7)
    parser.add_argument("--batches", type=int, default=0, help="in all; 0: an epoch")
    parser.add_argument("--warm", type=int, default=3, help="batches that are not counted")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=5e-5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shared", action="store_true", help="do not go ahead of other programs (chrt -f 1)")
    parser.add_argument("--record", action="store_true", help="keep the table in RESULTS.md, under this processor")
    options = parser.parse_args()
    if not options.shared:
        machine.go_ahead()
    with record.recording(options.record, machine.processor(), "Sentences as long as they are"):
        seconds, peaks, accuracy, part = measure(options)
        tests = sum(1 for line in open(options.test) if line.strip())
        rows = []
        for name in seconds:
            ratios = [own / other for own, other in zip(seconds["ours"], seconds[name])]
            error = math.sqrt(accuracy[name] * (1 - accuracy[name]) / tests)
            rows.append(
                [
                    name,
                    spread(seconds[name]),
                    "-" if name == "ours" else f"**{spread(ratios)}**",
                    f"{peaks[name] * 1.024e-3:.0f}",
                    f"{accuracy[name]:.3f} ± {error:.3f}",
                ]
            )
        print(
            f"{options.parts} parts of {part // options.batch} batches of {options.batch}, {options.threads} threads; "
            f"load {machine.load_average():.1f}.\n"
        )
        record.print_table(
            ["side", "seconds a part (least-most)", "ours to it", "peak MB", "accuracy at the end"], rows
        )


if __name__ == "__main__":
    main()
