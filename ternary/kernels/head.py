"""Tied head and cross-entropy in one pass over the vocabulary; the logits never exist in memory.

Everything is transposed: a block of logits is 32 words x 32 tokens, so that sums over words are plain sums of lines
and one number per token is a line. The epilogue makes e = exp(logit - target logit); with s the sum of e over the
words, loss = log(s), and the gradient of the logits is e / s - onehot, where 1/s is applied to the D channels instead
of the V words. An e saturates at 2^100: the loss of a token above 69 nats is cut there, and stays finite.
"""
import numpy as np
from numba import prange

from ternary.kernels.embedding import add_rows
from ternary.kernels.gemm import add_block, begin, end, operand, product
from ternary.kernels.isa import LANES
from ternary.kernels.jit import device, kernel
from ternary.kernels.pack import pack_columns
from ternary.kernels.tiles import (
    LOG2E,
    WIDTH,
    exp2,
    line,
    load_like,
    minimum,
    prefetch,
    square,
    store,
    store_paired,
    sum_rows,
    total,
    transposed,
    two,
)
from ternary.kernels.workspace import clear, num_threads, workspace

BLOCK = 128                       # tokens of one work item
VISIT = 320                       # words between two visits to the gradient of h: their e stay in L2


def cross_entropy_ref(h, table, target, words, channels, scale):
    """loss (N,) = -log softmax(h @ table.T)[target]; dh (N, D), dtable (V, D): gradients of scale * sum(loss).

    h (N, D), table (V, D), target (N,). `words` (V', D) and `channels` (D, V') are table and table.T in the
    type of h, V' = V rounded up to 32, zeros beyond V; the reference needs table only.
    """
    logits = h @ table.T
    logits = logits - logits.max(-1, keepdims=True)
    e = np.exp(logits)
    s, rows = e.sum(-1, keepdims=True), np.arange(len(h))
    g = e / s
    g[rows, target] -= 1
    g *= scale
    return np.log(s[:, 0]) - logits[rows, target], g @ table, g.T @ h


@device
def target_logits(h, first, n, table, target, shift):
    """shift[0, i] = -log2(e) * logit of the target of row first + i, 0 beyond n."""
    clear(shift)
    for i in range(n):
        s = line()
        for j in range(0, h.shape[1], WIDTH):
            s = s + load_like(line(), h, first + i, j) * load_like(line(), table, target[first + i], j)
        shift[0, i] = total(s) * -LOG2E


@device
def pack_tokens(h, first, n, like):
    """Rows first..first+n of h as panels of 32 tokens over the channels."""
    panels = (n + WIDTH - 1) // WIDTH
    p = workspace(panels, h.shape[1] * WIDTH, like.dtype)
    a, start = operand(h, first, n, like)
    for t in range(panels):
        pack_columns(a, start + t * WIDTH, p, t)
    return p


@device
def exponentials(c, r, shift, t, w, vocab):
    """Rows r, r+1 of a block of logits -> e; 0 for words beyond the vocabulary."""
    x = load_like(two(), c, r, 0) * LOG2E + load_like(line(), shift, 0, t * WIDTH)
    e = exp2(minimum(x, np.float32(100)))
    if w + r + 1 >= vocab:
        pad = workspace(2, WIDTH, np.float32)
        store(pad, 0, 0, e)
        for i in range(max(0, vocab - w - r), 2):
            store(pad, i, 0, line())
        e = load_like(two(), pad, 0, 0)
    return e


@device
def token_block(h, first, n, table, target, words, channels, scale, column, e, q, loss, dh):
    """Tokens first..first+n: loss, dh; e of all words and q = h * scale / s, packed for the gradient of the table.

    e (V', tokens) row-major and q, panels over tokens, are of the whole chunk; this block begins at `column`.
    """
    (vocab, d), padded, panels = table.shape, words.shape[0], (n + WIDTH - 1) // WIDTH
    shift, sums = workspace(1, BLOCK, np.float32), workspace(1, BLOCK, np.float32)
    target_logits(h, first, n, table, target, shift)
    clear(sums)
    tokens = pack_tokens(h, first, n, words)
    dht = workspace(panels * d, WIDTH, np.float32)
    clear(dht)
    visit = workspace(panels, VISIT * WIDTH, words.dtype)
    c = begin()
    for v in range(0, padded, VISIT):
        m = min(VISIT, padded - v)
        for w in range(v, v + m, WIDTH):
            for t in range(panels):
                product(c, words, w, 0, tokens, t, d)
                s = load_like(line(), sums, 0, t * WIDTH)
                for r in range(0, WIDTH, 2):
                    x = exponentials(c, r, shift, t, w, vocab)
                    s = s + sum_rows(x)
                    store(e, w + r, column + t * WIDTH, x)
                    store_paired(visit, t, (w - v + r) * WIDTH, x)
                store(sums, 0, t * WIDTH, s)
        for j in range(0, d, WIDTH):
            for t in range(panels):
                product(c, channels, j, v, visit, t, m)
                add_block(c, dht, t * d + j, 0)
    end()
    for i in range(n):
        loss[first + i] = np.log(sums[0, i])
        sums[0, i] = scale / sums[0, i]
    rows = workspace(WIDTH, d, np.float32)
    for t in range(panels):
        for j in range(0, d, LANES):
            for i in range(0, WIDTH, LANES):
                store(rows, i, j, transposed(load_like(square(), dht, t * d + j, i)))
        m = min(WIDTH, n - t * WIDTH)
        for r in range(m):
            i = first + t * WIDTH + r
            for j in range(0, d, WIDTH):
                g = load_like(line(), rows, r, j) * sums[0, t * WIDTH + r]
                store(dh, i, j, g - load_like(line(), table, target[i], j) * scale)
                store(rows, r, j, load_like(line(), h, i, j) * sums[0, t * WIDTH + r])
        for r in range(m, WIDTH):
            for j in range(0, d, WIDTH):
                store(rows, r, j, line())
        for j in range(d // WIDTH):
            for r in range(0, WIDTH, 2):
                store_paired(q, j, (column + t * WIDTH + r) * WIDTH, load_like(two(), rows, r, j * WIDTH))


@kernel(ref=cross_entropy_ref, sums=("dtable",))
def cross_entropy(h, table, target, words, channels, scale, loss, dh, dtable):
    """By chunks of tokens, so that e stays in cache between its two uses."""
    (rows, d), (vocab, _), threads = h.shape, table.shape, num_threads()
    chunk = BLOCK * threads
    e, q = workspace(words.shape[0], chunk, words.dtype), workspace(d // WIDTH, chunk * WIDTH, words.dtype)
    for first in range(0, rows, chunk):
        n = min(chunk, rows - first)
        for block in prange((n + BLOCK - 1) // BLOCK):
            at = block * BLOCK
            token_block(h, first + at, min(BLOCK, n - at), table, target, words, channels, scale, at, e, q, loss, dh)
        steps = (n + WIDTH - 1) // WIDTH * WIDTH
        for panel in prange(words.shape[0] // WIDTH):
            w = panel * WIDTH
            c = begin()
            for j in range(d // WIDTH):
                m = min(WIDTH, vocab - w)
                for r in range(m):
                    prefetch(dtable, w + r, j * WIDTH)
                product(c, e, w, 0, q, j, steps)
                for r in range(m):
                    t = load_like(line(), dtable, w + r, j * WIDTH) + load_like(line(), c, r, 0)
                    store(dtable, w + r, j * WIDTH, t)
            end()
    for th in prange(threads):
        add_rows(dtable, target, h, -scale, th, threads)


def nll_ref(h, table, target, words):
    """loss (N,) = -log softmax(h @ table.T)[target], without gradients."""
    return cross_entropy_ref(h, table, target, words, words, 1.0)[0]


@kernel(ref=nll_ref)
def nll(h, table, target, words, loss):
    for block in prange((h.shape[0] + BLOCK - 1) // BLOCK):
        first = block * BLOCK
        n = min(BLOCK, h.shape[0] - first)
        shift, sums = workspace(1, BLOCK, np.float32), workspace(1, BLOCK, np.float32)
        target_logits(h, first, n, table, target, shift)
        clear(sums)
        tokens = pack_tokens(h, first, n, words)
        c = begin()
        for w in range(0, words.shape[0], WIDTH):
            for t in range(tokens.shape[0]):
                product(c, words, w, 0, tokens, t, h.shape[1])
                s = load_like(line(), sums, 0, t * WIDTH)
                for r in range(0, WIDTH, 2):
                    s = s + sum_rows(exponentials(c, r, shift, t, w, table.shape[0]))
                store(sums, 0, t * WIDTH, s)
        end()
        for i in range(n):
            loss[first + i] = np.log(sums[0, i])
