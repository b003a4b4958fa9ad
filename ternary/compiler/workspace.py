"""Inside kernels: scratch arrays, views, and the distribution of work over threads."""
import numpy as np
from numba import types

from ternary.compiler.compat import arrayobj, cgutils, intrinsic, ir, num_threads_symbol
from ternary.compiler.jit import device
from ternary.compiler.simd import I64, call, index

CACHE_LINE = 64                   # bytes


@intrinsic
def num_threads(tc):
    """The number of threads of a prange; numba.get_num_threads() would make a kernel uncacheable."""
    return types.intp(), lambda ctx, b, sig, args: call(b, num_threads_symbol, I64)


def _array(ctx, b, ary_type, data, rows, cols, meminfo, parent=None):
    """A contiguous (rows, cols) array at `data`."""
    ary = arrayobj.make_array(ary_type)(ctx, b)
    size = ary_type.dtype.bitwidth // 8
    arrayobj.populate_array(
        ary, data=b.bitcast(data, ir.PointerType(ctx.get_data_type(ary_type.dtype))),
        shape=cgutils.pack_array(b, [rows, cols]),
        strides=cgutils.pack_array(b, [b.mul(cols, index(size)), index(size)]),
        itemsize=index(size), meminfo=meminfo, **({"parent": parent} if parent else {}))
    return ary._getvalue()


@intrinsic
def workspace(tc, rows, cols, dtype):
    """An uninitialised (rows, cols) array aligned to a cache line: loads across two cache lines cost double."""
    ary_type = types.Array(dtype.dtype, 2, "C")

    def cg(ctx, b, sig, args):
        rows, cols = (ctx.cast(b, v, t, types.intp) for v, t in zip(args[:2], sig.args[:2]))
        size = b.mul(b.mul(rows, cols), index(ary_type.dtype.bitwidth // 8))
        memory = ctx.nrt.meminfo_alloc_aligned(b, size, ir.Constant(ir.IntType(32), CACHE_LINE))
        return _array(ctx, b, ary_type, ctx.nrt.meminfo_data(b, memory), rows, cols, memory)
    return ary_type(rows, cols, dtype), cg


@intrinsic
def view_u32(tc, a, cols):
    """A contiguous array viewed as (-1, cols) 32-bit words typed float32: pairs of bf16, four bytes, or float32."""
    ary_type = types.Array(types.float32, 2, "C")

    def cg(ctx, b, sig, args):
        source = arrayobj.make_array(sig.args[0])(ctx, b, args[0])
        cols = ctx.cast(b, args[1], sig.args[1], types.intp)
        count = b.mul(source.nitems, index(a.dtype.bitwidth // 8))
        rows = b.sdiv(count, b.mul(cols, index(4)))
        ctx.nrt.incref(b, sig.args[0], args[0])
        return _array(ctx, b, ary_type, source.data, rows, cols, source.meminfo, source.parent)
    return ary_type(a, cols), cg


@device
def share(n, part, parts, unit):
    """-> first, last: part number `part` when n items are split into `parts` nearly equal ranges of whole units."""
    each = ((n + unit - 1) // unit + parts - 1) // parts * unit
    return min(n, part * each), min(n, (part + 1) * each)


@intrinsic
def fetch_add(tc, a, i):
    """Atomic a[i, 0] += 1 -> the value before; rows of `a` are cache lines of int64."""
    def cg(ctx, b, sig, args):
        data = arrayobj.make_array(sig.args[0])(ctx, b, args[0]).data
        return b.atomic_rmw("add", b.gep(data, [b.mul(args[1], index(CACHE_LINE // 8))]), index(1), "monotonic")
    return types.int64(a, types.int64), cg


@device
def queue(threads):
    """A work queue (threads, 8) int64 for `take`: how many items of each thread's range are taken."""
    q = workspace(threads, CACHE_LINE // 8, np.int64)
    for th in range(q.shape[0]):
        q[th, 0] = 0
    return q


@device
def take(q, th, n):
    """The next of n work items for thread th, or n if none is left.

    A thread takes the items of its own range first, whose data may be in its cache, then those of other ranges (work
    stealing), so that a delayed thread delays nobody. Which thread gets an item is not deterministic, so every item
    must write outputs of its own.
    """
    threads = q.shape[0]
    for k in range(threads):
        owner = (th + k) % threads
        first, last = share(n, owner, threads, 1)
        i = first + fetch_add(q, owner)
        if i < last:
            return i
    return n


@device
def clear(a):
    """a[:] = 0 for a 2-D array, as loops: array expressions take long to compile."""
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[i, j] = 0
