"""SIMD tiles as Numba values: register-blocked kernels in plain Python.

A `Tile(rows, cols)` is a block of rows x (cols * LANES) float32 in SIMD registers. Kernels create, combine and store
tiles like numbers:

    t = load_like(vec32(), x, i, j) * alpha       # vec32 = tile(1, COLS): 32 columns of one row
    store(y, i, j, t * sigmoid(t))

A tile is compiled to an LLVM array of vectors, which LLVM keeps in registers. Arrays hold float32, bfloat16 as uint16,
or integers as int8 and uint8; arithmetic is always float32. A 1-D array is broadcast over the rows of a tile.
"""
import operator

import numpy as np
from numba import types

from ternary.compiler import simd
from ternary.compiler.compat import cgutils, intrinsic, ir, lower_builtin, models, register_model, type_callable
from ternary.compiler.isa import LANES
from ternary.compiler.jit import device
from ternary.compiler.layout import TILE_N
from ternary.compiler.simd import F32, I8, I16, I32, VC, VF, VH, call, const, index

COLS = TILE_N // LANES
LOG2E = np.float32(1.44269504)


class Tile(types.Type):
    def __init__(self, rows, cols):
        self.rows, self.cols, self.n = rows, cols, rows * cols
        super().__init__(name=f"Tile({rows}, {cols})")


@register_model(Tile)
class _TileModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, ir.ArrayType(VF, fe_type.n))


# ---- code generation helpers ------------------------------------------------------------------------
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


def vectors(b, t, tv):
    """The vectors of a tile value tv of type t, row by row."""
    return [b.extract_value(tv, k) for k in range(t.n)]


def build(ctx, b, t, vectors):
    """A tile value of type t from its vectors."""
    tv = ir.Constant(ctx.get_value_type(t), ir.Undefined)
    for k, v in enumerate(vectors):
        tv = b.insert_value(tv, v, k)
    return tv


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
    return b.load(b.bitcast(p, ir.PointerType(VF)), align=4)


def narrowed(b, array, vs):
    """A row of float vectors converted to the array's type, as (vector index, vector) pairs."""
    if is_bytes(array):
        return [(k, b.trunc(b.fptosi(v, simd.VI), VC)) for k, v in enumerate(vs)]
    return simd.narrow_row(b, vs) if is_bf16(array) else enumerate(vs)


# ---- making, loading, storing -----------------------------------------------------------------------
def tile(rows, cols):
    """-> zeros(), which makes a tile of 0. Call tile() at module level: in a function it makes kernels uncacheable."""
    t = Tile(rows, cols)

    @intrinsic
    def zeros(tc):
        return t(), lambda ctx, b, sig, args: build(ctx, b, t, [const(0.0)] * t.n)
    return zeros


vec32, vec32x2, vec32x4, square_tile = tile(1, COLS), tile(2, COLS), tile(4, COLS), tile(LANES, 1)


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
    """a[i:, j:] = t, rounded to bf16 if a is uint16; if a holds bytes, t must hold integers in their range."""
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

    Bytes: dot products of four, a int8 and p uint8 (values up to 2); t accumulates int32, see `from_ints`.
    """
    bf, by = is_bf16(a), is_bytes(a)
    high, sixteen = const(-65536, simd.VI), const(16, simd.VI)

    def halves(b, v):
        return b.bitcast(b.shl(v, sixteen), VF), b.bitcast(b.and_(v, high), VF)

    def cg(ctx, b, sig, args):
        tv, av, _, _, pv, _ = args
        off, row, po = (ctx.cast(b, args[k], sig.args[k], types.intp) for k in (2, 3, 5))
        panel = []
        for j in range(t.cols):
            at = _plus(b, po, j * LANES * (32 // p.dtype.bitwidth))
            panel.append(b.load(pointer(ctx, b, sig.args[4], pv, at, simd.VI if bf or by else VF), align=4))
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


# ---- arithmetic: t + u, t * 2, a (1, cols) row times a tile, exp2(t), ... -------------------------------
def _broadcast(x, y):
    """The type of x op y (a single row is broadcast), or None."""
    if isinstance(x, Tile) and isinstance(y, Tile):
        return None if x.cols != y.cols else x if y.rows in (1, x.rows) else y if x.rows == 1 else None
    if isinstance(x, Tile) and isinstance(y, types.Number):
        return x
    if isinstance(y, Tile) and isinstance(x, types.Number):
        return y
    return None


def _binary(op, emit):
    """Register a binary operator on tiles; an @overload would be compiled for every pair of shapes."""
    type_callable(op)(lambda context: lambda x, y: _broadcast(x, y))

    def cg(ctx, b, sig, args):
        t = sig.return_type

        def spread(ty, v):
            if isinstance(ty, Tile):
                return vectors(b, ty, v) * (t.rows // ty.rows)
            return [simd.splat(b, ctx.cast(b, v, ty, types.float32), VF)] * t.n
        both = zip(*map(spread, sig.args, args))
        return build(ctx, b, t, [emit(b, u, v) for u, v in both])

    for pair in ((Tile, Tile), (Tile, types.Number), (types.Number, Tile)):
        lower_builtin(op, *pair)(cg)


def minimum(x, y): raise TypeError("only in kernels")
def maximum(x, y): raise TypeError("only in kernels")
def copysign(x, y): raise TypeError("only in kernels")


_binary(operator.add, lambda b, u, v: b.fadd(u, v))
_binary(operator.sub, lambda b, u, v: b.fsub(u, v))
_binary(operator.mul, lambda b, u, v: b.fmul(u, v))
_binary(operator.truediv, lambda b, u, v: b.fdiv(u, v))
_binary(minimum, lambda b, u, v: b.select(b.fcmp_ordered(">", u, v), v, u))        # NaN in u propagates
_binary(maximum, lambda b, u, v: b.select(b.fcmp_ordered("<", u, v), v, u))
_binary(copysign, lambda b, u, v: call(b, f"llvm.copysign.v{LANES}f32", VF, u, v))


def _unary(emit):
    """An intrinsic that applies `emit` to every vector of a tile."""
    @intrinsic
    def impl(tc, t):
        return t(t), lambda ctx, b, sig, args: build(ctx, b, t, [emit(b, v) for v in vectors(b, t, args[0])])
    return impl


exp2, reciprocal = _unary(simd.exp2), _unary(simd.reciprocal)
rint = _unary(lambda b, v: call(b, f"llvm.rint.v{LANES}f32", VF, v))
sqrt = _unary(lambda b, v: call(b, f"llvm.sqrt.v{LANES}f32", VF, v))
from_ints = _unary(lambda b, v: b.sitofp(b.bitcast(v, simd.VI), VF))        # of sums that outer_fma makes of bytes
absolute = _unary(lambda b, v: call(b, f"llvm.fabs.v{LANES}f32", VF, v))


@device
def sigmoid(t):
    return reciprocal(1.0 + exp2(t * -LOG2E))


def sigmoid_ref(x): return 1 / (1 + np.exp(-x))


@intrinsic
def add_where(tc, t, bits, x):
    """t (1, 32) + x in the columns j whose bit is set in the uint32 `bits`."""
    def cg(ctx, b, sig, args):
        tv, bits, x = args
        x, lane = simd.splat(b, x, VF), ir.VectorType(ir.IntType(1), LANES)
        out = []
        for k, v in enumerate(vectors(b, t, tv)):
            part = b.trunc(b.lshr(bits, ir.Constant(I32, k * LANES)), ir.IntType(LANES))
            out.append(b.select(b.bitcast(part, lane), b.fadd(v, x), v))
        return build(ctx, b, t, out)
    return t(t, types.uint32, types.float32), cg


# ---- reductions, windows, transposition -----------------------------------------------------------------
@intrinsic
def total(tc, t):
    """The sum of all elements, a float32."""
    def cg(ctx, b, sig, args):
        v = simd.tree_sum(b, vectors(b, t, args[0]))
        name = f"llvm.vector.reduce.fadd.v{LANES}f32"
        return call(b, name, F32, ir.Constant(F32, 0.0), v, fastmath=("reassoc",))
    return types.float32(t), cg


@intrinsic
def largest(tc, t):
    """The largest of all elements, a float32; NaN elements are ignored."""
    def cg(ctx, b, sig, args):
        first, *rest = vectors(b, t, args[0])
        for v in rest:
            first = call(b, f"llvm.maxnum.v{LANES}f32", VF, first, v)
        return call(b, f"llvm.vector.reduce.fmax.v{LANES}f32", F32, first)
    return types.float32(t), cg


@intrinsic
def column_like(tc, t, a, i, j):
    """A tile of the shape of t whose row r holds a[i, j + r] in all columns."""
    def cg(ctx, b, sig, args):
        off, _ = _at(ctx, b, sig.args[1], args[1], sig.args[2:], args[2:])
        ps = [pointer(ctx, b, sig.args[1], args[1], _plus(b, off, r), F32) for r in range(t.rows)]
        return build(ctx, b, t, [v for p in ps for v in [simd.splat(b, b.load(p, align=4), VF)] * t.cols])
    return t(t, a, i, j), cg


@intrinsic
def sum_rows(tc, t):
    """(rows, cols) -> (1, cols), the sum over rows."""
    out = Tile(1, t.cols)

    def cg(ctx, b, sig, args):
        vs = vectors(b, t, args[0])
        return build(ctx, b, out, [simd.tree_sum(b, vs[k::t.cols]) for k in range(t.cols)])
    return out(t), cg


@intrinsic
def slide(tc, t, row):
    """Drop the first row of t and append `row` as the last: a sliding window over time."""
    def cg(ctx, b, sig, args):
        return build(ctx, b, t, vectors(b, t, args[0])[t.cols:] + vectors(b, row, args[1]))
    return t(t, row), cg


@intrinsic
def transposed(tc, t):
    """The transpose of a square_tile; it only moves 32-bit words, so they may also be pairs of bf16."""
    def cg(ctx, b, sig, args):
        return build(ctx, b, t, simd.transpose(b, vectors(b, t, args[0])))
    return t(t), cg
