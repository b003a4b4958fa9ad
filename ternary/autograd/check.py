"""Gradients against finite differences, in float64."""
from collections.abc import Callable

import numpy as np

from ternary.autograd.tape import Tape, Tensor


class GradientError(AssertionError):
    """A gradient that is not the derivative."""


def check_gradient(f: Callable[..., Tensor], *arrays: np.ndarray, eps: float = 1e-5, tolerance: float = 1e-7,
                   directions: int = 3, seed: int = 0, dy: np.ndarray | None = None) -> None:
    """Check the backward of f, a function of Tensors under a float64 tape, at `arrays`, one argument at a time.

    Arrays (B, T, C), C a multiple of 32, become activations, others parameters. dy has the layout of f's `data`.

    For random v and dy (random too if not given), <dy, f(x + eps v) - f(x - eps v)> / 2 eps must equal
    <gradient, v> to `tolerance`, relative to the size of what is summed; otherwise GradientError names the argument.
    Gradients start from a nonzero value, so that an operation which overwrites instead of adding is caught.
    """
    rng = np.random.default_rng(seed)
    inputs = [np.array(a, np.float64) for a in arrays]

    def run(values):
        with Tape("fp64") as tape:
            tensors = [Tensor(v.reshape(-1, v.shape[-1]), v.shape) if v.ndim == 3 else Tensor(v) for v in values]
            for t in tensors:
                t.grad = np.full_like(t.data, 0.5)
            return tape, tensors, f(*tensors)

    tape, tensors, y = run(inputs)
    value = np.array(y.data)
    dy = rng.standard_normal(value.shape) if dy is None else dy
    tape.backward((y, dy.copy()))
    for k, x in enumerate(inputs):
        gradient = tensors[k].grad.reshape(x.shape) - 0.5
        for _ in range(directions):
            v = rng.standard_normal(x.shape)
            ends = [run([*inputs[:k], x + s * eps * v, *inputs[k + 1:]])[2].data.copy() for s in (1, -1)]
            numeric = (dy * (ends[0] - ends[1])).sum() / (2 * eps)
            exact = (gradient * v).sum()
            size = np.sqrt((gradient * gradient * v * v).sum()) + abs(numeric) + 1e-12
            if not abs(numeric - exact) <= tolerance * size:
                raise GradientError(f"[check_gradient] argument {k}: backward gives {exact:.9g} along a random "
                                    f"direction, finite differences {numeric:.9g}; tolerance {tolerance:g}")
