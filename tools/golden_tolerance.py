#!/usr/bin/env python3
"""How far float32 may stray from the trajectories in tests/train/golden.

usage: golden_tolerance.py GOLDEN_FOLDER FASHION_MNIST_FOLDER [CASE...]     (needs NumPy)

Trains each case in float32 with 16 orders of summation: each sum of a matrix product and of a mean runs
over its terms in a random order of its own. A tolerance is four times the largest deviation from the
stored float64 trajectory over these orders: of a loss absolutely; of the final weights for SGD
absolutely by element, for Adam (which divides by the size of the gradient and so enlarges the last bits
of small ones) by the norm of the difference over the norm of the way from the initial weights. Writes
GOLDEN_FOLDER/tolerances.json; cases that are not named keep what stands there.
"""
import gzip
import json
import os
import re
import struct
import sys

import numpy as np

ORDERS = 16
F = np.float32


def read_idx(path):
    with gzip.open(path) as file:
        head = struct.unpack(">BBBB", file.read(4))
        shape = struct.unpack(f">{head[3]}I", file.read(4 * head[3]))
        return np.frombuffer(file.read(), np.uint8).reshape(shape)


def read_safetensors(path):
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header, data = json.loads(file.read(size)), file.read()
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            tensors[name] = np.frombuffer(data[begin:end], F).reshape(entry["shape"])
    return tensors


class Sums:
    """Sums in float32 over a random order of the terms."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def product(self, a, b):
        """a (M, K) times b (K, N), added up over blocks of a random size, as kernels do."""
        order = self.random.permutation(a.shape[1])
        block = int(self.random.choice([16, 64, 256, 1024]))
        total = np.zeros((a.shape[0], b.shape[1]), F)
        for at in range(0, len(order), block):
            part = order[at:at + block]
            total += a[:, part] @ b[part, :]
        return total

    def rows(self, a):
        return a[self.random.permutation(a.shape[0])].sum(0, dtype=F)

    def mean(self, a):
        return F(a[self.random.permutation(len(a))].sum(dtype=F)) / F(len(a))


ACTIVATIONS = {  # forward, and the derivative by the result
    "ReLU()": (lambda x: np.maximum(x, F(0)), lambda y: (y > 0).astype(F)),
    "Tanh()": (np.tanh, lambda y: F(1) - y * y),
    "Sigmoid()": (lambda x: F(1) / (F(1) + np.exp(-x)), lambda y: y * (F(1) - y)),
}


def numbers(layer, key, default=None):
    """The pair that a module's text gives for a key."""
    found = re.search(key + r"=\(?(\d+)(?:, (\d+))?", layer)
    return (int(found[1]), int(found[2] or found[1])) if found else default


def windows(x, kernel, stride, padding):
    """(N, C, OH, OW, kh, kw) of x (N, C, H, W)."""
    x = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    view = np.lib.stride_tricks.sliding_window_view(x, kernel, (2, 3))
    return view[:, :, ::stride[0], ::stride[1]]


def unwindow(parts, shape, stride, padding):
    """The sum of what windows (N, C, OH, OW, kh, kw) hold for each place of (N, C, H, W)."""
    (_, _, rows, cols, kh, kw), (p, q) = parts.shape, padding
    out = np.zeros(shape[:2] + (shape[2] + 2 * p, shape[3] + 2 * q), F)
    for i in range(kh):
        for j in range(kw):
            out[:, :, i:i + stride[0] * rows:stride[0], j:j + stride[1] * cols:stride[1]] += \
                parts[..., i, j]
    return out[:, :, p:p + shape[2], q:q + shape[3]]


def channels_last(x):
    return np.ascontiguousarray(np.moveaxis(x, 1, -1)).reshape(-1, x.shape[1])


def conv(layer, i, weights, x, sums):
    weight, bias = weights[f"{i}.weight"], weights.get(f"{i}.bias")
    how = numbers(layer, "stride", (1, 1)), numbers(layer, "padding", (0, 0))
    view = windows(x, weight.shape[2:], *how)
    n, _, rows, cols = view.shape[:4]
    columns = view.transpose(0, 2, 3, 1, 4, 5).reshape(n * rows * cols, -1)
    flat = weight.reshape(len(weight), -1)
    y = sums.product(columns, flat.T) + (F(0) if bias is None else bias)

    def back(dy, gradients):
        dy = channels_last(dy)
        gradients[f"{i}.weight"] = sums.product(np.ascontiguousarray(dy.T),
                                                columns).reshape(weight.shape)
        if bias is not None:
            gradients[f"{i}.bias"] = sums.rows(dy)
        parts = sums.product(dy, flat).reshape((n, rows, cols) + weight.shape[1:])
        return unwindow(parts.transpose(0, 3, 1, 2, 4, 5), x.shape, *how)
    return y.reshape(n, rows, cols, -1).transpose(0, 3, 1, 2), back


def pool(layer, _i, _weights, x, _sums):
    kernel = numbers(layer, "kernel_size")
    how = numbers(layer, "stride"), (0, 0)
    parts = windows(x, kernel, *how)
    size = kernel[0] * kernel[1]
    flat = parts.reshape(parts.shape[:4] + (size,))
    if layer.startswith("Max"):
        share = (np.arange(size) == flat.argmax(-1)[..., None]).astype(F)
        y = flat.max(-1)
    else:
        share, y = np.full(flat.shape, F(1) / F(size)), flat.sum(-1, dtype=F) / F(size)
    return y, lambda dy, _: unwindow((dy[..., None] * share).reshape(parts.shape), x.shape, *how)


def whole_mean(_layer, _i, _weights, x, _sums):
    size = F(x.shape[2] * x.shape[3])
    y = x.sum((2, 3), dtype=F, keepdims=True) / size
    return y, lambda dy, _: np.broadcast_to(dy / size, x.shape)


def batch_norm(_layer, i, weights, x, sums):
    flat, n = channels_last(x), F(x.size // x.shape[1])
    mean = sums.rows(flat) / n
    centred = flat - mean
    variance = sums.rows(centred * centred) / n
    for name, now in ("mean", mean), ("var", variance * n / (n - F(1))):
        key = f"{i}.running_{name}"
        weights[key] = F(0.9) * weights[key] + F(0.1) * now
    scale = F(1) / np.sqrt(variance + F(1e-5))
    hat, weight, bias = centred * scale, weights[f"{i}.weight"], weights[f"{i}.bias"]

    def unflatten(rows):
        return np.moveaxis(rows.reshape(x.shape[:1] + x.shape[2:] + x.shape[1:2]), -1, 1)

    def back(dy, gradients):
        dy = channels_last(dy)
        gradients[f"{i}.weight"] = by_weight = sums.rows(dy * hat)
        gradients[f"{i}.bias"] = by_bias = sums.rows(dy)
        return unflatten(weight * scale * (dy - by_bias / n - hat * by_weight / n))
    return unflatten(hat * weight + bias), back


def linear(_layer, i, weights, x, sums):
    weight = weights[f"{i}.weight"]

    def back(dy, gradients):
        gradients[f"{i}.weight"] = sums.product(np.ascontiguousarray(dy.T), x)
        gradients[f"{i}.bias"] = sums.rows(dy)
        return sums.product(dy, weight) if i else None
    return sums.product(x, weight.T) + weights[f"{i}.bias"], back


def sigmoid(x):
    return F(1) / (F(1) + np.exp(-x))


def lstm(_layer, i, weights, x, sums):
    """The last output of an LSTM over x (N, T, in), with the gates i, f, g, o above each other."""
    names = [f"{i}.net.{name}_l0" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    by_input, by_state, *biases = [weights[name] for name in names]
    (rows, steps, _), hidden = x.shape, by_state.shape[1]
    h = c = np.zeros((rows, hidden), F)
    kept = []
    for t in range(steps):
        pre = (sums.product(x[:, t], by_input.T) + biases[0]) + \
            (sums.product(h, by_state.T) + biases[1])
        a, f, g, o = np.split(pre, 4, 1)
        a, f, g, o = sigmoid(a), sigmoid(f), np.tanh(g), sigmoid(o)
        kept.append((h, c, a, f, g, o))
        c = f * c + a * g
        h = o * np.tanh(c)

    def back(dh, gradients):
        dc, later = F(0), c
        d_gates = []
        for h_t, c_t, a, f, g, o in reversed(kept):
            tc = np.tanh(later)
            cell = dc + dh * o * (F(1) - tc * tc)
            d_gates.append(np.concatenate([cell * g * a * (F(1) - a), cell * c_t * f * (F(1) - f),
                                           cell * a * (F(1) - g * g), dh * tc * o * (F(1) - o)], 1))
            dh, dc, later = sums.product(d_gates[-1], by_state), cell * f, c_t
        d = np.concatenate(d_gates[::-1])
        states = np.concatenate([k[0] for k in kept])
        inputs = np.ascontiguousarray(x.transpose(1, 0, 2)).reshape(len(states), -1)
        transposed = np.ascontiguousarray(d.T)
        by_bias = sums.rows(d)
        gradients.update(zip(names, (sums.product(transposed, inputs),
                                     sums.product(transposed, states), by_bias, by_bias)))
    return h, back


def flatten(_layer, _i, _weights, x, _sums):
    return x.reshape(len(x), -1), lambda dy, _: dy.reshape(x.shape)


def activation(layer, _i, _weights, x, _sums):
    y = ACTIVATIONS[layer][0](x)
    return y, lambda dy, _: dy * ACTIVATIONS[layer][1](y)


LAYERS = {"Linear": linear, "Conv2d": conv, "MaxPool2d": pool, "AvgPool2d": pool,
          "AdaptiveAvgPool2d": whole_mean, "BatchNorm2d": batch_norm, "Flatten": flatten,
          "LastStep": lstm}


def forward(model, weights, x, sums):
    """The result, and what gives the gradient of each layer."""
    backs = []
    for i, layer in enumerate(model):
        x, back = LAYERS.get(layer.split("(")[0], activation)(layer, i, weights, x, sums)
        backs.append(back)
    return x, backs


def loss_and_gradient(logits, labels, sums):
    rows = np.arange(len(labels))
    shifted = logits - logits.max(1, keepdims=True)
    exponents = np.exp(shifted)
    total = exponents.sum(1, keepdims=True, dtype=F)
    loss = sums.mean(np.log(total[:, 0]) - shifted[rows, labels])
    gradient = exponents / total
    gradient[rows, labels] -= F(1)
    return loss, gradient / F(len(labels))


def backward(backs, gradient):
    gradients = {}
    for back in reversed(backs):
        gradient = back(gradient, gradients)
    return gradients


def sgd(options, weights, gradients, state, step):
    for name, g in gradients.items():
        g = g + F(options.get("weight_decay", 0)) * weights[name]
        if options.get("momentum"):
            g = state[name] = F(options["momentum"]) * state[name] + g if step > 1 else g
        weights[name] = weights[name] - F(options["lr"]) * g


def adam(options, weights, gradients, state, step):
    b1, b2 = F(0.9), F(0.999)
    for name, g in gradients.items():
        m, v = state.get(name, (F(0), F(0)))
        m, v = b1 * m + (F(1) - b1) * g, b2 * v + (F(1) - b2) * g * g
        state[name] = m, v
        rate = F(options["lr"] / (1 - 0.9**step))
        weights[name] = weights[name] - rate * m / (np.sqrt(v / F(1 - 0.999**step)) + F(1e-8))


UPDATES = {"sgd": sgd, "adam": adam}


def train(case, initial, images, labels, seed):
    sums, weights, state, losses = Sums(seed), dict(initial), {}, []
    (rule, options), = case["optimizer"].items()
    for step in range(case["steps"]):
        rows = slice(step * case["batch"], (step + 1) * case["batch"])
        x = images[rows].reshape([-1] + case["input"]).astype(F) / F(255)
        logits, backs = forward(case["model"], weights, x, sums)
        loss, gradient = loss_and_gradient(logits, labels[rows], sums)
        losses.append(float(loss))
        gradients = backward(backs, gradient)
        UPDATES[rule](options, weights, gradients, state, step + 1)
    return losses, weights


def norm(tensors):
    return float(np.sqrt(sum(np.sum(np.square(t.astype(np.float64))) for t in tensors)))


def deviation(case, initial, final, losses, weights):
    d_loss = max(abs(a - b) for a, b in zip(losses, case["losses"]))
    d_max = max(float(np.abs(weights[n].astype(np.float64) - final[n]).max()) for n in final)
    way = norm([final[n].astype(np.float64) - initial[n] for n in final])
    return d_loss, d_max, norm([weights[n].astype(np.float64) - final[n] for n in final]) / way


def tolerances(folder, images, labels):
    with open(os.path.join(folder, "expected.json"), encoding="utf-8") as file:
        case = json.load(file)
    initial = read_safetensors(os.path.join(folder, "init.safetensors"))
    final = read_safetensors(os.path.join(folder, "final.safetensors"))
    all_orders = [deviation(case, initial, final, *train(case, initial, images, labels, seed))
                  for seed in range(ORDERS)]
    loss, element, relative = (4 * max(d) for d in zip(*all_orders))
    result = {"loss": loss}
    result.update({"final_norm": relative} if "adam" in case["optimizer"] else {"final": element})
    return {key: float(f"{value:.3g}") for key, value in result.items()}


def main(golden, data, *cases):
    images = read_idx(os.path.join(data, "train-images-idx3-ubyte.gz")).reshape(-1, 784)
    labels = read_idx(os.path.join(data, "train-labels-idx1-ubyte.gz")).astype(np.int64)
    result = {}
    if cases:
        with open(os.path.join(golden, "tolerances.json"), encoding="utf-8") as file:
            result = json.load(file)
    result["how"] = ("tools/golden_tolerance.py: 4 x the largest deviation of float32 from the "
                     f"trajectory over {ORDERS} orders of summation")
    for name in sorted(os.listdir(golden)):
        folder = os.path.join(golden, name)
        if os.path.isdir(folder) and (not cases or name in cases):
            result[name] = tolerances(folder, images, labels)
            print(name, result[name], flush=True)
    with open(os.path.join(golden, "tolerances.json"), "w", encoding="utf-8") as file:
        json.dump({"how": result.pop("how")} | dict(sorted(result.items())), file, indent=1)
        file.write("\n")


main(*sys.argv[1:])
