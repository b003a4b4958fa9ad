"""SiLU gated linear unit (Shazeer 2020): two products and the gate in one pass."""
import numpy as np
from numba import prange

from ternary.kernels.gemm import BLOCK, begin, end, operand, product
from ternary.kernels.jit import kernel
from ternary.kernels.pack import unpack
from ternary.kernels.tiles import WIDTH, line, load_like, sigmoid, store
from ternary.kernels.workspace import num_threads, queue, take, workspace


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def silu_glu_ref(xg, xu, gate, up, alpha_g, alpha_u):
    """y = silu(g) * u with g = alpha_g * xg @ gate, u = alpha_u * xu @ up; g and u are kept for the way back.

    xg, xu (N, K), gate, up panels of (K, F) -> g, u, y (N, F)
    """
    g, u = alpha_g * (xg @ unpack(gate)), alpha_u * (xu @ unpack(up))
    return g, u, g * _sigmoid(g) * u


@kernel(ref=silu_glu_ref)
def silu_glu(xg, xu, gate, up, alpha_g, alpha_u, g, u, y):
    rows, steps = xg.shape
    blocks, shares = (rows + BLOCK - 1) // BLOCK, queue(num_threads())
    for th in prange(num_threads()):
        c, d = begin(), workspace(WIDTH, WIDTH, np.float32)
        first = take(shares, th, blocks) * BLOCK
        while first < rows:
            n = min(BLOCK, rows - first)
            a, a_row = operand(xg, first, n, gate)
            b, b_row = a, a_row
            if xu.ctypes.data != xg.ctypes.data:
                b, b_row = operand(xu, first, n, up)
            for j in range(gate.shape[0]):
                for i in range(0, n, WIDTH):
                    product(c, a, a_row + i, gate, j, 0, steps)
                    product(d, b, b_row + i, up, j, 0, steps)
                    for r in range(min(WIDTH, n - i)):
                        s, t = load_like(line(), c, r, 0) * alpha_g, load_like(line(), d, r, 0) * alpha_u
                        store(g, first + i + r, j * WIDTH, s)
                        store(u, first + i + r, j * WIDTH, t)
                        store(y, first + i + r, j * WIDTH, s * sigmoid(s) * t)
            first = take(shares, th, blocks) * BLOCK
        end()


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
