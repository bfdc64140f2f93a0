#!/usr/bin/env python3
"""Writes the learning rates that PyTorch's schedulers give: tests/unit/schedule_values.h.

usage: pytorch_schedules.py                                              (needs PyTorch)

100 counts of each kind of schedule and of its options, alone and after a warm-up (SequentialLR with
LinearLR's defaults), rounded to float32. plateau looks at a metric that METRIC gives, in C and here.
"""
import os
import struct
import warnings

import torch
from torch.optim import lr_scheduler as lr

OUT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests/unit/schedule_values.h")
COUNTS = 100
WARMUP = 7
CLASSES = {
    "step": lr.StepLR, "multistep": lr.MultiStepLR, "exponential": lr.ExponentialLR, "cosine": lr.CosineAnnealingLR,
    "cosine_restarts": lr.CosineAnnealingWarmRestarts, "linear": lr.LinearLR, "polynomial": lr.PolynomialLR,
    "onecycle": lr.OneCycleLR, "plateau": lr.ReduceLROnPlateau,
}
CASES = [
    ("step", 0.1, {"step_size": 30}),
    ("step", 0.3, {"step_size": 7, "gamma": 0.7}),
    ("multistep", 0.1, {"milestones": [30, 60, 90]}),
    ("multistep", 0.05, {"milestones": [1, 2, 50], "gamma": 0.5}),
    ("exponential", 0.1, {"gamma": 0.95}),
    ("exponential", 0.001, {"gamma": 1.02}),
    ("cosine", 0.1, {"T_max": 100}),
    ("cosine", 0.9, {"T_max": 17, "eta_min": 0.003}),
    ("cosine_restarts", 0.1, {"T_0": 10}),
    ("cosine_restarts", 0.7, {"T_0": 3, "T_mult": 2, "eta_min": 0.01}),
    ("linear", 0.1, {}),
    ("linear", 0.2, {"start_factor": 0.9, "end_factor": 0.1, "total_iters": 77}),
    ("polynomial", 0.1, {}),
    ("polynomial", 0.3, {"total_iters": 90, "power": 2.5}),
    ("onecycle", 0.1, {"max_lr": 0.4, "total_steps": 100}),
    ("onecycle", 0.1, {"max_lr": 0.03, "total_steps": 120, "pct_start": 0.45, "anneal_strategy": "linear",
                       "div_factor": 10.0, "final_div_factor": 1000.0}),
    ("plateau", 0.1, {"patience": 3}),
    ("plateau", 0.2, {"mode": "max", "factor": 0.5, "patience": 2, "cooldown": 4, "threshold": 0.01,
                      "threshold_mode": "abs", "min_lr": 0.001}),
    ("plateau", 1e-7, {"patience": 0, "threshold": 0.3}),
]


def single(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def metric(i):
    """METRIC of the test: falls, with waves."""
    return 2.0 / (1 + i) + (i * 37 % 11) / 64


def rates(kind, rate, options, warmup):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    options = dict(options, cycle_momentum=False) if kind == "onecycle" else options
    if warmup:
        first = lr.LinearLR(optimizer, total_iters=warmup)
        scheduler = lr.SequentialLR(optimizer, [first, CLASSES[kind](optimizer, **options)], [warmup])
    else:
        scheduler = CLASSES[kind](optimizer, **options)
    for i in range(COUNTS):
        yield single(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(*([metric(i)] if kind == "plateau" else []))


def assignments(options):
    for name, value in options.items():
        if name == "milestones":
            yield f"static const int64_t milestones[] = {{{', '.join(map(str, value))}}};"
            yield "p->milestones = milestones;"
            yield f"p->milestone_count = {len(value)};"
            continue
        name, value = {"mode": ("maximize", value == "max"), "threshold_mode": ("absolute", value == "abs"),
                       "anneal_strategy": ("linear_anneal", value == "linear")}.get(name, (name, value))
        yield f"p->{name} = {str(value).lower()};"


def number(x):
    text = f"{x:.9g}"
    return text + ("f" if set(text) & set(".e") else ".0f")


def main():
    warnings.simplefilter("ignore")
    cases = [(*case, 0) for case in CASES] + [(*case, WARMUP) for case in CASES if case[0] != "plateau"]
    text = ["/* Learning rates that PyTorch's schedulers give, as float32. Written by tools/pytorch_schedules.py.",
            " */", "#ifndef TEST_UNIT_SCHEDULE_VALUES_H", "#define TEST_UNIT_SCHEDULE_VALUES_H", "",
            f"enum {{ COUNTS = {COUNTS} }};", ""]
    for i, (kind, rate, options, warmup) in enumerate(cases):
        numbers = [number(x) for x in rates(kind, rate, options, warmup)]
        text += [f"static void set_{i}(clg_schedule_params *p)", "{"]
        text += ["    " + line for line in assignments({**options, "warmup": warmup})]
        text += ["}", f"static const float rates_{i}[COUNTS] = {{"]
        text += ["    " + " ".join(x + "," for x in numbers[k:k + 6]) for k in range(0, COUNTS, 6)] + ["};"]
    text += ["", "static const struct {", "    const char *kind;", "    float lr;",
             "    void (*set)(clg_schedule_params *params);", "    const float *rates;", "} schedules[] = {"]
    text += [f'    {{"{kind}", {number(rate)}, set_{i}, rates_{i}}},' for i, (kind, rate, _, _) in enumerate(cases)]
    text += ["};", "", "#endif", ""]
    with open(OUT, "w", encoding="utf-8") as file:
        file.write("\n".join(text))


main()
