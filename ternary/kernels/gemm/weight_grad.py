"""Weight gradients: products that sum over tokens. Both operands are packed, one chunk of tokens at a time."""
import numpy as np
from numba import prange, types

from ternary.compiler.compat import overload
from ternary.compiler.jit import INNER, device, kernel
from ternary.compiler.tile_memory import load_like, prefetch, store
from ternary.compiler.tiles import TILE_N, vec32
from ternary.compiler.workspace import num_threads, share, view_u32, workspace
from ternary.kernels.gemm.blocks import acquire_accumulator, microkernel, release_accumulator
from ternary.kernels.gemm.pack import (
    SEVEN_OR_EIGHT_BITS,
    ZERO_POINT,
    pack_steps,
    quantize_steps,
    transpose_rows,
    transpose_words,
)

CHUNK = 256                       # tokens packed at a time


def matmul_dw_ref(dy, x, like):
    """dw = dy.T @ x.    dy (N, M), x (N, K) -> dw (M, K); `like` is any array with the operands' dtype

    int8: operands are quantised with one scale per channel and CHUNK tokens.
    """
    return dy.T @ x


def _chunk_space(like, panels): raise TypeError("only in kernels")


@overload(_chunk_space, jit_options=INNER)
def _(like, panels):
    """-> buffers for CHUNK tokens: panels of x, the left operand of 32 channels of dy, scratch for its transposition"""
    if like.dtype == types.int8:
        return lambda like, panels: (workspace(panels, CHUNK * TILE_N, np.uint8), workspace(TILE_N, CHUNK, np.int8),
                                     workspace(1, CHUNK * TILE_N, np.int8))
    return lambda like, panels: (workspace(panels, CHUNK * TILE_N, like.dtype), workspace(TILE_N, CHUNK, like.dtype),
                                 workspace(1, CHUNK * TILE_N, like.dtype))


def _pack_x(x, lo, n, j, p, factors): raise TypeError("only in kernels")


@overload(_pack_x, jit_options=INNER)
def _(x, lo, n, j, p, factors):
    """Panel j of p = channels j*32.. of tokens lo..lo+n of x, divided by the scales factors[2 * j]."""
    if p.dtype == types.uint8:
        return lambda x, lo, n, j, p, factors: quantize_steps(x, lo, n, j, 127, ZERO_POINT, p, j, factors, 2 * j)

    def of_floats(x, lo, n, j, p, factors):
        pack_steps(x, lo, n, j, p, j)
        store(factors, 2 * j, 0, vec32() + np.float32(1))
    return of_floats


def _pack_dy(dy, lo, n, j, a, scratch, factors): raise TypeError("only in kernels")


@overload(_pack_dy, jit_options=INNER)
def _(dy, lo, n, j, a, scratch, factors):
    """-> left operand: channels j*32.. of tokens lo..lo+n of dy, transposed"""
    if a.dtype == types.int8:
        def of_bytes(dy, lo, n, j, a, scratch, factors):
            quantize_steps(dy, lo, n, j, SEVEN_OR_EIGHT_BITS, 0, scratch, 0, factors, 0)
            store(factors, 1, 0, load_like(vec32(), factors, 1, 0) * np.float32(ZERO_POINT))
            transpose_words(view_u32(scratch, TILE_N), 0, 0, (n + TILE_N - 1) // TILE_N * TILE_N // 4, TILE_N,
                            view_u32(a, CHUNK // 4), 0, 0)
            return a, factors
        return of_bytes

    def of_floats(dy, lo, n, j, a, scratch, factors):
        transpose_rows(dy, lo, n, j, a, 0, scratch)
        return a
    return of_floats


@device
def add_scaled(c, factors, k, y, i, j):
    """y[i:i+32, j:j+32] += c * factors[k], one factor per column"""
    f = load_like(vec32(), factors, k, 0)
    for r in range(TILE_N):
        store(y, i + r, j, load_like(vec32(), y, i + r, j) + load_like(vec32(), c, r, 0) * f)


@device
def token_ranges(tokens, outputs, threads):
    """-> into how many ranges of tokens to split a weight gradient; threads / ranges groups split its rows.

    Minimises memory traffic: each group reads all of the other operand (2 bytes per element), and each range but one
    writes and reads partial sums (8 bytes per element).
    """
    best, groups = 0, 0
    for g in range(1, threads + 1):
        if threads % g == 0 and g * TILE_N <= outputs:
            cost = 2 * tokens * g + 8 * outputs * (threads // g - 1)
            if groups == 0 or cost < best:
                best, groups = cost, g
    return threads // groups


@kernel(ref=matmul_dw_ref, sums=("dw",))
def matmul_dw(dy, x, like, dw):
    """A thread sums over a range of tokens for a range of rows: range 0 into dw, the others into partial sums."""
    rows, threads, height = dy.shape[0], num_threads(), dw.shape[0]
    inputs, ranges = dw.shape[1] // TILE_N, token_ranges(rows, height, threads)
    partials = workspace(max(1, ranges - 1) * height, dw.shape[1], np.float32)
    for th in prange(threads):
        part = th % ranges
        first, last = share(rows, part, ranges, TILE_N)
        top, bottom = share(height, th // ranges, threads // ranges, TILE_N)
        out, row0 = (dw, 0) if part == 0 else (partials, (part - 1) * height)
        if part > 0:
            for i in range(row0 + top, row0 + bottom):
                for j in range(0, dw.shape[1], TILE_N):
                    store(partials, i, j, vec32())
        p, a, scratch = _chunk_space(like, inputs)
        of_x, of_dy = workspace(2 * inputs, TILE_N, np.float32), workspace(2, TILE_N, np.float32)
        c = acquire_accumulator()
        for lo in range(first, last, CHUNK):
            n = min(CHUNK, last - lo)
            steps = (n + TILE_N - 1) // TILE_N * TILE_N
            for j in range(inputs):
                _pack_x(x, lo, n, j, p, of_x)
            for i in range(top, bottom, TILE_N):
                left = _pack_dy(dy, lo, n, i // TILE_N, a, scratch, of_dy)
                for j in range(inputs):
                    for r in range(TILE_N):
                        prefetch(out, row0 + i + r, j * TILE_N)
                    microkernel(c, left, 0, 0, p, j, 0, steps)
                    add_scaled(c, of_x, 2 * j, out, row0 + i, j * TILE_N)
        release_accumulator()
    for i in prange(height):
        for j in range(0, dw.shape[1], TILE_N):
            t = load_like(vec32(), dw, i, j)
            for part in range(ranges - 1):
                t = t + load_like(vec32(), partials, part * height + i, j)
            store(dw, i, j, t)
