"""Heads of length 1: each group of channels divided by its norm. The number of channels of a head is any."""
import numpy as np
from numba import prange

from ternary.compiler.jit import kernel
from ternary.compiler.layout import pad_to_tile
from ternary.compiler.tile_memory import load_number, store_number
from ternary.compiler.workspace import num_threads, share
from ternary.kernels.small import add_row, dot_rows, load_head, room, scale_row, store_head

EPS = 1e-6
LARGEST = np.float32(1 / EPS)                     # 1 / max(norm, EPS)
ONE = np.float32(1)


def _grouped(x, heads, width):
    return x[:, :heads * width].reshape(len(x), heads, width)


def _rows(x):
    return pad_to_tile(x.reshape(len(x), -1), (-1,))


def l2_norm_ref(x, heads, width):
    """y = x * r, r = 1 / max(||x||, eps) per head.    x (N, C), padded, of heads * width -> y (N, C), r (N, H)"""
    x = _grouped(x, heads, width)
    r = 1 / np.maximum(np.sqrt((x * x).sum(-1)), EPS)
    return _rows(x * r[..., None]), r


@kernel(ref=l2_norm_ref)
def l2_norm(x, heads, width, y, r):
    for th in prange(num_threads()):
        first, last = share(x.shape[0], th, num_threads(), 1)
        a = room(1, width)
        for i in range(first, last):
            for head in range(heads):
                load_head(x, i, 1, head, width, a, 0, 1)
                r[i, head] = min(ONE / np.sqrt(dot_rows(a, 0, a, 0)), LARGEST)
                scale_row(a, 0, r[i, head])
                store_head(a, 0, 1, y, i, head, heads, width)


def l2_norm_bwd_ref(dy, x, r, heads, width):
    """dx (N, C) = r dy - r^3 x (x . dy), without the second term where the norm is below eps"""
    dy, x, r = _grouped(dy, heads, width), _grouped(x, heads, width), r[..., None]
    along = np.where(r < 1 / EPS, (x * dy).sum(-1, keepdims=True), 0)
    return _rows(r * dy - r ** 3 * x * along)


@kernel(ref=l2_norm_bwd_ref)
def l2_norm_bwd(dy, x, r, heads, width, add, dx):
    for th in prange(num_threads()):
        first, last = share(x.shape[0], th, num_threads(), 1)
        a, b = room(1, width), room(1, width)
        for i in range(first, last):
            for head in range(heads):
                load_head(x, i, 1, head, width, a, 0, 1)
                load_head(dy, i, 1, head, width, b, 0, 1)
                s = r[i, head]
                along = dot_rows(a, 0, b, 0) * s * s if s < LARGEST else np.float32(0)
                add_row(b, 0, -along, a, 0)
                scale_row(b, 0, s)
                if add:
                    for c in range(width):
                        j = head * width + c
                        store_number(dx, i, j, load_number(dx, i, j) + b[0, c])
                else:
                    store_head(b, 0, 1, dx, i, head, heads, width)
