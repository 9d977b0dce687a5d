#!/usr/bin/env python3
"""What it costs to open a model, and to fine-tune its last layer while the rest stays mapped and frozen.

    python3 bench/model_memory.py BUILD MODEL [--threads N] [--pattern NAMES] [--tokens N] [--steps N]

BUILD is a build directory of the library, MODEL a file or directory of a causal language model. Prints

  - seconds to touch as much new memory as its files have, alone, twice: a virtual machine may have to be given it;
  - seconds to load it into memory of its own, and to map it, of a new process' first and of further opens;
  - bytes that a process which has it mapped has written to memory of its own, before and after it has computed: a
    frozen model has no copy of its weights there;
  - the peak of fine-tuning the parameters that match --pattern (by default the last layer's), resident memory of any
    kind over what the process had before it opened the model, beside the file's size + 16 bytes for each parameter that
    learns + the plan's bytes, as pt_model_estimate tells them. It ends with 1 where the peak exceeds that by more than
    10 MB.

Each is a process of its own. The file is read once before, so that it lies in the system's memory.
"""

import argparse
import array
import ctypes
import json
import mmap
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

MARGIN = 10e6  # bytes


def status_bytes(name, file="status"):
    """A field of /proc/self/status or the like, in bytes."""
    text = pathlib.Path("/proc/self", file).read_text()
    return sum(int(size) * 1024 for size in re.findall(rf"^{name}:\s+(\d+) kB", text, re.M))


def open_context(threads):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "examples" / "python"))
    import pretrain

    return pretrain, pretrain.Context(threads=threads)


def touch(threads, size):
    """Seconds to write to new memory first, as the library does for weights: all threads, large pages."""
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    begin, each = ctypes.addressof(ctypes.c_char.from_buffer(memory)), size // threads
    parts = [threading.Thread(target=ctypes.memset, args=(begin + each * number, 1, each)) for number in range(threads)]
    begun = time.perf_counter()
    for part in parts:
        part.start()
    for part in parts:
        part.join()
    return time.perf_counter() - begun


def load(threads, model, mapped):
    _, context = open_context(threads)
    seconds = []
    for _ in range(4):
        begun = time.perf_counter()
        opened = context.open(model, mapped=mapped)
        seconds.append(time.perf_counter() - begun)
        opened.free()
    return seconds


def hold(threads, model):
    _, context = open_context(threads)
    private = [status_bytes("Private_Dirty", "smaps_rollup")]
    opened = context.open(model, mapped=True)
    private.append(status_bytes("Private_Dirty", "smaps_rollup"))
    opened.forward({"tokens": [array.array("i", [1, 2, 3])]}, output="logits")
    private.append(status_bytes("Private_Dirty", "smaps_rollup"))
    return private


def last_layer(opened):
    numbers = [re.search(r"\.(\d+)\.", name) for name in opened.parameters()]
    most = max(int(found.group(1)) for found in numbers if found)
    return f"*.{most}.*"


def finetune(threads, model, pattern, tokens, steps):
    _, context = open_context(threads)
    begun = status_bytes("VmRSS")
    opened = context.open(model, mapped=True)
    opened.set_trainable("*", False)
    opened.set_trainable(pattern or last_layer(opened), True)
    optimizer = context.optimizer(learning_rate=1e-4)
    estimate = opened.estimate(optimizer, samples=1, tokens=tokens)
    text, losses = array.array("i", (number * 7 % 1000 for number in range(tokens))), []
    for _ in range(steps):
        losses.append(opened.train_step(optimizer, {"tokens": [text]}).loss)
    return {
        "peak": status_bytes("VmHWM") - begun,
        "learns": estimate.trainable,
        "plan": estimate.plan_bytes,
        "anonymous": status_bytes("RssAnon"),
        "mapped": status_bytes("RssFile"),
        "losses": losses,
    }


MEASURES = {
    "touch": lambda threads, size: touch(threads, int(size)),
    "load": lambda threads, model: load(threads, model, False),
    "map": lambda threads, model: load(threads, model, True),
    "hold": hold,
    "finetune": lambda threads, model, pattern, tokens, steps: finetune(
        threads, model, pattern, int(tokens), int(steps)
    ),
}


def measure(options, what, *given):
    environment = dict(
        os.environ,
        PRETRAIN_LIBRARY=str(options.build / "lib" / "libpretrain.so"),
        PRETRAIN_DESCRIPTION=str(options.build / "pretrain.json"),
    )
    command = [sys.executable, __file__, "--measure", what, str(options.threads), *map(str, given)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{what}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def weights_bytes(model):
    """Bytes of the model's files of weights, which are read here."""
    path = pathlib.Path(model)
    files = [path] if path.is_file() else sorted(path.glob("*.safetensors")) or sorted(path.glob("*.bin"))
    size = 0
    for file in files:
        with open(file, "rb") as opened:
            while piece := opened.read(1 << 24):
                size += len(piece)
    return size


def megabytes(*sizes):
    return ", ".join(f"{size / 1e6:.1f}" for size in sizes) + " MB"


def report_finetuning(options, size):
    found = measure(options, "finetune", options.model, options.pattern, options.tokens, options.steps)
    parts = [size, 16 * found["learns"], found["plan"]]
    over = found["peak"] - sum(parts)
    print(f"fine-tuning {found['learns']} parameters, {options.tokens} tokens: peak {megabytes(found['peak'])}")
    print(f"  at the end resident: {megabytes(found['anonymous'])} of its own, {megabytes(found['mapped'])} of files")
    print(f"  file, 16 bytes a parameter that learns, plan: {megabytes(*parts)}, together {megabytes(sum(parts))}")
    print(f"  over that: {megabytes(over)}, expected at most {megabytes(MARGIN)}")
    print("  losses:", ", ".join(f"{loss:.4f}" for loss in found["losses"]))
    return over <= MARGIN


def main():
    if sys.argv[1:2] == ["--measure"]:
        what, threads, *given = sys.argv[2:]
        print(json.dumps(MEASURES[what](int(threads), *given)))
        return 0
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=lambda path: pathlib.Path(path).resolve(), help="a build directory")
    parser.add_argument("model", help="a file or directory")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pattern", default="", help="names of the parameters that learn; by default the last layer's")
    parser.add_argument("--tokens", type=int, default=128, help="of a step's text")
    parser.add_argument("--steps", type=int, default=3)
    options = parser.parse_args()
    size = weights_bytes(options.model)
    print(f"{options.model}: {megabytes(size)}")
    touched = [measure(options, "touch", size) for _ in range(2)]
    print("as much new memory is written to in " + ", ".join(f"{seconds:.3f}" for seconds in touched) + " s")
    for what, said in ("load", "loaded"), ("map", "mapped"):
        seconds = measure(options, what, options.model)
        print(f"{said}: first {seconds[0]:.3f} s, then " + ", ".join(f"{more:.3f}" for more in seconds[1:]))
    before, opened, computed = measure(options, "hold", options.model)
    written = [megabytes(size - before) for size in (opened, computed)]
    print(f"written memory of its own: {written[0]} when mapped, {written[1]} once it computed")
    return 0 if report_finetuning(options, size) else 1


if __name__ == "__main__":
    sys.exit(main())
