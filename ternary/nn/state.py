"""What layers carry from one chunk of a sequence to the next."""
from collections.abc import Callable

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor


class Window:
    """The last `size` steps of a sequence: all that a layer with a finite window needs of the past."""

    def __init__(self, size: int):
        self.size = size
        self.buffer: np.ndarray | None = None

    def apply(self, f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """f over the past and x (B, T, C), a function that sees `size` steps back -> its results for x."""
        batch, seq_len, _ = x.shape
        buffer = np.zeros((batch, self.size + seq_len, x.data.shape[1]), x.data.dtype)
        if self.buffer is not None:
            buffer[:, :self.size] = self.buffer
        y = ops.drop_time(f(ops.with_past(x, buffer, self.size)), self.size)
        self.buffer = buffer[:, seq_len:].copy()
        return y


class History:
    """All steps so far, or at least the last `size` of them, in a buffer whose room doubles when it is full."""

    def __init__(self, size: int | None = None) -> None:
        self.size, self.buffer, self.filled = size, np.empty((0, 0, 0)), 0

    def extend(self, x: Tensor) -> Tensor:
        """x (B, T, C) -> the past and x, (B, past + T, C)"""
        batch, seq_len, _ = x.shape
        if self.buffer.shape[1] < self.filled + seq_len:
            kept = self.filled if self.size is None else min(self.size, self.filled)
            room = max(32, 1 << (kept + seq_len).bit_length())
            larger = np.zeros((batch, room, x.data.shape[1]), x.data.dtype)
            if kept:
                larger[:, :kept] = self.buffer[:, self.filled - kept:self.filled]
            self.buffer, self.filled = larger, kept
        y = ops.with_past(x, self.buffer, self.filled)
        self.filled += seq_len
        return y
