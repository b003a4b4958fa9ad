"""Arithmetic of activations element by element, and the sums over rows that are gradients of what was broadcast.

Arrays (N, D), D a multiple of 32; b may be a row (D,), one for all rows of a. Inputs and outputs may differ in type.
"""
import numpy as np
from numba import prange

from ternary.compiler.jit import kernel
from ternary.compiler.tile_memory import load_like, store
from ternary.compiler.tiles import TILE_N, vec32
from ternary.compiler.workspace import clear, num_threads, share, workspace
from ternary.kernels.norm import add_parts


def convert_ref(x):
    """y = x in the type of y.    x (N, D) -> y (N, D)"""
    return x


@kernel(ref=convert_ref)
def convert(x, y):
    for i in prange(y.shape[0]):
        for j in range(0, y.shape[1], TILE_N):
            store(y, i, j, load_like(vec32(), x, i, j))


def add_scaled_ref(a, b, factor):
    """y = a + factor * b.    a (N, D), b (N, D) or (D,) -> y (N, D)"""
    return a + factor * b


@kernel(ref=add_scaled_ref)
def add_scaled(a, b, factor, y):
    for i in prange(y.shape[0]):
        for j in range(0, y.shape[1], TILE_N):
            store(y, i, j, load_like(vec32(), a, i, j) + load_like(vec32(), b, i, j) * factor)


def multiply_ref(a, b):
    """y = a * b.    a (N, D), b (N, D) or (D,) -> y (N, D)"""
    return a * b


@kernel(ref=multiply_ref)
def multiply(a, b, add, y):
    for i in prange(y.shape[0]):
        for j in range(0, y.shape[1], TILE_N):
            t = load_like(vec32(), a, i, j) * load_like(vec32(), b, i, j)
            if add:
                t = t + load_like(vec32(), y, i, j)
            store(y, i, j, t)


def column_dots_ref(a, b):
    """dw += sum over N of a * b.    a (N, D), b (N, D) or (D,) -> dw (D,)"""
    return (a * b).sum(0)


@kernel(ref=column_dots_ref, sums=("dw",))
def column_dots(a, b, dw):
    rows, n, threads = a.shape[0], a.shape[1], num_threads()
    parts = workspace(threads, n, np.float32)
    clear(parts)
    for th in prange(threads):
        first, last = share(rows, th, threads, 1)
        for j in range(0, n, TILE_N):
            t = vec32()
            for i in range(first, last):
                t = t + load_like(vec32(), a, i, j) * load_like(vec32(), b, i, j)
            store(parts, th, j, t)
    add_parts(parts, 0, 1, dw)
