"""Causal convolution that mixes the n channels of each group, with any number of taps and any dilation.

Each tap is a product of small matrices: the rows of a sequence, so many steps earlier, and the n x n weights of the
tap. Rows lie behind zeros, which are what the first tokens see, and gradients before zeros.
"""
import numpy as np
from numba import prange

from ternary.compiler.jit import device, kernel
from ternary.kernels.small import ROWS, add_product, clear_rows, load_head, room, store_head


def taps_of(w, n, channels, dilation, seq_len):
    """For each tap its number, delay and weights (groups, 1, n, n)."""
    taps = len(w) // n
    for k in range(taps):
        matrices = w[k * n:k * n + n, :channels].reshape(n, -1, n).swapaxes(0, 1)
        yield k, min(seq_len, (taps - 1 - k) * dilation), matrices[:, None]


def by_group(x, n, channels, seq_len):
    """A view of x (N, D) as (groups, sequences, seq_len, n)."""
    x = x.reshape(-1, seq_len, x.shape[1])[..., :channels]
    return x.reshape(*x.shape[:2], -1, n).transpose(2, 0, 1, 3)


def grouped_conv_ref(x, w, n, channels, dilation, seq_len):
    """y[t, c] = sum over k, i of w[k * n + i, c] * x[t - (K - 1 - k) * dilation, i of c's group], per sequence.

    x (N, D), w (K * n, D) -> y (N, D); groups have n channels, and those behind `channels` are zeros.
    """
    y, x = np.zeros_like(x), by_group(x, n, channels, seq_len)
    for _, delay, matrices in taps_of(w, n, channels, dilation, seq_len):
        by_group(y, n, channels, seq_len)[:, :, delay:] += x[:, :, :seq_len - delay] @ matrices
    return y


@device
def whole_blocks(rows):
    return (rows + ROWS - 1) // ROWS * ROWS


@kernel(ref=grouped_conv_ref)
def grouped_conv(x, w, n, channels, dilation, seq_len, y):
    sequences, groups, taps, high = x.shape[0] // seq_len, channels // n, len(w) // n, whole_blocks(seq_len)
    reach = (taps - 1) * dilation
    for item in prange(sequences * groups):
        first, group = item // groups * seq_len, item % groups
        rows, weights, sums = room(reach + high, n), room(len(w), n), room(high, n)
        load_head(x, first, seq_len, group, n, rows, reach, seq_len)
        load_head(w, 0, len(w), group, n, weights, 0, len(w))
        for k in range(taps):
            at = k * dilation * rows.shape[1]
            add_product(sums, 0, high, rows, at, rows.shape[1], 1, weights, k * n, n)
        store_head(sums, 0, seq_len, y, first, group, groups, n)


def grouped_conv_bwd_ref(dy, x, w, n, channels, dilation, seq_len):
    """dx (N, D), dw (K * n, D)"""
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    dy, x = (by_group(a, n, channels, seq_len) for a in (dy, x))
    for k, delay, matrices in taps_of(w, n, channels, dilation, seq_len):
        seen, later = x[:, :, :seq_len - delay], dy[:, :, delay:]
        by_group(dx, n, channels, seq_len)[:, :, :seq_len - delay] += later @ matrices.swapaxes(2, 3)
        dw[k * n:k * n + n, :channels] = (seen.swapaxes(2, 3) @ later).sum(1).swapaxes(0, 1).reshape(n, -1)
    return dx, dw


@kernel(ref=grouped_conv_bwd_ref, sums=("dw",))
def grouped_conv_bwd(dy, x, w, n, channels, dilation, seq_len, dx, dw):
    groups, taps, reach = channels // n, len(w) // n, (len(w) // n - 1) * dilation
    high, unit = whole_blocks(seq_len), whole_blocks(n)
    for group in prange(groups):
        rows, later, sums = room(reach + high, n), room(high + reach, n), room(high, n)
        turned, products = room(len(w), n), room(taps * unit, n)
        for k in range(0, len(w), n):
            for i in range(n):
                for c in range(n):
                    turned[k + c, i] = w[k + i, group * n + c]
        for first in range(0, x.shape[0], seq_len):
            load_head(x, first, seq_len, group, n, rows, reach, seq_len)
            load_head(dy, first, seq_len, group, n, later, 0, seq_len)
            clear_rows(sums, 0, high)
            for k in range(taps):
                at, width = k * dilation * rows.shape[1], rows.shape[1]
                add_product(products, k * unit, unit, rows, at, 1, width, later, 0, seq_len)
                add_product(sums, 0, high, later, (reach - k * dilation) * width, width, 1, turned, k * n, n)
            store_head(sums, 0, seq_len, dx, first, group, groups, n)
        for k in range(taps):
            for i in range(n):
                for c in range(n):
                    dw[k * n + i, group * n + c] += products[k * unit + i, c]
