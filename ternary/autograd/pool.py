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
    """Uninitialised arrays; last in, first out, so that a new one is still in cache."""

    class Block:
        """Owner of an array and of all its views: memory returns when the last of them is gone.

        It holds the slab, so that an array may outlive the pool.
        """

        def __init__(self, place: tuple[dict, np.ndarray], home: list[tuple[dict, np.ndarray]]):
            self.__array_interface__, self.slab = place
            self.home = home

        def __del__(self) -> None:
            self.home.append((self.__array_interface__, self.slab))

    def __init__(self) -> None:
        self.free: dict[tuple, list[tuple[dict, np.ndarray]]] = defaultdict(list)
        self.lock = Lock()                # that of packed weights is shared by threads
        self.slab, self.room, self.taken = np.empty(0, np.uint8), 0, 0        # taken: bytes ever

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        with self.lock:
            home = self.free[shape, dtype]
            place = home.pop() if home else self._carve(shape, dtype)
        return np.asarray(self.Block(place, home))

    def _carve(self, shape: tuple[int, ...], dtype: np.dtype) -> tuple[dict, np.ndarray]:
        size = -(-prod(shape) * dtype.itemsize // PAGE) * PAGE
        if self.room < size:
            self.room = max(size, SLAB)
            self.slab = aligned(self.room)
        at = self.slab.ctypes.data + self.slab.size - self.room
        self.room -= size
        self.taken += size
        return {"shape": shape, "typestr": dtype.str, "data": (at, False), "version": 3}, self.slab
