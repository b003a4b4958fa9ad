"""Linear recurrences, channel by channel: s[t] = decay[t] * s[t-1] + x[t], and a gated one, fused.

gated_scan (HGRN: Qin et al. 2023): s[t] = f[t] * s[t-1] + (1 - f[t]) * v[t], read through a gate.

Parallel over sequences and groups of 32 channels, sequential over time: the state of 32 channels stays in registers,
and memory is read once.
"""
import numpy as np
from numba import prange

from ternary.compiler.jit import kernel
from ternary.compiler.tile_memory import load_like, store
from ternary.compiler.tiles import TILE_N, sigmoid, sigmoid_ref, vec32
from ternary.compiler.workspace import workspace


def _by_time(x, seq_len):
    """(N, D) -> (T, sequences, D)"""
    return x.reshape(-1, seq_len, x.shape[1]).swapaxes(0, 1)


def gated_scan_ref(forget, value, output, bias, initial, floor, seq_len):
    """y = sigmoid(output) * s; s[t] = f s[t-1] + (1 - f) value[t], f = floor + (1 - floor) sigmoid(forget + bias).

    forget, value, output (N, C) of sequences of seq_len rows, bias (C,), initial (sequences, C): s[-1], floor a number
    -> s, y (N, C), the last s (sequences, C)
    """
    f = floor + (1 - floor) * sigmoid_ref(forget + bias)
    s = np.zeros_like(value)
    now = initial.astype(value.dtype)
    for out, ft, vt in zip(_by_time(s, seq_len), _by_time(f, seq_len), _by_time(value, seq_len)):
        now = ft * now + (1 - ft) * vt
        out[...] = now
    return s, sigmoid_ref(output) * s, now


@kernel(ref=gated_scan_ref)
def gated_scan(forget, value, output, bias, initial, floor, seq_len, s, y, final):
    rows, n = value.shape
    lines, span = n // TILE_N, np.float32(1) - floor
    for item in prange(rows // seq_len * lines):
        first, j = item // lines * seq_len, item % lines * TILE_N
        b, now = load_like(vec32(), bias, 0, j), load_like(vec32(), initial, item // lines, j)
        for t in range(first, first + seq_len):
            f = floor + span * sigmoid(load_like(vec32(), forget, t, j) + b)
            now = f * now + (1.0 - f) * load_like(vec32(), value, t, j)
            store(s, t, j, now)
            store(y, t, j, now * sigmoid(load_like(vec32(), output, t, j)))
        store(final, item // lines, j, now)


def gated_scan_bwd_ref(dy, forget, value, output, s, bias, initial, floor, seq_len):
    """dforget, dvalue, doutput (N, D), dbias (D,) from the gradient of y and the states"""
    sig, open_ = sigmoid_ref(forget + bias), sigmoid_ref(output)
    f, ds = floor + (1 - floor) * sig, dy * open_
    before = np.empty_like(s)
    _by_time(before, seq_len)[0] = initial
    _by_time(before, seq_len)[1:] = _by_time(s, seq_len)[:-1]
    carry = 0
    for d, ft in zip(_by_time(ds, seq_len)[::-1], _by_time(f, seq_len)[::-1]):
        d += carry
        carry = ft * d
    dforget = ds * (before - value) * (1 - floor) * sig * (1 - sig)
    return dforget, ds * (1 - f), dy * s * open_ * (1 - open_), dforget.sum(0)


@kernel(ref=gated_scan_bwd_ref, sums=("dbias",))
def gated_scan_bwd(dy, forget, value, output, s, bias, initial, floor, seq_len, dforget, dvalue, doutput, dbias):
    rows, n = value.shape
    sequences, lines, span = rows // seq_len, n // TILE_N, np.float32(1) - floor
    parts = workspace(sequences, n, np.float32)
    for item in prange(sequences * lines):
        sequence, j = item // lines, item % lines * TILE_N
        b, carry, db, last = load_like(vec32(), bias, 0, j), vec32(), vec32(), (sequence + 1) * seq_len - 1
        now = load_like(vec32(), s, last, j)
        for k in range(seq_len):
            t, before = last - k, load_like(vec32(), initial, sequence, j)
            if k < seq_len - 1:
                before = load_like(vec32(), s, t - 1, j)
            sig, g = sigmoid(load_like(vec32(), forget, t, j) + b), sigmoid(load_like(vec32(), output, t, j))
            d = load_like(vec32(), dy, t, j)
            store(doutput, t, j, d * now * g * (1.0 - g))
            d, rest = d * g + carry, span * (1.0 - sig)      # rest = 1 - f
            carry, now = d - d * rest, before
            store(dvalue, t, j, d * rest)
            df = d * (before - load_like(vec32(), value, t, j)) * rest * sig
            store(dforget, t, j, df)
            db = db + df
        store(parts, sequence, j, db)
    for sequence in range(sequences):
        for j in range(0, n, TILE_N):
            store(dbias, 0, j, load_like(vec32(), dbias, 0, j) + load_like(vec32(), parts, sequence, j))


def scan_ref(decay, x, initial, seq_len):
    """s[t] = decay[t] * s[t-1] + x[t], per sequence of seq_len rows.

    x (N, C), decay (N, C) or (C,), initial (sequences, C): s[-1] -> s (N, C), the last s (sequences, C)
    """
    decay, s, now = np.broadcast_to(decay, x.shape), np.zeros_like(x), initial.astype(x.dtype)
    for out, d, v in zip(_by_time(s, seq_len), _by_time(decay, seq_len), _by_time(x, seq_len)):
        now = d * now + v
        out[...] = now
    return s, now


@kernel(ref=scan_ref)
def scan(decay, x, initial, seq_len, s, final):
    rows, n = x.shape
    lines = n // TILE_N
    for item in prange(rows // seq_len * lines):
        first, j = item // lines * seq_len, item % lines * TILE_N
        now = load_like(vec32(), initial, item // lines, j)
        for t in range(first, first + seq_len):
            now = load_like(vec32(), decay, t, j) * now + load_like(vec32(), x, t, j)
            store(s, t, j, now)
        store(final, item // lines, j, now)


def scan_bwd_ref(ds, decay, s, initial, seq_len):
    """dx[t] = ds[t] + decay[t+1] * dx[t+1], ddecay[t] = dx[t] * s[t-1]    -> dx, ddecay (N, C)"""
    dx, before, carry = np.zeros_like(s), np.empty_like(s), 0
    _by_time(before, seq_len)[0] = initial
    _by_time(before, seq_len)[1:] = _by_time(s, seq_len)[:-1]
    decays = _by_time(np.broadcast_to(decay, s.shape), seq_len)
    for out, d, f in zip(_by_time(dx, seq_len)[::-1], _by_time(ds, seq_len)[::-1], decays[::-1]):
        out[...] = d + carry
        carry = f * out
    return dx, dx * before


@kernel(ref=scan_bwd_ref)
def scan_bwd(ds, decay, s, initial, seq_len, dx, ddecay):
    rows, n = s.shape
    lines = n // TILE_N
    for item in prange(rows // seq_len * lines):
        sequence, j = item // lines, item % lines * TILE_N
        carry = vec32()
        for k in range(seq_len):
            t, before = (sequence + 1) * seq_len - 1 - k, load_like(vec32(), initial, sequence, j)
            if k < seq_len - 1:
                before = load_like(vec32(), s, t - 1, j)
            d = load_like(vec32(), ds, t, j) + carry
            carry = d * load_like(vec32(), decay, t, j)
            store(dx, t, j, d)
            store(ddecay, t, j, d * before)
