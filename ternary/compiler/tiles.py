"""SIMD tiles as Numba values: register-blocked kernels in plain Python.

A `Tile(rows, cols)` is a block of rows x (cols * LANES) float32 in SIMD registers. Kernels create, combine and store
tiles like numbers:

    t = load_like(vec32(), x, i, j) * alpha       # vec32 = tile(1, COLS): 32 columns of one row
    store(y, i, j, t * sigmoid(t))

A tile is compiled to an LLVM array of vectors, which LLVM keeps in registers; arithmetic is always float32. Loads and
stores are in tile_memory.py.
"""
import operator

import numpy as np
from numba import types

from ternary.compiler import simd
from ternary.compiler.compat import intrinsic, ir, lower_builtin, models, register_model, type_callable
from ternary.compiler.isa import LANES
from ternary.compiler.jit import device
from ternary.compiler.layout import TILE_N
from ternary.compiler.simd import F32, I32, VF, call, const

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


def vectors(b, t, tv):
    """The vectors of a tile value tv of type t, row by row."""
    return [b.extract_value(tv, k) for k in range(t.n)]


def build(ctx, b, t, vectors):
    """A tile value of type t from its vectors."""
    tv = ir.Constant(ctx.get_value_type(t), ir.Undefined)
    for k, v in enumerate(vectors):
        tv = b.insert_value(tv, v, k)
    return tv


# ---- making ---------------------------------------------------------------------------------------------
def tile(rows, cols):
    """-> zeros(), which makes a tile of 0. Call tile() at module level: in a function it makes kernels uncacheable."""
    t = Tile(rows, cols)

    @intrinsic
    def zeros(tc):
        return t(), lambda ctx, b, sig, args: build(ctx, b, t, [const(0.0)] * t.n)
    return zeros


vec32, vec32x2, vec32x4, square_tile = tile(1, COLS), tile(2, COLS), tile(4, COLS), tile(LANES, 1)


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
from_ints = _unary(lambda b, v: b.sitofp(b.bitcast(v, simd.VI), VF))        # of sums of bytes or add_rounded
absolute = _unary(lambda b, v: call(b, f"llvm.fabs.v{LANES}f32", VF, v))


@intrinsic
def add_rounded(tc, s, t):
    """s + t rounded to nearest; s holds int32, see `from_ints`."""
    def cg(ctx, b, sig, args):
        both = zip(vectors(b, t, args[0]), vectors(b, t, args[1]))
        return build(ctx, b, t, [b.bitcast(b.add(b.bitcast(u, simd.VI), simd.to_ints(b, v)), VF) for u, v in both])
    return t(t, t), cg


@device
def sigmoid(t):
    return reciprocal(1.0 + exp2(t * -LOG2E))


def sigmoid_ref(x): return 1 / (1 + np.exp(np.minimum(-x, 88)))         # exp(89) overflows float32


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
