"""Matrix products over packed panels (see pack.py) in blocks of 32 x 32.

`microkernel` writes a block of sums to a float32 buffer in L1, and the epilogue of the kernel reads it, one row of 32
at a time. Only this file knows how sums are computed: AMX tile registers, vector registers or look-up.
"""
from collections import namedtuple
from collections.abc import Callable

import numpy as np
from numba import prange, types

from ternary.compiler.compat import overload
from ternary.compiler.isa import AMX, ARM, AVX512, LANES, VNNI
from ternary.compiler.jit import INNER, device, kernel
from ternary.compiler.tile_memory import k_pack, load_like, outer_fma, prefetch, store
from ternary.compiler.tiles import TILE_N, from_ints, tile, vec32
from ternary.compiler.workspace import num_threads, queue, take, workspace
from ternary.kernels.gemm.lookup import block_of_bytes, block_of_floats
from ternary.kernels.gemm.operands import operand
from ternary.kernels.gemm.pack import unpack

if AMX:
    from ternary.compiler.amx import block_fma, store_block, tiles_off, tiles_on, zero_block

BLOCK = 128                       # rows of one work item: its operand stays in L2
# rows of a strip of sums in vector registers: a block is 4 strips of 8 (32 registers), or 4 of 6 and 2 of 4 (16)
TALL, LOW = (8, 8) if AVX512 or ARM else (6, 4)
SPLIT = TILE_N - TILE_N % (4 * TALL)
tall, low = tile(TALL, 2), tile(LOW, 2)


@device
def strip(zeros, rows, c, a, ao, row, p, po, steps):
    """c[rows:rows+len(tile)] = a strip of the block a @ p; `zeros` is a tile of the size of the strip."""
    for j in range(0, TILE_N, 2 * LANES):
        t, at, pt = zeros, ao, po + j * k_pack(p)
        for _ in range(0, steps, k_pack(p)):
            t = outer_fma(t, a, at, row, p, pt)
            at += k_pack(p)
            pt += k_pack(p) * TILE_N
        store(c, rows, j, t)


@device
def vector_microkernel(c, a, ao, row, p, po, steps):
    for i in range(0, SPLIT, TALL):
        strip(tall(), i, c, a, ao + i * row, row, p, po, steps)
    for i in range(SPLIT, TILE_N, LOW):
        strip(low(), i, c, a, ao + i * row, row, p, po, steps)


@device
def low_microkernel(c, a, ao, row, p, po, steps):
    for i in range(0, TILE_N, LOW):
        strip(low(), i, c, a, ao + i * row, row, p, po, steps)


def microkernel_for(p):
    """Emulated dot products need registers, so their strips are smaller: sums spilled to the stack halve the speed."""
    return vector_microkernel if p.dtype == types.float32 or (VNNI and p.dtype == types.uint8) else low_microkernel


@device
def scaled(c, factors, i):
    """Dequantise c, int32 sums for rows i..i+32 of the left operand; a weight of 0 contributes exactly 0."""
    for r in range(TILE_N):
        store(c, r, 0, (from_ints(load_like(vec32(), c, r, 0)) - factors[1, i + r]) * factors[0, i + r])


def _microkernel(c, a, i, k, p, j, s, steps): raise TypeError("only in kernels")


@overload(_microkernel, jit_options=INNER)
def _(c, a, i, k, p, j, s, steps):
    sums = microkernel_for(p)
    if p.dtype == types.uint8:
        def of_bytes(c, a, i, k, p, j, s, steps):
            q, factors = a
            sums(c, q, i * q.shape[1] + k, q.shape[1], p, j * p.shape[1] + s * TILE_N, steps)
            scaled(c, factors, i)
        return of_bytes

    if p.dtype == types.int16:
        def looked_up_bytes(c, a, i, k, p, j, s, steps):
            rows, outputs, first, factors = a
            block_of_bytes(c, rows, outputs, i, first + j * TILE_N, factors, steps // TILE_N)
        return looked_up_bytes

    if p.dtype == types.int32:
        def looked_up_floats(c, a, i, k, p, j, s, steps):
            rows, outputs, first = a
            block_of_floats(c, rows, outputs, i, first + j * TILE_N)
        return looked_up_floats

    if not (AMX and p.dtype == types.uint16):
        def of_floats(c, a, i, k, p, j, s, steps):
            sums(c, a, i * a.shape[1] + k, a.shape[1], p, j * p.shape[1] + s * TILE_N, steps)
        return of_floats

    def of_tiles(c, a, i, k, p, j, s, steps):
        zero_block()
        for t in range(0, steps, 32):
            block_fma(a, i * a.shape[1] + k + t, a.shape[1], p, j * p.shape[1] + (s + t) * TILE_N)
        store_block(c)
    return of_tiles


@device
def microkernel(c, a, i, k, p, j, s, steps):
    """c = a[i:i+32, k:k+steps] @ steps s..s+steps of panel j; c (32, 32) float32; k, s, steps multiples of 32.

    If p holds codes (lookup.py), `a` is the `operand` made for them, k and s are 0, and steps is the whole inner
    dimension.
    """
    _microkernel(c, a, i, k, p, j, s, steps)


@device
def add_block(c, y, i, j):
    """y[i:i+32, j:j+32] += c"""
    for r in range(TILE_N):
        store(y, i + r, j, load_like(vec32(), y, i + r, j) + load_like(vec32(), c, r, 0))


def _switch(on): raise TypeError("only in kernels")


@overload(_switch, jit_options=INNER)
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
def acquire_accumulator():
    """-> block (32, 32) for the products of this thread; configures its AMX tile registers."""
    _switch(True)
    return workspace(TILE_N, TILE_N, np.float32)


@device
def release_accumulator():
    """Release the AMX tile registers of this thread."""
    _switch(False)


def matmul_ref(x, p, alpha, base):
    """y = base + alpha * x @ p.    x (N, K), p panels of (K, M), base (N, M) or (0, 0) for none -> y (N, M)"""
    y = alpha * (x @ unpack(p))
    return base + y if len(base) else y


def finish(c, m, i, j, out): raise TypeError("only in kernels")


def epilogue(kind: type) -> Callable[[Callable], Callable]:
    """Register f(c, m, i, j, out), which stores m rows of the block c to out[0][i:, j:], for `out` of type `kind`.

    kind is a namedtuple type: a function passed as an argument would make a kernel uncacheable.
    """
    def register(f):
        @overload(finish, jit_options=INNER)
        def _(c, m, i, j, out):
            return f if getattr(out, "instance_class", None) is kind else None
        return f
    return register


@device
def gemm_blocks(x, p, th, shares, out):
    """Compute the blocks of x @ p that thread th takes from the queue, and call the epilogue for type(out) on each."""
    rows, steps = x.shape
    blocks, c = (rows + BLOCK - 1) // BLOCK, acquire_accumulator()
    first = take(shares, th, blocks) * BLOCK
    while first < rows:
        n = min(BLOCK, rows - first)
        a, start = operand(x, first, n, p)
        for j in range(p.shape[0]):
            for i in range(0, n, TILE_N):
                m = min(TILE_N, n - i)
                for r in range(m):
                    prefetch(out[0], first + i + r, j * TILE_N)
                microkernel(c, a, start + i, 0, p, j, 0, steps)
                finish(c, m, first + i, j * TILE_N, out)
        first = take(shares, th, blocks) * BLOCK
    release_accumulator()


Sum = namedtuple("Sum", "y base alpha add")


@epilogue(Sum)
def _(c, m, i, j, out):
    based = len(out.base) > 0
    for r in range(m):
        t = load_like(vec32(), c, r, 0) * out.alpha
        if based:
            t = t + load_like(t, out.base, i + r, j)
        if out.add:
            t = t + load_like(t, out.y, i + r, j)
        store(out.y, i + r, j, t)


@kernel(ref=matmul_ref)
def matmul(x, p, alpha, base, add, y):
    shares = queue(num_threads())
    for th in prange(num_threads()):
        gemm_blocks(x, p, th, shares, Sum(y, base, alpha, add))
