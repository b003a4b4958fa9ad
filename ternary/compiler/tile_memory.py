"""Tiles from and to memory: loads, stores, and products with packed operands.

Arrays hold float32, bfloat16 as uint16, or integers as int8, uint8 and (to load) int16. A 1-D array is broadcast over
rows.
"""
from numba import types

from ternary.compiler import simd
from ternary.compiler.compat import cgutils, intrinsic, ir
from ternary.compiler.isa import LANES
from ternary.compiler.layout import TILE_N
from ternary.compiler.simd import F32, I8, I16, I32, VC, VF, VH, call, const, index
from ternary.compiler.tiles import build, vectors


def pointer(ctx, b, ary_type, ary, off, to):
    """The address of the element at flat offset `off`, as a pointer to type `to`."""
    return b.bitcast(b.gep(ctx.make_array(ary_type)(ctx, b, ary).data, [off]), ir.PointerType(to))


def _at(ctx, b, ary_type, ary, index_types, ij):
    """-> flat offset of element [i, j], row stride (0 for a 1-D array, which is broadcast)."""
    i, j = (ctx.cast(b, v, t, types.intp) for v, t in zip(ij, index_types))
    if ary_type.ndim == 1:
        return j, index(0)
    row = cgutils.unpack_tuple(b, ctx.make_array(ary_type)(ctx, b, ary).shape, 2)[1]
    return b.add(b.mul(i, row), j), row


def _plus(b, off, k):
    return b.add(off, index(k))


def is_bf16(array):
    return array.dtype == types.uint16


def is_bytes(array):
    return array.dtype in (types.int8, types.uint8)


def load_vector(b, array, p):
    """Load a vector of floats at pointer p from an array of this type."""
    if is_bytes(array):
        v = b.load(b.bitcast(p, ir.PointerType(VC)), align=1)
        return b.sitofp(b.sext(v, simd.VI) if array.dtype == types.int8 else b.zext(v, simd.VI), VF)
    if is_bf16(array):
        return simd.widen(b, b.load(b.bitcast(p, ir.PointerType(VH)), align=2))
    if array.dtype == types.int16:
        return b.sitofp(b.sext(b.load(b.bitcast(p, ir.PointerType(VH)), align=2), simd.VI), VF)
    return b.load(b.bitcast(p, ir.PointerType(VF)), align=4)


def narrowed(b, array, vs):
    """A row of float vectors converted to the array's type, as (vector index, vector) pairs."""
    if is_bytes(array):
        return [(k, b.trunc(simd.to_ints(b, v), VC)) for k, v in enumerate(vs)]
    return simd.narrow_row(b, vs) if is_bf16(array) else enumerate(vs)


@intrinsic
def k_pack(tc, a):
    """How many steps of the inner dimension a panel interleaves in 32 bits: 4 for bytes, 2 for bf16, 1 for float32."""
    return types.intp(a), lambda ctx, b, sig, args: index(32 // a.dtype.bitwidth)


@intrinsic
def zero_point(tc, a):
    """The stored value of weight 0 in panels of this type: 1 in unsigned bytes, else 0."""
    return types.float32(a), lambda ctx, b, sig, args: ir.Constant(F32, float(a.dtype == types.uint8))


@intrinsic
def load_like(tc, t, a, i, j):
    """A tile of the shape of t from a[i:, j:]."""
    def cg(ctx, b, sig, args):
        off, row = _at(ctx, b, sig.args[1], args[1], sig.args[2:], args[2:])
        out = []
        for _ in range(t.rows):
            for k in range(t.cols):
                out.append(load_vector(b, a, pointer(ctx, b, sig.args[1], args[1], _plus(b, off, k * LANES), VF)))
            off = b.add(off, row)
        return build(ctx, b, t, out)
    return t(t, a, i, j), cg


@intrinsic
def store(tc, a, i, j, t):
    """a[i:, j:] = t, rounded to nearest if a holds bf16 or bytes, for which t must be in their range."""
    def cg(ctx, b, sig, args):
        off, row = _at(ctx, b, sig.args[0], args[0], sig.args[1:3], args[1:3])
        vs = vectors(b, t, args[3])
        for r in range(t.rows):
            part = vs[r * t.cols:(r + 1) * t.cols]
            for k, v in narrowed(b, a, part):
                p = pointer(ctx, b, sig.args[0], args[0], _plus(b, off, k * LANES), v.type)
                b.store(v, p, align=a.dtype.bitwidth // 8)
            off = b.add(off, row)
        return ctx.get_dummy_value()
    return types.void(a, i, j, t), cg


def _bits(b, a, t, tv):
    """The vectors of a row t of magnitudes as integers of the width of a's elements; bf16 takes half of the vectors."""
    vt = ir.VectorType(ir.IntType(a.dtype.bitwidth), 32 * LANES // a.dtype.bitwidth)
    return vt, [b.bitcast(v, vt) for v in vectors(b, t, tv)[:TILE_N // vt.count]]


@intrinsic
def max_magnitude(tc, t, a, i, j):
    """max(t, |a[i, j:j+32]|) as bits, of which the larger integer is the larger number. NaN is larger than infinity.

    t: zeros, or the result for another part of `a`. Bits of bf16 are not widened, so this takes half of the work.
    """
    def cg(ctx, b, sig, args):
        off, _ = _at(ctx, b, sig.args[1], args[1], sig.args[2:], args[2:])
        vt, most = _bits(b, a, t, args[0])
        magnitude, out = ir.Constant(vt, [2 ** (a.dtype.bitwidth - 1) - 1] * vt.count), vectors(b, t, args[0])
        for k, m in enumerate(most):
            p = pointer(ctx, b, sig.args[1], args[1], _plus(b, off, k * vt.count), vt)
            v = b.and_(b.load(p, align=a.dtype.bitwidth // 8), magnitude)
            out[k] = b.bitcast(call(b, f"llvm.smax.v{vt.count}i{a.dtype.bitwidth}", vt, m, v), VF)
        return build(ctx, b, t, out)
    return t(t, a, i, j), cg


@intrinsic
def magnitudes(tc, t, a):
    """The elements of t, made by max_magnitude from `a`, as float32."""
    def cg(ctx, b, sig, args):
        _, most = _bits(b, a, t, args[0])
        if is_bf16(a):
            most = [simd.widen(b, simd.shuffle(b, v, v, range(k, k + LANES))) for v in most for k in (0, LANES)]
        return build(ctx, b, t, [b.bitcast(v, VF) for v in most])
    return t(t, a), cg


@intrinsic
def largest_magnitude(tc, t, a):
    """The largest element of t, made by max_magnitude from `a`, as a float32."""
    def cg(ctx, b, sig, args):
        vt, (first, *rest) = _bits(b, a, t, args[0])
        for v in rest:
            first = call(b, f"llvm.smax.v{vt.count}i{a.dtype.bitwidth}", vt, first, v)
        bits = call(b, f"llvm.vector.reduce.smax.v{vt.count}i{a.dtype.bitwidth}", vt.element, first)
        return b.bitcast(b.shl(b.zext(bits, I32), ir.Constant(I32, 16)) if is_bf16(a) else bits, F32)
    return types.float32(t, a), cg


@intrinsic
def load_number(tc, a, i, j):
    """a[i, j] as a float32. In loops over j, LLVM makes vectors of it: for parts of a row that are no whole tiles."""
    def cg(ctx, b, sig, args):
        off, _ = _at(ctx, b, sig.args[0], args[0], sig.args[1:], args[1:])
        x = b.load(b.gep(ctx.make_array(a)(ctx, b, args[0]).data, [off]))
        return b.bitcast(b.shl(b.zext(x, I32), ir.Constant(I32, 16)), F32) if is_bf16(a) else x
    return types.float32(a, i, j), cg


@intrinsic
def store_number(tc, a, i, j, x):
    """a[i, j] = x, a float32, rounded to bf16 if a is uint16."""
    def cg(ctx, b, sig, args):
        off, _ = _at(ctx, b, sig.args[0], args[0], sig.args[1:3], args[1:3])
        x = simd.rounded(b, args[3], I32, I16) if is_bf16(a) else args[3]
        b.store(x, b.gep(ctx.make_array(a)(ctx, b, args[0]).data, [off]))
        return ctx.get_dummy_value()
    return types.void(a, i, j, types.float32), cg


@intrinsic
def store_paired(tc, p, i, j, t):
    """Store the rows of t from p[i, j] on in panel layout: bf16 interleaves pairs of rows, bytes groups of four."""
    def cg(ctx, b, sig, args):
        off, _ = _at(ctx, b, sig.args[0], args[0], sig.args[1:3], args[1:3])
        vs = vectors(b, t, args[3])
        rows = [vs[r:r + t.cols] for r in range(0, t.n, t.cols)]
        if is_bytes(p):
            vs = [v for k in range(0, t.rows, 4) for v in simd.bytes_of(b, rows[k:k + 4])]
        elif is_bf16(p):
            vs = [v for low, high in zip(rows[::2], rows[1::2]) for v in simd.interleave(b, low, high)]
        for k, v in enumerate(vs):
            at = _plus(b, off, k * LANES * (32 // p.dtype.bitwidth))
            b.store(v, pointer(ctx, b, sig.args[0], args[0], at, v.type), align=p.dtype.bitwidth // 8)
        return ctx.get_dummy_value()
    return types.void(p, i, j, t), cg


@intrinsic
def prefetch(tc, a, i, j):
    """Prefetch the cache line of a[i, j] for writing."""
    def cg(ctx, b, sig, args):
        off, _ = _at(ctx, b, sig.args[0], args[0], sig.args[1:], args[1:])
        one = ir.Constant(I32, 1)
        call(b, "llvm.prefetch.p0", ir.VoidType(), pointer(ctx, b, sig.args[0], args[0], off, I8),
             one, ir.Constant(I32, 3), one)
        return ctx.get_dummy_value()
    return types.void(a, i, j), cg


@intrinsic
def outer_fma(tc, t, a, ao, row, p, po):
    """t[i, j] += a[ao + i*row] * p[po + j] with flat offsets; bf16: a[ao + i*row : +2] dot p[po + 2j : +2].

    Bytes: dot products of four, a int8 and p uint8 (values up to 2); t accumulates int32, see `from_ints`. With
    float32 in a, p may be int16 or bf16, one number for each.
    """
    bf, by = is_bf16(a), is_bytes(a)
    words = p.dtype == types.int16 or (is_bf16(p) and not bf)
    high, sixteen = const(-65536, simd.VI), const(16, simd.VI)

    def halves(b, v):
        return b.bitcast(b.shl(v, sixteen), VF), b.bitcast(b.and_(v, high), VF)

    def cg(ctx, b, sig, args):
        tv, av, _, _, pv, _ = args
        off, row, po = (ctx.cast(b, args[k], sig.args[k], types.intp) for k in (2, 3, 5))
        panel = []
        for j in range(t.cols):
            at = _plus(b, po, j * LANES * (1 if words else 32 // p.dtype.bitwidth))
            place = pointer(ctx, b, sig.args[4], pv, at, simd.VI if bf or by else VF)
            panel.append(load_vector(b, p, place) if words else b.load(place, align=4))
        if bf and not simd.BF16_DOT:              # split pairs of bf16 into floats once per panel
            panel = [halves(b, v) for v in panel]
        out = []
        for i in range(t.rows):
            s = b.load(pointer(ctx, b, sig.args[1], av, off, I32 if bf or by else F32), align=a.dtype.bitwidth // 8)
            x = simd.splat(b, s, simd.VI if bf or by else VF)
            for j in range(t.cols):
                c = b.extract_value(tv, i * t.cols + j)
                if by:
                    c = b.bitcast(simd.bytes_dot(b, b.bitcast(c, simd.VI), panel[j], x), VF)
                elif not bf:
                    c = simd.fma(b, x, panel[j], c)
                elif simd.BF16_DOT:
                    c = call(b, "llvm.x86.avx512bf16.dpbf16ps.512", VF, c,
                             b.bitcast(x, simd.VB2), b.bitcast(panel[j], simd.VB2))
                else:
                    for u, v in zip(halves(b, x), panel[j]):
                        c = simd.fma(b, u, v, c)
                out.append(c)
            off = b.add(off, row)
        return build(ctx, b, t, out)
    return t(t, a, ao, row, p, po), cg


@intrinsic
def column_like(tc, t, a, i, j):
    """A tile of the shape of t whose row r holds a[i, j + r] in all columns."""
    def cg(ctx, b, sig, args):
        off, _ = _at(ctx, b, sig.args[1], args[1], sig.args[2:], args[2:])
        ps = [pointer(ctx, b, sig.args[1], args[1], _plus(b, off, r), F32) for r in range(t.rows)]
        return build(ctx, b, t, [v for p in ps for v in [simd.splat(b, b.load(p, align=4), VF)] * t.cols])
    return t(t, a, i, j), cg
