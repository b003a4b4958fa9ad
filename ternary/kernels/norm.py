"""RMS norm (Zhang and Sennrich 2019), layer norm (Ba, Kiros and Hinton 2016) and group norm (Wu and He 2018).

Rows are padded with zeros to a multiple of 32 channels. Means are over the first `dim` channels, a multiple of 16; the
padding stays zero.
"""
import numpy as np
from numba import prange

from ternary.compiler.isa import LANES
from ternary.compiler.jit import device, kernel
from ternary.compiler.layout import pad_to_tile
from ternary.compiler.tile_memory import load_like, store
from ternary.compiler.tiles import TILE_N, tile, total, vec32
from ternary.compiler.workspace import clear, num_threads, share, workspace

RMS_EPS, LAYER_EPS = 1e-6, 1e-5
ONE, RMS_EPS32, LAYER_EPS32 = np.float32(1), np.float32(RMS_EPS), np.float32(LAYER_EPS)
vector = tile(1, 1)               # a group of channels need not be a multiple of 32


@device
def add_parts(parts, i, step, total):
    """total (n,) += rows i, i + step, ... of parts (rows, n)"""
    for k in range(i, parts.shape[0], step):
        for j in range(0, parts.shape[1], TILE_N):
            store(total, 0, j, load_like(vec32(), total, 0, j) + load_like(vec32(), parts, k, j))


def rms_norm_ref(x, w, dim):
    """y = x / rms(x) * w.    x (N, D), w (D,) -> y (N, D), r (N,) = 1 / sqrt(mean(x^2) + eps)"""
    r = 1 / np.sqrt((x * x).sum(-1) / dim + RMS_EPS)
    return x * r[:, None] * w, r


@kernel(ref=rms_norm_ref)
def rms_norm(x, w, dim, y, r):
    rows, n = x.shape
    for i in prange(rows):
        s = vec32()
        for j in range(0, n, TILE_N):
            v = load_like(vec32(), x, i, j)
            s = s + v * v
        r[i] = ONE / np.sqrt(total(s) / np.float32(dim) + RMS_EPS32)
        for j in range(0, n, TILE_N):
            store(y, i, j, load_like(vec32(), x, i, j) * r[i] * load_like(vec32(), w, 0, j))


def rms_norm_bwd_ref(dy, x, w, r, dim):
    """dx = r * (w dy - xhat * mean(w dy xhat)), dw = sum over N of dy * xhat, with xhat = x * r"""
    xhat, g = x * r[:, None], dy * w
    return r[:, None] * (g - xhat * (g * xhat).sum(-1, keepdims=True) / dim), (dy * xhat).sum(0)


@kernel(ref=rms_norm_bwd_ref, sums=("dw",))
def rms_norm_bwd(dy, x, w, r, dim, add, dx, dw):
    rows, n = x.shape
    threads = num_threads()
    parts = workspace(threads, n, np.float32)
    clear(parts)
    for th in prange(threads):
        first, last = share(rows, th, threads, 1)
        for i in range(first, last):
            s = vec32()
            for j in range(0, n, TILE_N):
                s = s + load_like(vec32(), dy, i, j) * load_like(vec32(), w, 0, j) * load_like(vec32(), x, i, j)
            m = total(s) * r[i] * r[i] / np.float32(dim)
            for j in range(0, n, TILE_N):
                v, g = load_like(vec32(), x, i, j), load_like(vec32(), dy, i, j)
                store(parts, th, j, load_like(vec32(), parts, th, j) + g * v * r[i])
                g = (g * load_like(vec32(), w, 0, j) - v * m) * r[i]
                if add:
                    g = g + load_like(vec32(), dx, i, j)
                store(dx, i, j, g)
    add_parts(parts, 0, 1, dw)


def _grouped(x, groups, dim):
    """(..., D) -> (..., G, dim / G)"""
    return x[..., :dim].reshape(*x.shape[:-1], groups, -1)


def _flat(x):
    """(..., G, dim / G) -> (..., D)"""
    return pad_to_tile(x.reshape(*x.shape[:-2], -1), (-1,))


def layer_norm_ref(x, w, b, groups, dim):
    """y = (x - m) * r * w + b, with m and r per row and per group of channels; groups = 1 is layer norm.

    x (N, D), w, b (D,) -> y (N, D), m (N, G) = mean(x), r (N, G) = 1 / sqrt(var(x) + eps)
    """
    g = _grouped(x, groups, dim)
    m, r = g.mean(-1), 1 / np.sqrt(g.var(-1) + LAYER_EPS)
    return _flat((g - m[..., None]) * r[..., None]) * w + b, m, r


@kernel(ref=layer_norm_ref)
def layer_norm(x, w, b, groups, dim, y, m, r):
    rows, n = x.shape[0], dim // groups
    for i in prange(rows):
        for g in range(groups):
            first, last = g * n, (g + 1) * n
            s = vector()
            for j in range(first, last, LANES):
                s = s + load_like(vector(), x, i, j)
            mean = total(s) / np.float32(n)
            s = vector()
            for j in range(first, last, LANES):
                v = load_like(vector(), x, i, j) - mean
                s = s + v * v
            scale = ONE / np.sqrt(total(s) / np.float32(n) + LAYER_EPS32)
            for j in range(first, last, LANES):
                v = (load_like(vector(), x, i, j) - mean) * scale
                store(y, i, j, v * load_like(vector(), w, 0, j) + load_like(vector(), b, 0, j))
            m[i, g], r[i, g] = mean, scale
        for j in range(dim, y.shape[1], LANES):
            store(y, i, j, vector())


def layer_norm_bwd_ref(dy, x, w, m, r, groups, dim):
    """dx = r * (g - mean(g) - xhat * mean(g xhat)), dw = sum over N of dy * xhat, db = sum over N of dy.

    g = dy * w, xhat = (x - m) * r; means over groups of channels
    """
    xhat, g = (_grouped(x, groups, dim) - m[..., None]) * r[..., None], _grouped(dy * w, groups, dim)
    dx = r[..., None] * (g - g.mean(-1, keepdims=True) - xhat * (g * xhat).mean(-1, keepdims=True))
    return _flat(dx), (dy * _flat(xhat)).sum(0), dy.sum(0)


@kernel(ref=layer_norm_bwd_ref, sums=("dw", "db"))
def layer_norm_bwd(dy, x, w, m, r, groups, dim, add, dx, dw, db):
    rows, n, threads = x.shape[0], dim // groups, num_threads()
    parts = workspace(2 * threads, x.shape[1], np.float32)   # even rows: dw; odd rows: db
    clear(parts)
    for th in prange(threads):
        first, last = share(rows, th, threads, 1)
        for i in range(first, last):
            for g in range(groups):
                mean, scale = m[i, g], r[i, g]
                s, u = vector(), vector()
                for j in range(g * n, (g + 1) * n, LANES):
                    d = load_like(vector(), dy, i, j) * load_like(vector(), w, 0, j)
                    s = s + d
                    u = u + d * (load_like(vector(), x, i, j) - mean)
                shift, slope = total(s) / np.float32(n), total(u) * scale / np.float32(n)
                for j in range(g * n, (g + 1) * n, LANES):
                    v, d = (load_like(vector(), x, i, j) - mean) * scale, load_like(vector(), dy, i, j)
                    store(parts, 2 * th, j, load_like(vector(), parts, 2 * th, j) + d * v)
                    store(parts, 2 * th + 1, j, load_like(vector(), parts, 2 * th + 1, j) + d)
                    d = (d * load_like(vector(), w, 0, j) - shift - v * slope) * scale
                    if add:
                        d = d + load_like(vector(), dx, i, j)
                    store(dx, i, j, d)
            for j in range(dim, 0 if add else dx.shape[1], LANES):
                store(dx, i, j, vector())
    add_parts(parts, 0, 2, dw)
    add_parts(parts, 1, 2, db)
