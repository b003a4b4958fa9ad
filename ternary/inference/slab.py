"""Places in a row of activations."""
from ternary.compiler.layout import TILE_N
from ternary.compiler.two_bit import PANEL

UNIT = max(PANEL, TILE_N)         # places begin and end at whole units: instructions run over whole lines and panels


def padded(n: int, unit: int = UNIT) -> int:
    return -(-n // unit) * unit


class Slab:
    """Places for activations in the row: a value's place is free again after its last use."""

    def __init__(self) -> None:
        self.free: list[tuple[int, int]] = []         # (first, size), in order
        self.size = 0

    def take(self, n: int) -> int:
        n = padded(n)
        for k, (first, size) in enumerate(self.free):
            if size >= n:
                self.free[k:k + 1] = [(first + n, size - n)] if size > n else []
                return first
        return self.take_new(n)

    def take_new(self, n: int) -> int:
        """A place that had no value before."""
        self.size += padded(n)
        return self.size - padded(n)

    def give(self, first: int, n: int) -> None:
        merged: list[tuple[int, int]] = []
        for start, size in sorted([*self.free, (first, padded(n))]):
            if merged and sum(merged[-1]) == start:
                start, size = merged[-1][0], merged.pop()[1] + size
            merged.append((start, size))
        self.free = merged
