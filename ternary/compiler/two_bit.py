"""Weights in 2 and in 5 bits, and bit masks of comparisons: the intrinsics of decoding."""
from numba import types

from ternary.compiler import simd
from ternary.compiler.compat import intrinsic, ir
from ternary.compiler.isa import LANES, VNNI
from ternary.compiler.simd import I32, I64, VF, VI, const, index
from ternary.compiler.tile_memory import pointer
from ternary.compiler.tiles import Tile, build, tile, vectors

PANEL = 4 * LANES                 # outputs of a panel: the four planes of a vector of 2-bit codes
IN_PLACE = VNNI
# inputs whose products `two_bit_fma` may add up: sums in int16 are of 63 pairs of a code up to 2 and a digit to -128
INPUTS = 4 * 63 if simd.IN_PAIRS else 1 << 30
FIVE_BITS = VNNI and LANES == 16  # there is five_bit_fma
# of the two numbers in each byte of four vectors; as many as possible are where five_bit_fma needs them: 4 and 3
FIFTH_BITS = (4, 3), (6, 5), (2, 1), (7, 0)
wide, wide2, wide4 = tile(1, 4), tile(2, 4), tile(4, 4)   # a number for each output of a panel, of 1, 2 and 4 rows


@intrinsic
def two_bit_fma(tc, t, a, ao, p, po):
    """t += four int8 of a[ao:] dot a vector of 2-bit codes q + 1 of p[po:], plane j for column j; see `plane_sums`.

    Byte 4 l + s of the vector holds the weights of input s and of outputs l, LANES + l, 2 LANES + l, 3 LANES + l.
    Where products of bytes do not saturate, plane j stays where it is in the byte, and its sums are 4^j times as large.
    """
    def cg(ctx, b, sig, args):
        tv, av, ao, pv, po = args
        ao, po = (ctx.cast(b, args[k], sig.args[k], types.intp) for k in (2, 4))
        codes = b.load(pointer(ctx, b, sig.args[3], pv, po, VI), align=4)
        x = simd.splat(b, b.load(pointer(ctx, b, sig.args[1], av, ao, I32), align=1), VI)
        out = []
        for j, c in enumerate(vectors(b, t, tv)):
            if IN_PLACE:
                plane = b.and_(codes, const(int.from_bytes(bytes([3 << 2 * j] * 4), "little", signed=True), VI))
            else:
                plane = b.and_(b.lshr(codes, const(2 * j, VI)), const(0x03030303, VI))
            if simd.IN_PAIRS:
                twos = simd.byte_pairs(b, plane, x)
                out.append(b.bitcast(b.add(b.bitcast(c, twos.type), twos), VF))
            else:
                out.append(b.bitcast(simd.bytes_dot(b, b.bitcast(c, VI), plane, x), VF))
        return build(ctx, b, t, out)
    return t(t, a, ao, p, po), cg


@intrinsic
def take_plane(tc, p, po, out, at, j):
    """out[at:], a vector of bytes = plane j of a vector of 2-bit codes p[po:], where it is in the byte."""
    def cg(ctx, b, sig, args):
        p, po, out, at, j = args
        codes = b.load(pointer(ctx, b, sig.args[0], p, po, VI), align=4)
        mask = b.shl(ir.Constant(I32, 0x03030303), b.trunc(b.shl(j, index(1)), I32))
        b.store(b.and_(codes, simd.splat(b, mask, VI)), pointer(ctx, b, sig.args[2], out, at, VI), align=4)
        return ctx.get_dummy_value()
    return types.void(p, types.intp, out, types.intp, types.intp), cg


@intrinsic
def five_bit_fma(tc, t, a, ao, digits, p, po):
    """Row i of t (rows, 4) += eight int8 of a[ao + i * digits:] dot 5-bit numbers, 320 bytes of p[po:].

    Of 4 inputs there are two vectors with two numbers in each byte, of outputs l and 16 + l, and 32 + l and 48 + l; the
    last vector has the fifth bit of all. The first number of a byte is in bits 0 to 3, and its highest bit in the last
    vector. The second is 8 times as large: it is in bits 4 to 7, and its lowest bit in the last vector. See
    `five_bit_sums`.
    """
    def cg(ctx, b, sig, args):
        tv, av, ao, digits, pv, po = args
        *pairs, fifth = (b.load(pointer(ctx, b, sig.args[4], pv, b.add(po, index(64 * k)), VI), align=4)
                         for k in range(5))
        numbers = []
        for both, bits in zip(pairs, FIFTH_BITS):
            for bit, to, own in zip(bits, (4, 3), (0x0f0f0f0f, -0x0f0f0f10)):
                moved = (fifth if bit == to else b.lshr(fifth, const(bit - to, VI)) if bit > to else
                         b.shl(fifth, const(to - bit, VI)))
                rest = const(0x01010101 << to, VI)
                numbers.append(b.or_(b.and_(both, const(own, VI)), b.and_(moved, rest)))
        out = vectors(b, t, tv)
        for i in range(t.rows):
            for first in (0, 4):
                at = b.add(b.add(ao, b.mul(digits, index(i))), index(first))
                x = simd.splat(b, b.load(pointer(ctx, b, sig.args[1], av, at, I32), align=1), VI)
                for j in range(4):
                    c = b.bitcast(out[4 * i + j], VI)
                    out[4 * i + j] = b.bitcast(simd.bytes_dot(b, c, numbers[first + j], x), VF)
        return build(ctx, b, t, out)
    return t(t, a, types.intp, types.intp, p, types.intp), cg


@intrinsic
def five_bit_sums(tc, t):
    """What five_bit_fma added up, as floats."""
    def cg(ctx, b, sig, args):
        sums = [b.sitofp(b.bitcast(v, VI), VF) for v in vectors(b, t, args[0])]
        return build(ctx, b, t, [b.fmul(v, const((1, 0.125)[j % 2])) for j, v in enumerate(sums)])
    return t(t), cg


@intrinsic
def row(tc, t, k):
    """Row k of a tile, k a literal, as a tile of one row."""
    if not isinstance(k, types.IntegerLiteral):
        return None
    out, first = Tile(1, t.cols), k.literal_value * t.cols

    def cg(ctx, b, sig, args):
        return build(ctx, b, out, vectors(b, t, args[0])[first:first + t.cols])
    return out(t, k), cg


@intrinsic
def plane_sums(tc, t):
    """What two_bit_fma added up, of at most INPUTS inputs, as floats."""
    def cg(ctx, b, sig, args):
        sums = vectors(b, t, args[0])
        if simd.IN_PAIRS:
            sums = [simd.added_pairs(b, b.bitcast(v, ir.VectorType(simd.I16, 2 * LANES))) for v in sums]
        sums = [b.sitofp(b.bitcast(v, VI), VF) for v in sums]
        return build(ctx, b, t, [b.fmul(v, const(0.25 ** j)) for j, v in enumerate(sums)] if IN_PLACE else sums)
    return t(t), cg


@intrinsic
def prefetch_read(tc, a, at):
    """Fetch the cache line of a[at], a flat array."""
    def cg(ctx, b, sig, args):
        where = pointer(ctx, b, sig.args[0], args[0], args[1], simd.I8)
        simd.call(b, "llvm.prefetch.p0", ir.VoidType(), where, *(ir.Constant(I32, k) for k in (0, 3, 1)))
        return ctx.get_dummy_value()
    return types.void(a, types.intp), cg


@intrinsic
def reached(tc, t, x):
    """Bit j of a uint64: whether element j of a row of up to 64 is at least x."""
    def cg(ctx, b, sig, args):
        bits, x = ir.Constant(I64, 0), simd.splat(b, args[1], VF)
        for k, v in enumerate(vectors(b, t, args[0])):
            part = b.zext(b.bitcast(b.fcmp_ordered(">=", v, x), ir.IntType(LANES)), I64)
            bits = b.or_(bits, b.shl(part, index(k * LANES)))
        return bits
    return types.uint64(t, types.float32), cg


@intrinsic
def count_ones(tc, bits):
    return types.int64(types.uint64), lambda ctx, b, sig, args: b.ctpop(args[0])


@intrinsic
def lowest_one(tc, bits):
    """The position of the lowest bit that is set."""
    return types.int64(types.uint64), lambda ctx, b, sig, args: b.cttz(args[0], ir.Constant(ir.IntType(1), 0))
