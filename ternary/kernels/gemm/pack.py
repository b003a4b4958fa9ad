"""Memory layouts of the operands of matrix products, and quantisation of activations to int8.

The inner dimension of a product is called `steps`. The left operand is row-major (rows, steps). The right operand
(steps, columns) is packed into panels of 32 columns, an array (columns / 32, steps * 32). In bf16, stored as uint16,
a panel interleaves the elements of steps 2k and 2k+1, as dot product instructions need them: element (s, j) is at
(s // 2, j, s % 2). Panels of bytes interleave four steps. Viewed as 32-bit words, an array of bf16 is one of pairs,
which transposes like float32. Panels of ternary weights may be uint8 and hold q + 1: most byte dot products take one
unsigned operand.
"""
import numpy as np
from numba import prange

from ternary.compiler.isa import LANES, SDOT, VNNI
from ternary.compiler.jit import device, kernel
from ternary.compiler.tile_memory import (
    k_pack,
    largest_magnitude,
    load_like,
    magnitudes,
    max_magnitude,
    store,
    store_paired,
)
from ternary.compiler.tiles import (
    TILE_N,
    add_rounded,
    from_ints,
    maximum,
    rint,
    square_tile,
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
# of right operands: most byte dot products take one unsigned operand
ZERO_POINT = 0 if SDOT else 128


def unpack(p):
    """Panels (columns / 32, steps * 32) -> (steps, columns); the inverse of packed."""
    return p.reshape(len(p), -1, TILE_N).transpose(1, 0, 2).reshape(-1, len(p) * TILE_N)


def packed(x):
    """(steps, columns) -> panels (columns / 32, steps * 32), not interleaved (float32 or float64)."""
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
    """Panel pj of p = x[first:first+n, j*32:j*32+32], rows as steps, padded with zeros to a multiple of 32."""
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
    """Panel pj of p = x[first:first+32].T: rows as columns, columns as steps."""
    w = view_u32(x, x.shape[1] // k_pack(x))
    transpose_words(w, first, 0, TILE_N, w.shape[1], view_u32(p, TILE_N), pj * w.shape[1], 0)


@device
def transpose_rows(x, first, n, j, y, k, p):
    """y[k:k+32, :n] = x[first:first+n, j*32:j*32+32].T, n padded to a multiple of 32; p (1, n*32) is scratch."""
    pack_steps(x, first, n, j, p, 0)
    steps = (n + TILE_N - 1) // TILE_N * TILE_N // k_pack(p)
    transpose_words(view_u32(p, TILE_N), 0, 0, steps, TILE_N, view_u32(y, y.shape[1] // k_pack(y)), k, 0)


@device
def quantize_row(a, i, top, zero, q, k, factors, others_zero):
    """q[k] = rint(a[i] / f) + zero, with f = absmax of the row / top. zero: 0, or ZERO_POINT for a right operand.

    factors[0, k] = f. factors[1, k] = others_zero * sum of the rounded values: the correction to subtract from a
    product whose other operand has the zero point others_zero. It is NaN if the row has a NaN or an infinity.
    """
    m, s = vec32(), vec32()
    for j in range(0, a.shape[1], TILE_N):
        m = max_magnitude(m, a, i, j)
    f = max(largest_magnitude(m, a), TINY) / np.float32(top)             # NaN comes first, so it stays
    for j in range(0, a.shape[1], TILE_N):
        t = load_like(vec32(), a, i, j) * (ONE / f)
        s = add_rounded(s, t)
        store(q, k, j, t if zero == 0 else rint(t) + np.float32(zero))
    factors[0, k] = f
    factors[1, k] = total(from_ints(s)) * np.float32(others_zero) + (f - f)


@device
def quantize_steps(x, first, n, j, top, zero, p, pj, factors, k):
    """pack_steps to bytes, with absmax scaling per column: rint(x / f) + zero, f = absmax of the column / top.

    factors[k] = f (NaN if the column has a NaN or an infinity), factors[k + 1] = sums of the rounded values.
    """
    m, s, low = vec32(), vec32(), np.float32(zero)
    for r in range(n):
        m = max_magnitude(m, x, first + r, j * TILE_N)
    f = maximum(magnitudes(m, x), TINY) / np.float32(top)
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


def pack_table_ref(table):
    """table (V, D) -> rows (V', D) and channels (D, V'), V' = V rounded up to 32: left operands of the output head."""
    vocab_rows = np.concatenate([table, np.zeros((-len(table) % TILE_N, table.shape[1]), table.dtype)])
    return vocab_rows, vocab_rows.T


@device
def pack_words(table, w, rows, first, channels):
    """rows[first:first+32] = table[w:w+32], zeros behind its end; channels[:, w:w+32] = their transpose."""
    p = workspace(1, TILE_N * TILE_N, rows.dtype)
    transposed_block = workspace(TILE_N, TILE_N, rows.dtype)
    for j in range(0, rows.shape[1], TILE_N):
        for r in range(TILE_N):
            t = vec32()
            if w + r < table.shape[0]:
                t = load_like(vec32(), table, w + r, j)
            store(rows, first + r, j, t)
        transpose_rows(rows, first, TILE_N, j // TILE_N, transposed_block, 0, p)
        for r in range(TILE_N):
            store(channels, j + r, w, load_like(vec32(), transposed_block, r, 0))


@kernel(ref=pack_table_ref)
def pack_table(table, rows, channels):
    for panel in prange(rows.shape[0] // TILE_N):
        pack_words(table, panel * TILE_N, rows, panel * TILE_N, channels)


def quantize_table_ref(table):
    """table (V, D) -> q int8 (V', D), factors (2, V'), channels (D, V'): pack_table with rows = q * factors[0],
    factors[1] = ZERO_POINT * sum(q).

    q is a left operand for panels of bytes with zero point ZERO_POINT. Without byte dot products, sums of two products
    are int16, so q is limited to 7 bits.
    """
    rows, channels = pack_table_ref(table)
    f = np.maximum(np.abs(rows).max(-1), TINY) / SEVEN_OR_EIGHT_BITS
    q = np.rint(rows / f[:, None])
    return q, np.stack([f, ZERO_POINT * q.sum(-1)]), channels


@kernel(ref=quantize_table_ref)
def quantize_table(table, q, factors, channels):
    for panel in prange(q.shape[0] // TILE_N):
        rows = workspace(TILE_N, q.shape[1], channels.dtype)
        pack_words(table, panel * TILE_N, rows, 0, channels)
        for r in range(TILE_N):
            quantize_row(rows, r, SEVEN_OR_EIGHT_BITS, 0, q, panel * TILE_N + r, factors, ZERO_POINT)
