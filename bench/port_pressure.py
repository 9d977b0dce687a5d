#!/usr/bin/env python3
"""What the inner loops could reach on processors that are not at hand, and what limits them: a model's answer.

    python3 bench/port_pressure.py [--build DIR] [--llvm-mca PROGRAM] [--osaca PROGRAM] [--filter TEXT] [--record]

Takes the loops out of the build's object files, one a line of LOOPS, and asks llvm-mca (Debian: llvm; 17 and newer know
all the processors below) and, where it is installed, osaca (PyPI). Both take data to be in the first cache and the
front end to deliver; what multiply-adds, loads and stores of a width take, and how many instructions an Intel core
issues, is counted by LIMITS as well, since llvm-mca knows neither that a multiply-add with its load is issued as one
nor that a load of 64 bytes has fewer ports. Golden Cove's vectors of 64 bytes are modelled by the ports of Skylake-X,
which are the same: llvm-mca's own models have one multiply-add a cycle there. What a loop reaches is the share of the
most multiply-adds of that width; where it moves data rather than multiplies, bytes a cycle.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import inner_loops
import record

HERE = pathlib.Path(__file__).resolve().parent

# title, object file, functions, and which of their loops: so many `stores` of vectors and `fused` multiply-adds, that
# many `loads` and `writes` or more, no more `jumps` within, that many instructions on `vectors` (3) or more. Of those
# that remain: the most multiply-adds, the fewest jumps, the shortest.
LOOPS = [
    ("product, a where it stands, four depths", "gemm_lanes", r"along_most", {"stores": 0}),
    ("product, a side by side, four depths", "gemm_lanes", r"side_most", {"stores": 0}),
    ("product of small depth, a where it stands", "gemm_lanes", r"strip_\d+_0", {"stores": 0}),
    ("product of small depth, a transposed", "gemm_lanes", r"strip_\d+_1", {"stores": 0}),
    ("product as sums along the depth", "gemm_lanes", r"dot_square_whole", {"stores": 0}),
    ("attention, products", "attention_lanes", r"forward|backward.*", {"stores": 0}),
    ("attention, exponentials", "attention_lanes", r"forward", {"stores": 1, "fused": 5}),
    ("attention, gradient of scores", "attention_lanes", r"backward.*", {"stores": 2, "jumps": 0}),
    ("layer norm, squares", "norm_lanes", r"layer", {"stores": 0}),
    ("layer norm, result", "norm_lanes", r"layer", {"stores": 1, "loads": 3}),
    ("layer norm gradient, sums", "norm_lanes", r"layer_gradient", {"stores": 2}),
    ("layer norm gradient, result", "norm_lanes", r"layer_gradient", {"stores": 1, "loads": 4}),
    ("GELU (tanh)", "elementwise_lanes", r"gelu_tanh_map", {"stores": 1}),
    ("GELU (tanh) gradient", "elementwise_lanes", r"gelu_tanh_gradient_map", {"stores": 1}),
    ("cross-entropy, largest", "loss_lanes", r"cross_entropy", {"stores": 0, "fused": 0}),
    ("cross-entropy, exponentials", "loss_lanes", r"cross_entropy", {"jumps": 1, "writes": 1}),
    (
        "cross-entropy, gradient",
        "loss_lanes",
        r"cross_entropy",
        {"stores": 1, "loads": 1, "fused": 0, "jumps": 0, "vectors": 2},
    ),
    ("AdamW", "optimizer_lanes", r"adam", {"stores": 3, "jumps": 0}),
    ("SGD with momentum", "optimizer_lanes", r"sgd", {"stores": 2, "fused": 3, "loads": 3}),
]

# For each width in bytes: multiply-adds, loads and stores a cycle; instructions (micro-operations where llvm-mca counts
# them) a cycle. From the makers' optimization guides. A load of an element into all lanes is as a narrow load.
LIMITS = {
    "haswell": ("Haswell", 4, {32: (2, 2, 1)}),
    "znver3": ("Zen 3", 6, {32: (2, 2, 1)}),
    "znver4": ("Zen 4", 6, {32: (2, 2, 1), 64: (1, 1, 0.5)}),
    "skylake-avx512": ("Skylake-X", 4, {32: (2, 2, 1), 64: (2, 2, 1)}),
    "sapphirerapids": ("Golden Cove", 6, {32: (2, 3, 2), 64: (2, 2, 1)}),
}
LEVELS = {
    "avx2": (32, ["haswell", "znver3", "znver4", "sapphirerapids"]),
    "avx512": (64, ["znver4", "skylake-avx512", "sapphirerapids"]),
}
MODEL_OF_64 = {"sapphirerapids": "skylake-avx512"}
FUSED_ISSUE = ("haswell", "skylake-avx512", "sapphirerapids")  # a load issues with what uses it
OSACA = {"znver3": "ZEN3", "sapphirerapids": "SPR"}  # 0.7's ZEN4 fails


def chosen(loops, wanted):
    """The one of the loops that LOOPS means; None where there is none."""

    def fits(loop):
        return (
            loop.vectors >= wanted.get("vectors", 3)
            and not loop.calls
            and not any(re.match(r"jmp\b", line) for line in loop.instructions)  # its path leads elsewhere
            and loop.jumps_inside <= wanted.get("jumps", 9)
            and ("stores" not in wanted or len(loop.stores) == wanted["stores"])
            and len(loop.stores) >= wanted.get("writes", 0)
            and ("loads" not in wanted or len(loop.loads) >= wanted["loads"])
            and ("fused" not in wanted or loop.fused == wanted["fused"])
        )

    fitting = [loop for loop in loops if fits(loop)]
    if not fitting:
        return None
    return max(fitting, key=lambda loop: (loop.fused, -loop.jumps_inside, -len(loop.instructions)))


def load_cycles(loop, width, rates):
    """Whole vectors at the width's rate, anything narrower at that of the narrowest width known."""
    narrow = rates[min(rates)]
    return sum(1 / (rates[width][1] if bytes_ == width else narrow[1]) for bytes_ in loop.loads)


def run_mca(program, processor, width, path, iterations):
    command = [program, f"-mcpu={MODEL_OF_64.get(processor, processor) if width == 64 else processor}"]
    command += [f"-iterations={iterations}", "--json", path]
    if processor in FUSED_ISSUE:
        command.append(f"-dispatch={2 * LIMITS[processor][1]}")  # the front end is counted apart: see judge()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0 or "not a recognized processor" in done.stderr:
        return None
    return json.loads(done.stdout[done.stdout.index("{") :])


def mca(program, processor, width, path):
    """(cycles an iteration once it runs, micro-operations, busiest resource, its cycles)."""
    first, second = (run_mca(program, processor, width, path, n) for n in (200, 1200))
    if first is None or second is None:
        return None
    region = second["CodeRegions"][0]
    summary, pressure = region["SummaryView"], region["ResourcePressureView"]["ResourcePressureInfo"]
    cycles = (summary["TotalCycles"] - first["CodeRegions"][0]["SummaryView"]["TotalCycles"]) / 1000
    totals = [entry for entry in pressure if entry["InstructionIndex"] == len(region["Instructions"])]
    busiest = max(totals, key=lambda entry: entry["ResourceUsage"])
    name = second["TargetInfo"]["Resources"][busiest["ResourceIndex"]].split(".")[0]
    return cycles, summary["TotaluOps"] / summary["Iterations"], name, busiest["ResourceUsage"]


def osaca(program, architecture, path):
    """Cycles of the busiest port; None where osaca fails or does not know an instruction."""
    done = subprocess.run([program, "--lcd-timeout", "3", "--arch", architecture, path], capture_output=True, text=True)
    totals = [line for line in done.stdout.splitlines() if re.fullmatch(r"\s+(\d+\.\d+\s+)+\d+(\.\d+)?\s+\d.*", line)]
    if done.returncode != 0 or not totals:
        return None
    values = [float(word) for word in re.findall(r"\d+\.\d+", totals[0])]
    critical_and_loop = 2  # behind the ports
    return max(max(values[:-critical_and_loop]), values[-1])


def judge(loop, width, processor, model):
    """(cycles, what limits): the model's, or the processor's limits by count where they are closer."""
    _, issue, rates = LIMITS[processor]
    cycles, operations, resource, pressure = model
    limits = {
        "multiply-adds": loop.fused / rates[width][0],
        "loads": load_cycles(loop, width, rates),
        "stores": len(loop.stores) / rates[width][2],
        "front end": (loop.issued if processor in FUSED_ISSUE else operations) / issue,
    }
    name = max(limits, key=limits.get)
    if limits[name] >= 0.97 * cycles:
        return max(limits[name], cycles), name
    return cycles, f"port {resource}" if pressure >= 0.97 * cycles else "dependencies"


def level_rows(options, level, folder):
    width, processors = LEVELS[level]
    for title, stem, functions, wanted in LOOPS:
        path = folder / f"level_{stem}.c.o"
        loop = chosen(inner_loops.loops_in(path, functions), wanted)
        if loop is None or options.filter and options.filter not in title:
            continue
        with tempfile.NamedTemporaryFile("w", suffix=".s") as file:
            file.write(loop.assembly())
            file.flush()
            cells = [cell_of(options, loop, width, processor, file.name) for processor in processors]
        moved = sum(loop.loads) + sum(loop.stores)
        counts = f"{len(loop.instructions)} / {loop.fused} / {len(loop.loads)} / {len(loop.stores)} / {moved}"
        yield [title, f"`{loop.function.split('.')[0]}`", counts, *cells]


def cell_of(options, loop, width, processor, path):
    model = mca(options.llvm_mca, processor, width, path)
    if model is None:
        return "-"
    cycles, limit = judge(loop, width, processor, model)
    share = loop.fused / LIMITS[processor][2][width][0] / cycles
    moved = (sum(loop.loads) + sum(loop.stores)) / cycles
    reached = f"{share:.0%}" if 2 * loop.fused * width // 4 > 0.9 * loop.operations else f"{moved:.0f} B/cycle"
    second = osaca(options.osaca, OSACA[processor], path) if options.osaca and processor in OSACA else None
    return f"{cycles:.1f}{'' if second is None else f' ({second:.1f})'}, {reached}, {limit}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    newest = next((name for n in range(30, 16, -1) if shutil.which(name := f"llvm-mca-{n}")), "llvm-mca")
    parser.add_argument("--build", default=str(HERE.parent / "build"))
    parser.add_argument("--llvm-mca", default=newest)
    parser.add_argument("--osaca", default=shutil.which("osaca"))
    parser.add_argument("--filter", help="loops whose title contains this")
    parser.add_argument("--record", action="store_true", help="keep the tables in RESULTS.md")
    options = parser.parse_args()
    if not shutil.which(options.llvm_mca):
        sys.exit("llvm-mca is missing; on Debian: apt-get install llvm")
    version = re.search(
        r"version (\S+)", subprocess.run([options.llvm_mca, "--version"], capture_output=True, text=True).stdout
    )
    for level, (_, processors) in LEVELS.items():
        folder = pathlib.Path(options.build) / "lib" / "kernels" / "cpu" / f"liblevel-{level}.a.p"
        if not folder.is_dir():
            print(f"{folder} is missing: the build has no level {level}", file=sys.stderr)
            continue
        with record.recording(options.record, "Model of the inner loops", level):
            print(
                f"llvm-mca {version.group(1) if version else '?'}{', osaca in brackets' if options.osaca else ''}: "
                "cycles an iteration, what that reaches, what limits it.\n"
            )
            names = [LIMITS[processor][0] for processor in processors]
            counts = "instructions / multiply-adds / loads / stores / bytes"
            record.print_table(["loop", "in", counts, *names], level_rows(options, level, folder))


if __name__ == "__main__":
    main()
