"""Ops over the channels of each token: parts, sums, softmax. They are plain NumPy, for parts of a model that are
not worth a kernel.
"""
import numpy as np

from ternary.autograd.tape import Tensor, current_tape, empty, op
from ternary.compiler.layout import from_bf16
from ternary.ops.arithmetic import any_accum
from ternary.ops.gradients import donate_grad
from ternary.ops.numpy_op import numpy_op


@op
def channels(x: Tensor, first: int, last: int) -> Tensor:
    """x (B, T, C) -> x[..., first:last]"""
    count = last - first
    y = empty((*x.shape[:-1], count), accum=any_accum(x))
    y.data[:, :count], y.data[:, count:] = x.data[:, first:last], 0

    def backward(dy):
        dx = np.zeros(x.data.shape, dy.dtype)
        dx[:, first:last] = dy[:, :count]
        donate_grad(x, dx)
    return y, backward


def split(x: Tensor, sizes: list[int]) -> list[Tensor]:
    """x (B, T, C) -> parts with `sizes` channels, which sum to C"""
    ends = np.cumsum(sizes).tolist()
    if ends[-1] != x.shape[-1]:
        raise ValueError(f"[ops.split] sizes {list(sizes)} have the sum {ends[-1]}; expected {x.shape[-1]}, the "
                         f"channels of a tensor of shape {x.shape}")
    return [channels(x, end - size, end) for end, size in zip(ends, sizes)]


@op
def concat(*xs: Tensor) -> Tensor:
    """Tensors (B, T, Ci) -> their channels one after the other, (B, T, sum of Ci)"""
    ends = np.cumsum([x.shape[-1] for x in xs]).tolist()
    y, accum = empty((*xs[0].shape[:-1], ends[-1]), accum=any_accum(*xs)), current_tape().accum_dtype
    for x, end in zip(xs, ends):
        part = x.data[:, :x.shape[-1]]
        y.data[:, end - x.shape[-1]:end] = from_bf16(part) if part.dtype != y.data.dtype == accum else part
    y.data[:, ends[-1]:] = 0

    def backward(dy):
        for x, end in zip(xs, ends):
            dx = np.zeros(x.data.shape, dy.dtype)
            dx[:, :x.shape[-1]] = dy[:, end - x.shape[-1]:end]
            donate_grad(x, dx)
    return y, backward


@numpy_op
def clip(x: Tensor, low: float, high: float) -> Tensor:
    """x (B, T, C) -> min(max(x, low), high); without a gradient where it is clipped"""
    def backward(dy):
        return np.where((x > low) & (x < high), dy, 0)
    return np.clip(x, low, high), backward


@numpy_op
def gather(x: Tensor, index: np.ndarray) -> Tensor:
    """x (B, T, C), index (B, T) -> y[b, t] = x[b, t, index[b, t]], (B, T, 1)"""
    def backward(dy):
        dx = np.zeros_like(x)
        np.put_along_axis(dx, index[..., None], dy, -1)
        return dx
    return np.take_along_axis(x, index[..., None], -1), backward


@numpy_op
def scatter(x: Tensor, index: np.ndarray, channels: int) -> Tensor:
    """x (B, T, 1), index (B, T) -> y[b, t, index[b, t]] = x[b, t], 0 in all other channels, (B, T, C)"""
    def backward(dy):
        return np.take_along_axis(dy, index[..., None], -1)
    y = np.zeros((*index.shape, channels), x.dtype)
    np.put_along_axis(y, index[..., None], x, -1)
    return y, backward


@numpy_op
def softmax(x: Tensor) -> Tensor:
    """x (B, T, C) -> exp(x) / sum of exp(x), over channels"""
    e = np.exp(x - x.max(-1, keepdims=True))
    y = e / e.sum(-1, keepdims=True)

    def backward(dy):
        return y * (dy - (dy * y).sum(-1, keepdims=True))
    return y, backward


@numpy_op
def top_softmax(x: Tensor, k: int) -> Tensor:
    """x (B, T, C) -> softmax over the k largest channels of each token, 0 in the others"""
    if not 1 <= k <= x.shape[-1]:
        raise ValueError(f"[ops.top_softmax] k is {k}; expected 1 to {x.shape[-1]}, the channels of a tensor of shape "
                         f"{x.shape}")
    index = np.argpartition(x, -k, axis=-1)[..., -k:]
    top = np.take_along_axis(x, index, -1)
    e = np.exp(top - top.max(-1, keepdims=True))
    y = np.zeros_like(x)
    np.put_along_axis(y, index, e / e.sum(-1, keepdims=True), -1)

    def backward(dy):
        return y * (dy - (dy * y).sum(-1, keepdims=True))
    return y, backward


@numpy_op
def slot_reading(x: Tensor, slots: Tensor) -> Tensor:
    """x (B, T, C), slots (S, C) -> softmax(x @ slots.T / sqrt(C)) @ slots, (B, T, C)"""
    factor = x.shape[-1] ** -0.5
    s = x @ slots.T * factor
    e = np.exp(s - s.max(-1, keepdims=True))
    p = e / e.sum(-1, keepdims=True)

    def backward(dy):
        dp = dy @ slots.T
        ds = p * (dp - (dp * p).sum(-1, keepdims=True)) * factor
        return ds @ slots, np.tensordot(ds, x, ([0, 1], [0, 1])) + np.tensordot(p, dy, ([0, 1], [0, 1]))
    return p @ slots, backward


@numpy_op
def mean(x: Tensor) -> Tensor:
    """x (B, T, C) -> its mean over channels, (B, T, 1)"""
    def backward(dy):
        return np.broadcast_to(dy / x.shape[-1], x.shape)
    return x.mean(-1, keepdims=True), backward


@numpy_op
def sum(x: Tensor) -> Tensor:
    """x (B, T, C) -> its sum over channels, (B, T, 1)"""
    def backward(dy):
        return np.broadcast_to(dy, x.shape)
    return x.sum(-1, keepdims=True), backward
