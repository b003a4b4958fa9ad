"""Matrix products over packed panels (see pack.py). One block shape, 32 x 32, serves them all.

`product` leaves a block of sums in a float32 workspace in L1, and the kernel's epilogue reads it from there, a
line at a time: how the sums are made (tile registers, vector registers) is known here only.
"""
from collections import namedtuple
from collections.abc import Callable

import numpy as np
from numba import prange, types
from numba.extending import overload

from ternary.kernels.isa import AMX, AVX512, LANES
from ternary.kernels.jit import OPTIONS, device, kernel
from ternary.kernels.pack import (
    SEVEN_OR_EIGHT_BITS,
    pack_steps,
    quantize_row,
    quantize_steps,
    transpose_rows,
    transpose_words,
    unpack,
)
from ternary.kernels.tiles import (
    WIDTH,
    from_ints,
    line,
    load_like,
    outer_fma,
    prefetch,
    store,
    tile,
    together,
)
from ternary.kernels.workspace import num_threads, queue, share, take, words, workspace

if AMX:
    from ternary.kernels.amx import block_fma, store_block, tiles_off, tiles_on, zero_block

BLOCK = 128                       # rows of one work item: its operands stay in L2
CHUNK = 256                       # tokens of one visit to a weight gradient
# rows of what the vector registers hold: a block is 4 strips of 8 (32 registers), or 4 of 6 and 2 of 4 (16 registers)
TALL, LOW = (8, 8) if AVX512 else (6, 4)
SPLIT = WIDTH - WIDTH % (4 * TALL)
tall, low = tile(TALL, 2), tile(LOW, 2)


@device
def strip(zeros, rows, c, a, ao, row, p, po, steps):
    """`rows` rows of a block of sums."""
    for j in range(0, WIDTH, 2 * LANES):
        t, at, pt = zeros, ao, po + j * together(p)
        for _ in range(0, steps, together(p)):
            t = outer_fma(t, a, at, row, p, pt)
            at += together(p)
            pt += together(p) * WIDTH
        store(c, rows, j, t)


@device
def vector_product(c, a, ao, row, p, po, steps):
    for i in range(0, SPLIT, TALL):
        strip(tall(), i, c, a, ao + i * row, row, p, po, steps)
    for i in range(SPLIT, WIDTH, LOW):
        strip(low(), i, c, a, ao + i * row, row, p, po, steps)


@device
def scaled(c, factors, i):
    """From sums of bytes, int32 in c, to those of rows i..i+32 of the left operand: a weight of 0 gives exactly 0."""
    for r in range(WIDTH):
        store(c, r, 0, (from_ints(load_like(line(), c, r, 0)) - factors[1, i + r]) * factors[0, i + r])


def _product(c, a, i, k, p, j, s, steps): raise TypeError("only in kernels")


@overload(_product, jit_options=dict(OPTIONS, cache=False))
def _(c, a, i, k, p, j, s, steps):
    if p.dtype == types.uint8:
        def of_bytes(c, a, i, k, p, j, s, steps):
            q, factors = a
            vector_product(c, q, i * q.shape[1] + k, q.shape[1], p, j * p.shape[1] + s * WIDTH, steps)
            scaled(c, factors, i)
        return of_bytes

    if not (AMX and p.dtype == types.uint16):
        def of_floats(c, a, i, k, p, j, s, steps):
            vector_product(c, a, i * a.shape[1] + k, a.shape[1], p, j * p.shape[1] + s * WIDTH, steps)
        return of_floats

    def of_tiles(c, a, i, k, p, j, s, steps):
        zero_block()
        for t in range(0, steps, 32):
            block_fma(a, i * a.shape[1] + k + t, a.shape[1], p, j * p.shape[1] + (s + t) * WIDTH)
        store_block(c)
    return of_tiles


@device
def product(c, a, i, k, p, j, s, steps):
    """c = a[i:i+32, k:k+steps] @ steps s..s+steps of panel j; c (32, 32) float32; k, s, steps multiples of 32."""
    _product(c, a, i, k, p, j, s, steps)


@device
def add_block(c, y, i, j):
    """y[i:i+32, j:j+32] += c"""
    for r in range(WIDTH):
        store(y, i + r, j, load_like(line(), y, i + r, j) + load_like(line(), c, r, 0))


def _switch(on): raise TypeError("only in kernels")


@overload(_switch)
def _(on):
    if not AMX:
        return lambda on: None

    def tiles(on):
        if on:
            tiles_on()
        else:
            tiles_off()
    return tiles


@device
def begin():
    """Call before the products of a work item, in its thread; -> the block they go to."""
    _switch(True)
    return workspace(WIDTH, WIDTH, np.float32)


@device
def end():
    _switch(False)


@device
def copied(a, first, n, column, width, p):
    """a[first:first+n, column:column+width] in the type of p, rounded up to blocks of 32 rows with zeros."""
    rows = (n + WIDTH - 1) // WIDTH * WIDTH
    copy = workspace(rows, width, p.dtype)
    for i in range(rows):
        for j in range(0, width, WIDTH):
            t = line()
            if i < n:
                t = load_like(line(), a, first + i, column + j)
            store(copy, i, j, t)
    return copy, 0


@device
def quantized(a, first, n):
    """Rows first..first+n of `a` as int8, in blocks of 32 with zeros behind: a left operand for ternary panels."""
    rows = (n + WIDTH - 1) // WIDTH * WIDTH
    q, factors = workspace(rows, a.shape[1], np.int8), workspace(2, rows, np.float32)
    for i in range(n):
        quantize_row(a, first + i, 127, 0, q, i, factors, 1)
    for i in range(n, rows):
        factors[0, i] = factors[1, i] = 0
        for j in range(0, a.shape[1], WIDTH):
            store(q, i, j, line())
    return q, factors


def _operand(a, first, n, p): raise TypeError("only in kernels")


@overload(_operand, jit_options=dict(OPTIONS, cache=False))
def _(a, first, n, p):
    if p.dtype == types.uint8:
        return lambda a, first, n, p: (quantized(a, first, n), 0)
    if a.dtype == p.dtype:
        return lambda a, first, n, p: (a, first) if n % WIDTH == 0 else copied(a, first, n, 0, a.shape[1], p)
    return lambda a, first, n, p: copied(a, first, n, 0, a.shape[1], p)


@device
def operand(a, first, n, p):
    """-> left operand, row: rows first..first+n of `a` for products with p, in blocks of 32 (a copy if need be)."""
    return _operand(a, first, n, p)


def matmul_ref(x, p, alpha, base):
    """y = base + alpha * x @ p.    x (N, K), p panels of (K, M), base (N, M) or (0, 0) for none -> y (N, M)"""
    y = alpha * (x @ unpack(p))
    return base + y if len(base) else y


def finish(c, m, i, j, out): raise TypeError("only in kernels")


def epilogue(kind: type) -> Callable[[Callable], Callable]:
    """What becomes of a block of sums: f(c, m, i, j, out) puts m rows of c to [i:, j:] of out[0]; out is a `kind`.

    A kind is a namedtuple: a function as an argument would keep a kernel out of the cache.
    """
    def register(f):
        @overload(finish, jit_options=dict(OPTIONS, cache=False))
        def _(c, m, i, j, out):
            return f if getattr(out, "instance_class", None) is kind else None
        return f
    return register


@device
def multiply(x, p, th, shares, out):
    """x @ p in blocks of 32 x 32, those that thread th takes, each handed to the epilogue of `out`."""
    rows, steps = x.shape
    blocks, c = (rows + BLOCK - 1) // BLOCK, begin()
    first = take(shares, th, blocks) * BLOCK
    while first < rows:
        n = min(BLOCK, rows - first)
        a, start = operand(x, first, n, p)
        for j in range(p.shape[0]):
            for i in range(0, n, WIDTH):
                m = min(WIDTH, n - i)
                for r in range(m):
                    prefetch(out[0], first + i + r, j * WIDTH)
                product(c, a, start + i, 0, p, j, 0, steps)
                finish(c, m, first + i, j * WIDTH, out)
        first = take(shares, th, blocks) * BLOCK
    end()


Sum = namedtuple("Sum", "y base alpha add")


@epilogue(Sum)
def _(c, m, i, j, out):
    based = len(out.base) > 0
    for r in range(m):
        t = load_like(line(), c, r, 0) * out.alpha
        if based:
            t = t + load_like(t, out.base, i + r, j)
        if out.add:
            t = t + load_like(t, out.y, i + r, j)
        store(out.y, i + r, j, t)


@kernel(ref=matmul_ref)
def matmul(x, p, alpha, base, add, y):
    shares = queue(num_threads())
    for th in prange(num_threads()):
        multiply(x, p, th, shares, Sum(y, base, alpha, add))


def matmul_dw_ref(dy, x, like):
    """dw = dy.T @ x.    dy (N, M), x (N, K) -> dw (M, K); `like` is any array of the operands' type

    int8: every channel is rounded, for CHUNK tokens at a time, by a factor of its own.
    """
    return dy.T @ x


def _chunk_space(like, panels): raise TypeError("only in kernels")


@overload(_chunk_space)
def _(like, panels):
    """-> x in panels; 32 channels of dy, and by tokens: CHUNK tokens of the operands of a weight gradient"""
    if like.dtype == types.int8:
        return lambda like, panels: (workspace(panels, CHUNK * WIDTH, np.uint8), workspace(WIDTH, CHUNK, np.int8),
                                     workspace(1, CHUNK * WIDTH, np.int8))
    return lambda like, panels: (workspace(panels, CHUNK * WIDTH, like.dtype), workspace(WIDTH, CHUNK, like.dtype),
                                 workspace(1, CHUNK * WIDTH, like.dtype))


def _right(x, lo, n, j, p, factors): raise TypeError("only in kernels")


@overload(_right, jit_options=dict(OPTIONS, cache=False))
def _(x, lo, n, j, p, factors):
    """Panel j of p = channels j*32.. of tokens lo..lo+n of x, divided by factors[2 * j]."""
    if p.dtype == types.uint8:
        return lambda x, lo, n, j, p, factors: quantize_steps(x, lo, n, j, 127, 128, p, j, factors, 2 * j)

    def of_floats(x, lo, n, j, p, factors):
        pack_steps(x, lo, n, j, p, j)
        store(factors, 2 * j, 0, line() + np.float32(1))
    return of_floats


def _left(dy, lo, n, j, a, turn, factors): raise TypeError("only in kernels")


@overload(_left, jit_options=dict(OPTIONS, cache=False))
def _(dy, lo, n, j, a, turn, factors):
    """-> left operand: channels j*32.. of tokens lo..lo+n of dy, by way of `turn`"""
    if a.dtype == types.int8:
        def of_bytes(dy, lo, n, j, a, turn, factors):
            quantize_steps(dy, lo, n, j, SEVEN_OR_EIGHT_BITS, 0, turn, 0, factors, 0)
            store(factors, 1, 0, load_like(line(), factors, 1, 0) * np.float32(128))
            transpose_words(words(turn, WIDTH), 0, 0, (n + WIDTH - 1) // WIDTH * WIDTH // 4, WIDTH,
                            words(a, CHUNK // 4), 0, 0)
            return a, factors
        return of_bytes

    def of_floats(dy, lo, n, j, a, turn, factors):
        transpose_rows(dy, lo, n, j, a, 0, turn)
        return a
    return of_floats


@device
def add_scaled(c, factors, k, y, i, j):
    """y[i:i+32, j:j+32] += c * factors[k], a factor for each column"""
    f = load_like(line(), factors, k, 0)
    for r in range(WIDTH):
        store(y, i + r, j, load_like(line(), y, i + r, j) + load_like(line(), c, r, 0) * f)


@device
def token_ranges(tokens, outputs, threads):
    """Into how many ranges of tokens the threads of a weight gradient go; the others share its rows.

    Least traffic: `groups` of rows each read all of the other operand (2 bytes), every range but one makes sums of its
    own, which are written and read (8 bytes).
    """
    best, groups = 0, 0
    for g in range(1, threads + 1):
        if threads % g == 0 and g * WIDTH <= outputs:
            cost = 2 * tokens * g + 8 * outputs * (threads // g - 1)
            if groups == 0 or cost < best:
                best, groups = cost, g
    return threads // groups


@kernel(ref=matmul_dw_ref, sums=("dw",))
def matmul_dw(dy, x, like, dw):
    """Every thread sums over a range of tokens, for some rows of dw; the first range in dw, the others beside it."""
    rows, threads, height = dy.shape[0], num_threads(), dw.shape[0]
    inputs, ranges = dw.shape[1] // WIDTH, token_ranges(rows, height, threads)
    others = workspace(max(1, ranges - 1) * height, dw.shape[1], np.float32)
    for th in prange(threads):
        part = th % ranges
        first, last = share(rows, part, ranges, WIDTH)
        top, bottom = share(height, th // ranges, threads // ranges, WIDTH)
        own, down = (dw, 0) if part == 0 else (others, (part - 1) * height)
        if part > 0:
            for i in range(down + top, down + bottom):
                for j in range(0, dw.shape[1], WIDTH):
                    store(others, i, j, line())
        p, a, turn = _chunk_space(like, inputs)
        of_x, of_dy, c = workspace(2 * inputs, WIDTH, np.float32), workspace(2, WIDTH, np.float32), begin()
        for lo in range(first, last, CHUNK):
            n = min(CHUNK, last - lo)
            steps = (n + WIDTH - 1) // WIDTH * WIDTH
            for j in range(inputs):
                _right(x, lo, n, j, p, of_x)
            for i in range(top, bottom, WIDTH):
                left = _left(dy, lo, n, i // WIDTH, a, turn, of_dy)
                for j in range(inputs):
                    for r in range(WIDTH):
                        prefetch(own, down + i + r, j * WIDTH)
                    product(c, left, 0, 0, p, j, 0, steps)
                    add_scaled(c, of_x, 2 * j, own, down + i, j * WIDTH)
        end()
    for i in prange(height):
        for j in range(0, dw.shape[1], WIDTH):
            t = load_like(line(), dw, i, j)
            for part in range(ranges - 1):
                t = t + load_like(line(), others, part * height + i, j)
            store(dw, i, j, t)
