"""Inputs for every kernel: `CASES[name](rng, act)` -> lists of input arrays; act encodes activations (fp32 or bf16).

Outputs are allocated from what the reference returns; `wide` names those that stay float32 in bf16.
"""
import loss_cases  # noqa: F401  their cases are registered
import mixer_cases  # noqa: F401
import numpy as np
from case_inputs import ROWS, WIDTHS, case, coded, narrow, normal, paired, trits, whole

from ternary.compiler.layout import from_bf16, pad_to_tile
from ternary.kernels.activation import NAMES
from ternary.kernels.gemm.pack import SEVEN_OR_EIGHT_BITS, packed
from ternary.kernels.gemm.quant import block_size, mean_abs_ref, pack_bits
from ternary.kernels.glu import ACTIVATIONS
from ternary.kernels.l2_norm import l2_norm_ref
from ternary.kernels.norm import layer_norm_ref, rms_norm_ref


@case()
def matmul(rng, act):
    for n in ROWS:
        for based in (False, True):
            x, p = act(normal(rng, n, 96)), act(packed(normal(rng, 96, 64)))
            p = paired(p) if p.dtype == np.uint16 else p
            yield x, p, np.float32(0.3), normal(rng, n if based else 0, 64)
            x = act(whole(rng, n, 96))
            for p in (trits(rng, 96, 64), coded(rng.integers(-1, 2, (64, 96)), x)):
                yield x, p, np.float32(0.3), normal(rng, n if based else 0, 64)
    x = act(np.full((33, 544), 127, np.float32))                       # sums that int16 does not hold
    for q in (np.ones((32, 544)), rng.integers(-1, 2, (32, 544))):
        yield x, coded(q, x), np.float32(0.3), normal(rng, 0, 32)


@case("dw")
def matmul_dw(rng, act):
    for n in (*ROWS, 600):
        yield act(normal(rng, n, 64)), act(normal(rng, n, 96)), act(normal(rng, 1, 1))
    yield normal(rng, 77, 64), act(normal(rng, 77, 96)), act(normal(rng, 1, 1))
    for n in (*ROWS, 600):
        dy, x = (whole(rng, 96, n, top).T[:, :m].copy() for top, m in ((SEVEN_OR_EIGHT_BITS, 64), (127, 96)))
        dy[::32], x[::32] = SEVEN_OR_EIGHT_BITS, -127          # the largest, wherever a chunk of tokens begins
        yield act(dy), act(x), np.zeros((1, 1), np.int8)


@case()
def pack_table(rng, act):
    for v in (32, 100, 257):
        yield (normal(rng, v, 64),)


@case("q", "factors", "channels")
def quantize_table(rng, act):
    for v in (32, 100, 257):
        yield (whole(rng, v, 96, SEVEN_OR_EIGHT_BITS),)


@case()
def pack_weight(rng, act):
    for shape in ((64, 96), (32, 192)):
        for inner in (shape, (shape[0] - 16, shape[1] - 16)):
            w = np.zeros(shape, np.float32)
            w[:inner[0], :inner[1]] = normal(rng, *inner)
            yield w, inner[1], np.empty(0, np.float32), 1
            for quantizer in ("tensor", "row", "block256"):
                block = block_size(inner, quantizer)
                yield w, inner[1], mean_abs_ref(w, *inner, block), block


@case()
def encode_weight(rng, act):
    for shape in ((64, 96), (32, 192)):
        w = normal(rng, *shape)
        yield w, np.abs(w).mean(keepdims=True).ravel()


@case("alpha")
def mean_abs(rng, act):
    for block in (64 * 96, 96, 256):
        yield normal(rng, 64, 96), 64, 96, block
    for block in (48 * 80, 80, 256):
        yield normal(rng, 64, 96), 48, 80, block
    yield normal(rng, 33, 32), 33, 32, 256


@case("r")
def rms_norm(rng, act):
    for n in ROWS:
        for width in WIDTHS:
            yield act(narrow(normal(rng, n, 96), width)), narrow(normal(rng, 96), width), width


@case("dw")
def rms_norm_bwd(rng, act):
    for n in ROWS:
        for width in WIDTHS:
            x, w = narrow(normal(rng, n, 96), width), narrow(normal(rng, 96), width)
            yield act(narrow(normal(rng, n, 96), width)), x, w, rms_norm_ref(x, w, width)[1], width


GROUPS = ((96, 1, 96), (96, 2, 96), (32, 2, 32), (96, 1, 80), (96, 5, 80))     # channels, groups, and what counts


@case("m", "r")
def layer_norm(rng, act):
    for n in ROWS:
        for d, groups, width in GROUPS:
            w, b = narrow(normal(rng, d), width), narrow(normal(rng, d), width)
            yield act(narrow(1 + normal(rng, n, d), width)), w, b, groups, width


@case("dw", "db")
def layer_norm_bwd(rng, act):
    for n in ROWS:
        for d, groups, width in GROUPS:
            x, w = narrow(1 + normal(rng, n, d), width), narrow(normal(rng, d), width)
            _, m, r = layer_norm_ref(x, w, w, groups, width)
            yield act(narrow(normal(rng, n, d), width)), x, w, m, r, groups, width


@case("r")
def l2_norm(rng, act):
    for n in ROWS:
        for heads, width in ((1, 96), (4, 36), (5, 8)):
            x = pad_to_tile(normal(rng, n, heads * width), (-1,))
            x[n // 2:n // 2 + n // 100] = 0
            yield act(x), heads, width


@case()
def l2_norm_bwd(rng, act):
    for x, heads, width in l2_norm(rng, act):
        _, r = l2_norm_ref(from_bf16(x) if x.dtype == np.uint16 else x, heads, width)
        dy = narrow(normal(rng, *x.shape), heads * width) / np.maximum(1, 0.01 * r.max(-1, keepdims=True))
        yield act(dy), x, r, heads, width


@case()
def glu(rng, act):
    for n in ROWS:
        gate, up = (act(packed(normal(rng, 96, 64))) for _ in range(2))
        gate, up = (paired(p) if p.dtype == np.uint16 else p for p in (gate, up))
        for kind in ACTIVATIONS.values():
            yield act(normal(rng, n, 96)), act(normal(rng, n, 96)), gate, up, np.float32(2), np.float32(0.3), kind
        gate, up, x = trits(rng, 96, 64), trits(rng, 96, 64), act(whole(rng, n, 96))
        for other in (x, act(whole(rng, n, 96))):
            yield x, other, gate, up, np.float32(0.02), np.float32(0.003), 0
            codes = (coded(rng.integers(-1, 2, (64, 96)), x) for _ in range(2))
            yield x, other, *codes, np.float32(0.02), np.float32(0.003), 0


@case()
def glu_bwd(rng, act):
    for n in ROWS:
        for kind in ACTIVATIONS.values():
            yield act(normal(rng, n, 64)), act(5 * normal(rng, n, 64)), act(normal(rng, n, 64)), kind


@case()
def activation(rng, act):
    for n in ROWS:
        for kind in range(len(NAMES)):
            yield act(3 * normal(rng, n, 64)), kind


@case()
def activation_bwd(rng, act):
    for x, kind in activation(rng, act):
        yield normal(rng, *x.shape), x, kind


@case()
def relu2(rng, act):
    for n in ROWS:
        p = act(packed(normal(rng, 96, 64)))
        yield act(normal(rng, n, 96)), paired(p) if p.dtype == np.uint16 else p, np.float32(0.3)


@case()
def relu2_bwd(rng, act):
    for (dz, p, alpha) in relu2(rng, act):
        yield dz, p, alpha, act(np.maximum(normal(rng, len(dz), 64), 0) ** 2)


@case("y")
def gather(rng, act):
    yield normal(rng, 50, 64), rng.integers(0, 50, 77).astype(np.int32)


@case("dtable")
def scatter_add(rng, act):
    yield rng.integers(0, 20, 77).astype(np.int32), normal(rng, 77, 64), 20


@case()
def add_into(rng, act):
    yield (act(normal(rng, 77, 64)),)


def pairs(rng, act):
    """Two operands of products and sums: of either type, the second perhaps a row."""
    for n in ROWS:
        for b in (act(normal(rng, n, 64)), normal(rng, n, 64), normal(rng, 64)):
            yield act(normal(rng, n, 64)), b
    yield normal(rng, 77, 64), act(normal(rng, 77, 64))


@case()
def convert(rng, act):
    yield (act(normal(rng, 77, 64)),)
    yield (normal(rng, 1, 96),)


@case()
def add_scaled(rng, act):
    for a, b in pairs(rng, act):
        yield a, b, -2.0


@case()
def multiply(rng, act):
    yield from pairs(rng, act)


@case("dw")
def column_dots(rng, act):
    yield from pairs(rng, act)


@case("y")
def ternary_matmul(rng, act):
    for segments in (1, 3):
        q = rng.integers(-1, 2, (64, 96))
        yield normal(rng, 5, 96), pack_bits(q), normal(rng, segments, 64)


@case("parts")
def squared_norm(rng, act):
    yield (normal(rng, 20480),)


@case("g", "other")
def add_and_clear(rng, act):
    yield normal(rng, 9216), normal(rng, 9216)


@case("p", "m", "v", "g")
def adamw(rng, act):
    hyper = np.array([0.5, 0.1, 0.01, 0.9, 0.95, 1.5, 2.0, 1e-8], np.float32)
    yield normal(rng, 9216), normal(rng, 9216), normal(rng, 9216), normal(rng, 9216) ** 2, hyper


@case("p", "m", "v", "g")
def muon(rng, act):
    second = 64 * 96 + 1024
    shapes = np.array([(0, 64, 96, 96, 64 * 96, 0), (second, 96, 32, 80, 80 * 32, 64),
                       (second + 96 * 32, 32, 32, 32, 32 * 32, 160)], np.int64)
    n = second + 96 * 32 + 32 * 32
    g, m = normal(rng, n), normal(rng, n)
    g[64 * 96:second] = m[64 * 96:second] = 0                    # what lies between matrices has no gradient
    for row_decay in (0, 0.9):
        hyper = np.array([0.5, 0.1, 0.01, 0.9, row_decay], np.float32)
        yield normal(rng, n), g, m, normal(rng, 192) ** 2, shapes, hyper, act(normal(rng, 1, 1))


@case("token")
def sample(rng, act):
    for temperature, k, p, m in ((0.0, 0, 1.0, 0.0), (1.0, 0, 1.0, 0.0), (0.8, 50, 1.0, 0.0), (1.2, 0, 0.9, 0.0),
                                 (1.0, 0, 1.0, 0.1), (0.7, 40, 0.8, 0.05), (1.0, 1, 1.0, 0.0), (1.0, 0, 1e-6, 0.0)):
        for u in (0.0, 0.3, 0.77, 0.999):
            yield 3 * normal(rng, 1000), temperature, k, p, m, u
