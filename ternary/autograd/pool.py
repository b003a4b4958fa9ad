"""Memory of activations, used again as soon as nothing refers to it."""
from collections import defaultdict
from math import prod

import numpy as np

PAGE, SLAB = 4096, 64 << 20       # a slab is large enough that NumPy asks for huge pages


def aligned(size: int) -> np.ndarray:
    """`size` bytes from a page's start: vectors that straddle cache lines cost twice."""
    raw = np.empty(size + PAGE, np.uint8)
    start = -raw.ctypes.data % PAGE
    return raw[start:start + size]


class Pool:
    """Uninitialised arrays; last in, first out, so that a new one is still in cache."""

    class Block:
        """Owner of an array and of all its views: memory returns when the last of them is gone."""

        def __init__(self, interface: dict, home: list):
            self.__array_interface__, self.home = interface, home

        def __del__(self):
            self.home.append(self.__array_interface__)

    def __init__(self):
        self.free, self.slabs, self.room, self.bytes = defaultdict(list), [], 0, 0

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        home = self.free[shape, dtype]
        return np.asarray(self.Block(home.pop() if home else self._carve(shape, dtype), home))

    def _carve(self, shape, dtype) -> dict:
        size = -(-prod(shape) * dtype.itemsize // PAGE) * PAGE
        if self.room < size:
            self.room = max(size, SLAB)
            self.slabs.append(aligned(self.room))
        at = self.slabs[-1].ctypes.data + self.slabs[-1].size - self.room
        self.room, self.bytes = self.room - size, self.bytes + size
        return dict(shape=shape, typestr=dtype.str, data=(at, False), version=3)
