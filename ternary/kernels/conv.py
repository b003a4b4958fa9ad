"""Causal depthwise convolutions: one with a gate and 8 taps, and a plain one with any number of taps and any dilation.

gated_conv: z[t] = sigmoid(gate[t]) * sum over k of w[k] * value[t - 7 + k].

The last TAPS values of LANES channels form one tile, the window; the convolution is sum_rows(w * window). gv holds D
gate channels, then D value channels, D a multiple of 16; w and z are padded with zeros to a multiple of 32 channels.
"""
import numpy as np
from numba import prange

from ternary.compiler.isa import LANES
from ternary.compiler.jit import kernel
from ternary.compiler.layout import pad_to_tile
from ternary.compiler.tile_memory import load_like, store
from ternary.compiler.tiles import TILE_N, sigmoid, sigmoid_ref, slide, sum_rows, tile, vec32
from ternary.compiler.workspace import clear, num_threads, share, workspace

TAPS = 8
taps, row = tile(TAPS, 1), tile(1, 1)


def _windows(gv, seq_len):
    """-> sigmoid(gate) (sequences, T, D), value with TAPS - 1 zeros in front (sequences, T + TAPS - 1, D)."""
    gate, value = (pad_to_tile(half, (-1,)) for half in np.split(gv.reshape(-1, seq_len, gv.shape[1]), 2, axis=-1))
    return sigmoid_ref(gate), np.pad(value, ((0, 0), (TAPS - 1, 0), (0, 0)))


def gated_conv_ref(gv, w, seq_len):
    """z = sigmoid(gate) * conv(value), per sequence of seq_len.    gv (N, 2D) = gate | value, w (8, D) -> z (N, D)"""
    s, value = _windows(gv, seq_len)
    c = sum(w[k] * value[:, k:k + seq_len] for k in range(TAPS))
    return (s * c).reshape(-1, w.shape[1])


@kernel(ref=gated_conv_ref)
def gated_conv(gv, w, seq_len, z):
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


def gated_conv_bwd_ref(dz, gv, w, seq_len):
    """dgv (N, 2D), dw (8, D) of z = sigmoid(gate) * conv(value)"""
    s, value = _windows(gv, seq_len)
    dz = dz.reshape(s.shape)
    e, c = dz * s, sum(w[k] * value[:, k:k + seq_len] for k in range(TAPS))
    dvalue = np.zeros_like(value)
    for k in range(TAPS):
        dvalue[:, k:k + seq_len] += w[k] * e
    n = gv.shape[1] // 2
    dgv = np.concatenate([(e * (1 - s) * c)[..., :n], dvalue[:, TAPS - 1:, :n]], -1).reshape(gv.shape)
    return dgv, np.stack([(e * value[:, k:k + seq_len]).sum((0, 1)) for k in range(TAPS)])


@kernel(ref=gated_conv_bwd_ref, sums=("dw",))
def gated_conv_bwd(dz, gv, w, seq_len, add, dgv, dw):
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
