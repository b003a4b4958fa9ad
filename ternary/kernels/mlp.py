"""Squared ReLU (So et al. 2021) in the epilogue of the products around it.

Only y = relu(u)^2 is kept for the way back: relu(u) is its square root.
"""
import numpy as np
from numba import prange

from ternary.kernels.gemm import BLOCK, begin, end, operand, product
from ternary.kernels.jit import kernel
from ternary.kernels.pack import unpack
from ternary.kernels.tiles import WIDTH, line, load_like, maximum, prefetch, sqrt, store
from ternary.kernels.workspace import num_threads, queue, take


def relu2_ref(x, p, alpha):
    """y = relu(alpha * x @ p)^2.    x (N, K), p panels of (K, F) -> y (N, F)"""
    return np.maximum(alpha * (x @ unpack(p)), 0) ** 2


@kernel(ref=relu2_ref)
def relu2(x, p, alpha, y):
    rows, steps = x.shape
    blocks, shares = (rows + BLOCK - 1) // BLOCK, queue(num_threads())
    for th in prange(num_threads()):
        c = begin()
        first = take(shares, th, blocks) * BLOCK
        while first < rows:
            n = min(BLOCK, rows - first)
            a, start = operand(x, first, n, p)
            for j in range(p.shape[0]):
                for i in range(0, n, WIDTH):
                    m = min(WIDTH, n - i)
                    for r in range(m):
                        prefetch(y, first + i + r, j * WIDTH)
                    product(c, a, start + i, 0, p, j, 0, steps)
                    for r in range(m):
                        t = maximum(load_like(line(), c, r, 0) * alpha, 0.0)
                        store(y, first + i + r, j * WIDTH, t * t)
            first = take(shares, th, blocks) * BLOCK
        end()


def relu2_bwd_ref(dz, p, alpha, y):
    """du = 2 relu(u) * (alpha * dz @ p), the gradient of u in y = relu(u)^2.    dz (N, K), p of (K, F), y, du (N, F)"""
    return 2 * np.sqrt(y) * alpha * (dz @ unpack(p))


@kernel(ref=relu2_bwd_ref)
def relu2_bwd(dz, p, alpha, y, du):
    rows, steps = dz.shape
    blocks, shares = (rows + BLOCK - 1) // BLOCK, queue(num_threads())
    for th in prange(num_threads()):
        c = begin()
        first = take(shares, th, blocks) * BLOCK
        while first < rows:
            n = min(BLOCK, rows - first)
            a, start = operand(dz, first, n, p)
            for j in range(p.shape[0]):
                for i in range(0, n, WIDTH):
                    m = min(WIDTH, n - i)
                    for r in range(m):
                        prefetch(du, first + i + r, j * WIDTH)
                    product(c, a, start + i, 0, p, j, 0, steps)
                    for r in range(m):
                        slope = sqrt(load_like(line(), y, first + i + r, j * WIDTH)) * (2.0 * alpha)
                        store(du, first + i + r, j * WIDTH, load_like(line(), c, r, 0) * slope)
            first = take(shares, th, blocks) * BLOCK
        end()
