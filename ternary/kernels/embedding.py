"""Embedding: gather in the forward pass, scatter-add in the backward pass; and the sum of two gradients."""
import numpy as np
from numba import prange

from ternary.compiler.jit import device, kernel
from ternary.compiler.tile_memory import load_like, store
from ternary.compiler.tiles import TILE_N, vec32
from ternary.compiler.workspace import num_threads


def gather_ref(table, index):
    """y[i] = table[index[i]].    table (V, D), index (N,) -> y (N, D)"""
    return table[index]


@kernel(ref=gather_ref)
def gather(table, index, y):
    for i in prange(y.shape[0]):
        for j in range(0, y.shape[1], TILE_N):
            store(y, i, j, load_like(vec32(), table, index[i], j))


@device
def add_rows(table, index, rows, scale, part, parts):
    """table[index[i]] += scale * rows[i] for the rows of the table with row number % parts == part."""
    for i in range(rows.shape[0]):
        k = index[i]
        if k % parts == part:
            for j in range(0, rows.shape[1], TILE_N):
                store(table, k, j, load_like(vec32(), table, k, j) + load_like(vec32(), rows, i, j) * scale)


def scatter_add_ref(index, rows, vocab):
    """dtable[index[i]] += rows[i].    index (N,), rows (N, D), vocab V -> dtable (V, D)"""
    out = np.zeros((vocab, rows.shape[1]), rows.dtype)
    np.add.at(out, index, rows)
    return out


@kernel(ref=scatter_add_ref, sums=("dtable",))
def scatter_add(index, rows, vocab, dtable):
    threads = num_threads()
    for th in prange(threads):
        add_rows(dtable, index, rows, np.float32(1), th, threads)


def add_into_ref(x):
    """y += x, arrays of equal shape, float32 or bf16"""
    return x


@kernel(ref=add_into_ref, sums=("y",))
def add_into(x, y):
    for i in prange(y.shape[0]):
        for j in range(0, y.shape[1], TILE_N):
            store(y, i, j, load_like(vec32(), y, i, j) + load_like(vec32(), x, i, j))
