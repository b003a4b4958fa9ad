"""Logits of a tied head in blocks, transposed: packed tokens, the target logits, and exponentials relative to them."""
import numpy as np
from numba import types

from ternary.compiler.compat import overload
from ternary.compiler.jit import INNER, device
from ternary.compiler.tile_memory import load_like, store
from ternary.compiler.tiles import LOG2E, TILE_N, exp2, minimum, total, vec32, vec32x2
from ternary.compiler.workspace import clear, workspace
from ternary.kernels.gemm.operands import operand
from ternary.kernels.gemm.pack import ZERO_POINT, pack_columns, quantize_row


def _pack_tokens(h, first, n, vocab_rows, factors): raise TypeError("only in kernels")


@overload(_pack_tokens, jit_options=INNER)
def _(h, first, n, vocab_rows, factors):
    if vocab_rows.dtype == types.int8:
        def of_bytes(h, first, n, vocab_rows, factors):
            rows = (n + TILE_N - 1) // TILE_N * TILE_N
            q, logits = workspace(rows, h.shape[1], np.uint8), workspace(2, rows, np.float32)
            clear(logits)
            for i in range(n):
                quantize_row(h, first + i, 127, ZERO_POINT, q, i, logits, 0)
            for i in range(n, rows):
                for j in range(0, h.shape[1], TILE_N):
                    store(q, i, j, vec32())
            return (vocab_rows, factors), panels_of(q, 0, rows, q), logits
        return of_bytes

    def of_floats(h, first, n, vocab_rows, factors):
        a, start = operand(h, first, n, vocab_rows)
        rows = (n + TILE_N - 1) // TILE_N * TILE_N
        logits = workspace(2, rows, np.float32)
        for i in range(rows):
            logits[0, i] = 1
        return vocab_rows, panels_of(a, start, rows, vocab_rows), logits
    return of_floats


@device
def panels_of(a, start, rows, like):
    """Rows start..start+rows of `a` as panels (rows / 32, D * 32) of the dtype of `like`."""
    p = workspace(rows // TILE_N, a.shape[1] * TILE_N, like.dtype)
    for t in range(rows // TILE_N):
        pack_columns(a, start + t * TILE_N, p, t)
    return p


@device
def pack_tokens(h, first, n, vocab_rows, factors):
    """-> left operand of all words; rows first..first+n of h as panels of 32 tokens; logits (2, rows).

    The product of both operands times logits[0] is the logit. logits[1] is filled by target_logits.
    """
    return _pack_tokens(h, first, n, vocab_rows, factors)


@device
def target_logits(h, first, n, table, target, logits):
    """logits[1, i] = -log2(e) * target logit of row first + i, in float32 whatever the operands; 0 beyond n."""
    for i in range(logits.shape[1]):
        logits[1, i] = 0
    for i in range(n):
        s = vec32()
        for j in range(0, h.shape[1], TILE_N):
            s = s + load_like(vec32(), h, first + i, j) * load_like(vec32(), table, target[first + i], j)
        logits[1, i] = total(s) * -LOG2E


@device
def exponentials(c, r, logits, t, w, vocab):
    """Rows r, r+1 of a block of products -> e (2, 32); 0 for words beyond the vocabulary."""
    x = load_like(vec32x2(), c, r, 0) * (load_like(vec32(), logits, 0, t * TILE_N) * LOG2E)
    e = exp2(minimum(x + load_like(vec32(), logits, 1, t * TILE_N), np.float32(100)))
    if w + r + 1 >= vocab:
        pad = workspace(2, TILE_N, np.float32)
        store(pad, 0, 0, e)
        for i in range(max(0, vocab - w - r), 2):
            store(pad, i, 0, vec32())
        e = load_like(vec32x2(), pad, 0, 0)
    return e
