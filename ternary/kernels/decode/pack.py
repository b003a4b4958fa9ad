"""Weights for decoding, packed once, by NumPy. N outputs, K inputs; outputs are padded to whole panels."""
import numpy as np

from ternary.compiler.isa import FAST_SHARED_CACHE, LANES, VNNI
from ternary.compiler.two_bit import FIFTH_BITS, FIVE_BITS, PANEL

# of the bytes of the head's table: without VNNI, sums of two products have to fit 16 bits
TABLE_TOP = 127 if VNNI else 63
TABLE_ZERO = TABLE_TOP + 1
# of what may be less exact: where reading is slower than unpacking
NARROW_BITS, NARROW_TOP = (5, 15) if FIVE_BITS and not FAST_SHARED_CACHE else (8, TABLE_TOP)
WORD_TOP = 32767                  # of float weights, which are stored in 16 bits


def aligned(a: np.ndarray) -> np.ndarray:
    """A copy that begins on a cache line."""
    a = np.ascontiguousarray(a)
    room = np.empty(a.nbytes + 64, np.uint8)
    at = -room.ctypes.data % 64
    out = room[at:at + a.nbytes].view(a.dtype).reshape(a.shape)
    out[...] = a
    return out


def in_panels(q: np.ndarray) -> np.ndarray:
    """q (N, K) -> (N / PANEL, PANEL, K), padded with zeros."""
    q = np.pad(q, [(0, -len(q) % PANEL), (0, 0)])
    return q.reshape(-1, PANEL, q.shape[1])


def two_bit_panels(q: np.ndarray) -> np.ndarray:
    """q (N, K) of -1, 0, +1, K a multiple of 4 -> flat uint8: panels of 2-bit codes q + 1 for two_bit_fma."""
    p = (in_panels(q.astype(np.int8)) + 1).astype(np.uint8)
    k = p.shape[2]
    planes = p.reshape(len(p), 4, LANES, k // 4, 4).transpose(1, 0, 3, 2, 4)      # plane, panel, step, lane, input
    return (planes[0] | planes[1] << 2 | planes[2] << 4 | planes[3] << 6).ravel()


def byte_panels(q: np.ndarray) -> np.ndarray:
    """q (N, K) of whole numbers to +-TABLE_TOP -> flat uint8 panels of q + TABLE_ZERO for outer_fma into (1, 4)."""
    p = in_panels(q.astype(np.int16)) + TABLE_ZERO
    p = p.reshape(len(p), PANEL, -1, 4).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(p).astype(np.uint8).ravel()


def five_bit_panels(q: np.ndarray) -> np.ndarray:
    """q (N, K) of whole numbers to +-15, K a multiple of 8 -> flat uint8 panels of q + 16 for five_bit_fma."""
    p = (in_panels(q.astype(np.int8)) + 16).astype(np.uint8)
    panels, k = len(p), p.shape[2]
    # 4 vectors of 64 bytes of two numbers each
    p = p.reshape(panels, 2, 2, 16, k // 8, 2, 4).transpose(2, 0, 4, 5, 1, 3, 6).reshape(2, panels, k // 8, 4, 64)
    first, second = p
    bits = np.array(FIFTH_BITS, np.uint8)[..., None]
    fifth = (first >> 4 << bits[:, 0] | (second & 1) << bits[:, 1]).sum(2, dtype=np.uint8, keepdims=True)
    return np.concatenate([first & 15 | second >> 1 << 4, fifth], 2).ravel()


narrow_panels = five_bit_panels if NARROW_BITS == 5 else byte_panels


def whole_numbers(w: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
    """w (N, K) -> w / scale as whole numbers to +-top, and the scales (N,): a row has one"""
    scales = np.maximum(np.abs(w).max(1), 1e-30) / top
    return np.rint(w / scales[:, None]), scales


def word_panels(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """w (N, K) -> flat int16 panels (N / PANEL, K, PANEL) of w / scale, and the scales (N padded,)"""
    q, scales = whole_numbers(w, WORD_TOP)
    p = in_panels(q.astype(np.int16)).transpose(0, 2, 1)
    return np.ascontiguousarray(p).ravel(), np.pad(scales, (0, -len(w) % PANEL)).astype(np.float32)
