"""Convolution whose taps are weighted anew by each token (dynamic convolution: Wu et al. 2019), at any offsets."""
import numpy as np
from numba import prange

from ternary.compiler.jit import kernel
from ternary.compiler.tile_memory import load_like, store
from ternary.compiler.tiles import TILE_N, total, vec32


def dynamic_conv_ref(x, weights, offsets, seq_len):
    """y[t] = sum over k of weights[t, k] * x[t - offsets[k]], per sequence of seq_len rows.

    x (N, D), weights (N, K) in accum_dtype, offsets (K,) -> y (N, D)
    """
    x, weights = x.reshape(-1, seq_len, x.shape[1]), weights.reshape(-1, seq_len, len(offsets), 1)
    y = np.zeros_like(x)
    for k, offset in enumerate(offsets):
        y[:, offset:] += weights[:, offset:, k] * x[:, :max(0, seq_len - offset)]
    return y.reshape(-1, x.shape[2])


@kernel(ref=dynamic_conv_ref)
def dynamic_conv(x, weights, offsets, seq_len, y):
    for i in prange(x.shape[0]):
        for j in range(0, x.shape[1], TILE_N):
            t = vec32()
            for k in range(len(offsets)):
                if offsets[k] <= i % seq_len:
                    t = t + load_like(vec32(), x, i - offsets[k], j) * weights[i, k]
            store(y, i, j, t)


def dynamic_conv_bwd_ref(dy, x, weights, offsets, seq_len):
    """dx[t] = sum over k of weights[t + o_k, k] dy[t + o_k], dweights[t, k] = dy[t] . x[t - o_k]"""
    dy, x = (a.reshape(-1, seq_len, a.shape[1]) for a in (dy, x))
    dx, dweights = np.zeros_like(x), np.zeros((*x.shape[:2], len(offsets)), weights.dtype)
    weights = weights.reshape(dweights.shape)
    for k, offset in enumerate(offsets):
        kept = max(0, seq_len - offset)
        dx[:, :kept] += weights[:, offset:, k, None] * dy[:, offset:]
        dweights[:, offset:, k] = (dy[:, offset:] * x[:, :kept]).sum(-1)
    return dx.reshape(-1, x.shape[2]), dweights.reshape(-1, len(offsets))


@kernel(ref=dynamic_conv_bwd_ref)
def dynamic_conv_bwd(dy, x, weights, offsets, seq_len, add, dx, dweights):
    for i in prange(x.shape[0]):
        at = i % seq_len
        for k in range(len(offsets)):
            s = vec32()
            if offsets[k] <= at:
                for j in range(0, x.shape[1], TILE_N):
                    s = s + load_like(vec32(), dy, i, j) * load_like(vec32(), x, i - offsets[k], j)
            dweights[i, k] = total(s)
        for j in range(0, x.shape[1], TILE_N):
            t = vec32()
            for k in range(len(offsets)):
                if at + offsets[k] < seq_len:
                    t = t + load_like(vec32(), dy, i + offsets[k], j) * weights[i + offsets[k], k]
            if add:
                t = t + load_like(vec32(), dx, i, j)
            store(dx, i, j, t)
