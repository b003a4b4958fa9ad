"""Sums and products of tensors. Results are in accum_dtype if one of the tensors (B, T, C) is.

The second operand is of the shape of the first, a row (C,) for all tokens, or (B, T, 1), one number for each token.
"""
import numpy as np

from ternary.autograd.tape import Tensor, current_tape, empty, grad_buffer, op
from ternary.kernels import elementwise as K
from ternary.ops.convert import array_of
from ternary.ops.gradients import add_array_grad, donate_grad, row_grad


@op
def add(a: Tensor, b: Tensor) -> Tensor:
    """a (B, T, C), b (B, T, C), (B, T, 1) or a row (C,) -> a + b, (B, T, C)"""
    return add_scaled(a, b, 1.0, "add")


@op
def sub(a: Tensor, b: Tensor) -> Tensor:
    """a (B, T, C), b (B, T, C), (B, T, 1) or a row (C,) -> a - b, (B, T, C)"""
    return add_scaled(a, b, -1.0, "sub")


def add_scaled(a: Tensor, b: Tensor, factor: float, name: str):
    """-> a + factor * b, and its backward"""
    b = second_operand(a, b, name)
    operand = rows_of(b)
    y = empty(a.shape, accum=any_accum(a, b))
    K.add_scaled(a.data, operand, factor, y.data)

    def backward(dy):
        row = constant_row(dy.shape[1], factor)
        if is_row(b):
            K.column_dots(dy, row, row_grad(b))
        else:
            db, add = grad_buffer(b)
            K.multiply(dy, row, add, db)
        if dy.dtype == a.data.dtype:
            donate_grad(a, dy)            # last, as a may be b
        else:
            da, add = grad_buffer(a)
            K.multiply(dy, constant_row(dy.shape[1], 1), add, da)
    return y, backward


@op
def mul(a: Tensor, b: Tensor) -> Tensor:
    """a (B, T, C), b (B, T, C), (B, T, 1) or a row (C,) -> a * b, (B, T, C)"""
    b = second_operand(a, b, "mul")
    operand = rows_of(b)
    y = empty(a.shape, accum=any_accum(a, b))
    K.multiply(a.data, operand, False, y.data)

    def backward(dy):
        if is_row(b):
            K.column_dots(dy, a.data, row_grad(b))
        else:
            db, add = grad_buffer(b)
            K.multiply(dy, a.data, add, db)
        da, add = grad_buffer(a)
        K.multiply(dy, operand, add, da)
    return y, backward


@op
def scale(x: Tensor, factor: float) -> Tensor:
    """x (B, T, C) -> factor * x"""
    row = constant_row(x.data.shape[1], factor)
    y = empty(x.shape, accum=any_accum(x))
    K.multiply(x.data, row, False, y.data)

    def backward(dy):
        dx, add = grad_buffer(x)
        K.multiply(dy, row, add, dx)
    return y, backward


@op
def expand(x: Tensor, channels: int) -> Tensor:
    """x (B, T, n), or a row (n,) -> each number in C / n channels side by side, (B, T, C) or (C,)"""
    count, shape = x.shape[-1], (*x.shape[:-1], channels)
    if channels % count:
        raise ValueError(f"[ops.expand] a tensor of shape {x.shape} to {channels} channels; expected a multiple of "
                         f"{count}")
    y = empty(shape, accum=is_row(x) or any_accum(x))
    rows = x.data.reshape(len(y.data), -1)[:, :count]
    y.data[:, :channels], y.data[:, channels:] = np.repeat(rows, channels // count, axis=1), 0

    def backward(dy):
        add_array_grad(x, array_of(dy, shape).reshape(*x.shape, -1).sum(-1))
    return y, backward


@op
def broadcast(row: Tensor, batch: int, seq_len: int) -> Tensor:
    """row (C,) -> the same for every token, (B, T, C) in accum_dtype"""
    shape = (batch, seq_len, row.shape[0])
    y = empty(shape, accum=True)
    y.data[:, :shape[-1]], y.data[:, shape[-1]:] = array_of(row.data, row.shape), 0

    def backward(dy):
        add_array_grad(row, array_of(dy, shape).sum((0, 1)))
    return y, backward


def constant_row(columns: int, value: float) -> np.ndarray:
    return np.full(columns, value, current_tape().accum_dtype)


def is_row(x: Tensor) -> bool:
    return len(x.shape) == 1


def any_accum(*xs: Tensor) -> bool:
    """Whether a result of these belongs in accum_dtype; rows do not count, as parameters are never narrower."""
    return any(x.data.dtype == current_tape().accum_dtype for x in xs if not is_row(x))


def expect_shape(op: str, name: str, x: Tensor | np.ndarray, *shapes: tuple[int, ...]) -> None:
    """ValueError unless operand `name` of an op has one of the shapes: kernels would read or write beyond its end."""
    if x.shape not in shapes:
        raise ValueError(f"[ops.{op}] {name} has shape {x.shape}; expected {' or '.join(map(str, shapes))}")


def second_operand(a: Tensor, b: Tensor, name: str) -> Tensor:
    """b, expanded to the shape of a if it is one number per token."""
    if b.shape not in (a.shape, a.shape[-1:], (*a.shape[:-1], 1)):
        raise ValueError(f"[ops.{name}] a tensor of shape {a.shape} with one of shape {b.shape}; expected the same "
                         f"shape, one number per token {(*a.shape[:-1], 1)}, or a row {a.shape[-1:]}")
    return b if is_row(b) or b.shape == a.shape else expand(b, a.shape[-1])


def rows_of(b: Tensor) -> np.ndarray:
    """What kernels take for b: its rows, or one row (C,)."""
    return b.data.reshape(-1) if is_row(b) else b.data
