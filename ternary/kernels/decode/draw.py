"""The next token from a hidden row: rounded logits find the candidates, exact ones decide among them.

The result is that of kernels.sample on all exact logits, but for sums in another order.
"""
import numpy as np

from ternary.compiler.jit import device
from ternary.compiler.tile_memory import load_like, store
from ternary.compiler.tiles import largest, maximum
from ternary.compiler.two_bit import PANEL, count_ones, lowest_one, reached, wide
from ternary.kernels.decode.products import dot
from ternary.kernels.sample import filtered, place_of_largest

LOWEST = np.float32(-1e30)
GROUPS = 16                       # of panels, for the bound from below
MOST = GROUPS * PANEL // 4        # candidates that the bound can find; more are sampled from all logits
SLACK = np.float32(1e-5)          # float32 sums, as a share of the product of the norms


@device
def at_least(a, n, k):
    """A value that at least k of a[:n] reach, and hardly more; n: whole panels."""
    t = load_like(wide(), a, 0, 0)
    for j in range(PANEL, n, PANEL):
        t = maximum(t, load_like(wide(), a, 0, j))
    high = largest(t)
    low, result = high - np.float32(64), LOWEST   # what is silent lies far below
    for _ in range(16):
        middle, count = low + (high - low) * np.float32(0.5), 0
        for j in range(0, n, PANEL):
            count += count_ones(reached(load_like(wide(), a, 0, j), middle))
        if count >= k:
            low = result = middle
        else:
            high = middle
    return result


@device
def largest_of(ids, values, n, k):
    """Move the k largest of values[:n], and what is hardly smaller, with their ids to the front -> how many."""
    end, kept = (n + PANEL - 1) // PANEL * PANEL, 0
    for i in range(n, end):
        values[i] = LOWEST
    bound = at_least(values, end, k)
    for i in range(n):
        if values[i] >= bound:
            ids[kept], values[kept] = ids[i], values[i]
            kept += 1
    return kept


@device
def draw(logits, lo, vocab, left_out, x, h, dim, table, errors, norms, temperature, top_k, top_p, min_p, u, ids,
         values, lows):
    """A token, and how many were candidates.

    logits[lo:lo + vocab padded] are rounded, LOWEST where silent; the hidden row is x[h:h + dim]. errors (vocab
    padded): the distance of each row of the rounded table from `table`; norms (vocab padded): of these rows; left_out:
    the distance of the row that was multiplied from the hidden row.
    """
    wanted = 1 if temperature == 0 else top_k
    end = (vocab + PANEL - 1) // PANEL * PANEL
    norm = np.sqrt(dot(x, h, x, h, dim))
    # by Cauchy-Schwarz, |error of a logit| <= norm * errors[token] + rest * norms[token]
    rest = left_out + SLACK * norm
    for g in range(GROUPS):                       # the largest of each residue class, at least
        t = wide() + LOWEST
        for o in range(g * PANEL, end, GROUPS * PANEL):
            error = load_like(wide(), errors, 0, o) * norm + load_like(wide(), norms, 0, o) * rest
            t = maximum(t, load_like(wide(), logits, 0, lo + o) - error)
        store(lows, 0, g * PANEL, t)
    bound, m = at_least(lows, GROUPS * PANEL, wanted), 0
    for o in range(0, end, PANEL):
        error = load_like(wide(), errors, 0, o) * norm + load_like(wide(), norms, 0, o) * rest
        bits = reached(load_like(wide(), logits, 0, lo + o) + error, bound)
        while bits != 0:
            i = o + lowest_one(bits)
            bits &= bits - np.uint64(1)
            if logits[lo + i] > LOWEST:
                ids[m], values[m] = i, dot(x, h, table, i * dim, dim)
                m += 1
    n = largest_of(ids, values, m, wanted)
    best = place_of_largest(values, n)
    if temperature == 0:
        return ids[best], m
    return ids[filtered(values[:n], best, temperature, top_k, top_p, min_p, u)], m
