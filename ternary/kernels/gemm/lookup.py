"""Products with ternary weights by table look-up: no multiplications, and a third of the additions.

Three channels have 27 possible sums with weights -1, 0 and +1. They are computed once, as rows of a table, and an
output adds one row instead of three products ("the four Russians", Arlazarov et al. 1970; for single tokens T-MAC, Wei
et al. 2024). 32 channels are split into ten triples and a pair: 11 look-ups in a table of 279 rows, which stays in L1.
A row is one cache line of tokens: 16 in float32 or 32 in int16. int16 holds the sums of 256 channels of int8.

A weight (outputs, inputs) is encoded as `codes` (outputs / 32, inputs * 11): for every 32 inputs and every output, the
byte offsets of its 11 rows in the table. Codes are int16 if sums are int16, int32 if sums are float32. Arrays of rows
are typed (rows, 16) float32 whatever they hold; 32 bits of int16 rows hold token t and token t + 16.
"""
import itertools

import numpy as np
from numba import types

from ternary.compiler import simd
from ternary.compiler.compat import intrinsic, ir
from ternary.compiler.isa import LANES
from ternary.compiler.jit import device
from ternary.compiler.simd import I8, I64, VF, VI, index
from ternary.compiler.tile_memory import column_like, load_like, pointer, store
from ternary.compiler.tiles import TILE_N, Tile, build, square_tile, tile, transposed, vectors
from ternary.compiler.workspace import view_u32, workspace
from ternary.kernels.gemm.pack import transpose_words

WORDS, ROW_BYTES = 16, 64         # 32-bit words and bytes of a row, one cache line
THREES, PAIR = 10, 27 * 10        # triples in 32 channels; the first table row of the pair
CODES_PER_TILE, ROWS = THREES + 1, PAIR + 9
CODE_DTYPES = np.int16, np.int32        # for sums in int16 and float32
LIMIT = 8                         # tiles of 32 channels whose sum fits in int16: 256 * 127 < 2^15
row = tile(1, WORDS // LANES)
VS = ir.VectorType(ir.IntType(16), 2 * LANES)


# ---- tables and sums ----------------------------------------------------------------------------------
def arithmetic(b, codes):
    """-> the vector type of sums for codes of this type, its add and subtract instructions"""
    return (VF, b.fadd, b.fsub) if codes.dtype == types.int32 else (VS, b.add, b.sub)


@intrinsic
def look_up(tc, t, table, codes, j, k):
    """t + the 11 rows of the table at the offsets codes[j, k:k+11]."""
    def cg(ctx, b, sig, args):
        kind, add, _ = arithmetic(b, codes)
        code = ctx.get_data_type(codes.dtype)
        shape = ctx.make_array(codes)(ctx, b, args[2]).shape
        off = b.add(b.mul(args[3], b.extract_value(shape, 1)), args[4])
        at = pointer(ctx, b, codes, args[2], off, code)
        rows = pointer(ctx, b, table, args[1], index(0), I8)
        sums = [b.bitcast(v, kind) for v in vectors(b, t, args[0])]
        for n in range(CODES_PER_TILE):
            if n % 2 == 0:                        # one load for two codes: loads are the bottleneck
                many = ir.IntType(min(2, CODES_PER_TILE - n) * code.width)
                name = b.load(b.bitcast(b.gep(at, [index(n)]), ir.PointerType(many)), align=code.width // 8)
            else:
                name = b.lshr(name, ir.Constant(many, code.width))
            place = b.gep(rows, [b.zext(name if name.type == code else b.trunc(name, code), I64)])
            place = b.bitcast(place, ir.PointerType(kind))
            sums = [add(s, b.load(b.gep(place, [index(i)]), align=LANES * 4)) for i, s in enumerate(sums)]
        return build(ctx, b, t, [b.bitcast(s, VF) for s in sums])
    return t(t, table, codes, types.intp, types.intp), cg


def combine(n):
    """-> f(x, i, table, k, codes): table rows k.. = the 3^n sums of rows i..i+n of x with weights -1, 0 and 1."""
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
    """Words of four int8 channels, of tokens t (low) and t + 16 (high) -> four rows of int16, one per channel."""
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
    """-> f(t): the low or high int16 of each 32-bit word of t, as float32."""
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
    """Fill the table (279, 16) with the sums of 32 channels, the rows of x."""
    for g in range(THREES):
        threes(x, 3 * g, table, 27 * g, codes)
    pairs(x, 3 * THREES, table, PAIR, codes)


@device
def add_rows(table, codes, s, first, sums, at):
    """Add the contribution of channels 32 s.. to all outputs, rows at.. of sums; `first`: overwrite instead of add."""
    for j in range(codes.shape[0]):
        for r in range(TILE_N):
            t = row()
            if not first:
                t = load_like(row(), sums, at + j * TILE_N + r, 0)
            store(sums, at + j * TILE_N + r, 0, look_up(t, table, codes, j, (s * TILE_N + r) * CODES_PER_TILE))


@device
def sums_of_floats(a, first, n, codes, more):
    """-> sums = a[first:first+n] @ both weights in float32, number of outputs of both; n a multiple of 32

    A row holds 16 tokens of one output: all outputs of the first 16 tokens, then those of the next 16, and so on.
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
def passes(in_tiles):
    """The number of int16 partial sums per output."""
    return (in_tiles + LIMIT - 1) // LIMIT


@device
def sums_of_bytes(q, codes, more):
    """-> sums = q @ both weights in int16, number of outputs of both; rows of q a multiple of 32

    A row holds 32 tokens of one output: all outputs over the first 256 channels, over the next 256, and so on; then
    those of the next 32 tokens.
    """
    outputs, in_tiles = (codes.shape[0] + more.shape[0]) * TILE_N, q.shape[1] // TILE_N
    sums = workspace(q.shape[0] // TILE_N * passes(in_tiles) * outputs, WORDS, np.float32)
    x, table = workspace(TILE_N, WORDS, np.float32), workspace(ROWS, WORDS, np.float32)
    fours = workspace(in_tiles * TILE_N // 4, TILE_N, np.float32)
    for g in range(q.shape[0] // TILE_N):
        transpose_words(view_u32(q, q.shape[1] // 4), g * TILE_N, 0, TILE_N, q.shape[1] // 4, fours, 0, 0)
        for s in range(in_tiles):
            for r in range(0, TILE_N, 4):
                at = (s * TILE_N + r) // 4
                store(x, r, 0, channels(load_like(row(), fours, at, 0), load_like(row(), fours, at, WORDS)))
            tabulate(x, table, codes)
            at = (g * passes(in_tiles) + s // LIMIT) * outputs
            add_rows(table, codes, s, s % LIMIT == 0, sums, at)
            add_rows(table, more, s, s % LIMIT == 0, sums, at + codes.shape[0] * TILE_N)
    return sums, outputs


@device
def block_of_floats(c, sums, outputs, i, j):
    """c (32, 32) = tokens i.. and outputs j.. of sums_of_floats"""
    for h in range(0, TILE_N, WORDS):
        transpose_words(sums, (i + h) // WORDS * outputs + j, 0, TILE_N, WORDS, c, h, 0)


@device
def block_of_bytes(c, sums, outputs, i, j, factors, in_tiles):
    """c (32, 32) = tokens i.. and outputs j.. of sums_of_bytes, times factors[0] of each token"""
    at = i // TILE_N * passes(in_tiles) * outputs + j
    for o in range(0, TILE_N, LANES):
        for w in range(0, WORDS, LANES):
            low, high = square_tile(), square_tile()
            for k in range(passes(in_tiles)):
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
def encode_tile(q, i, j, down, codes, panel, at):
    """codes[panel, at:at+11] = the codes of q[i, j:j+32], or of q[i:i+32, j] if `down`."""
    di, dj = (1, 0) if down else (0, 1)
    for g in range(THREES):
        y, x = i + 3 * g * di, j + 3 * g * dj
        digits = 9 * q[y, x] + 3 * q[y + di, x + dj] + q[y + 2 * di, x + 2 * dj]
        codes[panel, at + g] = (np.int64(digits) + 13 + 27 * g) * ROW_BYTES
    y, x = i + 3 * THREES * di, j + 3 * THREES * dj
    codes[panel, at + THREES] = (np.int64(3 * q[y, x] + q[y + di, x + dj]) + 4 + PAIR) * ROW_BYTES
