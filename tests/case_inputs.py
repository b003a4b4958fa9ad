"""Random inputs of kernels, and the registry of cases: see cases.py."""
import numpy as np

from ternary.kernels.gemm.lookup import encode
from ternary.kernels.gemm.pack import packed

CASES, WIDE = {}, {}
PANELS = {"p", "gate", "up", "w_forward", "w_backward"}        # parameters in panels: bf16 has two steps side by side


def paired(p):
    """Panels of one step after the other -> two steps side by side."""
    return np.ascontiguousarray(p.reshape(len(p), -1, 2, 32).swapaxes(2, 3).reshape(p.shape))


def unpaired(p):
    """The inverse, for any number of steps side by side: 2 in bf16, 4 in bytes."""
    k_pack = 32 // (8 * p.itemsize)
    return p.reshape(len(p), -1, 32, k_pack).swapaxes(2, 3).reshape(p.shape)


def case(*wide):
    def register(f):
        CASES[f.__name__], WIDE[f.__name__] = f, wide
        return f
    return register


def normal(rng, *shape):
    return rng.standard_normal(shape, np.float32)


def narrow(x, width):
    """With zeros behind the first `width` channels."""
    x[..., width:] = 0
    return x


def whole(rng, n, k, top=127):
    """Whole numbers up to `top`, which is in every row: rounding them to bytes changes nothing."""
    x = rng.integers(-top, top + 1, (n, k)).astype(np.float32)
    x[:, rng.integers(k)] = top
    return x


def trits(rng, k, m):
    """Random ternary weights as panels of bytes, of a matrix (k, m)."""
    p = packed(rng.integers(-1, 2, (k, m)) + 1).astype(np.uint8)
    return np.ascontiguousarray(p.reshape(len(p), -1, 4, 32).swapaxes(2, 3).reshape(p.shape))


def coded(q, x):
    """Ternary weights (outputs, inputs) as codes: for float32 if x is, or else for bytes."""
    return encode(q).astype(np.int32 if x.dtype == np.float32 else np.int16)


def decoded(codes):
    """The weights of codes, as panels of their transpose."""
    rows = codes.reshape(len(codes), -1, 32, 11) // 64                # panels, lines, outputs, look-ups
    threes = (rows[..., :10] - 27 * np.arange(10))[..., None] // [9, 3, 1] % 3
    pair = (rows[..., 10:] - 270)[..., None] // [3, 1] % 3
    q = np.concatenate([part.reshape(*rows.shape[:3], -1) for part in (threes, pair)], -1) - 1.0
    return q.swapaxes(2, 3).reshape(len(codes), -1)


ROWS = (1, 31, 128, 300)
WIDTHS = (96, 80)                                              # of rows of 96: whole lines or not
SEQUENCES = ((1, 1), (15, 5), (64, 32), (300, 100))            # rows, length
