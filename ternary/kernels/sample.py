"""One token from logits: temperature, top-k, min-p, top-p, then a draw. No sorting: thresholds by bisection."""
import numpy as np

from ternary.compiler.jit import device, kernel


def sample_ref(logits, temperature, top_k, top_p, min_p, u):
    """The token where the cumulated, filtered probabilities pass u in [0, 1). temperature 0: the argmax.

    logits (V,); kept are words among the top_k (0: all; ties are kept) whose probability, among these, is at
    least min_p times the largest and that belong to the smallest set with mass top_p (ties are kept) -> token (1,)
    """
    if temperature == 0:
        return np.array([np.argmax(logits)])
    p = np.exp((logits - logits.max()) / temperature)
    if 0 < top_k < len(p):
        p = np.where(p >= np.sort(p)[-top_k], p, 0)
    p = np.where(p >= min_p * p.max(), p, 0)
    falling = np.sort(p)[::-1]
    if top_p < 1:
        mass = np.cumsum(falling, dtype=np.float64)
        p = np.where(p >= falling[np.searchsorted(mass, top_p * mass[-1]).clip(0, len(p) - 1)], p, 0)
    mass = np.cumsum(p, dtype=np.float64)
    return np.array([np.searchsorted(mass, u * mass[-1], side="right").clip(0, np.flatnonzero(p)[-1])])


@device
def threshold(p, kept, mass):
    """The largest value t so that at least `kept` elements, and the mass `mass`, are >= t. Bisects over float bits."""
    low, high = np.uint32(0), np.uint32(0x7f800000)
    bits = p.view(np.uint32)                      # of non-negative floats: in the order of their values
    while high - low > 1:
        middle, count, s = low + (high - low) // np.uint32(2), 0, 0.0
        for i in range(bits.shape[0]):
            count += bits[i] >= middle
        if mass > 0:                              # apart: sums of floats are not vectorised
            for i in range(bits.shape[0]):
                if bits[i] >= middle:
                    s += p[i]
        if count >= kept and s >= mass:
            low = middle
        else:
            high = middle
    return low


@device
def keep(p, low):
    bits, s = p.view(np.uint32), 0.0
    for i in range(p.shape[0]):
        if bits[i] < low:
            p[i] = 0
        s += p[i]
    return s


@kernel(ref=sample_ref, parallel=False)
def sample(logits, temperature, top_k, top_p, min_p, u, token):
    token[0] = np.argmax(logits)
    if temperature == 0:
        return
    p = np.exp((logits - logits[token[0]]) / np.float32(temperature))
    if 0 < top_k < p.shape[0]:
        keep(p, threshold(p, top_k, 0.0))
    if min_p > 0:
        for i in range(p.shape[0]):
            if p[i] < min_p:
                p[i] = 0
    if top_p < 1:
        keep(p, threshold(p, 1, top_p * keep(p, np.uint32(0))))
    mass, s = u * keep(p, np.uint32(0)), 0.0
    for i in range(p.shape[0]):
        s += p[i]
        if p[i] > 0:
            token[0] = i
            if s > mass:
                return
