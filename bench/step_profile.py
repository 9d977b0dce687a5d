#!/usr/bin/env python3
"""A step's profile, op by op: where the processor time of a case of bench_case goes, and how much of it is needed.

    python3 bench/step_profile.py CASE [--build DIR] [--seconds 4] [--raw] [--record]

Needs perf (Debian: linux-perf) and a build with -Dbench=true. Runs on one thread, so that every sample lies under the
op that asked for the work: the frame below pt__plan_run. What is not under a plan (loader, checks) is listed by the
function below the exported call. Times are processor time, so other load on the machine disturbs little. Operations and
bytes are the plan's (step_plan); README.md says what "needed" is. --raw lists the functions that the samples hit too.
"""

import argparse
import collections
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

import machine
import record

CARRIERS = ("train_step", "take_step")  # they only call the parts
OPTIMIZER = "pt__optimizer_update"
HERE = pathlib.Path(__file__).resolve().parent


def stacks(data, after):
    """The functions of each sample that was taken after this time, innermost first."""
    script = subprocess.Popen(
        ["perf", "script", "-i", data, "-F", "time,ip,sym", "--no-inline"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    stack, time = [], 0.0
    for line in script.stdout:
        frame = re.match(r"\s+[0-9a-f]+ (\S+)", line)
        if frame:
            stack.append(re.sub(r"\.(constprop|part|isra)\.\d+", "", frame.group(1)))
            continue
        if stack and time > after:
            yield stack
        begin = re.match(r"\s*(\d+\.\d+):\s*$", line)
        stack, time = [], float(begin.group(1)) if begin else time
    if stack and time > after:
        yield stack


def place_of(stack):
    """What a sample belongs to: an op's function, the optimizer, a part of the step beside them, or setting up."""
    for i, name in enumerate(stack):
        if name == "pt__plan_run":
            return stack[i - 1] if i > 0 else name
        if name == OPTIMIZER:
            return name
    for i, name in enumerate(stack):
        if name in ("pt_train_step", "pt__train"):
            inner = [n for n in stack[:i] if n not in CARRIERS]
            return "beside the plan: " + (inner[-1] if inner else "itself")
    return None


def functions_of_ops():
    """{op: the function that runs it}, from the descriptors in lib/ops."""
    functions = {}
    for path in (HERE.parent / "lib" / "ops").glob("op_*.c"):
        head, *descriptors = path.read_text().split('.name = "')
        shared = re.search(r"\.run = (\w+)", head)  # of descriptors that a macro completes
        for descriptor in descriptors:
            found = re.search(r"\.run = (\w+)", descriptor) or shared
            if found:
                functions[descriptor.split('"')[0]] = found.group(1)
    return functions


class Work:
    """What the steps of a plan that one function runs compute and move."""

    def __init__(self):
        self.names, self.calls, self.operations, self.bytes, self.needed, self.streaming = set(), 0, 0.0, 0.0, 0.0, 0.0

    def add(self, name, operations, moved, limits):
        computing, streaming = operations / limits.peak, moved / limits.bandwidth(moved)
        self.names.add(name)
        self.calls += 1
        self.operations += operations
        self.bytes += moved
        self.needed += max(computing, streaming)
        self.streaming += streaming if streaming > computing else 0.0


class Limits:
    """One core's peak, and its bandwidth by how much a call goes through."""

    def __init__(self, program):
        sizes = [size for _, size in machine.cache_bytes()]
        asked = [str(size // 2) for size in sizes] + [str(machine.STREAMED_BYTES)]
        measured = run([program, "bandwidth", *asked])["bandwidth"]
        self.steps = list(zip(sizes + [float("inf")], (rate for _, rate in measured)))
        self.peak = run([program, "peak", "1"])["one"]

    def bandwidth(self, moved):
        return next(rate for size, rate in self.steps if moved <= size)

    def __str__(self):
        rates = ", ".join(f"{rate / 1e9:.0f}" for _, rate in self.steps)
        return f"{self.peak / 1e9:.1f} GFLOP/s; GB/s of the caches and of memory: {rates}"


def run(command):
    command = machine.realtime_prefix() + [str(word) for word in command]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed: {done.stderr[-500:]}")
    return json.loads(done.stdout)


def work_of(program, case, limits):
    """{function: Work} of a training step."""
    functions, work = functions_of_ops(), collections.defaultdict(Work)
    text = subprocess.run(
        [*machine.realtime_prefix(), program, case], capture_output=True, text=True, check=True
    ).stdout
    step = r"^ *\d+ (?:again)? *(\w+) .* operations (\S+) bytes (\d+) at"
    keys = re.search(r"^attention: keys (\d+) of (\d+) counted$", text, re.M)
    for name, operations, moved in re.findall(step, text, re.M):
        seen = int(keys.group(1)) / int(keys.group(2)) if keys and name.startswith("attention") else 1
        work[functions.get(name, name)].add(name, float(operations) * seen, float(moved), limits)
    operations, moved = re.search(r"^optimizer: .* operations (\S+) bytes (\d+)$", text, re.M).groups()
    work[OPTIMIZER].add("optimizer", float(operations), float(moved), limits)
    return work


def sampled(options, program, data):
    """Runs the case under perf; seconds that a step takes, and when the first one, which sets up, had ended."""
    command = ["perf", "record", "-q", "-k", "CLOCK_MONOTONIC", "-F", "197", "--call-graph", "dwarf,16384", "-o", data]
    command += [*machine.realtime_prefix(), program, options.case, options.seconds, "1", "processor"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        sys.exit("perf is missing; on Debian: apt-get install linux-perf")
    if done.returncode != 0:
        sys.exit(f"perf or {program} failed: {done.stderr[-500:]}")
    result = json.loads(done.stdout.strip().splitlines()[-1])
    return 1 / statistics.median(result["rates"]), result["first_step_at"]


def row_of(place, share, seconds, work):
    if work is None:
        return [place, "-", f"{share:.1%}", f"{seconds * 1e3:.3g}", "-", "-", "-", "-", ""]
    short_of = "bandwidth" if work.streaming > work.needed / 2 else "operations"
    return [
        ", ".join(sorted(work.names)),
        str(work.calls),
        f"{share:.1%}",
        f"{seconds * 1e3:.3g}",
        f"{work.operations / seconds / 1e9:.1f}",
        f"{work.bytes / seconds / 1e9:.1f}",
        f"{work.needed * 1e3:.3g}",
        f"{work.needed / seconds:.0%}",
        short_of,
    ]


def profile(options):
    folder = pathlib.Path(options.build).resolve() / "bench"
    program = str(folder / "bench_case")
    limits = Limits(program)
    work = work_of(str(folder / "step_plan"), options.case, limits)
    with tempfile.TemporaryDirectory() as directory:
        data = directory + "/perf.data"
        step_seconds, began = sampled(options, program, data)
        places, functions, outside = collections.Counter(), collections.defaultdict(collections.Counter), 0
        for stack in stacks(data, began):
            place = place_of(stack)
            if place is None:
                outside += 1
                continue
            places[place] += 1
            functions[place][stack[0]] += 1
    after, total = Limits(program), sum(places.values())
    print(
        f"{options.case}: {total} samples in steps, {outside} outside (set-up, the program itself); "
        f"{step_seconds * 1e3:.4g} ms of processor time a step. One core: {limits}; afterwards {after}.\n"
    )
    headings = ["op", "calls", "share", "ms", "GFLOP/s", "GB/s", "ms needed", "needed of taken", "short of"]
    shown = [(place, count / total) for place, count in places.most_common(24) if count / total >= 0.0005]
    rows = [row_of(place, share, share * step_seconds, work.get(place)) for place, share in shown]
    record.print_table(headings, rows)
    for place, share in shown if options.raw else ():
        for name, part in functions[place].most_common(6):
            if part / total >= 0.003:
                print(f"{part / total:7.1%}  {place}: {name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case")
    parser.add_argument("--build", default=str(HERE.parent / "build"))
    parser.add_argument("--seconds", default="4")
    parser.add_argument("--raw", action="store_true")
    parser.add_argument("--record", action="store_true", help="keep the table in RESULTS.md, under this processor")
    options = parser.parse_args()
    with record.recording(options.record, machine.processor(), f"A step of {options.case}, op by op"):
        profile(options)


if __name__ == "__main__":
    main()
