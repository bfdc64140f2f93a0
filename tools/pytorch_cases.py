#!/usr/bin/env python3
"""Writes what PyTorch computes for small cases of every op: tests/ops/parity/*.json.

usage: pytorch_cases.py [FAMILY...]                   (needs PyTorch; writes all families by default)

A case has an op (a name of tests/ops/parity_ops.c or parity_layers.c), its parameters, float32 inputs, and in float64 the
outputs and, for a given gradient of the outputs, the gradients of inputs, layer parameters and states
after the step. Inputs are multiples of 1/256, so that they are the same numbers in float32, float64 and
a few decimals; numbers among the parameters are rounded to float32, as the library takes them.
"""
import json
import os
import sys

import torch
import torch.nn.functional as F

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests/ops/parity")
torch.set_default_dtype(torch.float64)
families = {}


def single(x):
    """The number as the library has it: float32."""
    return torch.tensor(x, dtype=torch.float32).double().item()


class Family:
    """The cases of a file. Its numbers depend on its name alone."""

    def __init__(self, name):
        self.random = torch.Generator().manual_seed(sum(name.encode()))
        self.cases = families.setdefault(name, [])

    def grid(self, shape, low=-2.0, high=2.0):
        steps = torch.randint(int(low * 256), int(high * 256), shape, generator=self.random)
        return steps.double() / 256

    def distinct(self, shape, scale=1 / 16):
        """No two numbers are equal: for ops that choose."""
        count = 1
        for n in shape:
            count *= n
        return (torch.randperm(count, generator=self.random).double() - count // 2).reshape(shape) * scale

    def integers(self, shape, limit):
        return torch.randint(0, limit, shape, generator=self.random)

    def case(self, op, function, inputs, params=None, what="", parameters=None, states=None, training=True,
             gradients=True, fixed=()):
        """function(inputs..., **parameters and states) gives a tensor or several. fixed: numbers of inputs
        that nothing is differentiated by."""
        parameters, states = parameters or {}, states or {}
        inputs = [x.clone().requires_grad_(x.is_floating_point() and gradients and i not in fixed)
                  for i, x in enumerate(inputs)]
        parameters = {k: v.clone().requires_grad_(gradients) for k, v in parameters.items()}
        after = {k: v.clone() for k, v in states.items()}
        y = function(*inputs, **parameters, **after)
        y = list(y) if isinstance(y, (tuple, list)) else [y]
        case = {"op": op, "what": what, "params": params or {}, "inputs": [store(x) for x in inputs],
                "outputs": [store(x) for x in y]}
        if parameters:
            case["parameters"] = {k: store(v) for k, v in parameters.items()}
        if states:
            case["states"] = {k: store(v) for k, v in states.items()}
            case["states_after"] = {k: store(v) for k, v in after.items()}
        if not training:
            case["inference"] = True
        wrt = [x for x in [*inputs, *parameters.values()] if x.requires_grad]
        if wrt and training and any(t.requires_grad for t in y):
            self.differentiate(case, y, inputs, parameters, wrt)
        self.cases.append(case)

    def differentiate(self, case, y, inputs, parameters, wrt):
        dy = [self.grid(t.shape, -1, 1) if t.requires_grad else None for t in y]
        flows = [(t, d) for t, d in zip(y, dy) if d is not None]
        found = torch.autograd.grad([t for t, _ in flows], wrt, [d for _, d in flows], allow_unused=True)
        gradient = {id(x): d if d is not None else torch.zeros_like(x) for x, d in zip(wrt, found)}
        case["upstream"] = [store(d) if d is not None else None for d in dy]
        case["gradients"] = [store(gradient[id(x)]) if id(x) in gradient else None for x in inputs]
        if parameters:
            case["parameter_gradients"] = {k: store(gradient[id(v)]) for k, v in parameters.items()}


def number(x):
    return int(x) if x == int(x) and abs(x) < 1e9 else float(f"{x:.10g}")


def store(t):
    if not t.is_floating_point():
        return {"shape": list(t.shape), "int": [int(v) for v in t.detach().reshape(-1)]}
    return {"shape": list(t.shape), "data": [number(v) for v in t.detach().reshape(-1).tolist()]}


# ---- elementwise ----

def elementwise():
    f = Family("elementwise")
    unary = {
        "neg": torch.neg, "square": torch.square, "exp": torch.exp, "abs": torch.abs, "sin": torch.sin,
        "cos": torch.cos, "erf": torch.erf, "expm1": torch.expm1, "floor": torch.floor,
        "round": torch.round, "sign": torch.sign,
        "not": lambda x: torch.logical_not(x).double()}
    for name, function in unary.items():
        f.case(name, function, [f.grid((3, 11))])
    for name in ("sqrt", "log", "rsqrt", "log1p"):
        f.case(name, getattr(torch, name), [f.grid((13,), 0.25, 4)])
    f.case("affine", lambda x: 2.5 * x - 0.75, [f.grid((7,))], {"a": 2.5, "b": -0.75})
    f.case("clip", lambda x: torch.clamp(x, -1, 0.5), [f.grid((31,))], {"low": -1, "high": 0.5})
    f.case("detach", torch.detach, [f.grid((5,))])
    shapes = (((3, 5), (3, 5)), ((3, 1, 5), (4, 1)), ((), (7,)))
    for name, function in {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div}.items():
        for a, b in shapes:
            f.case(name, function, [f.grid(a), f.grid(b, 0.5, 2)])
    f.case("pow", torch.pow, [f.grid((3, 7), 0.25, 3), f.grid((7,))])
    distinct = f.distinct((2, 3, 7), 1 / 8)
    f.case("max", torch.maximum, [distinct[0], distinct[1]])
    f.case("min", torch.minimum, [distinct[0], distinct[1]])
    for name in ("eq", "lt", "gt", "le", "ge", "logical_and", "logical_or"):
        function = getattr(torch, name)
        f.case(name.replace("logical_", ""), lambda a, b, function=function: function(a, b).double(),
               [f.integers((4, 9), 3).double(), f.integers((9,), 3).double()])
    f.case("where", lambda c, a, b: torch.where(c != 0, a, b),
           [f.integers((3, 1), 2).double(), f.grid((3, 5)), f.grid((5,))])


def activations():
    f = Family("activations")
    unary = {
        "relu": F.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "hard_sigmoid": F.hardsigmoid,
        "relu6": F.relu6, "selu": F.selu, "gelu": F.gelu, "silu": F.silu, "mish": F.mish,
        "softplus": F.softplus, "softsign": F.softsign, "hard_swish": F.hardswish}
    for name, function in unary.items():
        f.case(name, function, [f.grid((29,), -7, 7)])
    # PyTorch's 1 + tanh loses digits below -4, in float64 too.
    f.case("gelu_tanh", lambda x: F.gelu(x, approximate="tanh"), [f.grid((29,), -4, 7)])
    slope = single(0.01)
    f.case("leaky_relu", lambda x: F.leaky_relu(x, slope), [f.grid((19,))], {"slope": slope})
    f.case("elu", lambda x: F.elu(x, 0.75), [f.grid((19,))], {"alpha": 0.75})
    f.case("celu", lambda x: F.celu(x, 0.75), [f.grid((19,))], {"alpha": 0.75})
    f.case("log_sigmoid", F.logsigmoid, [f.grid((19,), -7, 7)])
    f.case("hard_tanh", lambda x: F.hardtanh(x, -1.5, 0.5), [f.grid((19,))], {"low": -1.5, "high": 0.5})
    f.case("prelu", F.prelu, [f.grid((2, 3, 5)), f.grid((3,), 0, 1)], what="of channels")
    f.case("prelu", F.prelu, [f.grid((2, 3)), f.grid((1,), 0, 1)], what="one")
    f.case("prelu_layer", F.prelu, [f.grid((2, 3, 5))], {"count": 3}, parameters={"weight": f.grid((3,), 0, 1)})
    for axis in (0, -1):
        f.case("glu", lambda x, axis=axis: F.glu(x, axis), [f.grid((4, 6))], {"axis": axis})
    for name, function in {"softmax": F.softmax, "log_softmax": F.log_softmax}.items():
        for shape in ((3, 7), (2, 3, 1), (1, 37)):
            f.case(name, lambda x, function=function: function(x, -1), [f.grid(shape, -4, 4)])


# ---- shape ----

def pad(x, axis, before, after, mode, value):
    if mode == "constant":
        widths = [0, 0] * (x.dim() - 1 - axis) + [before, after]
        return F.pad(x, widths, value=value)
    moved = x.movedim(axis, -1)
    flat = F.pad(moved.reshape(1, -1, moved.shape[-1]), (before, after), mode=mode)
    return flat.reshape(*moved.shape[:-1], -1).movedim(-1, axis)


def shapes():
    f = Family("shape")
    for begin, end, step in ((1, 5, 1), (0, 7, 2), (2, 3, 1)):
        f.case("slice", lambda x, b=begin, e=end, s=step: x[:, b:e:s], [f.grid((3, 7))],
               {"axis": 1, "begin": begin, "end": end, "step": step})
    f.case("flip", lambda x: x.flip(0), [f.grid((3, 5))], {"axis": 0})
    f.case("split", lambda x: x.split(2, 1), [f.grid((3, 6))], {"axis": 1, "count": 3})
    f.case("concat", lambda *x: torch.cat(x, 1), [f.grid((2, n, 2)) for n in (1, 3, 2)], {"axis": 1})
    f.case("stack", lambda *x: torch.stack(x, 1), [f.grid((2, 3)) for _ in range(3)], {"axis": 1})
    for mode in ("constant", "reflect", "replicate"):
        for axis in (0, 2):
            f.case("pad", lambda x, a=axis, m=mode: pad(x, a, 2, 1, m, 0.5), [f.grid((3, 2, 5))],
                   {"axis": axis, "before": 2, "after": 1, "mode": mode, "value": 0.5})
    f.case("tile", lambda x: x.tile((1, 3)), [f.grid((2, 3))], {"axis": 1, "times": 3})
    f.case("unsqueeze", lambda x: x.unsqueeze(1), [f.grid((2, 3))], {"axis": 1})
    f.case("squeeze", lambda x: x.squeeze(1), [f.grid((2, 1, 3))], {"axis": 1})
    f.case("flatten", lambda x: x.flatten(1, -1), [f.grid((2, 3, 4))], {"first": 1, "last": -1})
    f.case("reshape", lambda x: x.reshape(4, 3), [f.grid((2, 6))], {"shape": [4, -1]})
    f.case("permute", lambda x: x.permute(2, 0, 1), [f.grid((2, 3, 4))], {"order": [2, 0, 1]})
    f.case("transpose", lambda x: x.transpose(-1, -2), [f.grid((2, 3, 4))])
    f.case("broadcast", lambda x: x.expand(4, 2, 3), [f.grid((2, 1))], {"shape": [4, 2, 3]})
    for diagonal in (0, 1, -2):
        f.case("tril", lambda x, d=diagonal: x.tril(d), [f.grid((2, 4, 5))], {"diagonal": diagonal})
        f.case("triu", lambda x, d=diagonal: x.triu(d), [f.grid((2, 4, 5))], {"diagonal": diagonal})
    f.case("take_along", lambda x, i: x.gather(-1, i), [f.grid((3, 5)), f.integers((3, 4), 5)])
    f.case("index_select", lambda x, i: x.index_select(1, i), [f.grid((2, 5, 3)), f.integers((4,), 5)],
           {"axis": 1})
    f.case("one_hot", lambda i: F.one_hot(i, 7).double(), [f.integers((2, 3), 7)], {"classes": 7})
    f.case("gather", lambda table, i: F.embedding(i, table), [f.grid((7, 3)), f.integers((2, 5), 7)])
    for axis in (0, 1, -1):
        f.case("cumsum", lambda x, a=axis: x.cumsum(a), [f.grid((3, 2, 5))], {"axis": axis})
    for k in (1, 3):
        f.case("topk", lambda x, k=k: x.topk(k), [f.distinct((3, 7))], {"k": k})
    f.case("argmax", lambda x: x.argmax(-1), [f.distinct((3, 7))])
    f.case("argmin", lambda x: x.argmin(-1), [f.distinct((3, 7))])


# ---- sums and products ----

def reductions():
    f = Family("reductions")
    kinds = {
        "sum": lambda x, a, k: x.sum(a, k), "mean": lambda x, a, k: x.mean(a, k),
        "reduce_max": lambda x, a, k: x.amax(a, k), "reduce_min": lambda x, a, k: x.amin(a, k),
        "norm1": lambda x, a, k: torch.linalg.vector_norm(x, 1, a, k),
        "norm2": lambda x, a, k: torch.linalg.vector_norm(x, 2, a, k),
        "logsumexp": lambda x, a, k: x.logsumexp(a, k)}
    for name, function in kinds.items():
        for axes, keep in (([1], False), ([0, 2], True), ([-1], False), ([0, 1, 2], False)):
            x = f.distinct((2, 3, 4))
            f.case(name, lambda x, fn=function, a=axes, k=keep: fn(x, a, k), [x + 1 / 32],
                   {"axes": axes, "keep": keep})
    for correction in (0, 1):
        for axes in ([1], [0, 2]):
            f.case("variance", lambda x, c=correction, a=axes: x.var(a, correction=c), [f.grid((2, 3, 4))],
                   {"axes": axes, "keep": False, "correction": correction})
    f.case("product", lambda x: x.prod(1), [f.grid((3, 5))], {"axes": [1], "keep": False})
    f.case("product", lambda x: x.prod(0, True), [f.grid((3, 5))], {"axes": [0], "keep": True})


def along():
    f = Family("along")
    for axis, keep in ((0, False), (1, True), (-1, False)):
        for name in ("argmin", "argmax"):
            f.case(name + "_along", lambda x, n=name, a=axis, k=keep: getattr(x, n)(a, k), [f.distinct((3, 4, 5))],
                   {"axis": axis, "keep": keep})
    f.case("scatter_add", lambda x, i: torch.zeros(4, 3).index_add(0, i, x), [f.grid((7, 3)), f.integers((7,), 4)],
           {"count": 4})
    f.case("scatter_add", lambda x, i: torch.zeros(9).index_add(0, i.flatten(), x.flatten()),
           [f.grid((2, 5)), f.integers((2, 5), 9)], {"count": 9})
    f.case("outer", torch.outer, [f.grid((5,)), f.grid((3,))])
    f.case("dot", torch.dot, [f.grid((7,)), f.grid((7,))])
    f.case("softplus_with", lambda x: F.softplus(x, 2, 1), [f.grid((19,), -5, 5)], {"beta": 2, "threshold": 1})
    f.case("softplus_with", lambda x: F.softplus(x, 0.5, 20), [f.grid((19,), -50, 50)], {"beta": 0.5, "threshold": 20})
    for mode in ("nearest", "bilinear"):
        for size in ([7, 9], [3, 4], [2, 3], [4, 12]):
            f.case("upsample",
                   lambda x, m=mode, s=size: F.interpolate(x, size=s, mode=m, align_corners=None if m == "nearest" else False),
                   [f.grid((1, 2, 4, 6))], {"mode": mode, "size": size})


def products():
    f = Family("products")
    for ta, tb in ((False, False), (True, False), (False, True), (True, True)):
        a, b = ((5, 3) if ta else (3, 5)), ((7, 5) if tb else (5, 7))
        for lead in ((), (2,)):
            f.case("matmul",
                   lambda x, w, ta=ta, tb=tb: (x.transpose(-1, -2) if ta else x) @ (w.transpose(-1, -2) if tb else w),
                   [f.grid((*lead, *a)), f.grid((*lead, *b))], {"transpose_a": ta, "transpose_b": tb})
    f.case("matmul", torch.matmul, [f.grid((2, 3, 5)), f.grid((5, 2))],
           {"transpose_a": False, "transpose_b": False}, "one side without batch")
    f.case("linear", lambda x, weight, bias: F.linear(x, weight, bias), [f.grid((2, 3, 5))],
           {"out": 4, "bias": True}, parameters={"weight": f.grid((4, 5)), "bias": f.grid((4,))})
    f.case("linear", lambda x, weight: F.linear(x, weight), [f.grid((3, 5))], {"out": 2, "bias": False},
           parameters={"weight": f.grid((2, 5))})


# ---- images ----

def convolutions():
    f = Family("convolutions")
    for x, w, stride, padding, dilation, groups in (
            ((2, 2, 5, 4), (3, 2, 3, 3), (1, 1), (0, 0), (1, 1), 1),
            ((2, 2, 5, 7), (2, 2, 3, 2), (2, 3), (1, 1), (1, 1), 1),
            ((1, 2, 7, 6), (2, 2, 3, 2), (1, 1), (2, 1), (2, 3), 1),
            ((1, 4, 4, 4), (6, 2, 2, 3), (1, 1), (1, 0), (1, 1), 2),
            ((1, 3, 5, 5), (6, 1, 3, 3), (2, 1), (1, 1), (1, 1), 3),
            ((2, 3, 4, 3), (2, 3, 1, 1), (1, 1), (0, 0), (1, 1), 1)):
        p = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        f.case("conv2d", lambda x, w, p=p: F.conv2d(x, w, None, **p), [f.grid(x), f.grid(w, -1, 1)], p)
    for x, w, stride, padding, dilation, extra, groups in (
            ((2, 3, 3, 4), (3, 2, 3, 3), (1, 1), (0, 0), (1, 1), (0, 0), 1),
            ((1, 2, 3, 4), (2, 3, 3, 2), (2, 3), (1, 0), (1, 1), (1, 2), 1),
            ((2, 4, 3, 2), (4, 1, 2, 3), (2, 1), (1, 1), (1, 2), (0, 0), 2)):
        p = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups,
             "output_padding": extra}
        f.case("conv_transpose2d", lambda x, w, p=p: F.conv_transpose2d(x, w, None, **p),
               [f.grid(x), f.grid(w, -1, 1)], p)
    for p in ({"stride": 1, "padding": 0, "dilation": 1, "groups": 1},
              {"stride": 2, "padding": 3, "dilation": 2, "groups": 2}):
        pairs = {k: [v, 1 if k != "padding" else 0] if k != "groups" else v for k, v in p.items()}
        f.case("conv1d", lambda x, w, p=p: F.conv1d(x, w, None, **p),
               [f.grid((2, 4, 9)), f.grid((4, 4 // p["groups"], 3), -1, 1)], pairs)
    f.case("conv1d_layer", lambda x, weight, bias: F.conv1d(x, weight, bias, 2), [f.grid((2, 2, 5))],
           {"out": 3, "kernel": [3], "stride": [2, 1]},
           parameters={"weight": f.grid((3, 2, 3), -1, 1), "bias": f.grid((3,))})
    f.case("conv_transpose2d_layer", lambda x, weight, bias: F.conv_transpose2d(x, weight, bias, 2),
           [f.grid((1, 2, 2, 3))], {"out": 3, "kernel": [2, 3], "stride": [2, 2]},
           parameters={"weight": f.grid((2, 3, 2, 3), -1, 1), "bias": f.grid((3,))})
    f.case("conv2d_layer", lambda x, weight, bias: F.conv2d(x, weight, bias, padding=1), [f.grid((2, 2, 4, 3))],
           {"out": 3, "kernel": [3, 3], "padding": [1, 1]},
           parameters={"weight": f.grid((3, 2, 3, 3), -1, 1), "bias": f.grid((3,))})


def pooling():
    f = Family("pooling")
    for kernel, stride, padding, dilation in (((2, 2), (2, 2), (0, 0), (1, 1)), ((3, 2), (2, 1), (1, 1), (1, 1)),
                                              ((2, 3), (1, 2), (0, 1), (3, 2))):
        p = {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation}
        q = {"kernel": kernel, **{k: v for k, v in p.items() if k != "kernel_size"}}
        f.case("max_pool2d", lambda x, p=p: F.max_pool2d(x, **p), [f.distinct((1, 2, 6, 7))], q)
    for kernel, stride, padding in (((2, 2), (2, 2), (0, 0)), ((3, 2), (2, 1), (1, 1)), ((2, 3), (1, 2), (0, 1))):
        for count in (True, False):
            p = {"stride": stride, "padding": padding, "count_include_pad": count}
            f.case("avg_pool2d", lambda x, k=kernel, p=p: F.avg_pool2d(x, k, **p), [f.grid((1, 2, 6, 5))],
                   {"kernel": kernel, **p})
    f.case("l2_pool2d", lambda x: F.lp_pool2d(x, 2, (2, 3), (1, 2)), [f.grid((2, 2, 5, 6), 0.25, 2)],
           {"kernel": [2, 3], "stride": [1, 2]})
    for size in ((2, 3), (7, 5), (1, 1)):
        f.case("adaptive_avg_pool2d", lambda x, s=size: F.adaptive_avg_pool2d(x, s), [f.grid((1, 2, 5, 7))],
               {"size": size})
        f.case("adaptive_max_pool2d", lambda x, s=size: F.adaptive_max_pool2d(x, s), [f.distinct((1, 2, 5, 7))],
               {"size": size})
    f.case("max_pool1d", lambda x: F.max_pool1d(x, 3, 2, 1), [f.distinct((2, 2, 7))],
           {"kernel": [3], "stride": [2, 0], "padding": [1, 0]})
    f.case("avg_pool1d", lambda x: F.avg_pool1d(x, 3, 2, 1, False, False), [f.grid((2, 2, 8))],
           {"kernel": [3], "stride": [2, 0], "padding": [1, 0], "count_include_pad": False})
    f.case("adaptive_avg_pool1d", lambda x: F.adaptive_avg_pool1d(x, 3), [f.grid((2, 2, 7))], {"length": 3})
    f.case("adaptive_max_pool1d", lambda x: F.adaptive_max_pool1d(x, 3), [f.distinct((2, 2, 7))], {"length": 3})
    f.case("global_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, 1), [f.grid((2, 3, 4, 5))])
    f.case("global_max_pool2d", lambda x: F.adaptive_max_pool2d(x, 1), [f.distinct((2, 3, 4, 5))])


def norms():
    f = Family("norms")
    eps, momentum = single(1e-5), single(0.1)
    p = {"eps": eps, "momentum": momentum}
    weights = lambda shape: {"weight": f.grid(shape, 0.5, 2), "bias": f.grid(shape)}
    for shape in ((5, 3), (3, 3, 4), (2, 3, 2, 3)):
        for training in (True, False):
            f.case("batch_norm_layer",
                   lambda x, running_mean, running_var, weight, bias, t=training: F.batch_norm(
                       x, running_mean, running_var, weight, bias, t, momentum, eps),
                   [f.grid(shape)], p, "training" if training else "inference", weights((3,)),
                   {"running_mean": f.grid((3,)), "running_var": f.grid((3,), 0.5, 2)}, training)
    f.case("batch_norm", lambda x: F.batch_norm(x, None, None, None, None, True, 0.1, eps), [f.grid((5, 3))], p)
    for dims, shape in ((1, (7,)), (2, (3, 7))):
        f.case("layer_norm", lambda x, w, b, s=shape: F.layer_norm(x, s, w, b, eps),
               [f.grid((2, 3, 7)), *weights(shape).values()], {"dims": dims, "eps": eps})
        f.case("rms_norm", lambda x, w, s=shape: F.rms_norm(x, s, w, eps),
               [f.grid((2, 3, 7)), f.grid(shape, 0.5, 2)], {"dims": dims, "eps": eps})
    for groups in (1, 2, 4):
        f.case("group_norm", lambda x, w, b, g=groups: F.group_norm(x, g, w, b, eps),
               [f.grid((2, 4, 3, 2)), *weights((4,)).values()], {"groups": groups, "eps": eps})
    f.case("instance_norm", lambda x: F.instance_norm(x, eps=eps), [f.grid((2, 3, 5))], {"eps": eps})
    layer = lambda op, function, shape, params, weight_shape: f.case(
        op, function, [f.grid(shape)], {"eps": eps, **params}, parameters=weights(weight_shape))
    layer("layer_norm_layer", lambda x, weight, bias: F.layer_norm(x, (2, 3), weight, bias, eps), (3, 2, 3),
          {"dims": 2}, (2, 3))
    layer("group_norm_layer", lambda x, weight, bias: F.group_norm(x, 2, weight, bias, eps), (2, 4, 3),
          {"groups": 2}, (4,))
    layer("instance_norm_layer", lambda x, weight, bias: F.instance_norm(x, weight=weight, bias=bias, eps=eps),
          (2, 3, 4), {}, (3,))
    f.case("rms_norm_layer", lambda x, weight: F.rms_norm(x, (5,), weight, eps), [f.grid((3, 5))],
           {"dims": 1, "eps": eps}, parameters={"weight": f.grid((5,), 0.5, 2)})
    for size in (3, 4):
        f.case("local_response_norm", lambda x, s=size: F.local_response_norm(x, s, 0.5, 0.75, 1.5),
               [f.grid((2, 7, 2, 2))], {"size": size, "alpha": 0.5, "beta": 0.75, "k": 1.5})


# ---- losses ----

def reduced(t, reduction):
    return t.mean() if reduction == "mean" else t.sum() if reduction == "sum" else t


def losses():
    f = Family("losses")
    probabilities = lambda *shape: (f.integers(shape, 100) + 1).double() / 128
    signs = lambda *shape: f.integers(shape, 2).double() * 2 - 1
    pairs = {"mse": F.mse_loss, "mae": F.l1_loss,
             "half_mse": lambda a, b, reduction: F.mse_loss(a, b, reduction=reduction) / 2}
    for r in ("mean", "sum", "none"):
        p = {"reduction": r}
        for name, function in pairs.items():
            f.case(name, lambda a, b, r=r, fn=function: fn(a, b, reduction=r), [f.grid((3, 5)), f.grid((3, 5))], p)
        f.case("huber", lambda a, b, r=r: F.huber_loss(a, b, reduction=r, delta=0.75),
               [f.grid((3, 4)), f.grid((3, 4))], {**p, "delta": 0.75})
        f.case("smooth_l1", lambda a, b, r=r: F.smooth_l1_loss(a, b, reduction=r, beta=0.5),
               [f.grid((3, 4)), f.grid((3, 4))], {**p, "beta": 0.5})
        f.case("cross_entropy", lambda x, y, r=r: F.cross_entropy(x, y, reduction=r),
               [f.grid((5, 7)), f.integers((5,), 7)], p)
        f.case("cross_entropy", lambda x, y, w, r=r: F.cross_entropy(
            x, y, w, reduction=r, label_smoothing=0.25, ignore_index=2),
               [f.grid((5, 4)), torch.tensor([0, 2, 3, 1, 2]), f.grid((4,), 0.5, 2)],
               {**p, "label_smoothing": 0.25, "ignore_index": 2, "roles": ["class_weight"]},
               "smoothed, weighted, one ignored", fixed=[2])
        f.case("cross_entropy", lambda x, y, r=r: F.cross_entropy(x, y, reduction=r),
               [f.grid((3, 4)), probabilities(3, 4)], p, "soft targets")
        f.case("nll", lambda x, y, w, r=r: F.nll_loss(x, y, w, reduction=r),
               [f.grid((5, 4)), f.integers((5,), 4), f.grid((4,), 0.5, 2)], {**p, "roles": ["class_weight"]},
               fixed=[2])
        f.case("bce_with_logits", lambda x, y, w, q, r=r: F.binary_cross_entropy_with_logits(
            x, y, w, pos_weight=q, reduction=r),
               [f.grid((3, 4), -5, 5), probabilities(3, 4), f.integers((3, 1), 2).double(), f.grid((4,), 0.5, 2)],
               {**p, "roles": ["weight", "pos_weight"]}, "mask and positive weight", fixed=[1, 2, 3])
        f.case("hinge", lambda x, y, r=r: reduced(torch.clamp(1 - x * y, min=0), r),
               [f.grid((3, 5)), signs(3, 5)], p, fixed=[1])
        f.case("cosine_embedding", lambda a, b, y, r=r: F.cosine_embedding_loss(a, b, y, 0.125, reduction=r),
               [f.grid((4, 3)), f.grid((4, 3)), torch.tensor([1.0, -1, -1, 1])], {**p, "margin": 0.125}, fixed=[2])
        f.case("triplet_margin", lambda a, b, c, r=r: F.triplet_margin_loss(
            a, b, c, 0.75, eps=single(1e-6), reduction=r),
               [f.grid((4, 3)), f.grid((4, 3)), f.grid((4, 3))], {**p, "margin": 0.75})
        f.case("relative_entropy", lambda q, t, r=r: reduced(t * (t.log() - q.log()), r),
               [probabilities(3, 4), probabilities(3, 4)], p)
    for r in ("mean", "sum", "none", "batchmean"):
        f.case("kl_div", lambda q, t, r=r: F.kl_div(q, t, reduction=r), [-probabilities(3, 4), probabilities(3, 4)],
               {"reduction": r})
    f.case("accuracy", lambda x, y: (x.argmax(-1) == y).double().mean(), [f.distinct((8, 3)), f.integers((8,), 3)])


# ---- sequences ----

def recurrent():
    f = Family("recurrent")
    kinds = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}
    options = (
        {}, {"num_layers": 2, "bidirectional": True}, {"bias": False, "roles": ["lengths"]},
        {"bidirectional": True, "roles": ["lengths", "h0", "c0"]})
    for name, kind in kinds.items():
        for choice in options + (({"relu": True, "roles": ["h0"]},) if name == "rnn" else ()):
            run_recurrent(f, name, kind, {"num_layers": 1, "bias": True, "bidirectional": False, **choice})


def run_recurrent(f, name, kind, p):
    N, T, inputs, H = 2, 3, 3, 2
    roles = [r for r in p.get("roles", []) if r != "c0" or name == "lstm"]
    extra = {"nonlinearity": "relu"} if p.get("relu") else {}
    module = kind(inputs, H, num_layers=p["num_layers"], bias=p["bias"], batch_first=True,
                  bidirectional=p["bidirectional"], **extra)
    parameters = {k: f.grid(v.shape, -1, 1) for k, v in module.named_parameters()}
    states = (p["num_layers"] * (2 if p["bidirectional"] else 1), N, H)
    given = [torch.tensor([2, 3]) if r == "lengths" else f.grid(states, -1, 1) for r in roles]

    def function(x, *others, **weights):
        named = dict(zip(roles, others))
        first = (named["h0"], named["c0"]) if "c0" in named else named.get("h0")
        if "lengths" in named:
            x = torch.nn.utils.rnn.pack_padded_sequence(x, named["lengths"], True, False)
        y, last = torch.func.functional_call(module, weights, (x, first))
        if "lengths" in named:
            y = torch.nn.utils.rnn.pad_packed_sequence(y, True)[0]
        return (y, *(last if isinstance(last, tuple) else (last,)))

    f.case(f"{name}_layer", function, [f.grid((N, T, inputs)), *given], {**p, "hidden": H, "roles": roles},
           ", ".join(roles), parameters)


def attention():
    f = Family("attention")
    sdpa = F.scaled_dot_product_attention
    shapes = [(2, 2, 2, 4), (2, 2, 3, 4), (2, 2, 3, 1)]
    f.case("attention", sdpa, [f.grid(s) for s in shapes], {"causal": False})
    f.case("attention", lambda q, k, v: sdpa(q, k, v, is_causal=True, scale=0.25), [f.grid((2, 3, 4)) for _ in range(3)],
           {"causal": True, "scale": 0.25}, "causal")
    f.case("attention", lambda q, k, v, m: sdpa(q, k, v, m), [*(f.grid(s) for s in shapes), f.grid((2, 3))],
           {"causal": False, "roles": ["mask"]}, "mask")
    seen = lambda n: torch.arange(3) < n[:, None, None, None]
    f.case("attention", lambda q, k, v, n: sdpa(q, k, v, seen(n)),
           [*(f.grid(s) for s in shapes), torch.tensor([2, 3])], {"causal": False, "roles": ["lengths"]}, "lengths")
    for bias in (True, False):
        run_attention(f, bias, {"heads": 2, "bias": bias, "causal": not bias})
    f.case("embedding", lambda i, weight: F.embedding(i, weight, 2), [torch.tensor([[0, 2, 5], [5, 2, 5]])],
           {"rows": 6, "cols": 3, "padding_idx": 2}, parameters={"weight": f.grid((6, 3))})
    f.case("embedding", lambda i, weight: F.embedding(i, weight), [f.integers((2, 3), 4)],
           {"rows": 4, "cols": 2}, parameters={"weight": f.grid((4, 2))})


def run_attention(f, bias, p):
    E, T = 4, 3
    module = torch.nn.MultiheadAttention(E, p["heads"], bias=bias, batch_first=True)
    mask = torch.ones(T, T).triu(1).bool() if p["causal"] else None
    parameters = {k: f.grid(v.shape, -1, 1) for k, v in module.named_parameters()}
    f.case("attention_layer", lambda q, k, v, **w: torch.func.functional_call(
        module, w, (q, k, v), {"need_weights": False, "attn_mask": mask})[0],
           [f.grid((2, T, E)) for _ in range(3)], p, parameters=parameters)


def write(name):
    path = os.path.join(FOLDER, name + ".json")
    with open(path, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in families[name]) + "\n]\n")
    print(f"{path}: {len(families[name])} cases, {os.path.getsize(path)} bytes")


def main():
    for make in (elementwise, activations, shapes, reductions, along, products, convolutions, pooling, norms, losses,
                 recurrent, attention):
        make()
    os.makedirs(FOLDER, exist_ok=True)
    for name in sys.argv[1:] or families:
        write(name)


main()
