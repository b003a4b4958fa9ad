"""Parts of sequences: how layers carry state from one chunk to the next."""
import numpy as np

from ternary.autograd.tape import Tensor, op
from ternary.ops.gradients import donate_grad


@op
def with_past(x: Tensor, buffer: np.ndarray, filled: int) -> Tensor:
    """x (B, T, C) behind the first `filled` steps of the buffer (B, room, C') -> (B, filled + T, C)

    The buffer, of at least filled + T steps, takes x in. The past gets no gradient.
    """
    (batch, seq_len, channels), total = x.shape, filled + x.shape[1]
    buffer[:, filled:total] = x.data.reshape(batch, seq_len, -1)
    rows = np.ascontiguousarray(buffer[:, :total]).reshape(batch * total, -1)

    def backward(dy):
        new = dy.reshape(batch, total, -1)[:, filled:]
        donate_grad(x, np.ascontiguousarray(new).reshape(batch * seq_len, -1))
    return Tensor(rows, (batch, total, channels)), backward


@op
def drop_time(x: Tensor, n: int, last: int = 0) -> Tensor:
    """x (B, T, C) -> x without the first n and the `last` steps, x[:, n:T - last]"""
    batch, seq_len, channels = x.shape
    kept, rest = slice(n, seq_len - last), seq_len - last - n
    rows = np.ascontiguousarray(x.data.reshape(batch, seq_len, -1)[:, kept]).reshape(batch * rest, -1)

    def backward(dy):
        dx = np.zeros((batch, seq_len, dy.shape[-1]), dy.dtype)
        dx[:, kept] = dy.reshape(batch, rest, -1)
        donate_grad(x, dx.reshape(batch * seq_len, -1))
    return Tensor(rows, (batch, rest, channels)), backward
