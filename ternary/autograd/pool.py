"""Memory of activations, used again as soon as nothing refers to it."""
from collections import defaultdict
from math import prod
from threading import Lock

import numpy as np

PAGE, SLAB = 4096, 64 << 20       # a slab is large enough that NumPy asks for huge pages


def aligned(size: int) -> np.ndarray:
    """`size` bytes from a page's start: vectors that straddle cache lines cost twice."""
    raw = np.empty(size + PAGE, np.uint8)
    start = -raw.ctypes.data % PAGE
    return raw[start:start + size]


class Pool:
    """Uninitialised arrays; of those with as many bytes, last in, first out, so that a new one is still in cache."""

    class Block:
        """Owner of an array and of all its views: memory returns when the last of them is gone.

        It holds the slab, so that an array may outlive the pool.
        """

        def __init__(self, place: tuple[int, np.ndarray], home: list[tuple[int, np.ndarray]], shape: tuple[int, ...],
                     dtype: np.dtype):
            self.place, self.home = place, home
            self.__array_interface__ = {"shape": shape, "typestr": dtype.str, "data": (place[0], False), "version": 3}

        def __del__(self) -> None:
            self.home.append(self.place)

    def __init__(self) -> None:
        self.free: dict[int, list[tuple[int, np.ndarray]]] = defaultdict(list)     # by bytes: address and slab
        self.lock = Lock()                # that of packed weights is shared by threads
        self.slab, self.room, self.taken = np.empty(0, np.uint8), 0, 0        # taken: bytes ever

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        size = -(-prod(shape) * dtype.itemsize // PAGE) * PAGE
        with self.lock:
            home = self.free[size]
            place = home.pop() if home else self._carve(size)
        return np.asarray(self.Block(place, home, shape, dtype))

    def _carve(self, size: int) -> tuple[int, np.ndarray]:
        if self.room < size:
            self.room = max(size, SLAB)
            self.slab = aligned(self.room)
        at = self.slab.ctypes.data + self.slab.size - self.room
        self.room -= size
        self.taken += size
        return at, self.slab
