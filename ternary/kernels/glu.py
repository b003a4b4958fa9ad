"""Gated linear units (Shazeer 2020): both products and the gate in one pass over the input."""
import numpy as np
from numba import prange

from ternary.compiler.jit import device, kernel
from ternary.compiler.tile_memory import load_like, store
from ternary.compiler.tiles import TILE_N, vec32
from ternary.compiler.workspace import num_threads, queue, take, workspace
from ternary.kernels.activation import GELU, SILU, gelu, silu, value_and_slope_ref
from ternary.kernels.gemm.blocks import BLOCK, acquire_accumulator, microkernel, release_accumulator
from ternary.kernels.gemm.operands import operand, shared_lhs, shared_lhs_for
from ternary.kernels.gemm.pack import unpack

# a third branch in the loop after the products takes a fifth of their time (benchmarks/LOG.md)
ACTIVATIONS = {"silu": SILU, "gelu": GELU}


@device
def activation(x, kind):
    """-> f, df/dx"""
    if kind == GELU:
        return gelu(x)
    return silu(x)


def glu_ref(xg, xu, gate, up, alpha_g, alpha_u, kind):
    """y = f(g) * u with g = alpha_g * xg @ gate, u = alpha_u * xu @ up; g and u are saved for the backward pass.

    xg, xu (N, K), gate, up panels of (K, F), kind one of ACTIVATIONS -> g, u, y (N, F)
    """
    g, u = alpha_g * (xg @ unpack(gate)), alpha_u * (xu @ unpack(up))
    return g, u, value_and_slope_ref(g, kind)[0] * u


@kernel(ref=glu_ref)
def glu(xg, xu, gate, up, alpha_g, alpha_u, kind, g, u, y):
    rows, steps = xg.shape
    blocks, shares = (rows + BLOCK - 1) // BLOCK, queue(num_threads())
    same = xu.ctypes.data == xg.ctypes.data
    for th in prange(num_threads()):
        c, d = acquire_accumulator(), workspace(TILE_N, TILE_N, np.float32)
        first = take(shares, th, blocks) * BLOCK
        while first < rows:
            n = min(BLOCK, rows - first)
            a, a_row = shared_lhs(xg, first, n, gate, up[:up.shape[0] * same])
            b, b_row = shared_lhs_for(a, gate), a_row
            if not same:
                b, b_row = operand(xu, first, n, up)
            for j in range(gate.shape[0]):
                for i in range(0, n, TILE_N):
                    microkernel(c, a, a_row + i, 0, gate, j, 0, steps)
                    microkernel(d, b, b_row + i, 0, up, j, 0, steps)
                    for r in range(min(TILE_N, n - i)):
                        s, t = load_like(vec32(), c, r, 0) * alpha_g, load_like(vec32(), d, r, 0) * alpha_u
                        store(g, first + i + r, j * TILE_N, s)
                        store(u, first + i + r, j * TILE_N, t)
                        value, _ = activation(s, kind)
                        store(y, first + i + r, j * TILE_N, value * t)
            first = take(shares, th, blocks) * BLOCK
        release_accumulator()


def glu_bwd_ref(dy, g, u, kind):
    """-> y = f(g) u, dg = dy u f'(g), du = dy f(g)"""
    value, slope = value_and_slope_ref(g, kind)
    return value * u, dy * u * slope, dy * value


@kernel(ref=glu_bwd_ref, updates=("dy", "g", "u"))
def glu_bwd(dy, g, u, kind):
    for i in prange(g.shape[0]):
        for j in range(0, g.shape[1], TILE_N):
            d, t = load_like(vec32(), dy, i, j), load_like(vec32(), u, i, j)
            value, slope = activation(load_like(vec32(), g, i, j), kind)
            store(dy, i, j, value * t)
            store(g, i, j, d * t * slope)
            store(u, i, j, d * value)
