"""Small float32 matrices of one work item, row by row in its scratch memory, with zeros up to whole blocks.

The products of linear_attention.py are too small to pack their operands into panels. Heads lie next to each other in
an array, whatever their width, and are copied from it and to it.
"""
import numpy as np

from ternary.compiler.isa import ARM, AVX512, LANES
from ternary.compiler.jit import device
from ternary.compiler.tile_memory import load_like, load_number, outer_fma, store, store_number
from ternary.compiler.tiles import tile, total
from ternary.compiler.workspace import clear, workspace

ROWS, WIDTH = 8 if AVX512 or ARM else 4, 2 * LANES            # of a block of sums in registers
UNIT = max(ROWS, LANES)                           # of rows, so that blocks and transposed tiles are whole
ZERO = np.float32(0)
block, line = tile(ROWS, 2), tile(1, 2)


@device
def add_product(y, i, rows, a, at, row, step, b, k, steps):
    """y[i:i+rows] += x @ b[k:k+steps], where x[r, s] = a.flat[at + r * row + s * step]; rows a multiple of ROWS."""
    for r in range(0, rows, ROWS):
        for j in range(0, y.shape[1], WIDTH):
            t, left, right = load_like(block(), y, i + r, j), at + r * row, k * b.shape[1] + j
            for _ in range(steps):
                t = outer_fma(t, a, left, row, b, right)
                left += step
                right += b.shape[1]
            store(y, i + r, j, t)


@device
def clear_rows(y, first, last):
    for r in range(first, last):
        for j in range(0, y.shape[1], WIDTH):
            store(y, r, j, line())


@device
def scale_row(y, i, factor):
    for j in range(0, y.shape[1], WIDTH):
        store(y, i, j, load_like(line(), y, i, j) * factor)


@device
def add_row(y, i, factor, x, k):
    """y[i] += factor * x[k]"""
    for j in range(0, y.shape[1], WIDTH):
        store(y, i, j, load_like(line(), y, i, j) + load_like(line(), x, k, j) * factor)


@device
def dot_rows(x, i, y, k):
    t = line()
    for j in range(0, y.shape[1], WIDTH):
        t = t + load_like(line(), x, i, j) * load_like(line(), y, k, j)
    return total(t)


@device
def multiply(x, y, rows):
    """x[:rows] *= y[:rows]"""
    for r in range(rows):
        for j in range(0, x.shape[1], WIDTH):
            store(x, r, j, load_like(line(), x, r, j) * load_like(line(), y, r, j))


@device
def room(rows, width):
    """Zeros (rows, width), rounded up to whole blocks and lines."""
    y = workspace((rows + UNIT - 1) // UNIT * UNIT, (width + WIDTH - 1) // WIDTH * WIDTH, np.float32)
    clear(y)
    return y


@device
def load_head(x, first, n, head, width, y, i, m):
    """y[i:i+m] = rows first..first+n of one head of x, with zeros behind rows; y has zeros behind channels."""
    for r in range(n):
        for c in range(width):
            y[i + r, c] = load_number(x, first + r, head * width + c)
    clear_rows(y, i + n, i + m)


@device
def store_head(y, i, n, x, first, head, heads, width):
    """The inverse of load_head; behind the last head, the padding of x becomes zeros."""
    for r in range(n):
        for c in range(width):
            store_number(x, first + r, head * width + c, y[i + r, c])
        if head == heads - 1:
            for c in range(heads * width, x.shape[1]):
                store_number(x, first + r, c, ZERO)
