"""RMS norm (Zhang and Sennrich 2019)."""
import numpy as np
from numba import prange

from ternary.kernels.jit import kernel
from ternary.kernels.tiles import WIDTH, line, load_like, store, total
from ternary.kernels.workspace import clear, num_threads, share, workspace

EPS = 1e-6
ONE, EPS32 = np.float32(1), np.float32(EPS)


def rms_norm_ref(x, w):
    """y = x / rms(x) * w.    x (N, D), w (D,) -> y (N, D), r (N,) = 1 / sqrt(mean(x^2) + eps)"""
    r = 1 / np.sqrt((x * x).mean(-1) + EPS)
    return x * r[:, None] * w, r


@kernel(ref=rms_norm_ref)
def rms_norm(x, w, y, r):
    rows, n = x.shape
    for i in prange(rows):
        s = line()
        for j in range(0, n, WIDTH):
            v = load_like(line(), x, i, j)
            s = s + v * v
        r[i] = ONE / np.sqrt(total(s) / np.float32(n) + EPS32)
        for j in range(0, n, WIDTH):
            store(y, i, j, load_like(line(), x, i, j) * r[i] * load_like(line(), w, 0, j))


def rms_norm_bwd_ref(dy, x, w, r):
    """dx = r * (w dy - xhat * mean(w dy xhat)), dw = sum over N of dy * xhat, with xhat = x * r"""
    xhat, g = x * r[:, None], dy * w
    return r[:, None] * (g - xhat * (g * xhat).mean(-1, keepdims=True)), (dy * xhat).sum(0)


@kernel(ref=rms_norm_bwd_ref, sums=("dw",))
def rms_norm_bwd(dy, x, w, r, add, dx, dw):
    rows, n = x.shape
    threads = num_threads()
    parts = workspace(threads, n, np.float32)
    clear(parts)
    for th in prange(threads):
        first, last = share(rows, th, threads, 1)
        for i in range(first, last):
            s = line()
            for j in range(0, n, WIDTH):
                s = s + load_like(line(), dy, i, j) * load_like(line(), w, 0, j) * load_like(line(), x, i, j)
            m = total(s) * r[i] * r[i] / np.float32(n)
            for j in range(0, n, WIDTH):
                v, g = load_like(line(), x, i, j), load_like(line(), dy, i, j)
                store(parts, th, j, load_like(line(), parts, th, j) + g * v * r[i])
                g = (g * load_like(line(), w, 0, j) - v * m) * r[i]
                if add:
                    g = g + load_like(line(), dx, i, j)
                store(dx, i, j, g)
    for th in range(threads):
        for j in range(0, n, WIDTH):
            store(dw, 0, j, load_like(line(), dw, 0, j) + load_like(line(), parts, th, j))
