"""Ops over the channels of each token: parts, sums, softmax. They are plain NumPy, for parts of a model that are
not worth a kernel.
"""
import numpy as np

from ternary.autograd.tape import Tensor
from ternary.ops.numpy_op import numpy_op


@numpy_op
def channels(x: Tensor, first: int, last: int) -> Tensor:
    """x (B, T, C) -> x[..., first:last]"""
    def backward(dy):
        dx = np.zeros_like(x)
        dx[..., first:last] = dy
        return dx
    return x[..., first:last], backward


def split(x: Tensor, sizes: list[int]) -> list[Tensor]:
    """x (B, T, C) -> parts with `sizes` channels, which sum to C"""
    ends = np.cumsum(sizes).tolist()
    if ends[-1] != x.shape[-1]:
        raise ValueError(f"[ops.split] sizes {list(sizes)} have the sum {ends[-1]}; expected {x.shape[-1]}, the "
                         f"channels of a tensor of shape {x.shape}")
    return [channels(x, end - size, end) for end, size in zip(ends, sizes)]


@numpy_op
def concat(*xs: Tensor) -> Tensor:
    """Tensors (B, T, Ci) -> their channels one after the other, (B, T, sum of Ci)"""
    ends = np.cumsum([x.shape[-1] for x in xs])[:-1]

    def backward(dy):
        return tuple(np.split(dy, ends, -1))
    return np.concatenate(xs, -1), backward


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
