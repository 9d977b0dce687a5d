"""PyTorch's side of the table of matrix products; bench/run.py gemm starts it.

    python3 torch_gemm.py THREADS

For each line "m n k a_transposed b_transposed" on standard input, prints operations a second of torch.mm into a result
that is there already: the best of short stretches. An operand that is transposed lies in memory as it does for ours.
With one thread, time is that thread's processor time, as on our side.
"""

import sys
import time

import torch

TURN = 0.02


def operand(rows, columns, transposed):
    return torch.randn(columns, rows).t() if transposed else torch.randn(rows, columns)


def take_turn(clock, a, b, out):
    operations = 2.0 * a.shape[0] * a.shape[1] * b.shape[1]
    calls = int(5e-4 * 1e11 / operations) + 1
    torch.mm(a, b, out=out)
    began, best = clock(), 0.0
    while True:
        last = clock()
        for _ in range(calls):
            torch.mm(a, b, out=out)
        now = clock()
        best = max(best, operations * calls / (now - last))
        if now - began >= TURN:
            return best


def main():
    threads = int(sys.argv[1])
    clock = time.thread_time if threads == 1 else time.perf_counter
    torch.set_num_threads(threads)
    held = None
    for line in sys.stdin:
        shape = tuple(map(int, line.split()))
        if shape != held:
            m, n, k, a_transposed, b_transposed = held = shape
            a, b, out = operand(m, k, a_transposed), operand(k, n, b_transposed), torch.empty(m, n)
        with torch.no_grad():
            print(take_turn(clock, a, b, out), flush=True)


if __name__ == "__main__":
    main()
