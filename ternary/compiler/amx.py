"""AMX, the matrix unit of recent Xeons: blocks of a product from eight tile registers.

In bf16, registers 0-3 accumulate a 2 x 2 block of 16 x 16 tiles, 4-5 hold two tiles of A (16 rows x 32 steps,
row-major), 6-7 two tiles of B (16 pairs of steps x 16 columns), half a panel each. In bytes, registers 0-3 accumulate
the sums of two digits of 32 rows and of 16 columns, 4-6 hold tiles of A (16 rows x 64 steps), 7 a tile of B (16 fours
of steps x 16 columns). Source: Intel SDM vol. 1, ch. 18.
"""
import numpy as np
from numba import types

from ternary.compiler.compat import intrinsic, ir
from ternary.compiler.simd import I8, call, index
from ternary.compiler.tile_memory import pointer

VOID = ir.VoidType()
SHAPES = np.zeros(64, np.uint8)                   # for ldtilecfg: palette 1; 64 bytes per row, 16 rows, 8 registers
SHAPES[0], SHAPES[16:32:2], SHAPES[48:56] = 1, 64, 16


def _register(k):
    return ir.Constant(I8, k)


@intrinsic
def tiles_on(tc):
    """Configure the tile registers of this thread."""
    def cg(ctx, b, sig, args):
        shape_bytes = ir.Constant(ir.ArrayType(I8, 64), [int(v) for v in SHAPES])
        name = "ternary.amx.shapes"
        g = b.module.globals.get(name)
        if g is None:
            g = ir.GlobalVariable(b.module, shape_bytes.type, name)
            g.initializer, g.global_constant, g.linkage = shape_bytes, True, "internal"
        call(b, "llvm.x86.ldtilecfg", VOID, b.bitcast(g, ir.PointerType(I8)))
        return ctx.get_dummy_value()
    return types.void(), cg


@intrinsic
def tiles_off(tc):
    """Release the tile registers, so that the system need not save them in a context switch."""
    def cg(ctx, b, sig, args):
        call(b, "llvm.x86.tilerelease", VOID)
        return ctx.get_dummy_value()
    return types.void(), cg


@intrinsic
def zero_block(tc):
    """Set the accumulated block to 0."""
    def cg(ctx, b, sig, args):
        for k in range(4):
            call(b, "llvm.x86.tilezero", VOID, _register(k))
        return ctx.get_dummy_value()
    return types.void(), cg


@intrinsic
def block_fma(tc, a, ao, row, p, po):
    """block (32, 32) += a (32 rows from flat offset ao, `row` elements apart) @ 32 steps of p from flat offset po."""
    def cg(ctx, b, sig, args):
        a_type, _, _, p_type, _ = sig.args
        a, ao, row, p, po = args
        row_bytes, panel_bytes = b.mul(row, index(2)), index(128)

        def load(register, ary_type, ary, off, stride):
            call(b, "llvm.x86.tileloadd64", VOID, _register(register), pointer(ctx, b, ary_type, ary, off, I8), stride)

        def dot(c, x, y):
            call(b, "llvm.x86.tdpbf16ps", VOID, _register(c), _register(x), _register(y))

        load(4, a_type, a, ao, row_bytes)
        load(6, p_type, p, po, panel_bytes)
        load(7, p_type, p, b.add(po, index(32)), panel_bytes)
        dot(0, 4, 6)
        dot(1, 4, 7)
        load(5, a_type, a, b.add(ao, b.mul(row, index(16))), row_bytes)
        dot(2, 5, 6)
        dot(3, 5, 7)
        return ctx.get_dummy_value()
    return types.void(a, types.intp, types.intp, p, types.intp), cg


@intrinsic
def store_block(tc, c):
    """c (32, 32) = the accumulated block; c is contiguous float32."""
    def cg(ctx, b, sig, args):
        for k in range(4):
            at = pointer(ctx, b, sig.args[0], args[0], index(32 * 16 * (k // 2) + 16 * (k % 2)), I8)
            call(b, "llvm.x86.tilestored64", VOID, _register(k), at, index(128))
        return ctx.get_dummy_value()
    return types.void(c), cg


@intrinsic
def digits_fma(tc, q, qo, row, digits, p, po, apart, all_rows):
    """Sums of two digits, of 32 rows and 16 columns, += 64 steps of int8 q @ uint8 p; of 16 rows if not all_rows.

    q: rows `row` apart from flat offset qo, their second digits `digits` further on; p: fours of steps of a column side
    by side, 16 such rows `apart` bytes apart from flat offset po.
    """
    def cg(ctx, b, sig, args):
        q, qo, row, digits, p, po, apart, all_rows = args

        def load(register, k, ary, off, stride):
            at = pointer(ctx, b, sig.args[k], ary, off, I8)
            call(b, "llvm.x86.tileloadd64", VOID, _register(register), at, stride)

        def add(c, a, off):
            load(a, 0, q, off, row)
            call(b, "llvm.x86.tdpbsud", VOID, _register(c), _register(a), _register(7))
        load(7, 4, p, po, apart)
        add(0, 4, qo)
        add(1, 5, b.add(qo, digits))
        with b.if_then(all_rows):
            second = b.add(qo, b.mul(row, index(16)))
            add(2, 6, second)
            add(3, 4, b.add(second, digits))
        return ctx.get_dummy_value()
    return types.void(q, types.intp, types.intp, types.intp, p, types.intp, types.intp, types.boolean), cg


@intrinsic
def store_digits(tc, c, all_rows):
    """c (2, 32, 16) = the sums of digits_fma, as int32 in an array of float32."""
    def cg(ctx, b, sig, args):
        def put(register, place):
            at = pointer(ctx, b, sig.args[0], args[0], index(16 * place), I8)
            call(b, "llvm.x86.tilestored64", VOID, _register(register), at, index(64))
        put(0, 0)
        put(1, 32)
        with b.if_then(args[1]):
            put(2, 16)
            put(3, 48)
        return ctx.get_dummy_value()
    return types.void(c, types.boolean), cg
