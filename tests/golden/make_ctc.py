"""Makes ctc.txt, the golden file of tests/kernels/test_ctc_kernel.c: a line a case with PyTorch's CTC loss of it, and
two numbers of its gradient. The cases are drawn by the generator that the test has too, so that they need not stand
there.

    python3 make_ctc.py        (torch; writes beside itself; deterministic)
"""
import pathlib

import torch

CASES = 1000
state = 7


def draw(below):
    global state
    state = (state * 1664525 + 1013904223) % 2**32
    return (state >> 8) * below >> 24


def real():
    return (draw(1 << 20) - (1 << 19)) / (1 << 17)


def main():
    lines = []
    for number in range(CASES):
        rows, classes = 1 + draw(40), 2 + draw(1 + draw(30))
        targets = draw(1 + rows * (1 + draw(4)) // 4)
        blank = draw(classes)
        logits = torch.tensor([[real() for _ in range(classes)] for _ in range(rows)], dtype=torch.float64)
        labels = [draw(classes - 1) for _ in range(targets)]
        labels = torch.tensor([label + (label >= blank) for label in labels], dtype=torch.int64)
        along = torch.tensor([[real() for _ in range(classes)] for _ in range(rows)], dtype=torch.float64)
        logits.requires_grad_()
        loss = torch.nn.functional.ctc_loss(logits.log_softmax(1)[:, None], labels[None], [rows], [targets], blank,
                                            reduction="sum", zero_infinity=True)
        loss.backward()
        gradient = logits.grad
        lines.append(f"{number}: {loss.item():.9g} {(gradient * along).sum().item():.9g} "
                     f"{(gradient * gradient).sum().item():.9g}\n")
    (pathlib.Path(__file__).resolve().parent / "ctc.txt").write_text("".join(lines))


if __name__ == "__main__":
    main()
