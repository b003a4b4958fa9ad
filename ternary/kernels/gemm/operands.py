"""Left operands of products: rows in the type of the panels, padded to whole blocks, quantised or looked up."""
import numpy as np
from numba import types

from ternary.compiler.compat import overload
from ternary.compiler.jit import INNER, device
from ternary.compiler.tile_memory import load_like, store
from ternary.compiler.tiles import TILE_N, vec32
from ternary.compiler.workspace import workspace
from ternary.kernels.gemm.lookup import sums_of_bytes, sums_of_floats
from ternary.kernels.gemm.pack import quantize_row


@device
def copied(a, first, n, column, width, p):
    """-> a[first:first+n, column:column+width] in the dtype of p, padded with zeros to a multiple of 32 rows; row 0"""
    rows = (n + TILE_N - 1) // TILE_N * TILE_N
    copy = workspace(rows, width, p.dtype)
    for i in range(rows):
        for j in range(0, width, TILE_N):
            t = vec32()
            if i < n:
                t = load_like(vec32(), a, first + i, column + j)
            store(copy, i, j, t)
    return copy, 0


@device
def quantized(a, first, n):
    """-> rows first..first+n of `a` as int8, padded with zeros to a multiple of 32, and their factors (2, rows)"""
    rows = (n + TILE_N - 1) // TILE_N * TILE_N
    q, factors = workspace(rows, a.shape[1], np.int8), workspace(2, rows, np.float32)
    for i in range(n):
        quantize_row(a, first + i, 127, 0, q, i, factors, 1)
    for i in range(n, rows):
        factors[0, i] = factors[1, i] = 0
        for j in range(0, a.shape[1], TILE_N):
            store(q, i, j, vec32())
    return q, factors


def _operand(a, first, n, p, more): raise TypeError("only in kernels")


@overload(_operand, jit_options=INNER)
def _(a, first, n, p, more):
    if p.dtype == types.uint8:
        return lambda a, first, n, p, more: (quantized(a, first, n), 0)

    if p.dtype == types.int16:
        def of_bytes(a, first, n, p, more):
            q, factors = quantized(a, first, n)
            for i in range(q.shape[0]):
                factors[0, i] += factors[1, i] * 0         # NaN propagates
            sums, outputs = sums_of_bytes(q, p, more)
            return (sums, outputs, 0, factors), 0
        return of_bytes

    if p.dtype == types.int32 and a.dtype == types.float32:
        def of_floats(a, first, n, p, more):
            x, start = copied(a, first, n, 0, a.shape[1], a) if n % TILE_N else (a, first)
            sums, outputs = sums_of_floats(x, start, (n + TILE_N - 1) // TILE_N * TILE_N, p, more)
            return (sums, outputs, 0), 0
        return of_floats

    if a.dtype == p.dtype:
        return lambda a, first, n, p, more: copied(a, first, n, 0, a.shape[1], p) if n % TILE_N else (a, first)
    return lambda a, first, n, p, more: copied(a, first, n, 0, a.shape[1], p)


@device
def operand(a, first, n, p):
    """-> left operand, its first row: rows first..first+n of `a` for products with p; a padded copy if needed."""
    return _operand(a, first, n, p, p[:0])


@device
def shared_lhs(a, first, n, p, q):
    """-> left operand, its first row, for products with p; shared_lhs_for turns it into that for products with q."""
    return _operand(a, first, n, p, q)


def shared_lhs_for(a, p): raise TypeError("only in kernels")


@overload(shared_lhs_for, jit_options=INNER)
def _(a, p):
    if p.dtype == types.int16:
        return lambda a, p: (a[0], a[1], p.shape[0] * TILE_N, a[3])
    if p.dtype == types.int32:
        return lambda a, p: (a[0], a[1], p.shape[0] * TILE_N)
    return lambda a, p: a
