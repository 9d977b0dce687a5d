#!/usr/bin/env python3
"""A step's profile, op by op: where the processor time of a case of bench_case goes.

    python3 bench/step_profile.py CASE [--build DIR] [--seconds 4] [--raw]

Needs perf (Debian: linux-perf) and a build with -Dbench=true. Runs on one thread, so that every sample lies under the
op that asked for the work: the frame below pt__plan_run. What is not under a plan (optimizer, loader, checks) is listed
by the function below the exported call. Times are processor time, so other load on the machine disturbs little. --raw
lists the functions that the samples hit as well.
"""

import argparse
import collections
import pathlib
import re
import subprocess
import sys
import tempfile

CARRIERS = ("train_step", "take_step")  # they only call the parts
HERE = pathlib.Path(__file__).resolve().parent


def stacks(data):
    """The functions of each sample, innermost first."""
    script = subprocess.Popen(["perf", "script", "-i", data, "-F", "ip,sym", "--no-inline"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    stack = []
    for line in script.stdout:
        frame = re.match(r"\s+[0-9a-f]+ (\S+)", line)
        if frame:
            stack.append(re.sub(r"\.(constprop|part|isra)\.\d+", "", frame.group(1)))
        elif stack:
            yield stack
            stack = []
    if stack:
        yield stack


def place_of(stack):
    """What a sample belongs to: an op of the plan, a part of the step beside it, or setting up."""
    for i, name in enumerate(stack):
        if name == "pt__plan_run":
            return "plan: " + (stack[i - 1] if i > 0 else "itself")
    for i, name in enumerate(stack):
        if name in ("pt_train_step", "pt__train"):
            inner = [n for n in stack[:i] if n not in CARRIERS]
            return "beside the plan: " + (inner[-1] if inner else "itself")
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case")
    parser.add_argument("--build", default=str(HERE.parent / "build"))
    parser.add_argument("--seconds", default="4")
    parser.add_argument("--raw", action="store_true")
    options = parser.parse_args()
    program = pathlib.Path(options.build) / "bench" / "bench_case"
    with tempfile.TemporaryDirectory() as directory:
        data = directory + "/perf.data"
        try:
            done = subprocess.run(
                [
                    "perf",
                    "record",
                    "-q",
                    "-F",
                    "197",
                    "--call-graph",
                    "dwarf,16384",
                    "-o",
                    data,
                    str(program),
                    options.case,
                    options.seconds,
                    "1",
                ],
                capture_output=True,
                text=True,
            )
        except FileNotFoundError:
            sys.exit("perf is missing; on Debian: apt-get install linux-perf")
        if done.returncode != 0:
            sys.exit(f"perf or {program} failed: {done.stderr[-500:]}")
        places, functions, outside = collections.Counter(), collections.defaultdict(collections.Counter), 0
        for stack in stacks(data):
            place = place_of(stack)
            if place is None:
                outside += 1
                continue
            places[place] += 1
            functions[place][stack[0]] += 1
    total = sum(places.values())
    print(f"{options.case}: {total} samples in steps, {outside} outside (set-up, the program itself)")
    for place, count in places.most_common(24):
        print(f"{count / total:7.1%}  {place}")
        for name, part in functions[place].most_common(6) if options.raw else ():
            if part / total >= 0.003:
                print(f"                {part / total:7.1%}  {name}")


if __name__ == "__main__":
    main()
