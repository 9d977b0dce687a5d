"""Makes optimizers.txt, the golden file of tests/optim: what torch.optim and torch.optim.lr_scheduler give.

    python3 make_optimizers.py        (torch, numpy; writes beside itself; deterministic)

Lines are "key: number number ...".
    a, b                   initial parameters, [3, 5] and [7]
    gradient N a|b         their gradients at step N
    CASE settings          kind, learning rate, momentum, dampening, nesterov, beta1, beta2, epsilon, weight decay, clip
                           norm,
                           clip value, rate factor of b, weight decay of b, step at which b comes, flags (2 maximize,
                           4 amsgrad), beta2 decay, scale floor, update limit, and for b kind, nesterov, beta1, beta2,
                           epsilon, momentum (-1: as for a)
    CASE a|b               after all steps
    CASE SLOT a|b          the optimizer's state after all steps
    schedule NAME          the factor of the learning rate of each of 40 steps
All in float64, so that the figures are far more exact than what the tests ask for.
"""

import math
import pathlib

import numpy
import torch
from torch.optim import lr_scheduler

STEPS, SCHEDULED = 20, 40
KINDS = {"adamw": 0, "adam": 1, "sgd": 2, "adafactor": 3}
DEFAULTS = dict(
    lr=0.01,
    momentum=0.0,
    dampening=0.0,
    nesterov=0,
    beta1=0.9,
    beta2=0.999,
    eps=1e-8,
    decay=0.0,
    clip_norm=0.0,
    clip_value=0.0,
    factor=1.0,
    decay_b=None,
    late=0,
    maximize=0,
    amsgrad=0,
    beta2_decay=-0.8,
    floor=1e-3,
    limit=1.0,
)
OF_B = ("kind", "nesterov", "beta1", "beta2", "eps", "momentum")  # with _b: what b has of its own
CASES = {
    "sgd": dict(kind="sgd", lr=0.1),
    "sgd_decay": dict(kind="sgd", lr=0.1, decay=0.05),
    "sgd_momentum": dict(kind="sgd", lr=0.1, momentum=0.9),
    "sgd_dampening": dict(kind="sgd", lr=0.1, momentum=0.8, dampening=0.3, decay=0.01),
    "sgd_nesterov": dict(kind="sgd", lr=0.05, momentum=0.9, nesterov=1, decay=0.02),
    "sgd_late": dict(kind="sgd", lr=0.05, momentum=0.9, dampening=0.5, late=5),
    "adam": dict(kind="adam"),
    "adam_decay": dict(kind="adam", decay=0.1, beta1=0.8, beta2=0.99, eps=1e-6),
    "adam_late": dict(kind="adam", late=5),
    "adamw": dict(kind="adamw", decay=0.01),
    "adamw_groups": dict(kind="adamw", decay=0.1, factor=0.25, decay_b=0.0),
    "adamw_late": dict(kind="adamw", decay=0.1, late=7, factor=3.0),
    "clip_norm": dict(kind="sgd", lr=0.1, clip_norm=1.5),
    "clip_value": dict(kind="sgd", lr=0.1, clip_value=0.75),
    "clip_both": dict(kind="adamw", clip_norm=2.0, clip_value=0.5, decay=0.01),
    "sgd_maximize": dict(kind="sgd", lr=0.1, momentum=0.9, decay=0.02, maximize=1),
    "sgd_group": dict(kind="sgd", lr=0.1, momentum_b=0.9, nesterov_b=1),
    "adam_amsgrad": dict(kind="adam", beta2=0.7, amsgrad=1),
    "adam_maximize": dict(kind="adam", decay=0.1, maximize=1, clip_value=0.75),
    "adamw_amsgrad": dict(kind="adamw", beta2=0.9, amsgrad=1, decay=0.05, late=5),
    "adamw_betas": dict(kind="adamw", decay=0.01, beta1_b=0.5, beta2_b=0.95, eps_b=1e-3),
    "kind_group": dict(kind="sgd", lr=0.05, momentum=0.9, kind_b="adamw", decay_b=0.1, factor=0.5, maximize=1),
    "adafactor": dict(kind="adafactor", lr=0.05, eps=2**-23),
    "adafactor_decay": dict(kind="adafactor", lr=0.3, eps=2**-23, decay=0.1, factor=0.25, decay_b=0.2, maximize=1),
    "adafactor_options": dict(
        kind="adafactor", lr=0.05, eps=0.75, beta2_decay=-0.5, floor=3.0, limit=1.25, clip_value=1.0
    ),
    "adafactor_late": dict(kind="adafactor", lr=0.05, eps=2**-23, late=5, clip_norm=1.5),
    "adafactor_group": dict(kind="adafactor", lr=0.02, eps=2**-23, kind_b="adamw", decay_b=0.1, eps_b=1e-8),
    "adam_beta2": dict(kind="adam", beta1=0.999, beta2=0.999999),
}


def line(key, values):
    return key + ": " + " ".join(f"{v:.12g}" for v in numpy.asarray(values, dtype=numpy.float64).reshape(-1)) + "\n"


def optimizer_of(case, parameter):
    """One for each parameter: torch gives all groups of an optimizer one kind."""
    common = dict(lr=case["lr"] * case["factor"], weight_decay=case["decay"], maximize=bool(case["maximize"]))
    if case["kind"] == "sgd":
        return torch.optim.SGD(
            [parameter],
            momentum=case["momentum"],
            dampening=case["dampening"],
            nesterov=bool(case["nesterov"]),
            **common,
        )
    if case["kind"] == "adafactor":
        return torch.optim.Adafactor(
            [parameter], beta2_decay=case["beta2_decay"], eps=(case["eps"], case["floor"]), d=case["limit"], **common
        )
    kind = torch.optim.AdamW if case["kind"] == "adamw" else torch.optim.Adam
    return kind(
        [parameter], betas=(case["beta1"], case["beta2"]), eps=case["eps"], amsgrad=bool(case["amsgrad"]), **common
    )


def run(name, case, a, b, gradients):
    a, b = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (a, b))
    decay_b = case["decay"] if case["decay_b"] is None else case["decay_b"]
    case_b = {**case, "decay": decay_b, **{k: case[k + "_b"] for k in OF_B if k + "_b" in case}}
    optimizers = {a: optimizer_of({**case, "factor": 1.0}, a), b: optimizer_of(case_b, b)}
    for step in range(STEPS):
        a.grad = torch.tensor(gradients[step][0], dtype=torch.float64)
        b.grad = torch.tensor(gradients[step][1], dtype=torch.float64) if step >= case["late"] else None
        present = [p for p in (a, b) if p.grad is not None]
        if case["clip_norm"]:
            torch.nn.utils.clip_grad_norm_(present, case["clip_norm"])
        if case["clip_value"]:
            torch.nn.utils.clip_grad_value_(present, case["clip_value"])
        for parameter in present:
            optimizers[parameter].step()
    named = (
        "lr",
        "momentum",
        "dampening",
        "nesterov",
        "beta1",
        "beta2",
        "eps",
        "decay",
        "clip_norm",
        "clip_value",
        "factor",
    )
    settings = [KINDS[case["kind"]]] + [case[k] for k in named] + [decay_b, case["late"]]
    settings += [2 * case["maximize"] + 4 * case["amsgrad"]]
    settings += [case[k] for k in ("beta2_decay", "floor", "limit")]
    settings += [KINDS[case["kind_b"]] if "kind_b" in case else -1] + [case.get(k + "_b", -1) for k in OF_B[1:]]
    text = line(f"{name} settings", settings)
    for label, parameter in (("a", a), ("b", b)):
        text += line(f"{name} {label}", parameter.detach())
        for slot, value in optimizers[parameter].state[parameter].items():
            if slot != "step" and value is not None:
                text += line(f"{name} {slot} {label}", value)
    return text


def factors(make):
    parameter = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    scheduler = make(optimizer)
    values = []
    for step in range(SCHEDULED):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step + 1 < SCHEDULED:
            scheduler.step()
    return values


def warmed_up(steps, make_rest):
    def make(optimizer):
        warm_up = lr_scheduler.LinearLR(optimizer, start_factor=1 / steps, end_factor=1.0, total_iters=steps - 1)
        return lr_scheduler.SequentialLR(optimizer, [warm_up, make_rest(optimizer)], milestones=[steps])
    return make


def vaswani(warmup):
    return lambda step: math.sqrt(warmup) * min((step + 1) ** -0.5, (step + 1) * warmup ** -1.5)


SCHEDULES = {
    "linear": lambda o: lr_scheduler.LinearLR(o, start_factor=1.0, end_factor=0.2, total_iters=30),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=40, eta_min=0.1),
    "cosine_warm": warmed_up(8, lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=32, eta_min=0.1)),
    "linear_warm": warmed_up(5, lambda o: lr_scheduler.LinearLR(o, start_factor=1.0, end_factor=0.5, total_iters=35)),
    "step": lambda o: lr_scheduler.StepLR(o, step_size=7, gamma=0.3),
    "one_cycle": lambda o: lr_scheduler.OneCycleLR(
        o, max_lr=1.0, total_steps=40, pct_start=0.25, div_factor=25, final_div_factor=10000, cycle_momentum=False
    ),
    "inverse_sqrt": lambda o: lr_scheduler.LambdaLR(o, vaswani(10)),
}


def main():
    generator = numpy.random.default_rng(7)
    draw = lambda *shape: numpy.round(generator.standard_normal(shape), 2)
    a, b = draw(3, 5), draw(7)
    gradients = [(draw(3, 5), draw(7)) for _ in range(STEPS)]
    text = line("a", a) + line("b", b)
    for step, (gradient_a, gradient_b) in enumerate(gradients):
        text += line(f"gradient {step} a", gradient_a) + line(f"gradient {step} b", gradient_b)
    for name, case in CASES.items():
        text += run(name, {**DEFAULTS, **case}, a, b, gradients)
    for name, make in SCHEDULES.items():
        text += line(f"schedule {name}", factors(make))
    (pathlib.Path(__file__).resolve().parent / "optimizers.txt").write_text(text)


if __name__ == "__main__":
    main()
