#!/usr/bin/env python3
"""Writes what PyTorch's optimizers make of given gradients: tests/unit/optimizer_values.h.

usage: pytorch_optimizers.py                                              (needs PyTorch)

30 steps in float64 of each rule of src/optim/optim.def, with each of its options: two parameters a and b,
gradients that GRADIENTS has, in C too, and half the learning rate from step 16 on. Numbers are what the
library has as float32; betas and the like are the decimals that were meant. lion and lamb, which PyTorch
does not have, are here as their papers say.
"""
import os
import struct

import torch
from torch import optim

OUT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests/unit/optimizer_values.h")
STEPS, SIZES, RATE = 30, (3, 2), 0.125
START = [1.0, -0.5, 0.25, -0.75, 2.0]
torch.set_default_dtype(torch.float64)
FIELDS = {"betas": ("beta1", "beta2"), "etas": ("eta_minus", "eta_plus"), "step_sizes": ("step_min", "step_max")}
SHARES = {"betas", "etas", "dampening", "rho", "alpha"}
NUMBERS = {"eps", "lambd", "momentum_decay", "weight_decay", "step_sizes"}


class Lion(optim.Optimizer):
    def __init__(self, params, lr, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            lr, (b1, b2), decay = group["lr"], group["betas"], group["weight_decay"]
            for p in group["params"]:
                m = self.state[p].setdefault("exp_avg", torch.zeros_like(p))
                p -= lr * decay * p
                p -= lr * torch.sign(b1 * m + (1 - b1) * p.grad)
                m.copy_(b2 * m + (1 - b2) * p.grad)


class Lamb(optim.Optimizer):
    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            lr, (b1, b2), decay = group["lr"], group["betas"], group["weight_decay"]
            for p in group["params"]:
                state = self.state[p]
                m, v = (state.setdefault(k, torch.zeros_like(p)) for k in ("exp_avg", "exp_avg_sq"))
                state["step"] = t = state.get("step", 0) + 1
                m.copy_(b1 * m + (1 - b1) * p.grad)
                v.copy_(b2 * v + (1 - b2) * p.grad ** 2)
                r = m / (1 - b1 ** t) / ((v / (1 - b2 ** t)).sqrt() + group["eps"]) + decay * p
                trust = p.norm() / r.norm() if p.norm() > 0 and r.norm() > 0 else 1.0
                p -= lr * trust * r


CASES = {
    "sgd": (optim.SGD, [
        {}, {"weight_decay": 0.25}, {"momentum": 0.875}, {"momentum": 0.875, "dampening": 0.3},
        {"momentum": 0.75, "nesterov": True, "weight_decay": 0.125}, {"groups": True, "momentum": 0.5}]),
    "asgd": (optim.ASGD, [
        {}, {"lambd": 0.25, "alpha": 0.5}, {"t0": 4.0, "lambd": 0.0625, "weight_decay": 0.25}, {"groups": True}]),
    "adagrad": (optim.Adagrad, [
        {}, {"lr_decay": 0.25}, {"initial_accumulator_value": 0.5}, {"eps": 0.25, "weight_decay": 0.25},
        {"groups": True}]),
    "rmsprop": (optim.RMSprop, [
        {}, {"alpha": 0.8}, {"centered": True}, {"momentum": 0.75, "eps": 0.125},
        {"momentum": 0.5, "centered": True, "alpha": 0.7, "weight_decay": 0.25}, {"groups": True}]),
    "adadelta": (optim.Adadelta, [{}, {"rho": 0.7}, {"eps": 0.125, "weight_decay": 0.25}, {"groups": True}]),
    "rprop": (optim.Rprop, [
        {}, {"etas": (0.3, 1.7)}, {"step_sizes": (0.0625, 0.5)}, {"groups": True}]),
    "adam": (optim.Adam, [
        {}, {"betas": (0.6, 0.95)}, {"eps": 0.125}, {"amsgrad": True, "betas": (0.5, 0.6)},
        {"weight_decay": 0.25}, {"groups": True}]),
    "adamw": (optim.AdamW, [
        {}, {"betas": (0.6, 0.95), "eps": 0.125}, {"amsgrad": True, "betas": (0.5, 0.6)},
        {"weight_decay": 0.25}, {"groups": True}]),
    "adamax": (optim.Adamax, [
        {}, {"betas": (0.6, 0.7)}, {"eps": 0.125, "weight_decay": 0.25}, {"groups": True}]),
    "nadam": (optim.NAdam, [
        {}, {"betas": (0.6, 0.95)}, {"momentum_decay": 0.25, "eps": 0.125}, {"weight_decay": 0.25},
        {"groups": True}]),
    "radam": (optim.RAdam, [
        {}, {"betas": (0.6, 0.95)}, {"betas": (0.9, 0.9999)}, {"betas": (0.9, 0.7)},
        {"eps": 0.125, "weight_decay": 0.25}, {"groups": True}]),
    "lamb": (Lamb, [{}, {"betas": (0.6, 0.95)}, {"eps": 0.125, "weight_decay": 0.25}, {"groups": True}]),
    "lion": (Lion, [{}, {"betas": (0.6, 0.8)}, {"weight_decay": 0.25}, {"groups": True}]),
}


def gradient(step, i):
    """GRADIENT of the test: of element i of all, in steps from 1; a multiple of 1/64."""
    return ((step * 37 + i * 23 + step * step * i) % 129 - 64) / 64


def single(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def as_library(options):
    """Shares are decimals that were meant; of other numbers, the float32."""
    return {key: value if key in SHARES or isinstance(value, bool) else
            tuple(map(single, value)) if isinstance(value, tuple) else single(value)
            for key, value in options.items()}


def optimizer_of(kind, options, parameters):
    options = dict(options)
    grouped = options.pop("groups", False)
    settings = [{"params": [p]} for p in parameters]
    if grouped:
        settings[1].update(lr=RATE / 4, **({} if kind is optim.Rprop else {"weight_decay": 0.5}))
    made = kind(settings, lr=RATE, **as_library(options))
    for group in made.param_groups:  # defaults are numbers that the library has as float32
        group.update(as_library({k: v for k, v in group.items() if k in NUMBERS}))
    return made


def trajectory(kind, options):
    values = torch.tensor(START).split(SIZES)
    parameters = [torch.nn.Parameter(v.clone()) for v in values]
    made = optimizer_of(kind, options, parameters)
    rows = []
    for step in range(1, STEPS + 1):
        if step == 16:
            for group in made.param_groups:
                group["lr"] /= 2
        grads = torch.tensor([gradient(step, i) for i in range(sum(SIZES))]).split(SIZES)
        for p, g in zip(parameters, grads):
            p.grad = g.clone()
        made.step()
        rows.append(torch.cat([p.detach() for p in parameters]).tolist())
    return rows


def fields(options):
    for key, value in options.items():
        if key == "groups":
            continue
        for name, number in zip(FIELDS.get(key, (key,)), value if isinstance(value, tuple) else (value,)):
            yield f"    p->{name} = {str(number).lower() if isinstance(number, bool) else f'{number!r}f'};"


def lines(rule, kind, cases):
    for n, options in enumerate(cases):
        yield f"static void set_{rule}_{n}(clg_optimizer_params *p)\n{{\n    (void)p;"
        yield from fields(options)
        yield "}"
        yield f"static const double values_{rule}_{n}[] = {{"
        for row in trajectory(kind, options):
            yield "    " + ", ".join(f"{x:.10g}" for x in row) + ","
        yield "};"
    yield f"static const struct trajectory trajectories_{rule}[] = {{"
    for n, options in enumerate(cases):
        yield f"    {{set_{rule}_{n}, {str(options.get('groups', False)).lower()}, values_{rule}_{n}}},"
    yield "};\n"


def main():
    head = ["/* What PyTorch's optimizers make of given gradients, in float64. Written by", " * tools/pytorch_optimizers.py. */",
            "#ifndef TEST_UNIT_OPTIMIZER_VALUES_H", "#define TEST_UNIT_OPTIMIZER_VALUES_H", "",
            "struct trajectory {", "    void (*set)(clg_optimizer_params *p);",
            "    bool groups; /* b with a quarter of the rate, and a decay of 0.5 where the rule has one */",
            "    const double *values; /* after each step: a, b */", "};", ""]
    body = [line for rule, (kind, cases) in CASES.items() for line in lines(rule, kind, cases)]
    with open(OUT, "w", encoding="utf-8") as file:
        file.write("\n".join(head + body + ["#endif"]) + "\n")
    print(f"{OUT}: {sum(len(c) for _, c in CASES.values())} trajectories, {os.path.getsize(OUT)} bytes")


main()
