"""Products with ternary weights by look-up: no multiplications, and a third of the additions.

Three channels have 27 sums with weights -1, 0 and +1. They are made once, as rows of a table, and an output adds one
row where it would multiply three times ("the four Russians", Arlazarov et al. 1970; for single tokens T-MAC, Wei et
al. 2024). A line of 32 channels is ten threes and a pair: 11 look-ups in 279 rows, which stay in L1. A row is a cache
line of tokens: 16 in float32, or 32 in int16, which holds the sums of 256 channels of bytes.

A weight (outputs, inputs) becomes `codes` (outputs / 32, inputs * 11): of each line of inputs, of each output, where
its rows begin in the table, in bytes. Codes are as wide as the sums: int16, or int32 where sums are float32. Arrays of
rows are typed as words, (rows, 16) float32, whatever they hold; a word of int16 has a token and the sixteenth after.
"""
import itertools

import numpy as np
from numba import types

from ternary.compiler import simd
from ternary.compiler.compat import intrinsic, ir
from ternary.compiler.isa import LANES
from ternary.compiler.jit import device
from ternary.compiler.simd import I8, I64, VF, VI, index
from ternary.compiler.tiles import (
    TILE_N,
    Tile,
    build,
    column_like,
    load_like,
    pointer,
    square_tile,
    store,
    tile,
    transposed,
    vectors,
)
from ternary.compiler.workspace import view_u32, workspace
from ternary.kernels.gemm.pack import transpose_words

WORDS, ROW_BYTES = 16, 64         # of a cache line
THREES, PAIR = 10, 27 * 10        # of a line of channels; where the rows of its pair begin
LOOKUPS, ROWS = THREES + 1, PAIR + 9
CODES = np.int16, np.int32        # for sums in int16 and in float32
LIMIT = 8                         # lines of channels whose sum int16 holds: 256 * 127 < 2^15
row = tile(1, WORDS // LANES)
VS = ir.VectorType(ir.IntType(16), 2 * LANES)


# ---- tables and sums ----------------------------------------------------------------------------------
def arithmetic(b, codes):
    """-> vectors of what is summed, add, subtract"""
    return (VF, b.fadd, b.fsub) if codes.dtype == types.int32 else (VS, b.add, b.sub)


@intrinsic
def look_up(tc, t, table, codes, j, k):
    """t + the rows of the table that codes[j, k:k+11] name."""
    def cg(ctx, b, sig, args):
        kind, add, _ = arithmetic(b, codes)
        code = ctx.get_data_type(codes.dtype)
        shape = ctx.make_array(codes)(ctx, b, args[2]).shape
        off = b.add(b.mul(args[3], b.extract_value(shape, 1)), args[4])
        at = pointer(ctx, b, codes, args[2], off, code)
        rows = pointer(ctx, b, table, args[1], index(0), I8)
        sums = [b.bitcast(v, kind) for v in vectors(b, t, args[0])]
        for n in range(LOOKUPS):
            if n % 2 == 0:                        # two codes by one load: loads are what it takes most of
                many = ir.IntType(min(2, LOOKUPS - n) * code.width)
                name = b.load(b.bitcast(b.gep(at, [index(n)]), ir.PointerType(many)), align=code.width // 8)
            else:
                name = b.lshr(name, ir.Constant(many, code.width))
            place = b.gep(rows, [b.zext(name if name.type == code else b.trunc(name, code), I64)])
            place = b.bitcast(place, ir.PointerType(kind))
            sums = [add(s, b.load(b.gep(place, [index(i)]), align=LANES * 4)) for i, s in enumerate(sums)]
        return build(ctx, b, t, [b.bitcast(s, VF) for s in sums])
    return t(t, table, codes, types.intp, types.intp), cg


def combine(n):
    """-> f(x, i, table, k, codes): the 3^n sums of -1, 0 and 1 times rows i..i+n of x become rows k.. of the table."""
    @intrinsic
    def combined(tc, x, i, table, k, codes):
        def cg(ctx, b, sig, args):
            kind, add, subtract = arithmetic(b, codes)
            zero = ir.Constant(kind, [0.0 if kind is VF else 0] * kind.count)
            source, target = (pointer(ctx, b, a, args[m], b.mul(args[m + 1], index(WORDS)), kind)
                              for m, a in ((0, x), (2, table)))
            parts = WORDS // LANES
            for part in range(parts):
                known = {(): zero}
                for r in range(n):
                    v = b.load(b.gep(source, [index(r * parts + part)]), align=LANES * 4)
                    for head in [h for h in known if len(h) == r]:
                        s = known[head]
                        known |= {(*head, -1): subtract(s, v), (*head, 0): s,
                                  (*head, 1): add(s, v) if any(head) else v}
                for m, q in enumerate(itertools.product((-1, 0, 1), repeat=n)):
                    b.store(known[q], b.gep(target, [index(m * parts + part)]), align=LANES * 4)
            return ctx.get_dummy_value()
        return types.void(x, types.intp, table, types.intp, codes), cg
    return combined


threes, pairs = combine(3), combine(2)


@intrinsic
def channels(tc, low, high):
    """Words of four bytes of tokens t, and of t + 16 -> rows of four channels, as int16."""
    shape = Tile(4, low.cols)

    def cg(ctx, b, sig, args):
        sixteen, eight = simd.const(16, VI), ir.Constant(VS, [8] * VS.count)
        out = [[], [], [], []]
        for u, v in zip(*(vectors(b, low, a) for a in args)):
            u, v = b.bitcast(u, VI), b.bitcast(v, VI)
            first = b.or_(b.and_(u, simd.const(0xffff, VI)), b.shl(v, sixteen))
            second = b.or_(b.lshr(u, sixteen), b.and_(v, simd.const(-65536, VI)))
            for c, s in enumerate((first, second)):
                s = b.bitcast(s, VS)
                out[2 * c].append(b.bitcast(b.ashr(b.shl(s, eight), eight), VF))
                out[2 * c + 1].append(b.bitcast(b.ashr(s, eight), VF))
        return build(ctx, b, shape, sum(out, []))
    return shape(low, low), cg


def half(high):
    """-> f(t): of each word of t the low or the high int16, as float32."""
    @intrinsic
    def of(tc, t):
        def cg(ctx, b, sig, args):
            sixteen, ints = simd.const(16, VI), [b.bitcast(v, VI) for v in vectors(b, t, args[0])]
            return build(ctx, b, t, [b.sitofp(b.ashr(v if high else b.shl(v, sixteen), sixteen), VF) for v in ints])
        return t(t), cg
    return of


low_half, high_half = half(False), half(True)


@device
def tabulate(x, table, codes):
    """The sums of a line of channels, the rows of x."""
    for g in range(THREES):
        threes(x, 3 * g, table, 27 * g, codes)
    pairs(x, 3 * THREES, table, PAIR, codes)


@device
def add_rows(table, codes, s, first, sums, at):
    """What line s of the channels adds to all outputs, from row `at` of sums on; `first`: there is nothing there."""
    for j in range(codes.shape[0]):
        for r in range(TILE_N):
            t = row()
            if not first:
                t = load_like(row(), sums, at + j * TILE_N + r, 0)
            store(sums, at + j * TILE_N + r, 0, look_up(t, table, codes, j, (s * TILE_N + r) * LOOKUPS))


@device
def sums_of_floats(a, first, n, codes, more):
    """a[first:first+n] @ both weights, in float32; n a multiple of 32 -> sums, outputs of both

    Rows of 16 tokens: all outputs of the first 16, of the next, ...
    """
    outputs = (codes.shape[0] + more.shape[0]) * TILE_N
    sums = workspace(n // WORDS * outputs, WORDS, np.float32)
    x, table = workspace(TILE_N, WORDS, np.float32), workspace(ROWS, WORDS, np.float32)
    for g in range(n // WORDS):
        for s in range(a.shape[1] // TILE_N):
            transpose_words(a, first + g * WORDS, s * TILE_N, WORDS, TILE_N, x, 0, 0)
            tabulate(x, table, codes)
            add_rows(table, codes, s, s == 0, sums, g * outputs)
            add_rows(table, more, s, s == 0, sums, g * outputs + codes.shape[0] * TILE_N)
    return sums, outputs


@device
def passes(lines):
    """How many sums an output has in int16."""
    return (lines + LIMIT - 1) // LIMIT


@device
def sums_of_bytes(q, codes, more):
    """q @ both weights, in int16; rows of q a multiple of 32 -> sums, outputs of both

    Rows of 32 tokens: all outputs of 256 channels, of the next 256, ..., then those of the next 32 tokens.
    """
    outputs, lines = (codes.shape[0] + more.shape[0]) * TILE_N, q.shape[1] // TILE_N
    sums = workspace(q.shape[0] // TILE_N * passes(lines) * outputs, WORDS, np.float32)
    x, table = workspace(TILE_N, WORDS, np.float32), workspace(ROWS, WORDS, np.float32)
    fours = workspace(lines * TILE_N // 4, TILE_N, np.float32)
    for g in range(q.shape[0] // TILE_N):
        transpose_words(view_u32(q, q.shape[1] // 4), g * TILE_N, 0, TILE_N, q.shape[1] // 4, fours, 0, 0)
        for s in range(lines):
            for r in range(0, TILE_N, 4):
                at = (s * TILE_N + r) // 4
                store(x, r, 0, channels(load_like(row(), fours, at, 0), load_like(row(), fours, at, WORDS)))
            tabulate(x, table, codes)
            at = (g * passes(lines) + s // LIMIT) * outputs
            add_rows(table, codes, s, s % LIMIT == 0, sums, at)
            add_rows(table, more, s, s % LIMIT == 0, sums, at + codes.shape[0] * TILE_N)
    return sums, outputs


@device
def block_of_floats(c, sums, outputs, i, j):
    """c (32, 32) = tokens i.. and outputs j.. of sums_of_floats"""
    for h in range(0, TILE_N, WORDS):
        transpose_words(sums, (i + h) // WORDS * outputs + j, 0, TILE_N, WORDS, c, h, 0)


@device
def block_of_bytes(c, sums, outputs, i, j, factors, lines):
    """c (32, 32) = tokens i.. and outputs j.. of sums_of_bytes, each token times its factors[0]"""
    at = i // TILE_N * passes(lines) * outputs + j
    for o in range(0, TILE_N, LANES):
        for w in range(0, WORDS, LANES):
            low, high = square_tile(), square_tile()
            for k in range(passes(lines)):
                t = transposed(load_like(square_tile(), sums, at + k * outputs + o, w))
                low, high = low + low_half(t), high + high_half(t)
            store(c, w, o, low * column_like(square_tile(), factors, 0, i + w))
            store(c, w + WORDS, o, high * column_like(square_tile(), factors, 0, i + w + WORDS))


# ---- codes --------------------------------------------------------------------------------------------
def encode(q):
    """q (M, K) of -1, 0, +1, M and K multiples of 32 -> codes (M / 32, K * 11) of x @ q.T"""
    digits = (q + 1).reshape(-1, TILE_N, q.shape[1] // TILE_N, TILE_N).astype(np.int64)
    triples = digits[..., :3 * THREES].reshape(*digits.shape[:3], THREES, 3) @ [9, 3, 1] + 27 * np.arange(THREES)
    pair = digits[..., 3 * THREES:] @ [3, 1] + PAIR
    codes = np.concatenate([triples, pair[..., None]], -1) * ROW_BYTES
    return codes.swapaxes(1, 2).reshape(len(codes), -1)


@device
def encode_line(q, i, j, down, codes, panel, at):
    """codes[panel, at:at+11] = those of q[i, j:j+32], or of q[i:i+32, j] if down."""
    di, dj = (1, 0) if down else (0, 1)
    for g in range(THREES):
        y, x = i + 3 * g * di, j + 3 * g * dj
        digits = 9 * q[y, x] + 3 * q[y + di, x + dj] + q[y + 2 * di, x + 2 * dj]
        codes[panel, at + g] = (np.int64(digits) + 13 + 27 * g) * ROW_BYTES
    y, x = i + 3 * THREES * di, j + 3 * THREES * dj
    codes[panel, at + THREES] = (np.int64(3 * q[y, x] + q[y + di, x + dj]) + 4 + PAIR) * ROW_BYTES
