"""Linear attention with decay, and the gated delta rule, in chunks (Yang et al. 2023; 2024, "Parallelizing Linear
Transformers with the Delta Rule over Sequence Length" and "Gated Delta Networks").

Per head, with keys of K and values of V channels, a memory S (K, V) is written and read at every token:

    S[t] = a[t] S[t-1] + k[t] u[t]^T,    o[t] = S[t]^T q[t],    u[t] = beta[t] error[t],    a = exp(log_decay)

The rules differ in the error: v[t] ("add"), v[t] - (a[t] S[t-1])^T k[t] ("delta"), or v[t] - S[t-1]^T k[t]
("delta_before_decay", which predicts from the memory before its decay).

A chunk of 32 tokens starts with S. Its decay from token j to i is E[i, j] = a[j+1] ... a[i], a running product of
numbers up to 1: no exponent is positive, and nothing cancels. With the rows of the chunk as matrices,

    o     = e S^T q  + (E * q k^T) u              e[i] = a[0] ... a[i], decay from the start of the chunk
    error = v - e' S^T k - (E' * k k^T) u         E' is lower triangular without diagonal: solved from the first row on

e', E' are e, E ("delta") or those of the token before ("delta_before_decay"), and are kept with a minus. Queries and
keys are one operand of 2m rows, `stack`, so what is done for both is one product. A work item is one head of one
sequence.
"""
import numpy as np
from numba import prange

from ternary.compiler.jit import device, kernel
from ternary.compiler.layout import pad_to_tile
from ternary.compiler.tile_memory import load_number
from ternary.kernels.decay import ADD, BEFORE_DECAY, CHUNK, DELTA, decay_gradients, set_decays
from ternary.kernels.gemm.pack import transpose_words
from ternary.kernels.small import (
    ROWS,
    UNIT,
    add_product,
    add_row,
    clear_rows,
    dot_rows,
    load_head,
    multiply,
    room,
    scale_row,
    store_head,
)

ZERO, ONE = np.float32(0), np.float32(1)


def _by_time(x, sequences, heads, width):
    """(N, C) -> (T, sequences, heads, width)"""
    return np.moveaxis(x[:, :heads * width].reshape(sequences, -1, heads, width), 1, 0)


def _rows(x):
    """(T, sequences, heads, width) -> (N, C), padded"""
    x = np.moveaxis(np.asarray(x), 0, 1)
    return pad_to_tile(x.reshape(x.shape[0] * x.shape[1], -1), (-1,))


def _read(s, q):
    """S (..., K, V), q (..., K) -> S^T q (..., V)"""
    return (q[..., None, :] @ s)[..., 0, :]


def _outer(k, u):
    return k[..., :, None] * u[..., None, :]


def linear_attention_ref(q, k, v, log_decay, beta, initial, rule):
    """The recurrence, token by token.

    q, k (N, H K), v (N, H V), log_decay, beta (N, H), all padded; initial (sequences, H, K, V), the memory before;
    rule: index of RULES -> o, error (N, H V), states (sequences, H, chunks, K, V), the memory before each chunk, and
    final, like initial, the memory after the last token
    """
    sequences, heads, key_dim, value_dim = initial.shape
    q, k = (_by_time(x, sequences, heads, key_dim) for x in (q, k))
    v = _by_time(v, sequences, heads, value_dim)
    a, beta = np.exp(_by_time(log_decay, sequences, heads, 1)), _by_time(beta, sequences, heads, 1)
    s, o, errors, states = initial.astype(v.dtype), np.empty_like(v), np.empty_like(v), []
    for t in range(len(v)):
        if t % CHUNK == 0:
            states.append(s)
        decayed = a[t][..., None] * s
        errors[t] = v[t] if rule == ADD else v[t] - _read(decayed if rule == DELTA else s, k[t])
        s = decayed + _outer(k[t], beta[t] * errors[t])
        o[t] = _read(s, q[t])
    return _rows(o), _rows(errors), np.stack(states, 2), s


def linear_attention_bwd_ref(do, q, k, log_decay, beta, error, states, rule, seq_len):
    """dq, dk (N, H K), dv (N, H V), dlog_decay, dbeta (N, H); the first state gets no gradient.

    The reference recomputes all states from the first one, the kernel uses those before chunks.
    """
    sequences, heads, _, key_dim, value_dim = states.shape
    q, k = (_by_time(x, sequences, heads, key_dim) for x in (q, k))
    do, error = (_by_time(x, sequences, heads, value_dim) for x in (do, error))
    a, beta = np.exp(_by_time(log_decay, sequences, heads, 1)), _by_time(beta, sequences, heads, 1)
    u, memory = beta * error, [states[:, :, 0]]
    for t in range(seq_len):
        memory.append(a[t][..., None] * memory[t] + _outer(k[t], u[t]))
    dq, dk, dv, dlog_decay, dbeta = (np.empty_like(x) for x in (q, k, do, a, beta))
    ds = np.zeros_like(memory[0])
    for t in reversed(range(seq_len)):
        decay, before = a[t][..., None], memory[t]
        ds = ds + _outer(q[t], do[t])
        dq[t], du = _read(memory[t + 1].swapaxes(-1, -2), do[t]), _read(ds, k[t])
        dbeta[t], dv[t] = (du * error[t]).sum(-1, keepdims=True), beta[t] * du
        dk[t] = _read(ds.swapaxes(-1, -2), u[t])
        ddecayed, dbefore = ds, 0
        if rule == DELTA:
            ddecayed = ds - _outer(k[t], dv[t])
            dk[t] -= _read((decay * before).swapaxes(-1, -2), dv[t])
        if rule == BEFORE_DECAY:
            dbefore = -_outer(k[t], dv[t])
            dk[t] -= _read(before.swapaxes(-1, -2), dv[t])
        dlog_decay[t] = a[t] * (ddecayed * before).sum((-1, -2))[..., None]
        ds = decay * ddecayed + dbefore
    return tuple(map(_rows, (dq, dk, dv, dlog_decay, dbeta)))


@device
def set_scores(stack, m, high, keys, e, scores):
    """scores[:high] = E * (stack @ keys^T), and `keys` = rows m..2m of the stack, transposed."""
    transpose_words(stack, m, 0, m, keys.shape[0], keys, 0, 0)
    clear_rows(scores, 0, high)
    add_product(scores, 0, high, stack, 0, stack.shape[1], 1, keys, 0, keys.shape[0])
    multiply(scores, e, high)


@kernel(ref=linear_attention_ref)
def linear_attention(q, k, v, log_decay, beta, initial, rule, o, error, states, final):
    sequences, heads, key_dim, value_dim = initial.shape
    seq_len = q.shape[0] // sequences
    for item in prange(sequences * heads):
        sequence, head = item // heads, item % heads
        stack, e, scores = room(2 * CHUNK, key_dim), room(2 * CHUNK, CHUNK), room(2 * CHUNK, CHUNK)
        keys, to_start, to_end = room(key_dim, CHUNK), room(1, 2 * CHUNK), room(1, CHUNK)
        y, u, s = room(2 * CHUNK, value_dim), room(CHUNK, value_dim), room(key_dim, value_dim)
        width = stack.shape[1]
        for i in range(key_dim):
            for j in range(value_dim):
                s[i, j] = initial[sequence, head, i, j]
        for chunk in range((seq_len + CHUNK - 1) // CHUNK):
            first, n = sequence * seq_len + chunk * CHUNK, min(CHUNK, seq_len - chunk * CHUNK)
            m = (n + UNIT - 1) // UNIT * UNIT
            high = m if rule == ADD else 2 * m
            for i in range(key_dim):
                for j in range(value_dim):
                    states[sequence, head, chunk, i, j] = s[i, j]
            load_head(q, first, n, head, key_dim, stack, 0, m)
            load_head(k, first, n, head, key_dim, stack, m, m)
            over = set_decays(log_decay, first, n, m, head, rule, e, to_start, to_end)
            set_scores(stack, m, high, keys, e, scores)
            clear_rows(y, 0, 2 * m)
            add_product(y, 0, high, stack, 0, width, 1, s, 0, key_dim)
            for r in range(high):
                scale_row(y, r, to_start[0, r])
            for r in range(n):
                for c in range(value_dim):
                    y[m + r, c] += load_number(v, first + r, head * value_dim + c)
            for start in range(0, m, ROWS):
                at = (m + start) * CHUNK
                if rule != ADD:
                    add_product(y, m + start, ROWS, scores, at, CHUNK, 1, u, 0, start)
                for i in range(start, start + ROWS):
                    if rule != ADD:
                        for j in range(start, i):
                            add_row(y, m + i, scores[m + i, j], u, j)
                    clear_rows(u, i, i + 1)
                    if i < n:
                        add_row(u, i, load_number(beta, first + i, head), y, m + i)
                add_product(y, start, ROWS, scores, start * CHUNK, CHUNK, 1, u, 0, start + ROWS)
            store_head(y, 0, n, o, first, head, heads, value_dim)
            store_head(y, m, n, error, first, head, heads, value_dim)
            for r in range(m):
                scale_row(stack, m + r, to_end[0, r])
            for i in range(key_dim):
                scale_row(s, i, over)
            add_product(s, 0, s.shape[0], stack, m * width, 1, width, u, 0, m)
        for i in range(key_dim):
            for j in range(value_dim):
                final[sequence, head, i, j] = s[i, j]


@kernel(ref=linear_attention_bwd_ref)
def linear_attention_bwd(do, q, k, log_decay, beta, error, states, rule, seq_len, dq, dk, dv, dlog_decay, dbeta):
    """Gradients of a product of stacked rows are stacked too: `upper` holds do, then dv, `lower` dq, then dk."""
    sequences, heads, chunks, key_dim, value_dim = states.shape
    for item in prange(sequences * heads):
        sequence, head = item // heads, item % heads
        stack, e, scores = room(2 * CHUNK, key_dim), room(2 * CHUNK, CHUNK), room(2 * CHUNK, CHUNK)
        keys, to_start, to_end = room(key_dim, CHUNK), room(1, 2 * CHUNK), room(1, CHUNK)
        upper, lower, pairs = room(2 * CHUNK, value_dim), room(2 * CHUNK, key_dim), room(2 * CHUNK, CHUNK)
        errors, u, writes = room(CHUNK, value_dim), room(CHUNK, value_dim), room(value_dim, CHUNK)
        s, ds, ended = room(key_dim, value_dim), room(key_dim, value_dim), room(CHUNK, key_dim)
        turned, dturned = room(value_dim, key_dim), room(value_dim, key_dim)
        of_start, of_end, d, db = room(1, 2 * CHUNK), room(1, CHUNK), room(CHUNK, 1), room(CHUNK, 1)
        width, columns = stack.shape[1], upper.shape[1]
        for chunk in range(chunks - 1, -1, -1):
            first, n = sequence * seq_len + chunk * CHUNK, min(CHUNK, seq_len - chunk * CHUNK)
            m = (n + UNIT - 1) // UNIT * UNIT
            high = m if rule == ADD else 2 * m
            for i in range(key_dim):
                for j in range(value_dim):
                    s[i, j] = states[sequence, head, chunk, i, j]
            load_head(q, first, n, head, key_dim, stack, 0, m)
            load_head(k, first, n, head, key_dim, stack, m, m)
            load_head(do, first, n, head, value_dim, upper, 0, m)
            load_head(error, first, n, head, value_dim, errors, 0, m)
            over = set_decays(log_decay, first, n, m, head, rule, e, to_start, to_end)
            set_scores(stack, m, high, keys, e, scores)
            clear_rows(u, 0, m)
            for r in range(n):
                add_row(u, r, load_number(beta, first + r, head), errors, r)
            # gradients of u, from the last row on; those of errors, dv, take their place
            clear_rows(upper, m, 2 * m)
            add_product(upper, m, m, stack, m * width, width, 1, ds, 0, key_dim)
            for start in range(m - ROWS, -1, -ROWS):
                end = start + ROWS
                for i in range(start, end):
                    scale_row(upper, m + i, to_end[0, i])
                add_product(upper, m + start, ROWS, scores, start * CHUNK + start, 1, CHUNK, upper, start, m - start)
                if rule != ADD:
                    at = (m + end) * CHUNK + start
                    add_product(upper, m + start, ROWS, scores, at, 1, CHUNK, upper, m + end, m - end)
                for i in range(end - 1, start - 1, -1):
                    if rule != ADD:
                        for l in range(i + 1, end):
                            add_row(upper, m + i, scores[m + l, i], upper, m + l)
                    db[i, 0] = dot_rows(upper, m + i, errors, i)
                    scale_row(upper, m + i, load_number(beta, first + i, head) if i < n else ZERO)
            store_head(upper, m, n, dv, first, head, heads, value_dim)
            store_head(db, 0, n, dbeta, first, head, heads, 1)
            # gradients of the scores and of their decays
            transpose_words(u, 0, 0, m, writes.shape[0], writes, 0, 0)
            clear_rows(pairs, 0, high)
            add_product(pairs, 0, high, upper, 0, columns, 1, writes, 0, value_dim)
            multiply(scores, pairs, high)
            multiply(pairs, e, high)
            # of what is read from the memory before the chunk, and of what is written to the memory after it
            transpose_words(s, 0, 0, s.shape[0], turned.shape[0], turned, 0, 0)
            transpose_words(ds, 0, 0, s.shape[0], turned.shape[0], dturned, 0, 0)
            clear_rows(lower, 0, 2 * m)
            add_product(lower, 0, high, upper, 0, columns, 1, turned, 0, value_dim)
            for r in range(high):
                scale_row(lower, r, to_start[0, r])
                of_start[0, r] = dot_rows(lower, r, stack, r)
            clear_rows(ended, 0, m)
            add_product(ended, 0, m, u, 0, columns, 1, dturned, 0, value_dim)
            for r in range(m):
                scale_row(ended, r, to_end[0, r])
                of_end[0, r] = dot_rows(ended, r, stack, m + r)
                add_row(lower, m + r, ONE, ended, r)
            whole = ZERO
            for i in range(key_dim):
                whole += dot_rows(s, i, ds, i)
            decay_gradients(scores, of_start, of_end, whole * over, m, rule, d)
            add_product(lower, 0, high, pairs, 0, CHUNK, 1, stack, m, m)
            add_product(lower, m, m, pairs, 0, 1, CHUNK, stack, 0, high)
            store_head(lower, 0, n, dq, first, head, heads, key_dim)
            store_head(lower, m, n, dk, first, head, heads, key_dim)
            store_head(d, 0, n, dlog_decay, first, head, heads, 1)
            for r in range(high):
                scale_row(stack, r, to_start[0, r])
            for i in range(key_dim):
                scale_row(ds, i, over)
            add_product(ds, 0, ds.shape[0], stack, 0, 1, width, upper, 0, high)
