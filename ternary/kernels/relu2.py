"""Squared ReLU (So et al. 2021) as epilogue of the matrix products before it and, in the backward pass, after it.

Only y = relu(u)^2 is saved for the backward pass: relu(u) is its square root.
"""
from collections import namedtuple

import numpy as np
from numba import prange

from ternary.compiler.jit import kernel
from ternary.compiler.tile_memory import load_like, store
from ternary.compiler.tiles import maximum, sqrt, vec32
from ternary.compiler.workspace import num_threads, queue
from ternary.kernels.gemm.blocks import epilogue, gemm_blocks
from ternary.kernels.gemm.pack import unpack


def relu2_ref(x, p, alpha):
    """y = relu(alpha * x @ p)^2.    x (N, K), p panels of (K, F) -> y (N, F)"""
    return np.maximum(alpha * (x @ unpack(p)), 0) ** 2


Squared = namedtuple("Squared", "y alpha")


@epilogue(Squared)
def _(c, m, i, j, out):
    for r in range(m):
        t = maximum(load_like(vec32(), c, r, 0) * out.alpha, 0.0)
        store(out.y, i + r, j, t * t)


@kernel(ref=relu2_ref)
def relu2(x, p, alpha, y):
    shares = queue(num_threads())
    for th in prange(num_threads()):
        gemm_blocks(x, p, th, shares, Squared(y, alpha))


def relu2_bwd_ref(dz, p, alpha, y):
    """du = 2 relu(u) * (alpha * dz @ p), the gradient of u in y = relu(u)^2.    dz (N, K), p of (K, F), y, du (N, F)"""
    return 2 * np.sqrt(y) * alpha * (dz @ unpack(p))


Slope = namedtuple("Slope", "du y alpha")


@epilogue(Slope)
def _(c, m, i, j, out):
    for r in range(m):
        slope = sqrt(load_like(vec32(), out.y, i + r, j)) * (2.0 * out.alpha)
        store(out.du, i + r, j, load_like(vec32(), c, r, 0) * slope)


@kernel(ref=relu2_bwd_ref)
def relu2_bwd(dz, p, alpha, y, du):
    shares = queue(num_threads())
    for th in prange(num_threads()):
        gemm_blocks(dz, p, th, shares, Slope(du, y, alpha))
