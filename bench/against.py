"""Two builds of the library side by side: `run.py against OLD_BUILD`.

The same bench_case is compiled against each build's own header and shared library, so that only the library differs.

On one thread, both run on one core at once. The system gives them its processor in slices (100 ms where `chrt -r` is
allowed), and rates are by the processor time that each program had: what else the machine does, and its slow phases,
meets both alike. Stretches that ended nearest to each other are pairs.

On more threads, both are kept waiting on their standard input and take short turns, in the order A B B A.
"""

import json
import math
import os
import pathlib
import statistics
import subprocess
import tempfile

import machine
import record

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = ("bench_case.c", "case_state.c", "peak.c")


class Turns:
    """A process that takes one turn for each line it is given."""

    def __init__(self, command, environment=None):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})}
        )

    def take(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer:
            raise SystemExit(f"{self.process.args} ended with {self.process.wait()}")
        return [float(word) for word in answer]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def source_of(build):
    information = build / "meson-info" / "meson-info.json"
    if not information.exists():
        raise SystemExit(f"{build} is not a build directory of meson's")
    return json.loads(information.read_text())["directories"]["source"]


def revision_of(build):
    command = ["git", "-C", source_of(pathlib.Path(build).resolve()), "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() or "unknown"


def compiled(build, folder, name):
    """bench_case with that build's shared library."""
    build = pathlib.Path(build).resolve()
    source = source_of(build)
    program = pathlib.Path(folder) / name
    command = [os.environ.get("CC", "cc").split()[-1], "-std=gnu11", "-O2", "-march=native"]
    command += [f"-I{source}/include", f"-I{build}/include", *(str(HERE / file) for file in SOURCES)]
    command += [f"-L{build}/lib", "-lpretrain", f"-Wl,-rpath,{build}/lib", "-lm", "-lpthread", "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return str(program)


def pairs_of(old, new):
    """Ratios new to old of the stretches that ended nearest to each other, while both ran."""
    ratios = []
    for rate, end in zip(new["rates"], new["ends"]):
        if min(old["ends"]) <= end <= max(old["ends"]):
            nearest = min(range(len(old["ends"])), key=lambda i: abs(old["ends"][i] - end))
            ratios.append(rate / old["rates"][nearest])
    return ratios


def beside(programs, case, options):
    """One thread: both on one core at once."""
    prefix = [] if options.shared else machine.prefix_of("chrt", "-r", "1")
    prefix += machine.prefix_of("taskset", "-c", str(options.core))
    running = [
        subprocess.Popen(
            [*prefix, program, case, str(options.seconds), "1", "processor"], stdout=subprocess.PIPE, text=True
        )
        for program in programs
    ]
    outputs = [process.communicate()[0] for process in running]
    if any(process.returncode != 0 for process in running):
        raise SystemExit(f"{case}: a program failed")
    old, new = (json.loads(output.strip().splitlines()[-1]) for output in outputs)
    return pairs_of(old, new), [(result["rates"], result["peak_bytes"]) for result in (old, new)]


def in_turns(programs, case, seconds, threads, turn):
    """More threads: short turns, the machine to itself."""
    processes = [Turns([program, "turns", case, str(threads)]) for program in programs]
    for process in processes:
        process.take(str(turn))
    rates, peaks = ([], []), [0, 0]
    for round_number in range(max(3, math.ceil(seconds / turn))):
        for side in (0, 1) if round_number % 2 == 0 else (1, 0):
            rate, peaks[side] = processes[side].take(str(turn))
            rates[side].append(rate)
    for process in processes:
        process.close()
    return [b / a for a, b in zip(*rates)], list(zip(rates, peaks))


def against(options, cases):
    rows = []
    print(
        f"New {revision_of(options.build)}, old {revision_of(options.old_build)}; load {machine.load_average():.1f}.\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        programs = [compiled(options.old_build, folder, "old"), compiled(options.build, folder, "new")]
        for case in cases:
            if options.threads == 1:
                ratios, sides = beside(programs, case.name, options)
            elif case.name == "linear-stage":  # a stage cannot wait
                continue
            else:
                ratios, sides = in_turns(programs, case.name, options.seconds, options.threads, options.turn)
            (old, old_peak), (new, new_peak) = sides
            if len(ratios) < 2:
                rows.append([case.title, "too few stretches ran beside each other: more --seconds", "-", "-", "-", "-"])
                continue
            quarters = statistics.quantiles(ratios, n=4)
            rows.append(
                [
                    case.title,
                    f"**{statistics.median(ratios):.3f}** ({quarters[0]:.3f}-{quarters[2]:.3f}, {len(ratios)} pairs)",
                    f"{max(new) / max(old):.3f}",
                    f"{statistics.median(old):.4g}",
                    f"{statistics.median(new):.4g}",
                    f"{new_peak / old_peak:.3f}",
                ]
            )
    record.print_table(
        ["new to old", "speed (quartiles)", "best stretches", "old, steps/s", "new, steps/s", "peak memory"], rows
    )
