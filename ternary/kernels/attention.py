"""Causal attention (Vaswani et al. 2017) with rotary positions (Su et al. 2021), as FlashAttention (Dao et al. 2022).

Scores are made in blocks of 32 keys x 32 queries: transposed, so that maxima and sums over keys are plain lines, and
one number per query is a line. They are not kept: the way back makes them again, from the log of their sums, in spans
of SPAN keys x SPAN queries that stay in L2. A work item is one head of one sequence.
"""
from functools import lru_cache

import numpy as np
from numba import prange

from ternary.kernels.gemm import add_block, begin, copied, end, product
from ternary.kernels.isa import LANES
from ternary.kernels.jit import device, kernel
from ternary.kernels.pack import pack_columns, pack_steps, transpose_rows, transpose_words
from ternary.kernels.tiles import (
    LOG2E,
    WIDTH,
    add_where,
    exp2,
    line,
    load_like,
    maximum,
    reciprocal,
    store,
    store_paired,
    sum_rows,
    tile,
    total,
    two,
)
from ternary.kernels.workspace import clear, workspace

SPAN = 256                        # keys, or queries, of one visit
BASE = 10000.0                    # of the rotary wavelengths
FAR = np.float32(-1e30)           # the score of a key behind its query: finite, so that no NaN is made of it
ONE = np.float32(1)
piece = tile(1, 1)


@lru_cache(maxsize=16)
def rotations(length: int, width: int, dtype: np.dtype) -> np.ndarray:
    """cos | sin of the angle t / BASE^(2j / width) of every position t and pair of channels j, (length, width)."""
    angles = np.arange(length)[:, None] * BASE ** (-np.arange(0, width, 2) / width)
    return np.concatenate([np.cos(angles), np.sin(angles)], -1).astype(dtype)


def rotated(x: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Channels j and j + width / 2 are one pair, which turns by the angle of its position.    x (..., T, width)"""
    (a, b), (cos, sin) = np.split(x, 2, -1), np.split(turns, 2, -1)
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)


def _heads(x, turns, parts):
    """(N, parts * D) -> (parts, sequences, heads, T, width)"""
    length, width = turns.shape
    return x.reshape(-1, length, parts, x.shape[1] // parts // width, width).transpose(2, 0, 3, 1, 4)


def _rows(x):
    """(parts, sequences, heads, T, width) -> (N, parts * D)"""
    parts, sequences, heads, length, width = x.shape
    return x.transpose(1, 3, 0, 2, 4).reshape(sequences * length, parts * heads * width)


def _scores(qkv, turns):
    """-> q and k, rotated, and v; the scores of every query, -inf beyond it."""
    q, k, v = _heads(qkv, turns, 3)
    q, k = rotated(q, turns), rotated(k, turns)
    s = q @ k.swapaxes(-1, -2) * turns.shape[1] ** -0.5
    return q, k, v, np.where(np.tri(len(turns), dtype=bool), s, -np.inf)


def attention_ref(qkv, turns):
    """out = softmax(rotated q @ rotated k.T / sqrt(width)) @ v, per head, over the keys up to the query.

    qkv (N, 3D) = q | k | v, each of D / width heads; turns (T, width) -> out (N, D), lse (sequences * heads, T), the
    log of the sum of exp(scores) of every query.
    """
    *_, v, s = _scores(qkv, turns)
    top = s.max(-1, keepdims=True)
    e = np.exp(s - top)
    z = e.sum(-1, keepdims=True)
    return _rows((e / z @ v)[None]), (top + np.log(z)).reshape(-1, len(turns))


@device
def rotate(x, i, j, turns, t, scale, direction, y, k, l):
    """y[k, l:l+width] = scale * x[i, j:j+width], turned by the angles of position t, or back if direction is -1."""
    half = turns.shape[1] // 2
    for c in range(0, half, LANES):
        a, b = load_like(piece(), x, i, j + c), load_like(piece(), x, i, j + half + c)
        cos = load_like(piece(), turns, t, c) * scale
        sin = load_like(piece(), turns, t, half + c) * (scale * direction)
        store(y, k, l + c, a * cos - b * sin)
        store(y, k, l + half + c, b * cos + a * sin)


@device
def rotated_rows(qkv, first, column, turns, scale):
    """One head of q or k, a row per position; zeros up to a multiple of 32 rows."""
    length, width = turns.shape
    rows = (length + WIDTH - 1) // WIDTH * WIDTH
    y = workspace(rows, width, qkv.dtype)
    for t in range(length):
        rotate(qkv, first + t, column, turns, t, scale, ONE, y, t, 0)
    for t in range(length, rows):
        for j in range(0, width, WIDTH):
            store(y, t, j, line())
    return y


@device
def columns_packed(x):
    """The rows of x as the columns of panels."""
    p = workspace(x.shape[0] // WIDTH, x.shape[1] * WIDTH, x.dtype)
    for t in range(p.shape[0]):
        pack_columns(x, t * WIDTH, p, t)
    return p


@device
def steps_packed(x):
    """The columns of x as the columns of panels."""
    p = workspace(x.shape[1] // WIDTH, x.shape[0] * WIDTH, x.dtype)
    for j in range(p.shape[0]):
        pack_steps(x, 0, x.shape[0], j, p, j)
    return p


@device
def mask(c):
    """In the block where keys meet their own queries, no query sees a key behind it."""
    for r in range(1, WIDTH):
        store(c, r, 0, add_where(load_like(line(), c, r, 0), np.uint32((1 << r) - 1), FAR))


@kernel(ref=attention_ref)
def attention(qkv, turns, out, lse):
    (length, width), d = turns.shape, out.shape[1]
    heads, padded = d // width, (length + WIDTH - 1) // WIDTH * WIDTH
    span = min(SPAN, padded)
    for item in prange(lse.shape[0]):
        first, column = item // heads * length, item % heads * width
        k = rotated_rows(qkv, first, d + column, turns, ONE)
        q = columns_packed(rotated_rows(qkv, first, column, turns, ONE / np.sqrt(np.float32(width))))
        v, turn = workspace(width, padded, qkv.dtype), workspace(1, padded * WIDTH, qkv.dtype)
        for j in range(0, width, WIDTH):
            transpose_rows(qkv, first, length, (2 * d + column + j) // WIDTH, v, j, turn)
        s, p = workspace(span, WIDTH, np.float32), workspace(1, span * WIDTH, qkv.dtype)
        o, rows = workspace(width, WIDTH, np.float32), workspace(WIDTH, width, np.float32)
        sums = workspace(2, WIDTH, np.float32)
        c = begin()
        for t in range(0, padded, WIDTH):
            top, z = line() + FAR, line()
            clear(o)
            for lo in range(0, t + WIDTH, span):
                n, before = min(span, t + WIDTH - lo), top
                for i in range(0, n, WIDTH):
                    product(c, k, lo + i, 0, q, t // WIDTH, 0, width)
                    if lo + i == t:
                        mask(c)
                    for r in range(WIDTH):
                        x = load_like(line(), c, r, 0) * LOG2E
                        top = maximum(top, x)
                        store(s, i + r, 0, x)
                faded = exp2(before - top)
                z = z * faded
                for r in range(0, n, 2):
                    e = exp2(load_like(two(), s, r, 0) - top)
                    z = z + sum_rows(e)
                    store_paired(p, 0, r * WIDTH, e)
                for j in range(0, width, WIDTH):
                    product(c, v, j, lo, p, 0, 0, n)
                    for r in range(WIDTH):
                        store(o, j + r, 0, load_like(line(), o, j + r, 0) * faded + load_like(line(), c, r, 0))
            share = reciprocal(z)
            for j in range(width):
                store(o, j, 0, load_like(line(), o, j, 0) * share)
            transpose_words(o, 0, 0, width, WIDTH, rows, 0, 0)
            store(sums, 0, 0, top * (ONE / LOG2E))
            store(sums, 1, 0, z)
            for r in range(min(WIDTH, length - t)):
                lse[item, t + r] = sums[0, r] + np.log(sums[1, r])
                for j in range(0, width, WIDTH):
                    store(out, first + t + r, column + j, load_like(line(), rows, r, j))
        end()


def attention_bwd_ref(dout, qkv, turns, out, lse):
    """dqkv (N, 3D). With p the softmax, dv = p.T dout, dp = dout v.T, ds = p (dp - sum over keys of p dp), and so on.

    The reference makes p itself; the kernel from lse, and the sum of p dp is dout . out.
    """
    q, k, v, s = _scores(qkv, turns)
    e = np.exp(s - s.max(-1, keepdims=True))
    p, g = e / e.sum(-1, keepdims=True), _heads(dout, turns, 1)[0]
    dp = g @ v.swapaxes(-1, -2)
    ds = p * (dp - (p * dp).sum(-1, keepdims=True)) * turns.shape[1] ** -0.5
    back = turns * np.repeat([1, -1], turns.shape[1] // 2)
    dq, dk = rotated(ds @ k, back), rotated(ds.swapaxes(-1, -2) @ q, back)
    return _rows(np.stack([dq, dk, p.swapaxes(-1, -2) @ g]))


@device
def span_scores(k, v, q, g, shift, delta, lo, at, c, d, p, ds, across):
    """p and ds of keys lo.. x queries at..: both (keys, queries), and ds in panels of 32 queries over the keys too."""
    for i in range(0, min(p.shape[0], k.shape[0] - lo), WIDTH):
        for t in range(max(0, lo + i - at), min(p.shape[1], k.shape[0] - at), WIDTH):
            panel = (at + t) // WIDTH
            product(c, k, lo + i, 0, q, panel, 0, k.shape[1])
            product(d, v, lo + i, 0, g, panel, 0, k.shape[1])
            if lo + i == at + t:
                mask(c)
            for r in range(0, WIDTH, 2):
                e = exp2(load_like(two(), c, r, 0) * LOG2E - load_like(line(), shift, 0, at + t))
                x = e * (load_like(two(), d, r, 0) - load_like(line(), delta, 0, at + t))
                store(p, i + r, t, e)
                store(ds, i + r, t, x)
                store_paired(across, t // WIDTH, (i + r) * WIDTH, x)


@kernel(ref=attention_bwd_ref)
def attention_bwd(dout, qkv, turns, out, lse, dqkv):
    (length, width), dim = turns.shape, dout.shape[1]
    heads, padded = dim // width, (length + WIDTH - 1) // WIDTH * WIDTH
    span, scale = min(SPAN, padded), ONE / np.sqrt(np.float32(width))
    for item in prange(lse.shape[0]):
        first, column = item // heads * length, item % heads * width
        q, k = rotated_rows(qkv, first, column, turns, scale), rotated_rows(qkv, first, dim + column, turns, ONE)
        v, _ = copied(qkv, first, length, 2 * dim + column, width, qkv)
        g, _ = copied(dout, first, length, column, width, qkv)
        q_columns, g_columns, q_steps, g_steps = columns_packed(q), columns_packed(g), steps_packed(q), steps_packed(g)
        kt, turn = workspace(width, padded, qkv.dtype), workspace(1, padded * WIDTH, qkv.dtype)
        for j in range(0, width, WIDTH):
            transpose_rows(k, 0, padded, j // WIDTH, kt, j, turn)
        shift, delta = workspace(1, padded, np.float32), workspace(1, padded, np.float32)
        clear(shift)
        clear(delta)
        for t in range(length):
            s = line()
            for j in range(column, column + width, WIDTH):
                s = s + load_like(line(), dout, first + t, j) * load_like(line(), out, first + t, j)
            shift[0, t], delta[0, t] = lse[item, t] * LOG2E, total(s)
        p, ds = workspace(span, span, qkv.dtype), workspace(span, span, qkv.dtype)
        across = workspace(span // WIDTH, span * WIDTH, qkv.dtype)
        dk, dv = workspace(padded, width, np.float32), workspace(padded, width, np.float32)
        dq, rows = workspace(padded // WIDTH * width, WIDTH, np.float32), workspace(WIDTH, width, np.float32)
        clear(dk)
        clear(dv)
        clear(dq)
        c, d = begin(), workspace(WIDTH, WIDTH, np.float32)
        for lo in range(0, padded, span):
            for at in range(lo, padded, span):
                end_of_keys, end_of_queries = min(padded, lo + span), min(padded, at + span)
                span_scores(k, v, q_columns, g_columns, shift, delta, lo, at, c, d, p, ds, across)
                for i in range(lo, end_of_keys, WIDTH):
                    t = max(at, i)            # the first query that sees these keys
                    for j in range(0, width, WIDTH):
                        product(c, p, i - lo, t - at, g_steps, j // WIDTH, t, end_of_queries - t)
                        add_block(c, dv, i, j)
                        product(c, ds, i - lo, t - at, q_steps, j // WIDTH, t, end_of_queries - t)
                        add_block(c, dk, i, j)
                for t in range(at, end_of_queries, WIDTH):
                    for j in range(0, width, WIDTH):
                        n = min(end_of_keys, t + WIDTH) - lo
                        product(c, kt, j, lo, across, (t - at) // WIDTH, 0, n)
                        add_block(c, dq, t // WIDTH * width + j, 0)
        end()
        for t in range(0, padded, WIDTH):
            transpose_words(dq, t // WIDTH * width, 0, width, WIDTH, rows, 0, 0)
            for r in range(min(WIDTH, length - t)):
                rotate(rows, r, 0, turns, t + r, scale, -ONE, dqkv, first + t + r, column)
                rotate(dk, t + r, 0, turns, t + r, ONE, -ONE, dqkv, first + t + r, dim + column)
                for j in range(0, width, WIDTH):
                    store(dqkv, first + t + r, 2 * dim + column + j, load_like(line(), dv, t + r, j))
