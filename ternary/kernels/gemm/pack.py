"""Layouts of matrix operands.

A product sums over `steps`. Its left operand is row-major (rows, steps); the right one (steps, columns) is
packed into panels of 32 columns, an array (columns / 32, steps * 32). In bf16 the elements of steps 2k and
2k+1 lie side by side, as dot instructions want them: element (s, j) of a panel is at (s // 2, j, s % 2); of bytes
four do. bf16 travels as uint16; as 32-bit words such an array is one of pairs, which transpose like float32.
Panels of ternary weights may be uint8: q + 1, because most dot instructions for bytes take one operand without sign.
"""
import numpy as np
from numba import prange

from ternary.compiler.isa import LANES, SDOT, VNNI
from ternary.compiler.jit import device, kernel
from ternary.compiler.tiles import (
    TILE_N,
    absolute,
    k_pack,
    largest,
    load_like,
    maximum,
    rint,
    square_tile,
    store,
    store_paired,
    sum_rows,
    total,
    transposed,
    vec32,
    vec32x2,
    vec32x4,
)
from ternary.compiler.workspace import clear, view_u32, workspace

TINY, ONE = np.float32(1e-30), np.float32(1)
SEVEN_OR_EIGHT_BITS = 127 if VNNI or SDOT else 63
# of right operands: most dot products of bytes take one of them unsigned
ZERO_POINT = 0 if SDOT else 128


def unpack(p):
    """Panels of float32 or float64 -> the matrix (steps, columns)."""
    return p.reshape(len(p), -1, TILE_N).transpose(1, 0, 2).reshape(-1, len(p) * TILE_N)


def packed(x):
    """The matrix (steps, columns) as panels, one step after the other (float32 or float64)."""
    return x.reshape(len(x), -1, TILE_N).transpose(1, 0, 2).reshape(-1, len(x) * TILE_N)


@device
def transpose_words(x, i, j, rows, cols, y, k, l):
    """y[k + c, l + r] = x[i + r, j + c] for 32-bit words; rows a multiple of LANES."""
    whole = cols // LANES * LANES
    for r in range(0, rows, LANES):
        for c in range(0, whole, LANES):
            store(y, k + c, l + r, transposed(load_like(square_tile(), x, i + r, j + c)))
    for c in range(whole, cols):
        for r in range(rows):
            y[k + c, l + r] = x[i + r, j + c]


@device
def pack_steps(x, first, n, j, p, pj):
    """Columns j*32.. of rows first..first+n of x become panel pj of p, rows as steps; the tail to 32 is zero."""
    even = n // 2 * 2
    for r in range(0, even, 2):
        store_paired(p, pj, r * TILE_N, load_like(vec32x2(), x, first + r, j * TILE_N))
    if n % TILE_N > 0:
        pad = workspace(2, TILE_N, np.float32)
        clear(pad)
        for r in range(even, (n + TILE_N - 1) // TILE_N * TILE_N, 2):
            if r < n:
                store(pad, 0, 0, load_like(vec32(), x, first + r, j * TILE_N))
            store_paired(p, pj, r * TILE_N, load_like(vec32x2(), pad, 0, 0))
            store(pad, 0, 0, vec32())


@device
def pack_columns(x, first, p, pj):
    """Rows first..first+32 of x become panel pj of p, rows as columns, columns as steps."""
    w = view_u32(x, x.shape[1] // k_pack(x))
    transpose_words(w, first, 0, TILE_N, w.shape[1], view_u32(p, TILE_N), pj * w.shape[1], 0)


@device
def transpose_rows(x, first, n, j, y, k, p):
    """y[k:k+32, :n] = x[first:first+n, j*32:j*32+32].T by way of p (1, n*32); n is rounded up to 32, the tail zero."""
    pack_steps(x, first, n, j, p, 0)
    steps = (n + TILE_N - 1) // TILE_N * TILE_N // k_pack(p)
    transpose_words(view_u32(p, TILE_N), 0, 0, steps, TILE_N, view_u32(y, y.shape[1] // k_pack(y)), k, 0)


@device
def quantize_row(a, i, top, zero, q, k, factors, others_zero):
    """q[k] = a[i] / f + zero, rounded; f maps the largest |a| to `top`. zero: 0, or ZERO for a right operand.

    factors[:, k] = f, and what is too much in a product whose other operand holds x + others_zero for x. With a NaN or
    an infinity in the row that is NaN.
    """
    largest_so_far, s = vec32(), vec32()
    for j in range(0, a.shape[1], TILE_N):
        largest_so_far = maximum(largest_so_far, absolute(load_like(vec32(), a, i, j)))
    f = max(largest(largest_so_far), TINY) / np.float32(top)
    for j in range(0, a.shape[1], TILE_N):
        t = rint(load_like(vec32(), a, i, j) * (ONE / f))
        s = s + t
        store(q, k, j, t + np.float32(zero))
    factors[0, k] = f
    factors[1, k] = total(s) * np.float32(others_zero)


@device
def quantize_steps(x, first, n, j, top, zero, p, pj, factors, k):
    """pack_steps in bytes: every column is divided by a factor of its own, which maps its largest to `top`, + zero.

    factors[k] = those of the columns (NaN where there is a NaN or an infinity), factors[k + 1] the sums of the rounded.
    """
    most, s, low = vec32(), vec32(), np.float32(zero)
    for r in range(n):
        most = maximum(most, absolute(load_like(vec32(), x, first + r, j * TILE_N)))
    f = maximum(most, TINY) / np.float32(top)
    inverse = ONE / f
    whole = n // 4 * 4
    for r in range(0, whole, 4):
        t = rint(load_like(vec32x4(), x, first + r, j * TILE_N) * inverse)
        s = s + sum_rows(t)
        store_paired(p, pj, r * TILE_N, t + low)
    if n % TILE_N > 0:
        pad = workspace(4, TILE_N, np.float32)
        clear(pad)
        for r in range(whole, n):
            store(pad, r - whole, 0, load_like(vec32(), x, first + r, j * TILE_N))
        for r in range(whole, (n + TILE_N - 1) // TILE_N * TILE_N, 4):
            t = rint(load_like(vec32x4(), pad, 0, 0) * inverse)
            s = s + sum_rows(t)
            store_paired(p, pj, r * TILE_N, t + low)
            clear(pad)
    store(factors, k, 0, f + s * np.float32(0))
    store(factors, k + 1, 0, s)


def quantize_rows_ref(x):
    """q int8 (N, D), factors (2, N): x = q * factors[0] and factors[1] = ZERO * sum(q)

    The rounded x are a left operand for panels of bytes that hold ZERO for 0. Without dot instructions for bytes, sums
    of two products have 16 bits, and q has 7.
    """
    f = np.maximum(np.abs(x).max(-1), TINY) / SEVEN_OR_EIGHT_BITS
    q = np.rint(x / f[:, None])
    return q, np.stack([f, ZERO_POINT * q.sum(-1)])


@kernel(ref=quantize_rows_ref)
def quantize_rows(x, q, factors):
    for i in prange(x.shape[0]):
        quantize_row(x, i, SEVEN_OR_EIGHT_BITS, 0, q, i, factors, ZERO_POINT)


def pack_table_ref(table):
    """table (V, D) -> words (V', D) and channels (D, V'), V' = V rounded up to 32: left operands of the head."""
    vocab_rows = np.concatenate([table, np.zeros((-len(table) % TILE_N, table.shape[1]), table.dtype)])
    return vocab_rows, vocab_rows.T


@kernel(ref=pack_table_ref)
def pack_table(table, rows, channels):
    for panel in prange(rows.shape[0] // TILE_N):
        w = panel * TILE_N
        p = workspace(1, TILE_N * TILE_N, rows.dtype)
        across = workspace(TILE_N, TILE_N, rows.dtype)
        for j in range(0, rows.shape[1], TILE_N):
            for r in range(TILE_N):
                t = vec32()
                if w + r < table.shape[0]:
                    t = load_like(vec32(), table, w + r, j)
                store(rows, w + r, j, t)
            transpose_rows(rows, w, TILE_N, j // TILE_N, across, 0, p)
            for r in range(TILE_N):
                store(channels, j + r, w, load_like(vec32(), across, r, 0))
