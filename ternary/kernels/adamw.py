"""AdamW (Loshchilov and Hutter 2019) on one flat buffer; the sum of gradients, and their norm for clipping."""
import numpy as np
from numba import prange

from ternary.compiler.jit import kernel
from ternary.compiler.tile_memory import load_like, store
from ternary.compiler.tiles import TILE_N, sqrt, total, vec32

PART = 8192                       # elements of one work item
ONE = np.float32(1)


def squared_norm_ref(g):
    """g (n,), n a multiple of 64 -> parts (ceil(n / 8192),), the sums of g^2 over chunks of 8192."""
    return np.add.reduceat(g * g, np.arange(0, len(g), PART))


@kernel(ref=squared_norm_ref)
def squared_norm(g, parts):
    for k in prange(parts.shape[0]):
        s = vec32()
        for j in range(k * PART, min(g.shape[0], (k + 1) * PART), TILE_N):
            t = load_like(vec32(), g, 0, j)
            s = s + t * t
        parts[k] = total(s)


def add_and_clear_ref(g, other):
    """g, other (n,), n a multiple of 64 -> g + other, and other = 0 for the next step."""
    return g + other, np.zeros_like(other)


@kernel(ref=add_and_clear_ref, updates=("g", "other"))
def add_and_clear(g, other):
    for k in prange((g.shape[0] + PART - 1) // PART):
        for j in range(k * PART, min(g.shape[0], (k + 1) * PART), TILE_N):
            store(g, 0, j, load_like(vec32(), g, 0, j) + load_like(vec32(), other, 0, j))
            store(other, 0, j, vec32())


def adamw_ref(p, g, m, v, hyper):
    """p, g, m, v (n,) -> p, m, v after one step with gradient hyper[0] * g, and g = 0 for the next step.

    hyper: gradient scale, lr, weight decay, beta1, beta2, 1 / (1 - beta1^t), 1 / (1 - beta2^t), eps
    """
    scale, lr, decay, beta1, beta2, fix1, fix2, eps = hyper
    d = g * scale
    m, v = m * beta1 + d * (1 - beta1), v * beta2 + d * d * (1 - beta2)
    p = p * (1 - lr * decay) - lr * (m * fix1) / (np.sqrt(v * fix2) + eps)
    return p, m, v, np.zeros_like(g)


@kernel(ref=adamw_ref, updates=("p", "m", "v", "g"))
def adamw(p, g, m, v, hyper):
    scale, lr, decay, beta1 = hyper[0], hyper[1], hyper[2], hyper[3]
    beta2, fix1, fix2, eps = hyper[4], hyper[5], hyper[6], hyper[7]
    for k in prange((p.shape[0] + PART - 1) // PART):
        for j in range(k * PART, min(p.shape[0], (k + 1) * PART), TILE_N):
            d = load_like(vec32(), g, 0, j) * scale
            a = load_like(vec32(), m, 0, j) * beta1 + d * (ONE - beta1)
            b = load_like(vec32(), v, 0, j) * beta2 + d * d * (ONE - beta2)
            x = load_like(vec32(), p, 0, j) * (ONE - lr * decay)
            store(p, 0, j, x - a * (fix1 * lr) / (sqrt(b * fix2) + eps))
            store(m, 0, j, a)
            store(v, 0, j, b)
            store(g, 0, j, vec32())
