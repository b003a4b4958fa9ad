"""Tied output head and cross-entropy in one pass over the vocabulary; the logits are never materialised.

Blocks of logits are transposed, 32 words x 32 tokens: a sum over words is a sum of rows, and a (1, 32) tile holds one
number per token. The epilogue computes e = exp(logit - target logit). With s = sum of e over the words, loss = log(s),
and the gradient of the logits is e / s - onehot; 1/s is applied to the D channels instead of the V words. e saturates
at 2^100, so the loss of a token is finite and at most 69 nats.

Loss and s are exact. Vocabulary sampling: the two products of the backward pass may skip blocks of 32 words x 128
tokens that hold little probability. A block whose words have a probability of root mean square p is kept with
probability q >= min(1, p / noise) and weighted by 1/q (importance sampling). The gradient stays unbiased. Its variance
grows by about `noise`, at most a few times that, relative to the variance due to one target per token.
"""
from collections import namedtuple

import numpy as np
from numba import prange

from ternary.compiler.isa import LANES
from ternary.compiler.jit import device, kernel
from ternary.compiler.tile_memory import load_like, prefetch, store, store_paired
from ternary.compiler.tiles import (
    TILE_N,
    square_tile,
    sum_rows,
    total,
    transposed,
    vec32,
    vec32x2,
)
from ternary.compiler.workspace import clear, num_threads, queue, take, workspace
from ternary.kernels.embedding import add_rows
from ternary.kernels.gemm.blocks import acquire_accumulator, add_block, microkernel, release_accumulator
from ternary.kernels.logits import exponentials, pack_tokens, target_logits

BLOCK = 128                       # tokens of one work item
VOCAB_TILE = 320                       # words whose e are collected, in L2, for one product with the gradient of h
MIN_KEEP_PROBABILITY = 2.0 ** -6                # lower bound of q


def cross_entropy_ref(h, table, target, vocab_rows, factors, channels, scale, noise, seed):
    """loss (N,) = -log softmax(h @ table.T)[target]; dh (N, D), dtable (V, D): gradients of scale * sum(loss).

    h (N, D), table (V, D), target (N,). vocab_rows (V', D) and channels (D, V') are table and table.T in the dtype of
    h, V' = V rounded up to 32, zeros beyond V. Or vocab_rows (int8) and factors (2, V') come from quantize_rows; then
    the logits are int8 products. The reference uses only the table, and does not sample.
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
def uniform(seed, block, panel):
    """A uniform number in [0, 1) as a hash of three integers (splitmix64, Steele et al. 2014)."""
    x = np.uint64(seed) * np.uint64(0x9e3779b97f4a7c15) + np.uint64(block) * np.uint64(0xd1342543de82ef95)
    x += np.uint64(panel) * np.uint64(0xaf251af3b0f025b5)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xbf58476d1ce4e5b9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94d049bb133111eb)
    return np.float64((x ^ (x >> np.uint64(31))) >> np.uint64(11)) * 2.0 ** -53


@device
def importance_weight(share, noise, u):
    """1/q with probability q, else 0. q is the power of two just above share / noise: bf16 represents it exactly."""
    q = 1.0
    while q > MIN_KEEP_PROBABILITY and q * 0.5 * noise >= share:
        q *= 0.5
    return np.float32(1 / q) if u < q else np.float32(0)


@device
def vocab_panel(left, w, tokens, d, logits, vocab, sums, c, e_panel):
    """e_panel (32, tokens) = e of words w..w+32, also added to sums -> root mean square of their probability."""
    squares, panels = vec32(), tokens.shape[0]
    for t in range(panels):
        microkernel(c, left, w, 0, tokens, t, 0, d)
        part = vec32()
        for r in range(0, TILE_N, 2):
            x = exponentials(c, r, logits, t, w, vocab)
            part = part + sum_rows(x)
            store(e_panel, r, t * TILE_N, x)
        s = load_like(vec32(), sums, 0, t * TILE_N) + part
        store(sums, 0, t * TILE_N, s)
        part = part / s                           # s is still partial, so the probability is not underestimated
        squares = squares + part * part
    return np.sqrt(total(squares) / (panels * TILE_N))


@device
def add_products(channels, steps, e_tile, c, dht):
    """dht (panels * D, 32) += channels[:, :steps] (D, steps) @ e_tile (panels, steps * 32)"""
    d = channels.shape[0]
    for j in range(0, d, TILE_N):
        for t in range(e_tile.shape[0]):
            microkernel(c, channels, j, 0, e_tile, t, 0, steps)
            add_block(c, dht, t * d + j, 0)


# the table and its packed forms; the gradient is of scale * loss; noise and seed of the vocabulary sampling
Table = namedtuple("Table", "floats vocab_rows factors channels")
SamplingParams = namedtuple("SamplingParams", "scale noise seed")
# for a chunk of tokens: e (V', tokens), which panels of words are kept (blocks, V' / 32), panels q of h * scale / s
Chunk = namedtuple("Chunk", "e kept q")


@device
def token_block(h, first, n, target, table, params, chunk, block, loss, dh):
    """Tokens first..first+n, block `block` of the chunk: computes loss and dh, and fills `chunk` for dtable."""
    (vocab, d), panels, column = table.floats.shape, (n + TILE_N - 1) // TILE_N, block * BLOCK
    sums = workspace(1, BLOCK, np.float32)
    clear(sums)
    left, tokens, logits = pack_tokens(h, first, n, table.vocab_rows, table.factors)
    target_logits(h, first, n, table.floats, target, logits)
    dht = workspace(panels * d, TILE_N, np.float32)
    clear(dht)
    e_panel, kept_channels = workspace(TILE_N, BLOCK, h.dtype), workspace(d, VOCAB_TILE, h.dtype)
    e_tile, filled, padded = workspace(panels, VOCAB_TILE * TILE_N, h.dtype), 0, table.vocab_rows.shape[0]
    c = acquire_accumulator()
    for w in range(0, padded, TILE_N):
        share = vocab_panel(left, w, tokens, d, logits, vocab, sums, c, e_panel)
        weight = importance_weight(share, params.noise, uniform(params.seed, first // BLOCK, w // TILE_N))
        chunk.kept[block, w // TILE_N] = weight > 0
        if weight > 0:
            for t in range(panels):
                for r in range(0, TILE_N, 2):
                    x = load_like(vec32x2(), e_panel, r, t * TILE_N) * weight
                    store(chunk.e, w + r, column + t * TILE_N, x)
                    store_paired(e_tile, t, (filled + r) * TILE_N, x)
            for j in range(d):
                store(kept_channels, j, filled, load_like(vec32(), table.channels, j, w))
            filled += TILE_N
        if filled == VOCAB_TILE or w + TILE_N >= padded:
            add_products(kept_channels, filled, e_tile, c, dht)
            filled = 0
    release_accumulator()
    for i in range(n):
        loss[first + i] = np.log(sums[0, i])
        sums[0, i] = params.scale / sums[0, i]
    rows = workspace(TILE_N, d, np.float32)
    for t in range(panels):
        for j in range(0, d, LANES):
            for i in range(0, TILE_N, LANES):
                store(rows, i, j, transposed(load_like(square_tile(), dht, t * d + j, i)))
        m = min(TILE_N, n - t * TILE_N)
        for r in range(m):
            i = first + t * TILE_N + r
            for j in range(0, d, TILE_N):
                g = load_like(vec32(), rows, r, j) * sums[0, t * TILE_N + r]
                store(dh, i, j, g - load_like(vec32(), table.floats, target[i], j) * params.scale)
                store(rows, r, j, load_like(vec32(), h, i, j) * sums[0, t * TILE_N + r])
        for r in range(m, TILE_N):
            for j in range(0, d, TILE_N):
                store(rows, r, j, vec32())
        for j in range(d // TILE_N):
            for r in range(0, TILE_N, 2):
                at = (column + t * TILE_N + r) * TILE_N
                store_paired(chunk.q, j, at, load_like(vec32x2(), rows, r, j * TILE_N))


@device
def add_vocab_rows(chunk, panel, n, c, dtable):
    """dtable += the gradient of the 32 words of a panel from a chunk of n tokens."""
    w, blocks, at = panel * TILE_N, (n + BLOCK - 1) // BLOCK, 0
    m = min(TILE_N, dtable.shape[0] - w)
    while at < blocks:
        stop = at
        while stop < blocks and chunk.kept[stop, panel]:
            stop += 1
        if stop > at:                             # blocks at..stop of the chunk kept these words
            k = at * BLOCK
            steps = (min(n, stop * BLOCK) - k + TILE_N - 1) // TILE_N * TILE_N
            for j in range(chunk.q.shape[0]):
                for r in range(m):
                    prefetch(dtable, w + r, j * TILE_N)
                microkernel(c, chunk.e, w, k, chunk.q, j, k, steps)
                for r in range(m):
                    t = load_like(vec32(), dtable, w + r, j * TILE_N) + load_like(vec32(), c, r, 0)
                    store(dtable, w + r, j * TILE_N, t)
        at = stop + 1


@kernel(ref=cross_entropy_ref, sums=("dtable",))
def cross_entropy(h, table, target, vocab_rows, factors, channels, scale, noise, seed, loss, dh, dtable):
    """Works on chunks of tokens, so that e stays in cache between its two uses."""
    (rows, d), threads, panels = h.shape, num_threads(), vocab_rows.shape[0] // TILE_N
    tokens = BLOCK * threads
    e = workspace(vocab_rows.shape[0], tokens, channels.dtype)
    q = workspace(d // TILE_N, tokens * TILE_N, channels.dtype)
    kept = workspace(threads, panels, np.uint8)
    for first in range(0, rows, tokens):
        n = min(tokens, rows - first)
        blocks, next_block, next_panel = (n + BLOCK - 1) // BLOCK, queue(threads), queue(threads)
        for th in prange(threads):
            packed, chunk = Table(table, vocab_rows, factors, channels), Chunk(e, kept, q)
            params = SamplingParams(scale, noise, seed)
            block = take(next_block, th, blocks)
            while block < blocks:
                at = first + block * BLOCK
                token_block(h, at, min(BLOCK, rows - at), target, packed, params, chunk, block, loss, dh)
                block = take(next_block, th, blocks)
        for th in prange(threads):
            c, chunk = acquire_accumulator(), Chunk(e, kept, q)
            panel = take(next_panel, th, panels)
            while panel < panels:
                add_vocab_rows(chunk, panel, n, c, dtable)
                panel = take(next_panel, th, panels)
            release_accumulator()
    for th in prange(threads):
        add_rows(dtable, target, h, -scale, th, threads)


def nll_ref(h, table, target, vocab_rows, factors):
    """loss (N,) = -log softmax(h @ table.T)[target]; no gradients."""
    return cross_entropy_ref(h, table, target, vocab_rows, factors, vocab_rows, 1.0, 0.0, 0)[0]


@kernel(ref=nll_ref)
def nll(h, table, target, vocab_rows, factors, loss):
    blocks, shares = (h.shape[0] + BLOCK - 1) // BLOCK, queue(num_threads())
    for th in prange(num_threads()):
        sums, c = workspace(1, BLOCK, np.float32), acquire_accumulator()
        first = take(shares, th, blocks) * BLOCK
        while first < h.shape[0]:
            n = min(BLOCK, h.shape[0] - first)
            clear(sums)
            left, tokens, logits = pack_tokens(h, first, n, vocab_rows, factors)
            target_logits(h, first, n, table, target, logits)
            for w in range(0, vocab_rows.shape[0], TILE_N):
                for t in range(tokens.shape[0]):
                    microkernel(c, left, w, 0, tokens, t, 0, h.shape[1])
                    s = load_like(vec32(), sums, 0, t * TILE_N)
                    for r in range(0, TILE_N, 2):
                        s = s + sum_rows(exponentials(c, r, logits, t, w, table.shape[0]))
                    store(sums, 0, t * TILE_N, s)
            for i in range(n):
                loss[first + i] = np.log(sums[0, i])
            first = take(shares, th, blocks) * BLOCK
        release_accumulator()
