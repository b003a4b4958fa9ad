"""Layouts in memory: channels in tiles of 32 columns, so that kernels have no remainder loop; bf16 as uint16."""
import numpy as np

TILE_N = 32                       # columns of a tile, and of a panel of a packed matrix


def padded(channels: int) -> int:
    """The number of columns that hold so many channels: the next multiple of TILE_N."""
    return -(-channels // TILE_N) * TILE_N


def pad_to_tile(a: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """`a` with zeros up to a multiple of TILE_N along these axes; `a` itself if nothing is missing."""
    room = np.zeros((a.ndim, 2), int)
    for axis in axes:
        room[axis, 1] = -a.shape[axis] % TILE_N
    return np.pad(a, room) if room.any() else a


def unpadded(a: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A view of the first elements of `a` along every axis."""
    return a[tuple(slice(n) for n in shape)]


def to_bf16(x):
    """Round float32 to bf16 (to nearest, ties to even), as uint16."""
    u = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((u + 0x7fff + ((u >> 16) & 1)) >> 16).astype(np.uint16)


def from_bf16(x):
    """bf16 as uint16 -> float32."""
    return (x.astype(np.uint32) << 16).view(np.float32)
