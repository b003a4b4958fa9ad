"""Decays between the tokens of a chunk, for linear_attention.py, and their gradients."""
import numpy as np

from ternary.compiler.jit import device
from ternary.compiler.tile_memory import load_like, load_number, store
from ternary.compiler.tiles import LOG2E, TILE_N, exp2, total, vec32
from ternary.compiler.workspace import clear, workspace

RULES = "add", "delta", "delta_before_decay"      # kernels take the index
ADD, DELTA, BEFORE_DECAY = range(3)
CHUNK = TILE_N                                    # tokens
TINY = np.float32(1e-30)                          # a smaller decay is 0: slow denormals would follow
ZERO, ONE = np.float32(0), np.float32(1)


@device
def set_decays(log_decay, first, n, m, head, rule, e, to_start, to_end):
    """Rows 0..m of e: E, rows m..2m: -E', with zeros above the diagonal; to_start (1, 2m) e and -e'; to_end (1, m)
    decay from each token to the end of the chunk -> decay over the chunk. Tokens n..m do not decay.
    """
    a = workspace(1, CHUNK, np.float32)
    for r in range(CHUNK):
        a[0, r] = load_number(log_decay, first + r, head) if r < n else ZERO
    store(a, 0, 0, exp2(load_like(vec32(), a, 0, 0) * LOG2E))
    running = workspace(1, CHUNK, np.float32)
    clear(running)
    start = ONE
    for i in range(m):
        if rule == BEFORE_DECAY:
            to_start[0, m + i] = -start
            store(e, m + i, 0, load_like(vec32(), running, 0, 0) * -ONE)
        for j in range(CHUNK):
            x = running[0, j] * a[0, i]
            running[0, j] = ZERO if x < TINY else x
        start *= a[0, i]
        start = ZERO if start < TINY else start
        if rule == DELTA:
            to_start[0, m + i] = -start
            store(e, m + i, 0, load_like(vec32(), running, 0, 0) * -ONE)
        running[0, i] = ONE
        to_start[0, i] = start
        store(e, i, 0, load_like(vec32(), running, 0, 0))
    store(to_end, 0, 0, load_like(vec32(), running, 0, 0))
    return start


@device
def decay_gradients(pairs, of_start, of_end, whole, m, rule, d):
    """d[t, 0] = sum of the gradients of all logarithms of decays that log_decay[t] is a part of.

    pairs (2m, CHUNK): gradients of log E[i, j] and log E'[i, j]; of_start (1, 2m): of log e and e'; of_end (1, m): of
    decay from each token to the end of the chunk, whole: of that over the chunk. Row i holds tokens from i on: each
    token adds to those before it, so the sums run from the last token to the first, without cancelling.
    """
    sums = workspace(1, CHUNK, np.float32)
    store(sums, 0, 0, load_like(vec32(), of_end, 0, 0))
    for i in range(m - 1, -1, -1):
        whole += of_start[0, i]
        x = load_like(vec32(), sums, 0, 0) + load_like(vec32(), pairs, i, 0)
        if rule == DELTA:
            whole += of_start[0, m + i]
            x = x + load_like(vec32(), pairs, m + i, 0)
        store(sums, 0, 0, x)
        sums[0, i] = ZERO                         # a token decays what was written before it
        d[i, 0] = whole + total(load_like(vec32(), sums, 0, 0))
        if rule == BEFORE_DECAY:
            whole += of_start[0, m + i]
            store(sums, 0, 0, load_like(vec32(), sums, 0, 0) + load_like(vec32(), pairs, m + i, 0))
