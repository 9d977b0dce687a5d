#!/usr/bin/env python3
"""The performance table: libpretrain and PyTorch side by side, in one run.

    python3 bench/run.py [table]        throughput, peak memory and first step of every case, with ratios and bars
    python3 bench/run.py starts         time from process start to the end of the first step only, many times
    python3 bench/run.py scaling        ours, on 1 thread and on all
    python3 bench/run.py bits           ours: weights after 20 steps at 1, 2 and 5 threads are the same bits
    python3 bench/run.py gemm           the matrix products of these cases: ours, cblas, PyTorch, share of the peak

Needs the programs of `meson setup build -Dbench=true`. --torch names a Python that has PyTorch; without one only our
side is measured. Every measurement is a process of its own; ours and PyTorch's take turns, so that a change in the
machine's load or clock meets both. See README.md beside this file for what the figures mean.
"""

import argparse
import json
import math
import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
VARIANTS = ("eager", "compile")


def gpt_operations(layers, width, vocabulary, batch, length):
    """Multiply-adds times two that a step needs, forward and backward: nothing above attention's diagonal, nothing
    twice."""
    tokens = batch * length
    linear = 6 * 12 * width * width * layers * tokens
    attention = 6 * width * (length + 1) * layers * tokens
    return linear + attention + 6 * vocabulary * width * tokens


class Case:
    """A line of the table: the bars are ratios to PyTorch, throughput at least and the others at most; None: no bar."""

    def __init__(self, name, title, operations, throughput, memory, first_step=None, torch_name=None):
        self.name, self.title, self.operations = name, title, operations
        self.throughput, self.memory, self.first_step = throughput, memory, first_step
        self.torch_name = torch_name or name


CASES = [
    Case("linear", "linear 10-1, batch 64, SGD", 4 * 64 * 10, 20, 0.05, 0.1),
    Case("linear-stage", "the same through pt_pretrain", 4 * 64 * 10, 10, 0.05, 0.1, "linear"),
    Case("mlp", "MLP 784-256-10, batch 64", 4 * 64 * 784 * 256 + 6 * 64 * 256 * 10, 1.6, 0.1),
    Case("gpt-4x128", "GPT 4 x 128, vocabulary 65, 12 x 64", gpt_operations(4, 128, 65, 12, 64), 1.4, 0.15, 0.1),
    Case("gpt-6x384", "GPT 6 x 384, vocabulary 65, 8 x 256", gpt_operations(6, 384, 65, 8, 256), 1.15, 0.5),
    Case("gpt2-4x64", "GPT-2 124M, 4 x 64", gpt_operations(12, 768, 50257, 4, 64), 1.4, 0.85),
    Case("gpt2-1x1024", "GPT-2 124M, 1 x 1024", gpt_operations(12, 768, 50257, 1, 1024), 1.2, 0.85),
]


class Runner:
    """Starts one process for one measurement."""

    def __init__(self, options):
        self.options = options
        self.program = pathlib.Path(options.build) / "bench" / "bench_case"
        if not self.program.exists():
            sys.exit(f"no {self.program}: meson setup {options.build} -Dbench=true && ninja -C {options.build}")
        self.torch = None if options.ours_only else self.find_torch()

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

    @staticmethod
    def start(command):
        """The measurement that the process prints; with first_step counted from the process's start. None where it
        fails."""
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            print(f"{' '.join(command)} failed:\n{done.stderr[-800:]}", file=sys.stderr)
            return None
        result = json.loads(done.stdout.strip().splitlines()[-1])
        if "first_step_at" in result:
            result["first_step"] = result["first_step_at"] - began
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


def print_table(headings, rows):
    print("| " + " | ".join(headings) + " |\n|" + " --- |" * len(headings))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def measure_case(runner, case, options):
    """Results by side, "ours" and PyTorch's variants, taking turns."""
    results = {"ours": []} | ({variant: [] for variant in VARIANTS} if runner.torch else {})
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


def table(runner, options, cases):
    peak = runner.ours("peak", options.threads)
    print(
        f"Peak, measured: {peak['one'] / 1e9:.1f} GFLOP/s on one core, {peak['all'] / 1e9:.1f} on {options.threads}. "
        f"PyTorch {runner.torch or 'not measured'}. {options.threads} threads, "
        f"{options.runs} runs of {options.seconds:g} s each; median (least-most).\n"
    )
    speed, cost, everything = [], [], {}
    for case in cases:
        results = everything[case.name] = measure_case(runner, case, options)
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
            ]
        )
        memory, (torch_memory, _) = middle(results["ours"], "peak_bytes"), best_variant(results, "peak_bytes", min)
        first, (torch_first, _) = middle(results["ours"], "first_step"), best_variant(results, "first_step", min)
        cost.append(
            [
                case.title,
                spread(memory, 1e-6),
                spread(torch_memory, 1e-6),
                judged(divide(memory, torch_memory), case.memory, False),
                spread(first, 1e3),
                spread(torch_first, 1e3),
                judged(divide(first, torch_first), case.first_step, False),
            ]
        )
    print_table(
        [
            "steps a second",
            "ours",
            "PyTorch, the better variant",
            "ratio",
            "best stretches",
            "share of peak, ours",
            "PyTorch",
        ],
        speed,
    )
    print_table(
        ["peak resident MB; first step after, ms", "ours", "PyTorch", "ratio", "first step, ours", "PyTorch", "ratio"],
        cost,
    )
    if options.json:
        pathlib.Path(options.json).write_text(
            json.dumps({"peak": peak, "torch": runner.torch, "cases": everything}, indent=1)
        )


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
    print_table(
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
    for case in cases:
        one, all_threads = [], []
        for _ in range(options.runs):
            one.append(runner.ours(case.name, options.seconds, 1))
            all_threads.append(runner.ours(case.name, options.seconds, options.threads))
        rate, rate_all = middle(one, "rate"), middle(all_threads, "rate")
        bar = 1.9 if case.operations >= gpt_operations(6, 384, 65, 8, 256) else None
        rows.append([case.title, spread(rate), spread(rate_all), judged(divide(rate_all, rate), bar, True)])
    print_table(["steps a second", "1 thread", f"{options.threads} threads", "gain"], rows)


def bits(runner, options, cases):
    rows, same = [], True
    for case in cases:
        if case.name == "linear-stage":
            continue
        results = [runner.ours("bits", case.name, threads) for threads in (1, 2, 5)]
        hashes = [result["hash"] if result else "failed" for result in results]
        same = same and len(set(hashes)) == 1 and "failed" not in hashes
        rows.append([case.title, *hashes, "same" if len(set(hashes)) == 1 else "DIFFERENT"])
    print_table(["weights after 20 steps", "1 thread", "2 threads", "5 threads", ""], rows)
    return 0 if same else 1


class Turns:
    """A process that takes one turn for each line it is given."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def take(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return [float(word) for word in self.process.stdout.readline().split()]


def gemm(runner, options, cases):
    """Peak, ours, cblas and PyTorch take short turns on each product; ratios and shares are medians over the rounds of
    turns."""
    program = str(pathlib.Path(options.build) / "bench" / "gemm_table")
    shapes = subprocess.run([program, "shapes"], capture_output=True, text=True, check=True).stdout.splitlines()
    ours = Turns([program, "turns", str(options.threads)] + ([options.level] if options.level else []))
    torch = Turns([options.torch, str(HERE / "torch_gemm.py"), str(options.threads)]) if runner.torch else None
    print(
        f"{ours.process.stdout.readline().strip()}. PyTorch {runner.torch or 'not measured'}. "
        f"GFLOP/s, medians of {options.rounds} turns.\n"
    )
    rows, shares, worst = [], [], (math.inf, "")
    for shape in shapes:
        name, product, sizes, spread_over_pool = shape.split("\t")
        if options.filter and options.filter.lower() not in name.lower():
            continue
        turns = []
        for _ in range(options.rounds):
            peak, own, cblas = ours.take(sizes)
            turns.append((peak, own, cblas, torch.take(sizes)[0] if torch else math.nan))
        m, n, k, a_transposed, b_transposed = map(int, sizes.split())
        share = statistics.median(own / peak for peak, own, _, _ in turns)
        ratio = statistics.median(own / cblas for _, own, cblas, _ in turns)
        to_torch = statistics.median(own / theirs for _, own, _, theirs in turns)
        operations = 2 * m * n * k
        shares.append((share, operations))
        worst = min(worst, (ratio, f"{name} {product}"))
        figures = [f"{statistics.median(turn[i] for turn in turns) / 1e9:.1f}" for i in (1, 2, 3)]
        form = ("T" if a_transposed else "N") + ("T" if b_transposed else "N")
        rows.append(
            [
                f"{name} {product}",
                f"{m} x {n} x {k} {form}",
                str(options.threads if spread_over_pool == "1" else 1),
                *figures,
                f"{share:.1%}",
                f"{ratio:.2f}",
                f"{to_torch:.2f}",
            ]
        )
        print(" | ".join(rows[-1]), file=sys.stderr)
    print_table(
        [
            "product",
            "m x n x k",
            "cores",
            "ours",
            "cblas",
            "PyTorch",
            "share of the cores' peak",
            "to cblas",
            "to PyTorch",
        ],
        rows,
    )

    def mean(least):
        chosen = [share for share, operations in shares if operations >= least]
        return f"{math.exp(statistics.fmean(map(math.log, chosen))):.1%} of {len(chosen)}" if chosen else "-"

    print(f"Geometric mean of the shares: {mean(0)}; of products of at least 100,000 operations {mean(1e5)}. "
          f"Smallest ratio to cblas: {worst[0]:.2f}, {worst[1]}.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", default="table", choices=["table", "starts", "scaling", "bits", "gemm"])
    parser.add_argument("--build", default=str(HERE.parent / "build"), help="build directory")
    parser.add_argument("--torch", default=sys.executable, help="a Python that has PyTorch")
    parser.add_argument("--ours-only", action="store_true")
    parser.add_argument("--cases", help="names, separated by commas: " + ",".join(case.name for case in CASES))
    parser.add_argument("--runs", type=int, default=5, help="processes a side")
    parser.add_argument("--seconds", type=float, default=4.0, help="measured time of a process")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--filter", help="gemm: products whose name contains this")
    parser.add_argument("--level", help="gemm: a processor level: portable, avx2, avx512 or neon")
    parser.add_argument("--rounds", type=int, default=11, help="gemm: turns a side")
    parser.add_argument("--json", help="file for all figures")
    options = parser.parse_args()
    names = options.cases.split(",") if options.cases else [case.name for case in CASES]
    unknown = set(names) - {case.name for case in CASES}
    if unknown:
        parser.error(f"no case {', '.join(sorted(unknown))}")
    cases = [case for case in CASES if case.name in names]
    return {"table": table, "starts": starts, "scaling": scaling, "bits": bits, "gemm": gemm}[options.what](
        Runner(options), options, cases
    )


if __name__ == "__main__":
    sys.exit(main())
