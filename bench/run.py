#!/usr/bin/env python3
"""The performance table: libpretrain and PyTorch side by side, in one run.

    python3 bench/run.py [table]        throughput, peak memory and first step of every case, with ratios and bars
    python3 bench/run.py starts         time from process start to the end of the first step only, many times
    python3 bench/run.py scaling        ours, on 1 thread and on all
    python3 bench/run.py bits           ours: weights after 20 steps at 1, 2 and 5 threads are the same bits
    python3 bench/run.py pictures       training steps of convolutional networks: ours and PyTorch's (picture_step.py)
    python3 bench/run.py gemm           the matrix products of these cases: ours, cblas, PyTorch, share of the peak
    python3 bench/run.py against BUILD  another build of the library, on the same cores: speed and memory, new to old

Needs the programs of `meson setup build -Dbench=true`. --torch names a Python that has PyTorch; without one only our
side is measured. Every measurement is a process of its own; ours and PyTorch's take turns, so that a change in the
machine's load or clock meets both. A case during which the machine's peak or bandwidth moved is repeated. --record puts
the table into RESULTS.md. See README.md beside this file for what the figures mean.
"""

import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import time

import against
import machine
import picture_step
import record

HERE = pathlib.Path(__file__).resolve().parent
VARIANTS = ("eager", "compile")
TITLES = {
    "table": "Throughput, memory and first step",
    "starts": "First step",
    "scaling": "Threads",
    "bits": "Bits",
    "pictures": "Steps of convolutional networks",
    "gemm": "Matrix products",
    "against": "Against another build",
}


def gpt_operations(layers, width, vocabulary, batch, length):
    """Multiply-adds times two that a step needs, forward and backward: nothing above attention's diagonal, nothing
    twice."""
    tokens = batch * length
    linear = 6 * 12 * width * width * layers * tokens
    attention = 6 * width * (length + 1) * layers * tokens
    return linear + attention + 6 * vocabulary * width * tokens


def llama_operations(layers, heads, kv_heads, width, inner, vocabulary, batch, length):
    tokens = batch * length
    linear = 6 * (2 * width * width + 2 * width * width * kv_heads // heads + 3 * width * inner) * layers * tokens
    attention = 6 * width * (length + 1) * layers * tokens
    return linear + attention + 6 * vocabulary * width * tokens


def bert_operations(layers, width, inner, batch, length):
    """A classifier of first tokens: of the last layer only keys and values are needed of the other rows."""
    tokens = batch * length
    rows = (layers - 1) * tokens + batch
    linear = 6 * (2 * width * width * (rows + layers * tokens) + 2 * width * inner * rows)
    return linear + 6 * 2 * width * length * rows + 6 * width * width * batch


def speech_operations(layers, width, batch, length, bins=161, channels=32):
    rows, wide, narrow = (length + 1) // 2 * batch, (bins + 1) // 2, ((bins + 1) // 2 + 1) // 2
    first = 2 * rows * wide * channels * 41 * 11
    second = 2 * rows * narrow * channels * channels * 21 * 11
    inputs = channels * narrow + (layers - 1) * width
    recurrent = 2 * rows * 2 * 3 * width * (inputs + layers * width)
    return 2 * first + 3 * (second + recurrent)  # nothing is learnt by the frames


class Case:
    """A line of the table: the bars are ratios to PyTorch, throughput at least and the others at most; None: no bar.
    beyond_start: memory is what was resident at most less what was when program and libraries stood."""

    def __init__(
        self, name, title, operations, throughput, memory, first_step=None, torch_name=None, beyond_start=False
    ):
        self.name, self.title, self.operations = name, title, operations
        self.throughput, self.memory, self.first_step = throughput, memory, first_step
        self.torch_name = torch_name or name
        self.memory_key = "beyond_start_bytes" if beyond_start else "peak_bytes"


CASES = [
    Case("linear", "linear 10-1, batch 64, SGD", 4 * 64 * 10, 20, 0.05, 0.1),
    Case("linear-stage", "the same through pt_pretrain", 4 * 64 * 10, 10, 0.05, 0.1, "linear"),
    Case("mlp", "MLP 784-256-10, batch 64", 4 * 64 * 784 * 256 + 6 * 64 * 256 * 10, 1.6, 0.1),
    Case("gpt-4x128", "GPT 4 x 128, vocabulary 65, 12 x 64", gpt_operations(4, 128, 65, 12, 64), 1.4, 0.15, 0.1),
    Case("gpt-6x384", "GPT 6 x 384, vocabulary 65, 8 x 256", gpt_operations(6, 384, 65, 8, 256), 1.15, 0.5),
    Case("gpt2-4x64", "GPT-2 124M, 4 x 64", gpt_operations(12, 768, 50257, 4, 64), 1.4, 0.85),
    Case("gpt2-1x1024", "GPT-2 124M, 1 x 1024", gpt_operations(12, 768, 50257, 1, 1024), 1.2, 0.85),
    Case(
        "llama-6x384",
        "Llama 6 x 384, vocabulary 8192, 4 x 256",
        llama_operations(6, 6, 2, 384, 1024, 8192, 4, 256),
        None,
        None,
    ),
    Case(
        "minilm-16x128",
        "MiniLM's classifier, 16 x 128",
        bert_operations(6, 384, 1536, 16, 128),
        1.25,
        0.65,
        beyond_start=True,
    ),
    Case(
        "bert-8x128",
        "BERT-base's classifier, 8 x 128",
        bert_operations(12, 768, 3072, 8, 128),
        1.1,
        0.95,
        beyond_start=True,
    ),
    Case(
        "deepspeech2-8x400",
        "Deep Speech 2, 3 two-way GRU of 512, 8 x 400",
        speech_operations(3, 512, 8, 400),
        1.25,
        0.6,
    ),
    Case("deepspeech2-ragged", "the same, samples of 100 to 400 frames", speech_operations(3, 512, 8, 250), 1.6, 0.6),
]


# The networks of picture_step.py, and how many times as fast as PyTorch's best they are to be.
NETWORKS = {
    "resnet20": ("ResNet-20, 128 x 32 x 32", 1.25),
    "resnet18": ("ResNet-18, 16 x 224 x 224", 1.1),
    "vgg11": ("VGG-11, 8 x 224 x 224", 1.2),
    "mobilenet_v2": ("MobileNetV2, 16 x 224 x 224", 1.3),
}
MOST_OF_THE_MEMORY = 0.7

# What keeps other libraries to a level. Theirs for a processor that they do not know may differ.
LIMITS = {
    "avx2": {"OPENBLAS_CORETYPE": "Haswell", "MKL_ENABLE_INSTRUCTIONS": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "avx512": {"OPENBLAS_CORETYPE": "SkylakeX", "MKL_ENABLE_INSTRUCTIONS": "AVX512"},
}


class Runner:
    """Starts one process for one measurement."""

    def __init__(self, options):
        self.options = options
        self.program = pathlib.Path(options.build) / "bench" / "bench_case"
        if not self.program.exists():
            sys.exit(f"no {self.program}: meson setup {options.build} -Dbench=true && ninja -C {options.build}")
        self.torch = None if options.ours_only else self.find_torch()
        self.ahead = not options.shared and machine.go_ahead()
        self.conditions = machine.Conditions(lambda: self.ours("peak", options.threads), options.repeats)

    def find_torch(self):
        probe = subprocess.run(
            [self.options.torch, "-c", "import torch; print(torch.__version__)"], capture_output=True, text=True
        )
        if probe.returncode == 0:
            return probe.stdout.strip()
        print(
            f"PyTorch is missing in {self.options.torch} (--torch names another Python): only our side is measured",
            file=sys.stderr,
        )
        return None

    def ours(self, *arguments):
        return self.start([str(self.program), *map(str, arguments)])

    def pytorch(self, case, variant, seconds, threads):
        command = [
            self.options.torch,
            str(HERE / "torch_case.py"),
            case.torch_name,
            variant,
            str(seconds),
            str(threads),
        ]
        return self.start(command)

    def step(self, network, side, seconds, threads):
        """Of picture_step.py."""
        build = pathlib.Path(self.options.build).resolve()
        arguments = [str(build / "lib" / "libpretrain.so"), network, str(seconds), str(threads), side]
        return self.start(
            [self.options.torch, str(HERE / "picture_step.py"), *arguments],
            os.environ | {"PRETRAIN_DESCRIPTION": str(build / "pretrain.json")},
        )

    @staticmethod
    def start(command, environment=None):
        """The measurement that the process prints; with first_step counted from the process's start. None where it
        fails."""
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode != 0:
            print(f"{' '.join(command)} failed:\n{done.stderr[-800:]}", file=sys.stderr)
            return None
        result = json.loads(done.stdout.strip().splitlines()[-1])
        if "first_step_at" in result:
            result["first_step"] = result["first_step_at"] - began
        if "start_bytes" in result:
            result["beyond_start_bytes"] = result["peak_bytes"] - result["start_bytes"]
        if result.get("rates"):
            result["rate"] = statistics.median(result["rates"])
        return result


def middle(results, key):
    """Median, least and most over processes."""
    values = [r[key] for r in results if r and key in r]
    return (statistics.median(values), min(values), max(values)) if values else None


def spread(figure, scale=1.0, digits=3):
    if figure is None:
        return "-"
    return f"{figure[0] * scale:.{digits}g} ({figure[1] * scale:.{digits}g}-{figure[2] * scale:.{digits}g})"


def judged(ratio, bar, at_least):
    if ratio is None:
        return "-"
    if bar is None:
        return f"{ratio:.3g}"
    good = ratio >= bar if at_least else ratio <= bar
    return f"**{ratio:.3g}** ({'≥' if at_least else '≤'} {bar:g}, {'met' if good else 'MISSED'})"


def divide(ours, theirs):
    return ours[0] / theirs[0] if ours and theirs else None


def measure_case(runner, case, options):
    """Results by side, "ours" and PyTorch's variants, taking turns."""
    results = {"ours": []} | ({variant: [] for variant in options.variants.split(",")} if runner.torch else {})
    for run in range(options.runs):
        for side in results:
            if side == "ours":
                result = runner.ours(case.name, options.seconds, options.threads)
            else:
                result = runner.pytorch(case, side, options.seconds, options.threads)
            results[side].append(result)
            if result:
                print(
                    f"  {case.name} {side} run {run + 1}: {result['rate']:.4g} steps/s "
                    f"(best stretch {max(result['rates']):.4g}), "
                    f"{result['peak_bytes'] / 1e6:.1f} MB, first step {result['first_step']:.3f} s",
                    file=sys.stderr,
                )
    return results


def best_variant(results, key, choose):
    """PyTorch's better variant by a figure's median."""
    figures = {variant: middle(results.get(variant, []), key) for variant in VARIANTS}
    figures = {variant: figure for variant, figure in figures.items() if figure}
    if not figures:
        return None, None
    variant = choose(figures, key=lambda v: figures[v][0])
    return figures[variant], variant


def heading(runner, options):
    """What the machine can do, and how busy it is."""
    peak = runner.ours("peak", options.threads)
    print(
        f"Peak {peak['one'] / 1e9:.1f} GFLOP/s on one core, {peak['all'] / 1e9:.1f} on {options.threads}; memory "
        f"{peak['bandwidth_one'] / 1e9:.1f} and {peak['bandwidth_all'] / 1e9:.1f} GB/s; load "
        f"{machine.load_average():.1f}{', measured ahead of it (chrt -f 1)' if runner.ahead else ''}. "
        f"PyTorch {runner.torch or 'not measured'}."
    )
    return peak


def table(runner, options, cases):
    peak = heading(runner, options)
    print(
        f"{options.threads} threads, {options.runs} runs of {options.seconds:g} s each; median (least-most); machine: "
        "peak and bandwidth around the case, and by how much they moved in the steadiest run.\n"
    )
    speed, cost, everything = [], [], {}
    for case in cases:
        results, peak, moved = runner.conditions.steady(lambda: measure_case(runner, case, options))
        everything[case.name] = {"results": results, "machine": peak, "moved": moved}
        rate, (torch_rate, variant) = middle(results["ours"], "rate"), best_variant(results, "rate", max)
        best = max((max(r["rates"]) for r in results["ours"] if r), default=None)
        torch_best = max((max(r["rates"]) for v in VARIANTS for r in results.get(v, []) if r), default=None)

        def share(figure):
            return f"{figure[0] * case.operations / peak['all']:.1%}" if figure else "-"

        speed.append(
            [
                case.title,
                spread(rate),
                f"{spread(torch_rate)} {variant or ''}",
                judged(divide(rate, torch_rate), case.throughput, True),
                f"{best / torch_best:.3g}" if best and torch_best else "-",
                share(rate),
                share(torch_rate),
                f"{peak['all'] / 1e9:.0f} GFLOP/s, {peak['bandwidth_all'] / 1e9:.1f} GB/s, {moved:.0%}",
            ]
        )
        memory, (torch_memory, _) = (
            middle(results["ours"], case.memory_key),
            best_variant(results, case.memory_key, min),
        )
        first, (torch_first, _) = middle(results["ours"], "first_step"), best_variant(results, "first_step", min)
        cost.append(
            [
                case.title + (", beyond start" if case.memory_key != "peak_bytes" else ""),
                spread(memory, 1e-6),
                spread(torch_memory, 1e-6),
                judged(divide(memory, torch_memory), case.memory, False),
                spread(first, 1e3),
                spread(torch_first, 1e3),
                judged(divide(first, torch_first), case.first_step, False),
            ]
        )
    record.print_table(
        [
            "steps a second",
            "ours",
            "PyTorch, the better variant",
            "ratio",
            "best stretches",
            "share of peak, ours",
            "PyTorch",
            "machine",
        ],
        speed,
    )
    record.print_table(
        ["peak resident MB; first step after, ms", "ours", "PyTorch", "ratio", "first step, ours", "PyTorch", "ratio"],
        cost,
    )
    if options.json:
        pathlib.Path(options.json).write_text(
            json.dumps({"machine": machine.describe(), "torch": runner.torch, "cases": everything}, indent=1)
        )


def measure_network(runner, network, options):
    sides = [side for side in picture_step.SIDES if side == "ours" or runner.torch]
    results = {side: [] for side in sides}
    for run in range(options.runs):
        for side in sides:
            result = runner.step(network, side, options.seconds, options.threads)
            results[side].append(result)
            if result:
                print(
                    f"  {network} {side} run {run + 1}: {result['ms']:.1f} ms, {result['peak_mb']:.0f} MB, losses "
                    + " ".join(f"{loss:.4f}" for loss in result["losses"]),
                    file=sys.stderr,
                )
    return results


def pictures(runner, options, networks):
    heading(runner, options)
    print(f"\n{options.threads} threads, {options.runs} runs of {options.seconds:g} s each; median (least-most).\n")
    rows = []
    for network in networks:
        title, bar = NETWORKS[network]
        results, _, moved = runner.conditions.steady(lambda: measure_network(runner, network, options))
        ms = {side: middle(results[side], "ms") for side in results}
        memory = {side: middle(results[side], "peak_mb") for side in results}
        others = [side for side in results if side != "ours" and ms[side]]
        fastest = min(others, key=lambda side: ms[side][0], default=None)
        smallest = min(others, key=lambda side: memory[side][0], default=None)
        rows.append(
            [
                title,
                *(spread(ms.get(side)) for side in picture_step.SIDES),
                judged(divide(ms.get(fastest), ms["ours"]), bar, True),
                spread(memory["ours"]),
                f"{spread(memory.get(smallest))} {smallest or ''}",
                judged(divide(memory["ours"], memory.get(smallest)), MOST_OF_THE_MEMORY, False),
                f"{moved:.0%}",
            ]
        )
    headings = ["best step of a run, ms", *picture_step.SIDES, "times as fast", "peak resident MB, ours"]
    record.print_table([*headings, "PyTorch's least", "ratio", "machine moved by"], rows)


def starts(runner, options, cases):
    rows = []
    for case in cases:
        ours, theirs = [], []
        for _ in range(options.runs):
            ours.append(runner.ours(case.name, 0, options.threads))
            if runner.torch:
                theirs.append(runner.pytorch(case, "eager", 0, options.threads))
        first, torch_first = middle(ours, "first_step"), middle(theirs, "first_step")
        memory, torch_memory = middle(ours, "peak_bytes"), middle(theirs, "peak_bytes")
        rows.append(
            [
                case.title,
                spread(first, 1e3),
                spread(torch_first, 1e3),
                judged(divide(first, torch_first), case.first_step, False),
                spread(memory, 1e-6),
                spread(torch_memory, 1e-6),
            ]
        )
    record.print_table(
        [
            "process start to the end of the first step, ms",
            "ours",
            "PyTorch eager",
            "ratio",
            "ours, peak MB",
            "PyTorch",
        ],
        rows,
    )


def scaling(runner, options, cases):
    rows = []
    heading(runner, options)
    print()
    for case in cases:

        def measure():
            one, all_threads = [], []
            for _ in range(options.runs):
                one.append(runner.ours(case.name, options.seconds, 1))
                all_threads.append(runner.ours(case.name, options.seconds, options.threads))
            return one, all_threads

        (one, all_threads), _, moved = runner.conditions.steady(measure)
        rate, rate_all = middle(one, "rate"), middle(all_threads, "rate")
        bar = 1.9 if case.operations >= gpt_operations(6, 384, 65, 8, 256) else None
        rows.append([case.title, spread(rate), spread(rate_all), judged(divide(rate_all, rate), bar, True)])
        rows[-1].append(f"{moved:.0%}")
    record.print_table(["steps a second", "1 thread", f"{options.threads} threads", "gain", "machine moved by"], rows)


def bits(runner, options, cases):
    rows, same = [], True
    for case in cases:
        if case.name == "linear-stage":
            continue
        results = [runner.ours("bits", case.name, threads) for threads in (1, 2, 5)]
        hashes = [result["hash"] if result else "failed" for result in results]
        same = same and len(set(hashes)) == 1 and "failed" not in hashes
        rows.append([case.title, *hashes, "same" if len(set(hashes)) == 1 else "DIFFERENT"])
    record.print_table(["weights after 20 steps", "1 thread", "2 threads", "5 threads", ""], rows)
    return 0 if same else 1


MOST_RETAKEN = 2  # turns of a product, for each that was asked for, while the peak moves


def gemm_turns(options, sides, sizes):
    """(peak, ours, cblas, PyTorch) of each turn. A turn begins with the peak, so it stands between two of them: turns
    where one of these is off the best by more than the tolerance are taken again, for some time."""
    turns = []
    ours, torch = sides
    for _ in range(options.rounds * MOST_RETAKEN):
        peak, own, cblas = ours.take(sizes)
        turns.append((peak, own, cblas, torch.take(sizes)[0] if torch else math.nan))
        best = max(turn[0] for turn in turns)
        steady = [
            turn
            for turn, after in zip(turns, turns[1:] + [turns[-1]])
            if min(turn[0], after[0]) >= (1 - machine.TOLERANCE) * best
        ]
        if len(steady) >= options.rounds:
            return steady
    return turns if len(steady) < options.rounds / 2 else steady


def geometric(ratios):
    return f"{math.exp(statistics.fmean(map(math.log, ratios))):.3f} (smallest {min(ratios):.2f})" if ratios else "-"


def gemm(runner, options, cases):
    """Peak, ours, cblas and PyTorch take short turns on each product; ratios and shares are medians over the rounds of
    turns. A forced level holds for all three, as far as the libraries can be told."""
    program = str(pathlib.Path(options.build) / "bench" / "gemm_table")
    shapes = subprocess.run([program, "shapes"], capture_output=True, text=True, check=True).stdout.splitlines()
    limits = LIMITS.get(options.level, {})
    threads = str(options.threads)
    ours = against.Turns([program, "turns", threads] + ([options.level] if options.level else []), limits)
    torch = None
    if runner.torch:
        torch = against.Turns([options.torch, str(HERE / "torch_gemm.py"), threads], limits)
    heading(runner, options)
    print(
        f"{ours.process.stdout.readline().strip()}. GFLOP/s, medians of {options.rounds} turns; {threads} thread(s).\n"
    )
    rows, figures = [], []
    for shape in shapes:
        name, product, sizes, spread_over_pool = shape.split("\t")
        if options.filter and options.filter.lower() not in name.lower():
            continue
        turns = gemm_turns(options, (ours, torch), sizes)
        m, n, k, a_transposed, b_transposed = map(int, sizes.split())
        share, to_cblas, to_torch = (
            statistics.median(own / other for own, other in zip(column(turns, 1), column(turns, i))) for i in (0, 2, 3)
        )
        figures.append((2 * m * n * k, share, to_cblas, to_torch))
        form = ("T" if a_transposed else "N") + ("T" if b_transposed else "N")
        rows.append(
            [
                f"{name} {product}",
                f"{m} x {n} x {k} {form}",
                threads if spread_over_pool == "1" else "1",
                *(f"{statistics.median(column(turns, i)) / 1e9:.1f}" for i in (1, 2, 3)),
                f"{share:.1%}",
                f"{to_cblas:.2f}",
                f"{to_torch:.2f}",
            ]
        )
        print(" | ".join(rows[-1]), file=sys.stderr)
    headings = ["product", "m x n x k", "cores", "ours", "cblas", "PyTorch", "share of the cores' peak", "to cblas"]
    record.print_table([*headings, "to PyTorch"], rows)
    rows = []
    for least, title in ((0, "all"), (1e5, "of at least 100,000 operations")):
        chosen = [figure for figure in figures if figure[0] >= least]
        ratios = [[figure[i] for figure in chosen if not math.isnan(figure[i])] for i in (1, 2, 3)]
        rows.append([title, str(len(chosen)), *map(geometric, ratios)])
    record.print_table(["geometric mean over", "number", "share of the peak", "to cblas", "to PyTorch"], rows)


def column(turns, i):
    return [turn[i] for turn in turns]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", default="table", choices=[*TITLES])
    parser.add_argument("old_build", nargs="?", help="against: the build directory that --build is compared with")
    parser.add_argument("--build", default=str(HERE.parent / "build"), help="build directory")
    parser.add_argument("--torch", default=sys.executable, help="a Python that has PyTorch")
    parser.add_argument("--variants", default=",".join(VARIANTS), help="table: PyTorch's")
    parser.add_argument("--ours-only", action="store_true")
    parser.add_argument(
        "--cases",
        help="names, separated by commas: "
        + ",".join(case.name for case in CASES)
        + "; pictures: "
        + ",".join(NETWORKS),
    )
    parser.add_argument("--runs", type=int, default=5, help="processes a side")
    parser.add_argument("--seconds", type=float, default=4.0, help="measured time of a process")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=2, help="of a case during which the machine's speed moved")
    parser.add_argument("--shared", action="store_true", help="do not go ahead of other programs (chrt -f 1)")
    parser.add_argument("--filter", help="gemm: products whose name contains this")
    parser.add_argument("--level", help="gemm: a processor level: portable, avx2, avx512 or neon")
    parser.add_argument("--rounds", type=int, default=11, help="gemm: turns a side")
    parser.add_argument("--core", type=int, default=0, help="against, one thread: the core that both run on")
    parser.add_argument("--turn", type=float, default=0.3, help="against, more threads: seconds of a turn")
    parser.add_argument("--json", help="file for all figures of the table")
    parser.add_argument("--record", action="store_true", help="keep the table in RESULTS.md, under this processor")
    options = parser.parse_args()
    known = list(NETWORKS) if options.what == "pictures" else [case.name for case in CASES]
    names = options.cases.split(",") if options.cases else known
    unknown = set(names) - set(known)
    if unknown:
        parser.error(f"no case {', '.join(sorted(unknown))}")
    if (options.what == "against") != (options.old_build is not None):
        parser.error("`against` takes the other build's directory, nothing else does")
    cases = [case for case in CASES if case.name in names]
    title = TITLES[options.what] + (f", {options.level}" if options.level else "")
    if options.what in ("gemm", "against"):
        title += f", {options.threads} thread{'s' if options.threads > 1 else ''}"
    with record.recording(options.record, machine.processor(), title):
        if options.what == "against":
            return against.against(options, cases)
        if options.what == "pictures":
            return pictures(Runner(options), options, [name for name in known if name in names])
        what = {"table": table, "starts": starts, "scaling": scaling, "bits": bits, "gemm": gemm}[options.what]
        return what(Runner(options), options, cases)


if __name__ == "__main__":
    sys.exit(main())
