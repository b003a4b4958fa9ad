"""Kernels alone, on the shapes of bolt-small: matrix products against those of NumPy and PyTorch, others by memory."""
import json
import sys
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from ternary.bench.measure import activations, best_seconds, machine, right_operand, zeros
from ternary.bench.peak import PRODUCTS, linear_shapes, product
from ternary.bench.peer import Peer
from ternary.compiler.isa import PRECISIONS
from ternary.compiler.tiles import TILE_N
from ternary.errors import UsageError
from ternary.kernels import adamw, conv, glu, norm
from ternary.kernels import cross_entropy as head
from ternary.kernels.gemm.pack import pack_table, quantize_table
from ternary.kernels.gemm.quant import TRITS
from ternary.machine.heartbeat import say
from ternary.models import MODELS
from ternary.models.lm import LM
from ternary.rng import generator

ROWS = 2048                       # tokens per call, as in training
LENGTH = 256                      # tokens per sequence


def bench_kernels(seconds: float = 0.3, peer: str | None = None, peer_python: str = sys.executable) -> list[dict]:
    """One row per kernel, shape and precision, `seconds` each -> JSON of `ternary bench kernels`.

    gflops counts the matrix products; numpy_gflops is numpy.matmul in float32 on the same ones, ratio is ours
    over NumPy's; with peer "torch", torch_gflops and torch_ratio are those of PyTorch in the row's precision.
    gb_per_second counts every array once that is read, and once if it is written.
    """
    if peer not in (None, "torch"):
        raise UsageError(f"--peer is {peer!r}; the peer is torch")
    model, where, rows = MODELS.get("bolt-small")(), machine(), []
    rival = Peer(peer_python, "matmul_torch.py", "--rows", ROWS, "--threads", where["threads"]) if peer else None
    numpy_seconds = {}
    for precision in PRECISIONS:
        kernels = list(products(model, precision, seconds))
        if rival:
            say(f"matrix products of PyTorch, {precision}")
            torch_seconds = peer_seconds(rival, [parts for _, parts, _ in kernels], precision, seconds)
        for i, (name, parts, ours) in enumerate(kernels):
            say(f"{name}, {precision}")
            if name not in numpy_seconds:
                numpy_seconds[name] = sum(numpy_product(*part, seconds) for part in parts)
            took, flops = ours(), sum(2 * ROWS * m * k for _, m, k in parts)
            row = {"kernel": name, "precision": precision, "ms": took * 1e3, "gflops": flops / took / 1e9,
                   "numpy_gflops": flops / numpy_seconds[name] / 1e9, "ratio": numpy_seconds[name] / took}
            if rival:
                row |= {"torch_gflops": flops / torch_seconds[i] / 1e9, "torch_ratio": torch_seconds[i] / took}
            rows.append({**row, "gb_per_second": None, **where})
        for name, size, call in passes(model, precision):
            say(f"{name}, {precision}")
            took = best_seconds(call, seconds)
            rows.append({**dict.fromkeys(rows[0]), "kernel": name, "precision": precision, "ms": took * 1e3,
                         "gb_per_second": size / took / 1e9, **where})
    return rows


def products(model: LM, precision: str, seconds: float) -> Iterator[tuple[str, list[tuple], Callable]]:
    """Name, the products (kind, outputs, inputs) in it, and what measures seconds. Shapes that are alike come once.

    Those of the head are three, without its softmax.
    """
    names = set()
    for m, k in linear_shapes(model):
        for kind in PRODUCTS:
            inputs, outputs = (k, m) if kind == "forward" else (m, k)
            name = f"matmul_dw {m} x {k}" if kind == "dw" else f"matmul {inputs} -> {outputs}"
            if name not in names:
                names.add(name)
                yield name, [(kind, m, k)], partial(product, kind, ROWS, m, k, precision, seconds)
    c, table = model.config, model.embed.weight.data
    yield (f"glu {c.dim} -> 2 x {c.hidden}", [("forward", 2 * c.hidden, c.dim)],
           partial(glu_seconds, c.dim, c.hidden, precision, seconds))
    yield (f"cross_entropy {table.shape[1]} x {table.shape[0]}", [(kind, *table.shape) for kind in PRODUCTS],
           partial(head_seconds, table, precision, seconds))


def peer_seconds(rival: Peer, kernels: list[list[tuple]], precision: str, seconds: float) -> list[float]:
    """Best seconds of the peer's products, summed up for each kernel."""
    flat = json.dumps([part for parts in kernels for part in parts])
    took, _ = rival.call("--precision", precision, "--seconds", seconds, "--products", flat)
    each = iter(took)
    return [sum(next(each) for _ in parts) for parts in kernels]


def numpy_product(kind: str, m: int, k: int, seconds: float) -> float:
    rng = generator(0, "bench")
    x, dy, w = (activations(rng, *shape, "fp32") for shape in ((ROWS, k), (ROWS, m), (m, k)))
    a, b = {"forward": (x, w.T), "dx": (dy, w), "dw": (dy.T, x)}[kind]
    y = zeros((len(a), b.shape[1]))
    return best_seconds(lambda: np.matmul(a, b, out=y), seconds)


def glu_seconds(dim: int, hidden: int, precision: str, seconds: float) -> float:
    rng, one = generator(0, "bench"), np.float32(1)
    x, g, u, y = (activations(rng, ROWS, width, precision) for width in (dim, hidden, hidden, hidden))
    gate, up = (right_operand(rng, hidden, dim, TRITS[precision]) for _ in range(2))
    return best_seconds(partial(glu.glu, x, x, gate, up, one, one, 0, g, u, y), seconds)


def head_seconds(table: np.ndarray, precision: str, seconds: float) -> float:
    rng, (vocab, d) = generator(0, "bench"), table.shape
    h, target = activations(rng, ROWS, d, precision), rng.integers(0, vocab, ROWS, np.int32)
    padded = -(-vocab // TILE_N) * TILE_N
    in_int8 = precision == "int8"
    words, channels = zeros((padded, d), np.int8 if in_int8 else h.dtype), zeros((d, padded), h.dtype)
    factors = zeros((2, padded if in_int8 else 0))
    if in_int8:
        quantize_table(table, words, factors, channels)
    else:
        pack_table(table, words, channels)
    loss, dh, dtable = zeros((ROWS,)), zeros((ROWS, d)), zeros(table.shape)
    exact = np.float32(0)
    args = h, table, target, words, factors, channels, np.float32(1 / ROWS), exact, 0, loss, dh, dtable
    return best_seconds(partial(head.cross_entropy, *args), seconds)


def passes(model: LM, precision: str) -> Iterator[tuple[str, int, Callable]]:
    """Name, bytes read and written, and the call."""
    rng, c = generator(0, "bench"), model.config
    x, w, r = activations(rng, ROWS, c.dim, "fp32"), np.ones(c.dim, np.float32), zeros((ROWS,))
    y, gv = (activations(rng, ROWS, width, precision) for width in (c.dim, 2 * c.dim))
    taps = activations(rng, conv.TAPS, c.dim, "fp32")
    dy, g, u = (activations(rng, ROWS, c.hidden, precision) for _ in range(3))
    yield f"rms_norm {c.dim}", x.nbytes + y.nbytes, partial(norm.rms_norm, x, w, c.dim, y, r)
    yield f"glu_bwd {c.hidden}", 6 * dy.nbytes, partial(glu.glu_bwd, dy, g, u, 0)
    yield f"gated_conv {c.dim}", gv.nbytes + y.nbytes, partial(conv.gated_conv8, gv, taps, LENGTH, y)
    if precision == "fp32":
        p, g, m, v = (zeros((-(-model.parameter_count // TILE_N) * TILE_N,)) for _ in range(4))
        hyper = np.array([1, 1e-3, 0.01, 0.9, 0.95, 1, 1, 1e-8], np.float32)
        yield f"adamw {model.parameter_count}", 8 * p.nbytes, partial(adamw.adamw, p, g, m, v, hyper)
