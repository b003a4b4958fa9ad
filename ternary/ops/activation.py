"""The activations, all made by one function from the formulas in kernels/activation.py."""
from collections.abc import Callable
from math import prod

import numpy as np

from ternary.autograd.tape import Tensor, empty, grad_buffer, op
from ternary.kernels import activation as K
from ternary.ops.arithmetic import any_accum, is_row


def activation(name: str) -> Callable[[Tensor], Tensor]:
    """The op of an activation."""
    kind = K.NAMES.index(name)

    def f(x: Tensor) -> Tensor:
        data = as_rows(x.data, x.shape)
        y = empty(x.shape, accum=is_row(x) or any_accum(x))
        K.activation(data, kind, y.data)
        y.data[:, x.shape[-1]:] = 0       # f(0) need not be 0

        def backward(dy):
            dx, add = grad_buffer(x)
            K.activation_bwd(dy, data, kind, add, as_rows(dx, x.shape))
        return y, backward
    f.__name__ = f.__qualname__ = name
    f.__doc__ = f"x (B, T, C), or a parameter -> {K.FORMULAS[name].__doc__}"
    return op(f)


def as_rows(a: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The `data` or `grad` of a tensor of this shape as rows (N, C'): also of a row or a matrix of parameters."""
    return a.reshape(-1, a.shape[-1])[:prod(shape[:-1])]


silu, gelu, sigmoid, tanh = map(activation, ("silu", "gelu", "sigmoid", "tanh"))
relu, relu2, exp, softplus = map(activation, ("relu", "relu2", "exp", "softplus"))
