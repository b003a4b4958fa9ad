"""Working memory and shares of the threads, inside kernels."""
import numpy as np
from numba import types
from numba.extending import intrinsic

from ternary.kernels.jit import device
from ternary.kernels.simd import I64, call


@intrinsic
def num_threads(tc):
    """How many threads a prange runs on; numba.get_num_threads() in a kernel would keep it out of the cache."""
    return types.intp(), lambda ctx, b, sig, args: call(b, "get_num_threads", I64)


@device
def workspace(rows, cols, dtype):
    """An uninitialised (rows, cols) array that begins on a cache line: a vector across two lines costs twice."""
    raw = np.empty(rows * cols + 64, dtype)
    skip = (-raw.ctypes.data) % 64 // raw.itemsize
    return raw[skip:skip + rows * cols].reshape((rows, cols))


@device
def share(n, part, parts, unit):
    """first, last of part `part` of n things cut into equal parts of whole units."""
    each = ((n + unit - 1) // unit + parts - 1) // parts * unit
    return min(n, part * each), min(n, (part + 1) * each)
