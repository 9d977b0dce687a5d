"""The table of convolutions: what share of the processor's peak each reaches, forward, in its gradient by src and in
that by the weight, beside PyTorch's, contiguous and channels_last.

    python3 convolution_table.py BUILD [THREADS [NETWORK...]]

Peaks count a direct convolution's operations: an algorithm that needs fewer may be above 100 %. The last lines of a
network weigh its convolutions by how many it has: milliseconds a training step. A "-" is a gradient that nobody needs.
"""

import subprocess
import sys
import time

import torch

TURN = 0.15


def best(function):
    function()
    began, least = time.perf_counter(), 1e9
    while True:
        last = time.perf_counter()
        function()
        now = time.perf_counter()
        least = min(least, now - last)
        if now - began >= TURN:
            return least


def seconds_of_torch(shape, layout):
    samples, height, width, channels, outputs, kernel, stride, padding, groups = shape
    src = torch.randn(samples, channels, height, width).to(memory_format=layout)
    weight = torch.randn(outputs, channels // groups, kernel, kernel).to(memory_format=layout)
    settings = [[stride] * 2, [padding] * 2, [1, 1], False, [0, 0], groups]
    with torch.no_grad():
        dst = torch.convolution(src, weight, None, *settings)
        backward = torch.ops.aten.convolution_backward
        return [
            best(lambda: torch.convolution(src, weight, None, *settings)),
            best(lambda: backward(dst, src, weight, None, *settings, [True, False, False])),
            best(lambda: backward(dst, src, weight, None, *settings, [False, True, False])),
        ]


def main():
    build = sys.argv[1]
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    networks = sys.argv[3:]
    torch.set_num_threads(threads)
    program = f"{build}/bench/convolution_table"
    lines = subprocess.run([program, "shapes"], check=True, capture_output=True, text=True).stdout.splitlines()
    ours = subprocess.Popen([program, "turns", str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    totals = {}
    print("network       shape                            ours fwd  src  wgt | contiguous      | channels_last")
    for line in lines:
        network, count, wanted, sizes = line.split("\t")
        if networks and network not in networks:
            continue
        shape = tuple(map(int, sizes.split()))
        samples, height, width, channels, outputs, kernel, stride, padding, groups = shape
        places = ((height + 2 * padding - kernel) // stride + 1) * ((width + 2 * padding - kernel) // stride + 1)
        operations = 2.0 * samples * places * outputs * channels // groups * kernel * kernel
        ours.stdin.write(sizes + "\n")
        ours.stdin.flush()
        peak, *rates = map(float, ours.stdout.readline().split())
        columns = [[operations / rate for rate in rates]]
        columns += [seconds_of_torch(shape, layout) for layout in (torch.contiguous_format, torch.channels_last)]
        cells = []
        for number, seconds in enumerate(columns):
            total = totals.setdefault(network, [[0.0] * 3 for _ in columns])[number]
            text = ""
            for i, second in enumerate(seconds):
                needed = i != 1 or wanted == "1"
                total[i] += second * int(count) if needed else 0
                text += f"{100 * operations / second / peak:5.0f}" if needed else "    -"
            cells.append(text)
        name = f"{samples}x{height}x{width}x{channels}->{outputs} {kernel}x{kernel}/{stride} g{groups}"
        print(f"{network:13} {name:36} {' | '.join(cells)}", flush=True)
    for network, columns in totals.items():
        milliseconds = " | ".join(" ".join(f"{1e3 * value:8.1f}" for value in total) for total in columns)
        sums = [sum(total) for total in columns]
        print(f"{network}: ms {milliseconds}; all {' '.join(f'{1e3 * value:.1f}' for value in sums)}")
        print(f"{network}: ours is {min(sums[1:]) / sums[0]:.2f} times as fast as the better of PyTorch's")
    ours.stdin.close()
    ours.wait()


if __name__ == "__main__":
    main()
