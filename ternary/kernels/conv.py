"""Causal depthwise convolutions with any number of taps and any dilation: one with a gate, and a plain one.

gated_conv: z[t] = sigmoid(gate[t]) * sum over k of w[k] * value[t - (K - 1 - k) dilation].

Its taps are taken in groups of TAPS: what a group sees of LANES channels forms one tile, the window, and its part of
the sum is sum_rows(w * window). gv holds D gate channels, then D value channels, D a multiple of 16; w and z are padded
with zeros to a multiple of 32 channels, and w with taps of zeros in front to a multiple of TAPS.
"""
import numpy as np
from numba import prange

from ternary.compiler.isa import LANES
from ternary.compiler.jit import device, kernel
from ternary.compiler.layout import pad_to_tile
from ternary.compiler.tile_memory import load_like, store
from ternary.compiler.tiles import TILE_N, sigmoid, sigmoid_ref, slide, sum_rows, tile, vec32
from ternary.compiler.workspace import clear, num_threads, share, workspace

TAPS = 8
taps, row = tile(TAPS, 1), tile(1, 1)


def _halves(gv):
    """-> gate, value (N, D)"""
    return (pad_to_tile(half, (-1,)) for half in np.split(gv, 2, axis=-1))


def gated_conv_ref(gv, w, dilation, seq_len):
    """z = sigmoid(gate) * conv(value), per sequence of seq_len.    gv (N, 2D) = gate | value, w (K, D) -> z (N, D)"""
    gate, value = _halves(gv)
    return sigmoid_ref(gate) * causal_conv_ref(value, w, dilation, seq_len)


@device
def value_before(gv, first, t, delay, j):
    """The value at token t - delay of the sequence that begins in row `first`, 0 before it."""
    if t < delay:
        return row()
    return load_like(row(), gv, first + t - delay, j)


@device
def convolve(gv, first, column, w, j, dilation, c):
    """c (T, LANES) = the convolution of one sequence and LANES channels.

    A window slides over every dilation-th token, from the first `dilation` tokens on. Groups of taps, from the last,
    add up.
    """
    for k in range(0, len(w), TAPS):
        weights, delay = load_like(taps(), w, len(w) - TAPS - k, j), k * dilation
        for start in range(min(dilation, len(c))):
            window = taps()
            for t in range(start, len(c), dilation):
                window = slide(window, value_before(gv, first, t, delay, column))
                s = sum_rows(weights * window)
                if k > 0:
                    s = s + load_like(row(), c, t, 0)
                store(c, t, 0, s)


@kernel(ref=gated_conv_ref)
def gated_conv(gv, w, dilation, seq_len, z):
    n = gv.shape[1] // 2
    for seq in prange(z.shape[0] // seq_len):
        first, c = seq * seq_len, workspace(seq_len, LANES, np.float32)
        for j in range(0, n, LANES):
            convolve(gv, first, n + j, w, j, dilation, c)
            for t in range(seq_len):
                store(z, first + t, j, load_like(row(), c, t, 0) * sigmoid(load_like(row(), gv, first + t, j)))
        for j in range(n, z.shape[1], LANES):
            for t in range(seq_len):
                store(z, first + t, j, row())


def gated_conv_bwd_ref(dz, gv, w, dilation, seq_len):
    """dgv (N, 2D), dw (K, D) of z = sigmoid(gate) * conv(value)"""
    gate, value = _halves(gv)
    s, n = sigmoid_ref(gate), gv.shape[1] // 2
    e, c = dz * s, causal_conv_ref(value, w, dilation, seq_len)
    dvalue, dw = causal_conv_bwd_ref(e, value, w, dilation, seq_len)
    return np.concatenate([(e * (1 - s) * c)[:, :n], dvalue[:, :n]], -1), dw


@kernel(ref=gated_conv_bwd_ref, sums=("dw",))
def gated_conv_bwd(dz, gv, w, dilation, seq_len, add, dgv, dw):
    """With e = dz * sigmoid(gate), dvalue[t] is a convolution of e[t], e[t + dilation], ..."""
    n, sequences, threads = gv.shape[1] // 2, dz.shape[0] // seq_len, num_threads()
    parts = workspace(threads * len(w), n, np.float32)
    clear(parts)
    for th in prange(threads):
        lo, hi = share(sequences, th, threads, 1)
        e, dvalue = workspace(seq_len, LANES, np.float32), workspace(seq_len, LANES, np.float32)
        for seq in range(lo, hi):
            first = seq * seq_len
            for j in range(0, n, LANES):
                convolve(gv, first, n + j, w, j, dilation, e)
                for t in range(seq_len):
                    s, d = sigmoid(load_like(row(), gv, first + t, j)), load_like(row(), dz, first + t, j)
                    d, c = d * s, load_like(row(), e, t, 0)
                    store(e, t, 0, d)
                    d = d * (1.0 - s) * c
                    if add:
                        d = d + load_like(row(), dgv, first + t, j)
                    store(dgv, first + t, j, d)
                for k in range(0, len(w), TAPS):
                    group = len(w) - TAPS - k
                    mirrored, dweights = taps(), load_like(taps(), parts, th * len(w) + group, j)
                    for r in range(TAPS):
                        mirrored = slide(mirrored, load_like(row(), w, group + TAPS - 1 - r, j))
                    for start in range(min(dilation, seq_len)):
                        window, ahead = taps(), taps()
                        for t in range(start, seq_len + (TAPS - 1) * dilation, dilation):
                            d = row()
                            if t < seq_len:
                                d = load_like(row(), e, t, 0)
                                window = slide(window, value_before(gv, first, t, k * dilation, n + j))
                                dweights = dweights + d * window
                            ahead = slide(ahead, d)
                            past = t - (TAPS - 1 + k) * dilation        # the value that its taps saw
                            if past >= 0:
                                d = sum_rows(mirrored * ahead)
                                if k > 0:
                                    d = d + load_like(row(), dvalue, past, 0)
                                store(dvalue, past, 0, d)
                    store(parts, th * len(w) + group, j, dweights)
                for t in range(seq_len):
                    d = load_like(row(), dvalue, t, 0)
                    if add:
                        d = d + load_like(row(), dgv, first + t, n + j)
                    store(dgv, first + t, n + j, d)
    for th in range(threads):
        for k in range(len(w)):
            for j in range(0, n, LANES):
                store(dw, k, j, load_like(row(), dw, k, j) + load_like(row(), parts, th * len(w) + k, j))


# ---- 8 taps, one next to the other: the usual case, a third faster, as nothing is kept in between ------------
def gated_conv8_ref(gv, w, seq_len):
    return gated_conv_ref(gv, w, 1, seq_len)


@kernel(ref=gated_conv8_ref)
def gated_conv8(gv, w, seq_len, z):
    n = gv.shape[1] // 2
    for seq in prange(z.shape[0] // seq_len):
        for j in range(0, n, LANES):
            weights, window = load_like(taps(), w, 0, j), taps()
            for t in range(seq * seq_len, (seq + 1) * seq_len):
                window = slide(window, load_like(row(), gv, t, n + j))
                store(z, t, j, sum_rows(weights * window) * sigmoid(load_like(row(), gv, t, j)))
        for j in range(n, z.shape[1], LANES):
            for t in range(seq * seq_len, (seq + 1) * seq_len):
                store(z, t, j, row())


def gated_conv8_bwd_ref(dz, gv, w, seq_len):
    return gated_conv_bwd_ref(dz, gv, w, 1, seq_len)


@kernel(ref=gated_conv8_bwd_ref, sums=("dw",))
def gated_conv8_bwd(dz, gv, w, seq_len, add, dgv, dw):
    """dvalue[t - TAPS + 1] needs a window of dz * sigmoid(gate) up to t, so it is computed TAPS - 1 tokens late."""
    n, sequences, threads = gv.shape[1] // 2, dz.shape[0] // seq_len, num_threads()
    parts = workspace(threads * TAPS, n, np.float32)
    clear(parts)
    for th in prange(threads):
        lo, hi = share(sequences, th, threads, 1)
        for seq in range(lo, hi):
            first, last = seq * seq_len, (seq + 1) * seq_len
            for j in range(0, n, LANES):
                weights, window, ahead = load_like(taps(), w, 0, j), taps(), taps()
                mirrored, dweights = taps(), load_like(taps(), parts, th * TAPS, j)
                for k in range(TAPS):
                    mirrored = slide(mirrored, load_like(row(), w, TAPS - 1 - k, j))
                for t in range(first, last + TAPS - 1):
                    e = row()
                    if t < last:
                        s, d = sigmoid(load_like(row(), gv, t, j)), load_like(row(), dz, t, j)
                        window = slide(window, load_like(row(), gv, t, n + j))
                        e = d * s
                        dgate = e * (1.0 - s) * sum_rows(weights * window)
                        dweights = dweights + e * window
                        if add:
                            dgate = dgate + load_like(row(), dgv, t, j)
                        store(dgv, t, j, dgate)
                    ahead = slide(ahead, e)
                    past = t - TAPS + 1
                    if past >= first:
                        dvalue = sum_rows(mirrored * ahead)
                        if add:
                            dvalue = dvalue + load_like(row(), dgv, past, n + j)
                        store(dgv, past, n + j, dvalue)
                store(parts, th * TAPS, j, dweights)
    for th in range(threads):
        for j in range(0, n, LANES):
            store(dw, 0, j, load_like(taps(), dw, 0, j) + load_like(taps(), parts, th * TAPS, j))


def _delays(w, dilation, seq_len):
    """Taps and how far back they look, of those that look back less than a sequence."""
    delays = ((k, (len(w) - 1 - k) * dilation) for k in range(len(w)))
    return [(k, delay) for k, delay in delays if delay < seq_len]


def causal_conv_ref(x, w, dilation, seq_len):
    """y[t] = sum over k of w[k] x[t - (K - 1 - k) dilation], per sequence.    x (N, D), w (K, D) -> y (N, D)"""
    x = x.reshape(-1, seq_len, x.shape[1])
    y = np.zeros_like(x)
    for k, delay in _delays(w, dilation, seq_len):
        y[:, delay:] += w[k] * x[:, :seq_len - delay]
    return y.reshape(-1, w.shape[1])


@kernel(ref=causal_conv_ref)
def causal_conv(x, w, dilation, seq_len, y):
    for i in prange(x.shape[0]):
        for j in range(0, x.shape[1], TILE_N):
            t = vec32()
            for k in range(len(w)):
                delay = (len(w) - 1 - k) * dilation
                if delay <= i % seq_len:
                    t = t + load_like(vec32(), x, i - delay, j) * load_like(vec32(), w, k, j)
            store(y, i, j, t)


def causal_conv_bwd_ref(dy, x, w, dilation, seq_len):
    """dx[t] = sum over k of w[k] dy[t + d_k], dw[k] = sum over t of dy[t] x[t - d_k], d_k = (K - 1 - k) dilation"""
    dy, x = (a.reshape(-1, seq_len, a.shape[1]) for a in (dy, x))
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for k, delay in _delays(w, dilation, seq_len):
        dx[:, :seq_len - delay] += w[k] * dy[:, delay:]
        dw[k] = (dy[:, delay:] * x[:, :seq_len - delay]).sum((0, 1))
    return dx.reshape(-1, w.shape[1]), dw


@kernel(ref=causal_conv_bwd_ref, sums=("dw",))
def causal_conv_bwd(dy, x, w, dilation, seq_len, add, dx, dw):
    (rows, n), threads = x.shape, num_threads()
    parts = workspace(threads * len(w), n, np.float32)
    clear(parts)
    for th in prange(threads):
        first, last = share(rows, th, threads, 1)
        for i in range(first, last):
            rest = seq_len - i % seq_len          # tokens of the sequence from this one on
            for j in range(0, n, TILE_N):
                d, v = vec32(), load_like(vec32(), x, i, j)
                for k in range(len(w)):
                    delay, part = (len(w) - 1 - k) * dilation, th * len(w) + k
                    if delay < rest:
                        g = load_like(vec32(), dy, i + delay, j)
                        d = d + g * load_like(vec32(), w, k, j)
                        store(parts, part, j, load_like(vec32(), parts, part, j) + g * v)
                if add:
                    d = d + load_like(vec32(), dx, i, j)
                store(dx, i, j, d)
    for th in range(threads):
        for k in range(len(w)):
            for j in range(0, n, TILE_N):
                store(dw, k, j, load_like(vec32(), dw, k, j) + load_like(vec32(), parts, th * len(w) + k, j))
