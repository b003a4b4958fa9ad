"""Softmax of logits that are kept, for auxiliary losses: sums over each row, and gradients of functions of them."""
import numpy as np
from numba import prange

from ternary.compiler.jit import device, kernel
from ternary.compiler.tile_memory import load_like, load_number, store, store_number
from ternary.compiler.tiles import LOG2E, TILE_N, exp2, largest, maximum, total, vec32

LOWEST, ZERO = np.float32(-np.inf), np.float32(0)


def softmax_sums_ref(x, vocab_size):
    """log_sum (N,) = log(sum of exp(x)), mean_log_p (N,) = sum of p log p with p = softmax(x), of the first
    `vocab_size` columns of x (N, V')
    """
    x = x[:, :vocab_size]
    log_sum = np.log(np.exp(x - x.max(-1, keepdims=True)).sum(-1, keepdims=True)) + x.max(-1, keepdims=True)
    log_p = x - log_sum
    return log_sum[:, 0], (np.exp(log_p) * log_p).sum(-1)


@device
def largest_of_row(x, i, n):
    whole, t = n // TILE_N * TILE_N, vec32() + LOWEST
    for j in range(0, whole, TILE_N):
        t = maximum(t, load_like(vec32(), x, i, j))
    top = largest(t)
    for j in range(whole, n):
        top = max(top, load_number(x, i, j))
    return top


@kernel(ref=softmax_sums_ref)
def softmax_sums(x, vocab_size, log_sum, mean_log_p):
    whole = vocab_size // TILE_N * TILE_N
    for i in prange(x.shape[0]):
        top, sums, products = largest_of_row(x, i, vocab_size), vec32(), vec32()
        for j in range(0, whole, TILE_N):
            t = load_like(vec32(), x, i, j) - top
            e = exp2(t * LOG2E)
            sums, products = sums + e, products + e * t
        z, s = total(sums), total(products)
        for j in range(whole, vocab_size):
            x_j = load_number(x, i, j) - top
            e = np.exp(x_j)
            z += e
            s += e * x_j
        log_z = np.log(z)
        log_sum[i], mean_log_p[i] = top + log_z, s / z - log_z


def softmax_bwd_ref(x, vocab_size, log_sum, a, b):
    """dx = p (a log p + b), with p = softmax(x); log_sum from softmax_sums, a and b (N,); 0 beyond `vocab_size`."""
    log_p, dx = x[:, :vocab_size] - log_sum[:, None], np.zeros_like(x)
    dx[:, :vocab_size] = np.exp(log_p) * (a[:, None] * log_p + b[:, None])
    return dx


@kernel(ref=softmax_bwd_ref)
def softmax_bwd(x, vocab_size, log_sum, a, b, add, dx):
    whole = vocab_size // TILE_N * TILE_N
    for i in prange(x.shape[0]):
        for j in range(0, whole, TILE_N):
            log_p = load_like(vec32(), x, i, j) - log_sum[i]
            t = exp2(log_p * LOG2E) * (log_p * a[i] + b[i])
            if add:
                t = t + load_like(vec32(), dx, i, j)
            store(dx, i, j, t)
        for j in range(whole, x.shape[1]):
            log_p = load_number(x, i, j) - log_sum[i]
            t = np.exp(log_p) * (a[i] * log_p + b[i]) if j < vocab_size else ZERO
            store_number(dx, i, j, load_number(dx, i, j) + t if add else t)
