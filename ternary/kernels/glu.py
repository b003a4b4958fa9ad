"""The gate of a SiLU gated linear unit (Shazeer 2020); its matrix products are those of gemm.py."""
import numpy as np
from numba import prange

from ternary.kernels.jit import kernel
from ternary.kernels.tiles import WIDTH, line, load_like, sigmoid, store


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def silu_glu_ref(g, u):
    """y = silu(g) * u.    g, u, y (N, F)"""
    return g * _sigmoid(g) * u


@kernel(ref=silu_glu_ref)
def silu_glu(g, u, y):
    for i in prange(g.shape[0]):
        for j in range(0, g.shape[1], WIDTH):
            a = load_like(line(), g, i, j)
            store(y, i, j, a * sigmoid(a) * load_like(line(), u, i, j))


def silu_glu_bwd_ref(dy, g, u):
    """dg = dy u s (1 + g (1 - s)), du = dy g s, with s = sigmoid(g)"""
    s = _sigmoid(g)
    return dy * u * s * (1 + g * (1 - s)), dy * g * s


@kernel(ref=silu_glu_bwd_ref)
def silu_glu_bwd(dy, g, u, dg, du):
    for i in prange(g.shape[0]):
        for j in range(0, g.shape[1], WIDTH):
            a, b, d = load_like(line(), g, i, j), load_like(line(), u, i, j), load_like(line(), dy, i, j)
            s = sigmoid(a)
            store(dg, i, j, d * b * s * (1.0 + a * (1.0 - s)))
            store(du, i, j, d * a * s)
