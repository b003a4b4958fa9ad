"""Token shift (RWKV): each channel interpolates between a token and the previous one."""
import numpy as np
from numba import prange

from ternary.compiler.jit import device, kernel
from ternary.compiler.tile_memory import load_like, store
from ternary.compiler.tiles import TILE_N, sigmoid, sigmoid_ref, vec32
from ternary.compiler.workspace import clear, num_threads, share, workspace


def _change(x, seq_len):
    """x (N, D) -> x[t] - x[t-1] within each sequence, with x[-1] = 0."""
    sequences = x.reshape(-1, seq_len, x.shape[1])
    return np.diff(sequences, axis=1, prepend=0).reshape(x.shape)


@device
def coefficients(mix):
    """mix (D,) -> (2, D): the weights sigmoid(mix) of a token and 1 - sigmoid(mix) of the previous one."""
    s = workspace(2, len(mix), np.float32)
    for j in range(0, len(mix), TILE_N):
        t = sigmoid(load_like(vec32(), mix, 0, j))
        store(s, 0, j, t)
        store(s, 1, j, 1.0 - t)
    return s


def token_shift_ref(x, mix, seq_len):
    """y[t] = s x[t] + (1 - s) x[t-1], s = sigmoid(mix), x[-1] = 0, per sequence of seq_len tokens.

    x (N, D), mix (D,) -> y (N, D)
    """
    return x - (1 - sigmoid_ref(mix)) * _change(x, seq_len)


@kernel(ref=token_shift_ref)
def token_shift(x, mix, seq_len, y):
    s = coefficients(mix)
    for i in prange(x.shape[0]):
        for j in range(0, x.shape[1], TILE_N):
            t = load_like(vec32(), x, i, j) * load_like(vec32(), s, 0, j)
            if i % seq_len > 0:
                t = t + load_like(vec32(), x, i - 1, j) * load_like(vec32(), s, 1, j)
            store(y, i, j, t)


def token_shift_bwd_ref(dy, x, mix, seq_len):
    """dx[t] = s dy[t] + (1 - s) dy[t+1], dmix = s (1 - s) sum of dy[t] (x[t] - x[t-1])"""
    s = sigmoid_ref(mix)
    back = _change(dy[::-1], seq_len)[::-1]
    return dy - (1 - s) * back, s * (1 - s) * (dy * _change(x, seq_len)).sum(0)


@kernel(ref=token_shift_bwd_ref, sums=("dmix",))
def token_shift_bwd(dy, x, mix, seq_len, add, dx, dmix):
    rows, n = x.shape
    threads, s = num_threads(), coefficients(mix)
    parts = workspace(threads, n, np.float32)
    clear(parts)
    for th in prange(threads):
        first, last = share(rows, th, threads, 1)
        for i in range(first, last):
            for j in range(0, n, TILE_N):
                d, change = load_like(vec32(), dy, i, j), load_like(vec32(), x, i, j)
                if i % seq_len > 0:
                    change = change - load_like(vec32(), x, i - 1, j)
                store(parts, th, j, load_like(vec32(), parts, th, j) + d * change)
                d = d * load_like(vec32(), s, 0, j)
                if (i + 1) % seq_len > 0:
                    d = d + load_like(vec32(), dy, i + 1, j) * load_like(vec32(), s, 1, j)
                if add:
                    d = d + load_like(vec32(), dx, i, j)
                store(dx, i, j, d)
    for th in range(threads):
        for j in range(0, n, TILE_N):
            slope = load_like(vec32(), s, 0, j) * load_like(vec32(), s, 1, j)
            store(dmix, 0, j, load_like(vec32(), dmix, 0, j) + slope * load_like(vec32(), parts, th, j))
