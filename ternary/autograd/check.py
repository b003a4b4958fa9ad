"""Gradients against finite differences, in float64."""
from collections.abc import Callable

import numpy as np

from ternary.autograd.tape import Tape, Tensor
from ternary.compiler.layout import pad_to_tile, unpadded


class GradientError(AssertionError):
    """A gradient that is not the derivative."""


def tensor_of(a: np.ndarray) -> Tensor:
    """An array (B, T, C) as activations, a matrix or vector as a parameter: in the layout of each, with a gradient.

    The gradient starts from a nonzero value, so that an op which overwrites instead of adding is caught.
    """
    if a.ndim == 3:
        data = pad_to_tile(a.reshape(-1, a.shape[-1]), (-1,))
    else:
        data = pad_to_tile(a, (-1,))
    t = Tensor(data.copy(), a.shape)
    grad = t.grad = np.zeros_like(data)
    logical(grad, a.shape)[...] = 0.5
    return t


def logical(a: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A view of `data` or `grad` of a tensor of this shape without padding; activations as rows (B * T, C)."""
    if a.ndim == len(shape):
        return unpadded(a, shape)
    return a[:, :shape[-1]] if a.ndim == 2 else a


def check_gradient(f: Callable[..., Tensor], *arrays: np.ndarray, eps: float = 1e-5, tolerance: float = 1e-7,
                   directions: int = 3, seed: int = 0, dy: np.ndarray | None = None) -> None:
    """Check the backward of f, a function of Tensors under a float64 tape, at `arrays`, one argument at a time.

    An array (B, T, C) becomes activations, one with fewer axes a parameter. For random v and dy (random too if not
    given, then in the layout of the result's `data`), <dy, f(x + eps v) - f(x - eps v)> / 2 eps must equal
    <gradient, v> to `tolerance`, relative to the size of what is summed; otherwise GradientError names the argument.
    The padding of the result and of gradients must be zeros.
    """
    rng = np.random.default_rng(seed)
    inputs = [np.array(a, np.float64) for a in arrays]

    def run(values: list[np.ndarray]) -> tuple[Tape, list[Tensor], Tensor]:
        with Tape("fp64") as tape:
            tensors = [tensor_of(v) for v in values]
            return tape, tensors, f(*tensors)

    tape, tensors, y = run(inputs)
    expect_zero_padding("the result", y.data, y.shape)
    if dy is None:
        dy = np.zeros(y.data.shape)
        logical(dy, y.shape)[...] = rng.standard_normal(logical(dy, y.shape).shape)
    tape.backward((y, dy.copy()))
    for k, x in enumerate(inputs):
        found = tensors[k].grad
        assert found is not None
        expect_zero_padding(f"the gradient of argument {k}", found, x.shape)
        gradient = logical(found, x.shape).reshape(x.shape) - 0.5
        for _ in range(directions):
            v = rng.standard_normal(x.shape)
            ends = [run([*inputs[:k], x + s * eps * v, *inputs[k + 1:]])[2].data.copy() for s in (1, -1)]
            numeric = (dy * (ends[0] - ends[1])).sum() / (2 * eps)
            if not disagreement(gradient, v, numeric) <= tolerance:
                raise GradientError(f"[check_gradient] argument {k}: backward gives {(gradient * v).sum():.9g} along a "
                                    f"random direction, finite differences {numeric:.9g}; tolerance {tolerance:g}")


def disagreement(gradient: np.ndarray, v: np.ndarray, numeric: float, floor: float = 1e-12) -> float:
    """How far <gradient, v> is from a finite difference along v, relative to the size of what is summed and floor."""
    size = np.sqrt((gradient * gradient * v * v).sum()) + abs(numeric) + floor
    return float(abs(numeric - (gradient * v).sum()) / size)


def expect_zero_padding(what: str, a: np.ndarray, shape: tuple[int, ...]) -> None:
    rest = a.copy()
    logical(rest, shape)[...] = 0
    if rest.any():
        raise GradientError(f"[check_gradient] {what}, of shape {shape}, is not zero behind its channels")
