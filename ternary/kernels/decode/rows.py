"""What decoding does besides matrix products: functions of one row in flat arrays, given by offsets.

Elementwise functions run over whole lines of 32: what they write behind n is not used. Where parts of a row follow one
another, such as groups of a norm, the next part writes over it.
"""
import numpy as np

from ternary.compiler.jit import device
from ternary.compiler.layout import TILE_N
from ternary.compiler.tile_memory import load_like, store
from ternary.compiler.tiles import LOG2E, exp2, largest, maximum, total, vec32
from ternary.kernels.activation import value_and_slope
from ternary.kernels.decode.products import dot

ADD, SUB, MUL = 0, 1, 2
ROW, NUMBER = 0, 1                # of a second operand: as long as the first, or one number for all channels
RMS_EPS, LAYER_EPS, ONE = np.float32(1e-6), np.float32(1e-5), np.float32(1)
L2_EPS = np.float32(1e-6)


@device
def combine(kind, x, a, other, b, form, y, at, n):
    """y = x[a:] + - * other[b:]"""
    for j in range(0, n, TILE_N):
        s = load_like(vec32(), x, 0, a + j)
        t = load_like(vec32(), other, 0, b + j) if form == ROW else vec32() + other[b]
        if kind == ADD:
            s = s + t
        elif kind == SUB:
            s = s - t
        else:
            s = s * t
        store(y, 0, at + j, s)


@device
def scaled(x, a, factor, y, at, n):
    for j in range(0, n, TILE_N):
        store(y, 0, at + j, load_like(vec32(), x, 0, a + j) * factor)


@device
def clipped(x, a, low, high, y, at, n):
    for j in range(n):
        y[at + j] = min(max(x[a + j], low), high)


@device
def activated(kind, x, a, y, at, n):
    for j in range(0, n, TILE_N):
        f, _ = value_and_slope(load_like(vec32(), x, 0, a + j), kind)
        store(y, 0, at + j, f)


@device
def copied(x, a, y, at, n):
    for j in range(n):
        y[at + j] = x[a + j]


@device
def rms_norm(x, a, w, b, head, y, at, n):
    """Of each head of `head` channels, with the weights w[b:b + head]."""
    for first in range(0, n, head):
        r = ONE / np.sqrt(dot(x, a + first, x, a + first, head) / np.float32(head) + RMS_EPS)
        for j in range(0, head, TILE_N):
            store(y, 0, at + first + j, load_like(vec32(), x, 0, a + first + j) * r * load_like(vec32(), w, 0, b + j))


@device
def layer_norm(x, a, w, b, c, group, y, at, n):
    """Of each group of channels, with the weights w[b:] and the bias w[c:]."""
    for first in range(0, n, group):
        mean = sum_of(x, a + first, group) / np.float32(group)
        for j in range(first, first + group, TILE_N):
            store(y, 0, at + j, load_like(vec32(), x, 0, a + j) - mean)
        square = dot(y, at + first, y, at + first, group) / np.float32(group)
        r = ONE / np.sqrt(square + LAYER_EPS)
        for j in range(first, first + group, TILE_N):
            t = load_like(vec32(), y, 0, at + j) * r * load_like(vec32(), w, 0, b + j)
            store(y, 0, at + j, t + load_like(vec32(), w, 0, c + j))


@device
def sum_of(x, a, n):
    whole, t = n // TILE_N * TILE_N, vec32()
    for j in range(0, whole, TILE_N):
        t = t + load_like(vec32(), x, 0, a + j)
    s = total(t)
    for j in range(whole, n):
        s += x[a + j]
    return s


@device
def l2_norm(x, a, heads, y, at, n):
    size = n // heads
    for first in range(0, n, size):
        r = ONE / max(np.sqrt(dot(x, a + first, x, a + first, size)), L2_EPS)
        for j in range(first, first + size, TILE_N):
            store(y, 0, at + j, load_like(vec32(), x, 0, a + j) * r)


@device
def softmax(x, a, y, at, n):
    most, whole = vec32() + x[a], n // TILE_N * TILE_N
    for j in range(0, whole, TILE_N):
        most = maximum(most, load_like(vec32(), x, 0, a + j))
    top = largest(most)
    for j in range(whole, n):
        top = max(top, x[a + j])
    for j in range(0, n, TILE_N):
        store(y, 0, at + j, exp2((load_like(vec32(), x, 0, a + j) - top) * LOG2E))
    s = ONE / sum_of(y, at, n)
    for j in range(n):
        y[at + j] *= s


@device
def top_softmax(x, a, k, y, at, n):
    """softmax over the k largest; of equal ones at the edge, all."""
    low = x[a]
    for j in range(1, n):
        low = min(low, x[a + j])
    edge, left = np.float32(np.inf), k
    while left > 0:                               # the next largest value, and how many have it
        best, count = low, 0
        for j in range(n):
            v = x[a + j]
            if v < edge:
                if v > best:
                    best, count = v, 1
                elif v == best:
                    count += 1
        edge, left = best, left - count
    for j in range(n):
        y[at + j] = x[a + j] if x[a + j] >= edge else np.float32(-np.inf)
    top = x[a]
    for j in range(1, n):
        top = max(top, x[a + j])
    s = np.float32(0)
    for j in range(n):
        y[at + j] = np.exp(y[at + j] - top) if x[a + j] >= edge else np.float32(0)
        s += y[at + j]
    for j in range(n):
        y[at + j] /= s


@device
def expanded(x, a, count, y, at, n):
    """Each of `count` numbers in n / count channels side by side."""
    each = n // count
    for i in range(count):
        for j in range(each):
            y[at + i * each + j] = x[a + i]


@device
def causal_conv(ring, ro, room, position, w, b, taps, dilation, y, at, n):
    """The ring holds the rows of the last tokens, that of `position` at position % room; w (taps, padded n)."""
    padded = (n + TILE_N - 1) // TILE_N * TILE_N
    start = (position - (taps - 1) * dilation) % room
    for j in range(0, n, TILE_N):
        t, k = vec32(), start
        for tap in range(taps):
            t = t + load_like(vec32(), w, 0, b + tap * padded + j) * load_like(vec32(), ring, 0, ro + k * padded + j)
            k += dilation
            while k >= room:
                k -= room
        store(y, 0, at + j, t)


@device
def grouped_conv(ring, ro, room, position, w, b, taps, dilation, groups, y, at, n):
    """w (taps * n / groups, n), see ops.grouped_conv."""
    size, padded = n // groups, (n + TILE_N - 1) // TILE_N * TILE_N
    for j in range(n):
        y[at + j] = 0
    for tap in range(taps):
        k = ro + (position - (taps - 1 - tap) * dilation) % room * padded
        for g in range(groups):
            for i in range(size):
                v, row = ring[k + g * size + i], b + (tap * size + i) * n + g * size
                for j in range(size):
                    y[at + g * size + j] += v * w[row + j]


@device
def dynamic_conv(ring, ro, room, position, weights, a, offsets, b, count, y, at, n):
    """offsets[b:b + count] in tokens, with the weights of this token."""
    padded = (n + TILE_N - 1) // TILE_N * TILE_N
    for j in range(0, n, TILE_N):
        t = vec32()
        for i in range(count):
            k = (position - np.int64(offsets[b + i])) % room
            t = t + load_like(vec32(), ring, 0, ro + k * padded + j) * weights[a + i]
        store(y, 0, at + j, t)


@device
def scan(state, so, decay, a, x, b, y, at, n):
    for j in range(n):
        s = decay[a + j] * state[so + j] + x[b + j]
        state[so + j] = s
        y[at + j] = s


@device
def cumulative_mean(state, so, position, x, a, y, at, n):
    for j in range(n):
        state[so + j] += x[a + j]
        y[at + j] = state[so + j] / np.float32(position + 1)


@device
def linear_attention(rule, memory, mo, x, q, k, v, log_decay, beta, heads, keys, values, error, y, at):
    """One token of ops.linear_attention; memory (heads, keys, values), error: room for a row of values.

    rule: 0 "add", 1 "delta", 2 "delta_before_decay".
    """
    for h in range(heads):
        m, decay, write = mo + h * keys * values, np.exp(x[log_decay + h]), x[beta + h]
        vo, yo = v + h * values, at + h * values
        for j in range(values):
            error[j] = 0
            y[yo + j] = 0
        if rule > 0:                              # what the memory says of the key
            for i in range(keys):
                key = x[k + h * keys + i]
                for j in range(values):
                    error[j] += memory[m + i * values + j] * key
        share = decay if rule == 1 else ONE
        for j in range(values):
            error[j] = write * (x[vo + j] - share * error[j])
        for i in range(keys):
            key, query = x[k + h * keys + i], x[q + h * keys + i]
            for j in range(values):
                s = decay * memory[m + i * values + j] + key * error[j]
                memory[m + i * values + j] = s
                y[yo + j] += s * query
