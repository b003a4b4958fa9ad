"""How backward functions give gradients to inputs."""
import numpy as np

from ternary.autograd.tape import Tensor, current_tape, scratch
from ternary.kernels.elementwise import convert
from ternary.kernels.embedding import add_into


def donate_grad(x: Tensor, dy: np.ndarray) -> None:
    """Give the array dy, which nobody else may use afterwards, to x as its gradient, or add it to what is there."""
    if x.grad is None:
        x.grad = dy
    elif dy.ndim == 1:
        x.grad += dy                      # of losses and of vectors of parameters, which are always floats
    else:
        add_into(dy, x.grad)              # not +=: bf16 is stored as uint16


def summed_grad(x: Tensor) -> np.ndarray:
    """The gradient of a parameter, or of what was computed from one, to be added to."""
    if x.grad is None:
        x.grad = np.zeros(x.data.shape, current_tape().accum_dtype)
    return x.grad


def row_grad(x: Tensor) -> np.ndarray:
    """The gradient of a row (C,), to be added to, as an array (C',), padded."""
    return summed_grad(x).reshape(-1)


def add_array_grad(x: Tensor, gradient: np.ndarray) -> None:
    """Add a float array of x's shape to its gradient."""
    dx = scratch(x.data.shape, accum=x.accum_grad or x.data.dtype == current_tape().accum_dtype)
    if gradient.ndim != dx.ndim:
        gradient = gradient.reshape(len(dx), -1) if dx.ndim == 2 else gradient.ravel()
    if gradient.shape != dx.shape:
        gradient = np.pad(gradient, [(0, m - n) for m, n in zip(dx.shape, gradient.shape)])
    if dx.dtype == np.uint16:
        convert(np.ascontiguousarray(gradient, np.float32), dx)
    else:
        dx[...] = gradient
    donate_grad(x, dx)
