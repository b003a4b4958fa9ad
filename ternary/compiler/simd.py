"""Code generation for vectors of LANES floats, used by tiles. In every function `b` is an llvmlite IRBuilder."""
import numpy as np

from ternary.compiler.compat import ir
from ternary.compiler.isa import ARM, AVX512, BF16_DOT, FMA, LANES, SDOT, VNNI

F32, I8, I16, I32, I64 = ir.FloatType(), ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64)


class _BFloat(ir.Type):
    """The type bfloat, which llvmlite lacks; its vectors appear only between a bitcast and an intrinsic."""
    intrinsic_name = "bf16"

    def __str__(self): return "bfloat"
    def __eq__(self, other): return isinstance(other, _BFloat)
    def __hash__(self): return hash("bfloat")


VF, VI, VH, VC = (ir.VectorType(t, LANES) for t in (F32, I32, I16, I8))
VB, VB2 = ir.VectorType(_BFloat(), LANES), ir.VectorType(_BFloat(), 2 * LANES)
IN_PAIRS = LANES > 4 and not (VNNI or SDOT)       # products of bytes are added up in int16 first


def const(x, vt=VF):
    """A vector constant with x in every lane."""
    return ir.Constant(vt, [float(np.float32(x)) if vt is VF else x] * LANES)


def index(k):
    """A constant int64."""
    return ir.Constant(I64, k)


def call(b, name, ret, *args, **kw):
    """Call an intrinsic or C function by name, declared in the module at its first use."""
    fn = b.module.globals.get(name) or ir.Function(b.module, ir.FunctionType(ret, [a.type for a in args]), name)
    return b.call(fn, list(args), **kw)


def fma(b, x, y, z):
    return call(b, f"llvm.fma.v{LANES}f32", VF, x, y, z) if FMA else b.fadd(b.fmul(x, y), z)


def byte_pairs(b, u, s):
    """u . s for pairs of bytes, in int16, which the sums of a pair have to fit; u unsigned, s signed. If IN_PAIRS."""
    v8 = ir.VectorType(I8, 4 * LANES)
    name = "llvm.x86.avx512.pmaddubs.w.512" if AVX512 else "llvm.x86.avx2.pmadd.ub.sw"
    return call(b, name, ir.VectorType(I16, 2 * LANES), b.bitcast(u, v8), b.bitcast(s, v8))


def added_pairs(b, twos):
    """int16 -> the sums of neighbours, in int32"""
    name = "llvm.x86.avx512.pmaddw.d.512" if AVX512 else "llvm.x86.avx2.pmadd.wd"
    return call(b, name, VI, twos, ir.Constant(twos.type, [1] * (2 * LANES)))


def bytes_dot(b, c, u, s):
    """c + u . s for the four bytes in each int32 lane; u unsigned (signed if SDOT), s signed."""
    if SDOT:
        u, s = (b.bitcast(v, ir.VectorType(I8, 16)) for v in (u, s))
        return call(b, "llvm.aarch64.neon.sdot.v4i32.v16i8", VI, c, u, s)
    if VNNI:
        return call(b, f"llvm.x86.avx512.vpdpbusd.{32 * LANES}", VI, c, u, s)
    if IN_PAIRS:
        return b.add(c, added_pairs(b, byte_pairs(b, u, s)))
    for k in range(0, 32, 8):
        x = b.ashr(b.shl(s, const(24 - k, VI)), const(24, VI))
        c = b.add(c, b.mul(b.and_(b.lshr(u, const(k, VI)), const(255, VI)), x))
    return c


def splat(b, s, vt):
    """A vector with the scalar s in every lane."""
    u = ir.Constant(vt, ir.Undefined)
    zero = ir.Constant(ir.VectorType(I32, LANES), [0] * LANES)
    return b.shuffle_vector(b.insert_element(u, s, ir.Constant(I32, 0)), u, zero)


def shuffle(b, u, v, order):
    order = list(order)
    return b.shuffle_vector(u, v, ir.Constant(ir.VectorType(I32, len(order)), order))


def widen(b, h):
    """bf16 bits -> float32."""
    return b.bitcast(b.shl(b.zext(h, VI), const(16, VI)), VF)


def narrow(b, v):
    """float32 -> bf16 bits, rounded to nearest even; NaN stays NaN."""
    if BF16_DOT:
        return b.bitcast(call(b, "llvm.x86.avx512bf16.cvtneps2bf16.512", VB, v), VH)
    return rounded(b, v, VI, VH)


def rounded(b, v, word, half):
    """A vector or number of floats -> bf16 bits by integer arithmetic; word, half: its type as int32, as int16."""
    def constant(k):
        return const(k, word) if word is VI else ir.Constant(word, k)
    u = b.bitcast(v, word)
    odd = b.and_(b.lshr(u, constant(16)), constant(1))
    nearest = b.lshr(b.add(b.add(u, odd), constant(0x7fff)), constant(16))
    return b.trunc(b.select(b.fcmp_unordered("uno", v, v), constant(0x7fc0), nearest), half)


def narrow_row(b, vs):
    """A row of float vectors -> (vector index, bf16 vector) pairs; two vectors become one where the CPU can do it."""
    if BF16_DOT and len(vs) % 2 == 0:
        both = lambda low, high: b.bitcast(
            call(b, "llvm.x86.avx512bf16.cvtne2ps2bf16.512", VB2, high, low), ir.VectorType(I16, 2 * LANES))
        return [(k, both(*vs[k:k + 2])) for k in range(0, len(vs), 2)]
    return [(k, narrow(b, v)) for k, v in enumerate(vs)]


def interleave(b, low, high):
    """Two rows of float vectors as bf16, interleaved element by element."""
    rows = zip(narrow_row(b, low), narrow_row(b, high))
    out = []
    for (_, u), (_, v) in rows:
        n = u.type.count
        for first in range(0, n, LANES):
            out.append(shuffle(b, u, v, (k for j in range(first, first + LANES) for k in (j, j + n))))
    return out


def to_ints(b, v):
    """float32 -> int32, rounded to nearest even. NaN and numbers out of range become any number."""
    if ARM:
        return b.fptosi(call(b, f"llvm.rint.v{LANES}f32", VF, v), VI)
    if AVX512:
        every, nearest = ir.Constant(I16, -1), ir.Constant(I32, 4)
        return call(b, "llvm.x86.avx512.mask.cvtps2dq.512", VI, v, const(0, VI), every, nearest)
    return call(b, "llvm.x86.avx.cvt.ps2dq.256" if LANES == 8 else "llvm.x86.sse2.cvtps2dq", VI, v)


def bytes_of(b, rows):
    """Four rows of floats, rounded to bytes and interleaved: four bytes in each int32 lane."""
    out = []
    for column in zip(*rows):
        word = const(0, VI)
        for k, v in enumerate(column):
            byte = b.and_(to_ints(b, v), const(255, VI))
            word = b.or_(word, b.shl(byte, const(8 * k, VI)))
        out.append(word)
    return out


def transpose(b, vs):
    """Transpose a matrix whose rows are LANES vectors, in log2(LANES) rounds of shuffles."""
    distance = 1
    while distance < LANES:
        low = [k for j in range(0, LANES, 2 * distance)
               for k in (*range(j, j + distance), *range(LANES + j, LANES + j + distance))]
        high = [k + distance for k in low]
        out = list(vs)
        for i in range(LANES):
            if not i & distance:
                out[i] = shuffle(b, vs[i], vs[i + distance], low)
                out[i + distance] = shuffle(b, vs[i], vs[i + distance], high)
        vs, distance = out, 2 * distance
    return vs


def exp2(b, x):
    """2^x = 2^n * p(r), n = rint(x), r = x - n; relative error 1e-7. Saturates at 2^+-126; NaN stays NaN."""
    x = b.select(b.fcmp_ordered(">", x, const(126.0)), const(126.0), x)
    if not AVX512:
        x = b.select(b.fcmp_ordered("<", x, const(-126.0)), const(-126.0), x)
    n = call(b, f"llvm.rint.v{LANES}f32", VF, x)
    r, p = b.fsub(x, n), const(1.327647e-3)
    for c in (9.6755413e-3, 5.55071327e-2, 2.40221197e-1, 6.93146967e-1, 1.0):
        p = fma(b, p, r, const(c))
    if AVX512:
        every, nearest = ir.Constant(I16, -1), ir.Constant(I32, 4)
        return call(b, "llvm.x86.avx512.mask.scalef.ps.512", VF, p, n, const(0.0), every, nearest)
    power = b.bitcast(b.add(b.bitcast(const(1.0), VI), b.shl(b.fptosi(n, VI), const(23, VI))), VF)
    return b.fmul(p, power)


def reciprocal(b, x):
    """1 / x."""
    if not AVX512:
        return b.fdiv(const(1.0), x)
    r = call(b, "llvm.x86.avx512.rcp14.ps.512", VF, x, const(0.0), ir.Constant(I16, -1))
    return b.fmul(r, b.fsub(const(2.0), b.fmul(x, r)))           # one Newton step on 14 bits gives 28


def tree_sum(b, vs):
    """The sum of vectors, pairwise."""
    while len(vs) > 1:
        vs = [b.fadd(*vs[k:k + 2]) if k + 1 < len(vs) else vs[k] for k in range(0, len(vs), 2)]
    return vs[0]
