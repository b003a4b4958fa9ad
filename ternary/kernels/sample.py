"""Sample a token from logits: temperature, top-k, min-p, top-p. Thresholds are found by bisection, not by sorting."""
import numpy as np

from ternary.compiler.jit import device, kernel


def sample_ref(logits, temperature, top_k, top_p, min_p, u):
    """logits (V,), u in [0, 1) -> token (1,), the first whose cumulative filtered probability exceeds u.

    Filters, in this order: the top_k tokens (0: all), those with at least min_p times the largest probability, the
    smallest set with total probability top_p. Ties are kept. temperature 0 is argmax.
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
    """-> bits of the largest t such that the elements >= t are at least `kept` and sum to at least `mass`."""
    low, high = np.uint32(0), np.uint32(0x7f800000)
    bits = p.view(np.uint32)                      # non-negative floats sort like their bits
    while high - low > 1:
        middle, count, s = low + (high - low) // np.uint32(2), 0, 0.0
        for i in range(bits.shape[0]):
            count += bits[i] >= middle
        if mass > 0:                              # a second loop: float sums are not vectorised, counting is
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
    """Set elements whose bits are below `low` to 0; -> the sum of the others."""
    bits, s = p.view(np.uint32), 0.0
    for i in range(p.shape[0]):
        if bits[i] < low:
            p[i] = 0
        s += p[i]
    return s


@device
def filtered(logits, best, temperature, top_k, top_p, min_p, u):
    """-> the token that sample_ref gives for a temperature above 0; best: the largest"""
    p, top, scale = np.empty(logits.shape[0], np.float32), logits[best], np.float32(temperature)
    for i in range(p.shape[0]):                   # of whole arrays, Numba loads much more code with the cached kernel
        p[i] = np.exp((logits[i] - top) / scale)
    if 0 < top_k < p.shape[0]:
        keep(p, threshold(p, top_k, 0.0))
    if min_p > 0:
        for i in range(p.shape[0]):
            if p[i] < min_p:
                p[i] = 0
    if top_p < 1:
        keep(p, threshold(p, 1, top_p * keep(p, np.uint32(0))))
    mass, s, token = u * keep(p, np.uint32(0)), 0.0, best
    for i in range(p.shape[0]):
        s += p[i]
        if p[i] > 0:
            token = i
            if s > mass:
                return token
    return token


@device
def place_of_largest(values, n):
    """The first place of the largest of values[:n]."""
    best = 0
    for i in range(1, n):
        if values[i] > values[best]:
            best = i
    return best


@kernel(ref=sample_ref, parallel=False)
def sample(logits, temperature, top_k, top_p, min_p, u, token):
    token[0] = place_of_largest(logits, logits.shape[0])
    if temperature > 0:
        token[0] = filtered(logits, token[0], temperature, top_k, top_p, min_p, u)
