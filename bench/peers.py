#!/usr/bin/env python3
"""Times the same training steps in clgrad and in PyTorch, JAX or tinygrad, in turn on the same cores.

  peers.py --clgrad build/clgrad --peers torch,jax [--workloads mlp,mlp-wide] [--rounds 3]
  peers.py --one jax --workload mlp          (one peer alone: a line of JSON)
  peers.py ... --script other.py             (run that script for the peers instead of this one:
                                              other.py --framework PEER --workload W --block --seconds S)

A figure is a block of steps of at least 50 ms ended by one wait, divided by its steps; the best block
and the median of all are kept. The interpreter that runs this must have the peers installed."""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time

# As bench/workloads.c: batch, inputs, outputs of the layers, dropout after them, optimizer, learning rate.
WORKLOADS = {
    "softmax": (256, 784, [10], [], "sgd", 0.1),
    "linreg": (64, 200, [1], [], "sgd", 0.03),
    "mlp": (256, 784, [256, 10], [], "sgd", 0.1),
    "mlp-dropout": (256, 784, [256, 256, 10], [0.2, 0.5], "adam", 1e-3),
    "mlp-wide": (256, 784, [2048, 2048, 2048, 10], [], "adam", 1e-3),
}
BLOCK = 0.055  # seconds


def data(name):
    """Weights (out, in) and biases of each layer, inputs and targets, as NumPy arrays."""
    import numpy as np
    batch, width, outs, _, _, _ = WORKLOADS[name]
    r = np.random.default_rng(0)
    params, n = [], width
    for out in outs:
        bound = 1 / math.sqrt(n)
        params += [r.uniform(-bound, bound, s).astype(np.float32) for s in ((out, n), (out,))]
        n = out
    x = r.standard_normal((batch, width), dtype=np.float32)
    y = r.integers(0, 10, batch).astype(np.int32) if n > 1 else 0.01 * x.sum(1, keepdims=True) + 0.05
    return params, x, y


def torch_step(name, threads):
    import torch
    import torch.nn.functional as F
    torch.set_num_threads(threads)
    _, _, outs, drops, kind, lr = WORKLOADS[name]
    params, x, y = data(name)
    params = [torch.from_numpy(p).requires_grad_(True) for p in params]
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    y = y.long() if outs[-1] > 1 else y
    optimizer = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[kind](params, lr=lr)

    def step():
        h = x
        for i in range(len(outs)):
            h = F.linear(h, params[2 * i], params[2 * i + 1])
            h = F.relu(h) if i + 1 < len(outs) else h
            h = F.dropout(h, drops[i]) if i < len(drops) else h
        loss = F.cross_entropy(h, y) if outs[-1] > 1 else F.mse_loss(h, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss
    return step, lambda loss: loss.item()


def jax_step(name, threads):
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import jax
    import jax.numpy as jnp
    import optax
    _, _, outs, drops, kind, lr = WORKLOADS[name]
    params, x, y = data(name)
    optimizer = {"sgd": optax.sgd, "adam": optax.adam}[kind](lr)

    def loss_of(params, key, x, y):
        h = x
        for i in range(len(outs)):
            h = h @ params[2 * i].T + params[2 * i + 1]
            h = jax.nn.relu(h) if i + 1 < len(outs) else h
            if i < len(drops):
                key, part = jax.random.split(key)
                h = jnp.where(jax.random.bernoulli(part, 1 - drops[i], h.shape), h / (1 - drops[i]), 0)
        if outs[-1] > 1:
            return optax.softmax_cross_entropy_with_integer_labels(h, y).mean(), key
        return ((h - y) ** 2).mean(), key

    def update(params, state, key, x, y):
        (loss, key), grads = jax.value_and_grad(loss_of, has_aux=True)(params, key, x, y)
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state, key, loss

    compiled = jax.jit(update, donate_argnums=(0, 1, 2))
    params = [jnp.array(p) for p in params]
    state = [params, optimizer.init(params), jax.random.key(0)]
    x, y = jnp.array(x), jnp.array(y)

    def step():
        *state[:], loss = compiled(*state, x, y)
        return loss
    return step, lambda loss: float(jax.block_until_ready((state[0], loss))[1])


def tinygrad_step(name, threads):
    os.environ.setdefault("DEV", "CL")
    os.environ.setdefault("TRAINING", "1")
    from tinygrad import Device, Tensor, TinyJit, nn
    _, _, outs, drops, kind, lr = WORKLOADS[name]
    params, x, y = data(name)
    params, (x, y) = [Tensor(p).realize() for p in params], (Tensor(v).realize() for v in (x, y))
    optimizer = {"sgd": nn.optim.SGD, "adam": nn.optim.Adam}[kind](params, lr=lr)

    @TinyJit
    def compiled(x, y):
        h = x
        for i in range(len(outs)):
            h = h.linear(params[2 * i].transpose(), params[2 * i + 1])
            h = h.relu() if i + 1 < len(outs) else h
            h = h.dropout(drops[i]) if i < len(drops) else h
        loss = h.sparse_categorical_crossentropy(y) if outs[-1] > 1 else (h - y).square().mean()
        optimizer.zero_grad()
        loss.backward()
        return loss.realize(*optimizer.schedule_step())

    def wait(loss):
        Device[Device.DEFAULT].synchronize()
        return loss.item()
    return (lambda: compiled(x, y)), wait


PEERS = {"torch": torch_step, "jax": jax_step, "tinygrad": tinygrad_step}


def run_one(peer, name, seconds, threads):
    """Times a peer in this process."""
    step, wait = PEERS[peer](name, threads)
    begin = time.perf_counter()
    wait(step())
    first = time.perf_counter() - begin
    loss = [wait(step()) for _ in range(4)][-1]
    begin = time.perf_counter()
    wait(step())
    n = max(1, math.ceil(BLOCK / (time.perf_counter() - begin)))
    blocks, end = [], time.perf_counter() + seconds
    while len(blocks) < 5 or time.perf_counter() < end:
        begin = time.perf_counter()
        for _ in range(n):
            result = step()
        wait(result)
        blocks.append(1e3 * (time.perf_counter() - begin) / n)
    return dict(framework=peer, workload=name, ms_per_step_min=min(blocks),
                ms_per_step_median=statistics.median(blocks), first_step_s=first, loss_step5=loss)


def command(program, name, a):
    if program == "clgrad":
        return [a.clgrad, "bench", "train", name, "--json", "--seconds", str(a.seconds)]
    if a.script:
        return [sys.executable, a.script, "--framework", program, "--workload", name, "--block",
                "--seconds", str(a.seconds), "--threads", str(a.threads)]
    return [sys.executable, os.path.abspath(__file__), "--one", program, "--workload", name,
            "--seconds", str(a.seconds), "--threads", str(a.threads)]


def run(program, name, a):
    """The line of JSON that a program prints; None when it fails."""
    done = subprocess.run(command(program, name, a), capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        print(f"{program} {name}: {done.stderr.strip()[-300:] or 'no figure'}", file=sys.stderr)
        return None
    return json.loads(lines[-1])


def compare(a):
    programs = ["clgrad"] + a.peers.split(",")
    print(f"{'ms a step, best (median)':26}" + "".join(f"{p:>22}" for p in programs) + "   peers / clgrad")
    for name in a.workloads.split(","):
        best = {p: (math.inf, []) for p in programs}
        for _ in range(a.rounds):
            for p in programs:
                line = run(p, name, a)
                if line:
                    best[p] = (min(best[p][0], line["ms_per_step_min"]),
                               best[p][1] + [line["ms_per_step_median"]])
        cells = [f"{low:.4f} ({statistics.median(mid):.4f})" if mid else "-" for low, mid in best.values()]
        ours = best["clgrad"][0]
        ratios = " ".join(f"{best[p][0] / ours:.2f}" for p in programs[1:])
        print(f"{name:26}" + "".join(f"{c:>22}" for c in cells) + f"   {ratios}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clgrad", default="clgrad", help="the command")
    parser.add_argument("--peers", default="torch,jax")
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--script")
    parser.add_argument("--one", choices=PEERS)
    parser.add_argument("--workload", choices=WORKLOADS)
    a = parser.parse_args()
    if not a.one:
        return compare(a)
    if not a.workload:
        parser.error("--one needs --workload")
    print(json.dumps(run_one(a.one, a.workload, a.seconds, a.threads)))


main()
