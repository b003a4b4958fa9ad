"""Causal attention (Vaswani et al. 2017) with rotary positions (Su et al. 2021), as FlashAttention (Dao et al. 2022).

Blocks of scores are transposed, 32 keys x 32 queries: maxima and sums over keys are elementwise over rows, and a tile
(1, 32) holds one number per query. Scores are not saved: the backward pass recomputes them with the log-sum-exp of
every query, in spans of SPAN keys x SPAN queries that stay in L2. A work item is one head of one sequence.

With a window, a query sees the keys at distances below it (Beltagy et al. 2020); blocks that no query sees are skipped.
"""
import numpy as np
from numba import prange

from ternary.compiler.jit import device, kernel
from ternary.compiler.tile_memory import load_like, store, store_paired
from ternary.compiler.tiles import (
    LOG2E,
    TILE_N,
    add_where,
    exp2,
    maximum,
    reciprocal,
    sum_rows,
    total,
    vec32,
    vec32x2,
)
from ternary.compiler.workspace import clear, workspace
from ternary.kernels.gemm.blocks import acquire_accumulator, add_block, microkernel, release_accumulator
from ternary.kernels.gemm.operands import copied
from ternary.kernels.gemm.pack import pack_columns, pack_steps, transpose_rows, transpose_words
from ternary.kernels.rotary import rotate, rotated

SPAN = 256                        # keys, or queries, processed at a time
FAR = np.float32(-1e30)           # masked score; finite, so that no difference of two is NaN
NO_WINDOW = 1 << 30               # larger than any distance
ALL = (1 << TILE_N) - 1
ONE = np.float32(1)


def _heads(x, rope_table, parts):
    """(N, parts * D) -> (parts, sequences, heads, T, K)"""
    seq_len, head_dim = rope_table.shape
    return x.reshape(-1, seq_len, parts, x.shape[1] // parts // head_dim, head_dim).transpose(2, 0, 3, 1, 4)


def _rows(x):
    """(parts, sequences, heads, T, K) -> (N, parts * D)"""
    parts, sequences, heads, seq_len, head_dim = x.shape
    return x.transpose(1, 3, 0, 2, 4).reshape(sequences * seq_len, parts * heads * head_dim)


def _scores(qkv, rope_table, window):
    """-> rotated q and k, v, scores (sequences, heads, T, T), -inf for keys after the query or outside its window."""
    q, k, v = _heads(qkv, rope_table, 3)
    q, k = rotated(q, rope_table), rotated(k, rope_table)
    s = q @ k.swapaxes(-1, -2) * rope_table.shape[1] ** -0.5
    distance = np.arange(len(rope_table))[:, None] - np.arange(len(rope_table))
    return q, k, v, np.where((distance >= 0) & (distance < window), s, -np.inf)


def attention_ref(qkv, rope_table, window, first_query):
    """out = softmax(rotated q @ rotated k.T / sqrt(K)) @ v, per head, over the last `window` keys up to the query's.

    qkv (N, 3D) = q | k | v, each of D / K heads; rope_table (T, K) -> out (N, D), lse (sequences * heads, T), the
    log of the sum of exp(scores) of every query. Queries before first_query may be left out.
    """
    *_, v, s = _scores(qkv, rope_table, window)
    top = s.max(-1, keepdims=True)
    e = np.exp(s - top)
    z = e.sum(-1, keepdims=True)
    return _rows((e / z @ v)[None]), (top + np.log(z)).reshape(-1, len(rope_table))


@device
def rotated_rows(qkv, first, column, rope_table, scale):
    """One head of q or k (T, K), rotated and scaled, padded with zeros to a multiple of 32 rows."""
    seq_len, head_dim = rope_table.shape
    rows = (seq_len + TILE_N - 1) // TILE_N * TILE_N
    y = workspace(rows, head_dim, qkv.dtype)
    for t in range(seq_len):
        rotate(qkv, first + t, column, rope_table, t, scale, ONE, y, t, 0)
    for t in range(seq_len, rows):
        for j in range(0, head_dim, TILE_N):
            store(y, t, j, vec32())
    return y


@device
def columns_packed(x):
    """x (rows, steps) -> panels of x.T: rows of x are the columns of the operand."""
    p = workspace(x.shape[0] // TILE_N, x.shape[1] * TILE_N, x.dtype)
    for t in range(p.shape[0]):
        pack_columns(x, t * TILE_N, p, t)
    return p


@device
def steps_packed(x):
    """x (steps, columns) -> panels of x."""
    p = workspace(x.shape[1] // TILE_N, x.shape[0] * TILE_N, x.dtype)
    for j in range(p.shape[0]):
        pack_steps(x, 0, x.shape[0], j, p, j)
    return p


@device
def reach(window):
    """How far before a block of queries the first block of keys is that it sees: window - 1, rounded up to blocks."""
    return (window + TILE_N - 2) // TILE_N * TILE_N


@device
def low_bits(n):
    """A mask of columns 0..n-1."""
    return (1 << max(0, min(n, TILE_N))) - 1


@device
def mask(c, distance, window):
    """Mask a block of scores (keys, queries) that is `distance` before its queries.

    A query sees neither the keys after it nor those `window` or more before it. Blocks in between have nothing to mask.
    """
    if distance == 0 or distance + TILE_N > window:
        for r in range(TILE_N):
            after, seen = low_bits(r - distance), low_bits(r - distance + window)
            hidden = np.uint32(after | (ALL ^ seen))
            store(c, r, 0, add_where(load_like(vec32(), c, r, 0), hidden, FAR))


@kernel(ref=attention_ref)
def attention(qkv, rope_table, window, first_query, out, lse):
    (seq_len, head_dim), d = rope_table.shape, out.shape[1]
    heads, padded = d // head_dim, (seq_len + TILE_N - 1) // TILE_N * TILE_N
    span = min(SPAN, padded)
    for item in prange(lse.shape[0]):
        first, column = item // heads * seq_len, item % heads * head_dim
        k = rotated_rows(qkv, first, d + column, rope_table, ONE)
        q = columns_packed(rotated_rows(qkv, first, column, rope_table, ONE / np.sqrt(np.float32(head_dim))))
        v, turn = workspace(head_dim, padded, qkv.dtype), workspace(1, padded * TILE_N, qkv.dtype)
        for j in range(0, head_dim, TILE_N):
            transpose_rows(qkv, first, seq_len, (2 * d + column + j) // TILE_N, v, j, turn)
        s, p = workspace(span, TILE_N, np.float32), workspace(1, span * TILE_N, qkv.dtype)
        o, rows = workspace(head_dim, TILE_N, np.float32), workspace(TILE_N, head_dim, np.float32)
        sums = workspace(2, TILE_N, np.float32)
        c = acquire_accumulator()
        for t in range(first_query // TILE_N * TILE_N, padded, TILE_N):
            top, z = vec32() + FAR, vec32()
            clear(o)
            for lo in range(max(0, t - reach(window)), t + TILE_N, span):
                n, before = min(span, t + TILE_N - lo), top
                for i in range(0, n, TILE_N):
                    microkernel(c, k, lo + i, 0, q, t // TILE_N, 0, head_dim)
                    mask(c, t - lo - i, window)
                    for r in range(TILE_N):
                        x = load_like(vec32(), c, r, 0) * LOG2E
                        top = maximum(top, x)
                        store(s, i + r, 0, x)
                faded = exp2(before - top)
                z = z * faded
                for r in range(0, n, 2):
                    e = exp2(load_like(vec32x2(), s, r, 0) - top)
                    z = z + sum_rows(e)
                    store_paired(p, 0, r * TILE_N, e)
                for j in range(0, head_dim, TILE_N):
                    microkernel(c, v, j, lo, p, 0, 0, n)
                    for r in range(TILE_N):
                        store(o, j + r, 0, load_like(vec32(), o, j + r, 0) * faded + load_like(vec32(), c, r, 0))
            share = reciprocal(z)
            for j in range(head_dim):
                store(o, j, 0, load_like(vec32(), o, j, 0) * share)
            transpose_words(o, 0, 0, head_dim, TILE_N, rows, 0, 0)
            store(sums, 0, 0, top * (ONE / LOG2E))
            store(sums, 1, 0, z)
            for r in range(min(TILE_N, seq_len - t)):
                lse[item, t + r] = sums[0, r] + np.log(sums[1, r])
                for j in range(0, head_dim, TILE_N):
                    store(out, first + t + r, column + j, load_like(vec32(), rows, r, j))
        release_accumulator()


def attention_bwd_ref(dout, qkv, rope_table, window, out, lse):
    """dqkv (N, 3D). With p the softmax, dv = p.T dout, dp = dout v.T, ds = p (dp - sum over keys of p dp), and so on.

    The reference computes p from qkv, the kernel from lse; the kernel uses that the sum of p dp is dout . out.
    """
    q, k, v, s = _scores(qkv, rope_table, window)
    e = np.exp(s - s.max(-1, keepdims=True))
    p, g = e / e.sum(-1, keepdims=True), _heads(dout, rope_table, 1)[0]
    dp = g @ v.swapaxes(-1, -2)
    ds = p * (dp - (p * dp).sum(-1, keepdims=True)) * rope_table.shape[1] ** -0.5
    back = rope_table * np.repeat([1, -1], rope_table.shape[1] // 2)
    dq, dk = rotated(ds @ k, back), rotated(ds.swapaxes(-1, -2) @ q, back)
    return _rows(np.stack([dq, dk, p.swapaxes(-1, -2) @ g]))


@device
def span_scores(k, v, q, g, shift, delta, window, lo, at, c, d, p, ds, across):
    """p, ds (keys, queries) of keys lo.. and queries at..; `across` = ds as panels of 32 queries, keys as steps."""
    for i in range(0, min(p.shape[0], k.shape[0] - lo), TILE_N):
        distance = at - lo - i            # from these keys to the first queries of the span
        for t in range(max(0, -distance), min(p.shape[1], k.shape[0] - at, reach(window) + TILE_N - distance), TILE_N):
            panel = (at + t) // TILE_N
            microkernel(c, k, lo + i, 0, q, panel, 0, k.shape[1])
            microkernel(d, v, lo + i, 0, g, panel, 0, k.shape[1])
            mask(c, distance + t, window)
            for r in range(0, TILE_N, 2):
                e = exp2(load_like(vec32x2(), c, r, 0) * LOG2E - load_like(vec32(), shift, 0, at + t))
                x = e * (load_like(vec32x2(), d, r, 0) - load_like(vec32(), delta, 0, at + t))
                store(p, i + r, t, e)
                store(ds, i + r, t, x)
                store_paired(across, t // TILE_N, (i + r) * TILE_N, x)


@kernel(ref=attention_bwd_ref)
def attention_bwd(dout, qkv, rope_table, window, out, lse, dqkv):
    (seq_len, head_dim), dim = rope_table.shape, dout.shape[1]
    heads, padded = dim // head_dim, (seq_len + TILE_N - 1) // TILE_N * TILE_N
    span, scale = min(SPAN, padded), ONE / np.sqrt(np.float32(head_dim))
    for item in prange(lse.shape[0]):
        first, column = item // heads * seq_len, item % heads * head_dim
        q = rotated_rows(qkv, first, column, rope_table, scale)
        k = rotated_rows(qkv, first, dim + column, rope_table, ONE)
        v, _ = copied(qkv, first, seq_len, 2 * dim + column, head_dim, qkv)
        g, _ = copied(dout, first, seq_len, column, head_dim, qkv)
        q_columns, g_columns, q_steps, g_steps = columns_packed(q), columns_packed(g), steps_packed(q), steps_packed(g)
        kt, turn = workspace(head_dim, padded, qkv.dtype), workspace(1, padded * TILE_N, qkv.dtype)
        for j in range(0, head_dim, TILE_N):
            transpose_rows(k, 0, padded, j // TILE_N, kt, j, turn)
        shift, delta = workspace(1, padded, np.float32), workspace(1, padded, np.float32)
        clear(shift)
        clear(delta)
        for t in range(seq_len):
            s = vec32()
            for j in range(column, column + head_dim, TILE_N):
                s = s + load_like(vec32(), dout, first + t, j) * load_like(vec32(), out, first + t, j)
            shift[0, t], delta[0, t] = lse[item, t] * LOG2E, total(s)
        p, ds = workspace(span, span, qkv.dtype), workspace(span, span, qkv.dtype)
        across = workspace(span // TILE_N, span * TILE_N, qkv.dtype)
        dk, dv = workspace(padded, head_dim, np.float32), workspace(padded, head_dim, np.float32)
        dq, rows = workspace(padded // TILE_N * head_dim, TILE_N, np.float32), workspace(TILE_N, head_dim, np.float32)
        clear(dk)
        clear(dv)
        clear(dq)
        c, d = acquire_accumulator(), workspace(TILE_N, TILE_N, np.float32)
        for lo in range(0, padded, span):
            for at in range(lo, min(padded, lo + span + reach(window)), span):
                end_of_keys, end_of_queries = min(padded, lo + span), min(padded, at + span)
                span_scores(k, v, q_columns, g_columns, shift, delta, window, lo, at, c, d, p, ds, across)
                for i in range(lo, end_of_keys, TILE_N):
                    t = max(at, i)            # the first query that sees these keys
                    n = min(end_of_queries, i + reach(window) + TILE_N) - t
                    for j in range(0, head_dim, TILE_N):
                        microkernel(c, p, i - lo, t - at, g_steps, j // TILE_N, t, n)
                        add_block(c, dv, i, j)
                        microkernel(c, ds, i - lo, t - at, q_steps, j // TILE_N, t, n)
                        add_block(c, dk, i, j)
                for t in range(at, end_of_queries, TILE_N):
                    i = max(lo, t - reach(window))        # the first key that it sees
                    n = min(end_of_keys, t + TILE_N) - i
                    for j in range(0, head_dim, TILE_N):
                        microkernel(c, kt, j, i, across, (t - at) // TILE_N, i - lo, n)
                        add_block(c, dq, t // TILE_N * head_dim + j, 0)
        release_accumulator()
        for t in range(0, padded, TILE_N):
            transpose_words(dq, t // TILE_N * head_dim, 0, head_dim, TILE_N, rows, 0, 0)
            for r in range(min(TILE_N, seq_len - t)):
                rotate(rows, r, 0, rope_table, t + r, scale, -ONE, dqkv, first + t + r, column)
                rotate(dk, t + r, 0, rope_table, t + r, ONE, -ONE, dqkv, first + t + r, dim + column)
                for j in range(0, head_dim, TILE_N):
                    store(dqkv, first + t + r, 2 * dim + column + j, load_like(vec32(), dv, t + r, j))
