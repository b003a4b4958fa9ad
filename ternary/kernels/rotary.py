"""Rotary positions (Su et al. 2021): pairs of channels are rotated by angles that grow with the position."""
from functools import lru_cache

import numpy as np

from ternary.compiler.isa import LANES
from ternary.compiler.jit import device
from ternary.compiler.tile_memory import load_like, store
from ternary.compiler.tiles import tile

BASE = 10000.0                    # of the wavelengths
piece = tile(1, 1)


def rope_angles(seq_len: int, head_dim: int, dtype: np.dtype, rotary: bool = True) -> np.ndarray:
    """The rotary table (T, K): cos | sin of the angle t / BASE^(2j / K) of position t and pair j of channels.

    If not rotary, all angles are 0, which changes no bit of what is rotated.
    """
    return _rope_table(1 << (seq_len - 1).bit_length(), head_dim, dtype, rotary)[:seq_len]


@lru_cache(maxsize=16)
def _rope_table(seq_len: int, head_dim: int, dtype: np.dtype, rotary: bool) -> np.ndarray:
    angles = rotary * np.arange(seq_len)[:, None] * BASE ** (-np.arange(0, head_dim, 2) / head_dim)
    return np.concatenate([np.cos(angles), np.sin(angles)], -1).astype(dtype)


def rotated(x: np.ndarray, rope_table: np.ndarray) -> np.ndarray:
    """x (..., T, K) -> x with the pairs of channels j, j + K / 2 rotated by the angle of their position."""
    (a, b), (cos, sin) = np.split(x, 2, -1), np.split(rope_table, 2, -1)
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)


@device
def rotate(x, i, j, rope_table, t, scale, direction, y, k, l):
    """y[k, l:l+K] = scale * x[i, j:j+K], rotated by direction (1 or -1) times the angles of position t."""
    half = rope_table.shape[1] // 2
    for c in range(0, half, LANES):
        a, b = load_like(piece(), x, i, j + c), load_like(piece(), x, i, j + half + c)
        cos = load_like(piece(), rope_table, t, c) * scale
        sin = load_like(piece(), rope_table, t, half + c) * (scale * direction)
        store(y, k, l + c, a * cos - b * sin)
        store(y, k, l + half + c, b * cos + a * sin)
