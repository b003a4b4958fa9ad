"""Inputs for every kernel: `CASES[name](rng, act)` -> lists of input arrays; act encodes activations (fp32 or bf16).

Outputs are allocated from what the reference returns; `wide` names those that stay float32 in bf16.
"""
import numpy as np

from ternary.compiler.layout import from_bf16, pad_to_tile
from ternary.kernels.activation import NAMES
from ternary.kernels.attention import NO_WINDOW, attention_ref
from ternary.kernels.decay import RULES
from ternary.kernels.gemm.lookup import encode
from ternary.kernels.gemm.pack import SEVEN_OR_EIGHT_BITS, packed, quantize_rows_ref
from ternary.kernels.gemm.quant import block_size, mean_abs_ref, pack_bits
from ternary.kernels.glu import ACTIVATIONS
from ternary.kernels.l2_norm import l2_norm_ref
from ternary.kernels.linear_attention import linear_attention_ref
from ternary.kernels.norm import layer_norm_ref, rms_norm_ref
from ternary.kernels.rotary import rope_angles

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


@case("q", "factors")
def quantize_rows(rng, act):
    for n in ROWS:
        yield (act(whole(rng, n, 96, SEVEN_OR_EIGHT_BITS)),)


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
def causal_conv(rng, act):
    for n, length in SEQUENCES:
        for taps, dilation in ((1, 1), (4, 1), (3, 5), (8, 2)):
            yield act(normal(rng, n, 64)), normal(rng, taps, 64), dilation, length


@case("dw")
def causal_conv_bwd(rng, act):
    for x, *others in causal_conv(rng, act):
        yield act(normal(rng, *x.shape)), x, *others


@case()
def gated_conv(rng, act):
    for n, length in SEQUENCES:
        for taps, dilation in ((8, 1), (8, 3), (24, 2)):
            yield act(normal(rng, n, 64)), normal(rng, taps, 32), dilation, length
            yield act(normal(rng, n, 96)), narrow(normal(rng, taps, 64), 48), dilation, length


@case("dw")
def gated_conv_bwd(rng, act):
    for gv, w, *others in gated_conv(rng, act):
        yield act(narrow(normal(rng, len(gv), w.shape[1]), gv.shape[1] // 2)), gv, w, *others


@case()
def gated_conv8(rng, act):
    for gv, w, dilation, length in gated_conv(rng, act):
        if len(w) == 8 and dilation == 1:
            yield gv, w, length


@case("dw")
def gated_conv8_bwd(rng, act):
    for gv, w, length in gated_conv8(rng, act):
        yield act(narrow(normal(rng, len(gv), w.shape[1]), gv.shape[1] // 2)), gv, w, length


def heads(rng, act):
    """qkv, rope_table, window"""
    shapes = (3, 1, 2, 32), (2, 31, 1, 64), (2, 128, 2, 64), (1, 300, 2, 32), (1, 520, 1, 64)
    windows = (NO_WINDOW, 1), (7, 100), (32, 33), (64, 257), (2, 300, NO_WINDOW)
    for (sequences, length, count, width), of_shape in zip(shapes, windows):
        for window in of_shape:
            table = rope_angles(length, width, np.dtype(np.float32), rotary=window != 7)
            yield act(normal(rng, sequences * length, 3 * count * width)), table, window


@case("lse")
def attention(rng, act):
    for qkv, *others in heads(rng, act):
        yield qkv, *others, 0
        yield qkv if qkv.dtype == np.uint16 else 4 * qkv, *others, 0         # sharp


@case()
def attention_bwd(rng, act):
    for qkv, rope_table, window in heads(rng, act):
        x = from_bf16(qkv) if qkv.dtype == np.uint16 else qkv
        out, lse = attention_ref(x.astype(np.float64), rope_table, window, 0)
        yield (act(normal(rng, *out.shape)), qkv, rope_table, window, act(out.astype(np.float32)),
               lse.astype(np.float32))


@case()
def relu2(rng, act):
    for n in ROWS:
        p = act(packed(normal(rng, 96, 64)))
        yield act(normal(rng, n, 96)), paired(p) if p.dtype == np.uint16 else p, np.float32(0.3)


@case()
def relu2_bwd(rng, act):
    for (dz, p, alpha) in relu2(rng, act):
        yield dz, p, alpha, act(np.maximum(normal(rng, len(dz), 64), 0) ** 2)


@case()
def token_shift(rng, act):
    for n, length in SEQUENCES:
        yield act(normal(rng, n, 96)), normal(rng, 96), length


@case("dmix")
def token_shift_bwd(rng, act):
    for n, length in SEQUENCES:
        yield normal(rng, n, 96), act(normal(rng, n, 96)), normal(rng, 96), length


@case("final")
def gated_scan(rng, act):
    for n, length in SEQUENCES:
        yield (*(act(normal(rng, n, 96)) for _ in range(3)), normal(rng, 96), normal(rng, n // length, 96),
               np.float32(0.4), length)


@case("dbias")
def gated_scan_bwd(rng, act):
    for n, length in SEQUENCES:
        yield (*(act(normal(rng, n, 96)) for _ in range(5)), normal(rng, 96), normal(rng, n // length, 96),
               np.float32(0.4), length)


def memories(rng, act):
    """Inputs of linear_attention, keys of about length 1: chunks of 32 tokens and parts, no, weak and strong decay."""
    for sequences, length, count, key_dim, value_dim in ((2, 1, 1, 8, 12), (1, 31, 3, 36, 72), (2, 33, 4, 32, 64),
                                                         (1, 100, 6, 20, 8), (1, 128, 2, 64, 32)):
        def channels(width):
            return pad_to_tile(normal(rng, sequences * length, count * width), (-1,))      # noqa: B023
        for k, rule in enumerate(range(len(RULES))):
            decay = channels(1)
            decay[:] = -abs(decay) * (0, 0.05, 3)[(k + length) % 3]
            if length > 1:
                decay[length // 2, :count] = -1e4
            yield (*(act(x) for x in (channels(key_dim), channels(key_dim) * np.float32(key_dim ** -0.5),
                                      channels(value_dim))), decay, act(0.5 + 0.2 * np.tanh(channels(1))),
                   normal(rng, sequences, count, key_dim, value_dim), rule)


@case("error", "states", "final")
def linear_attention(rng, act):
    yield from memories(rng, act)


@case("dlog_decay")
def linear_attention_bwd(rng, act):
    for q, k, v, log_decay, beta, initial, rule in memories(rng, act):
        floats = (from_bf16(x) if x.dtype == np.uint16 else x for x in (q, k, v, log_decay, beta))
        _, error, states, _ = linear_attention_ref(*(x.astype(np.float64) for x in floats), initial, rule)
        do = pad_to_tile(normal(rng, len(q), initial.shape[1] * initial.shape[3]), (-1,))
        yield (act(do), q, k, log_decay, beta, error.astype(np.float32), states.astype(np.float32), rule,
               len(q) // len(initial))


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
def add_scaled(rng, act):
    for a, b in pairs(rng, act):
        yield a, b, -2.0


@case()
def multiply(rng, act):
    yield from pairs(rng, act)


@case("dw")
def column_dots(rng, act):
    yield from pairs(rng, act)


def head(rng, act, v, n):
    h, table = act(normal(rng, n, 64)), 0.3 * normal(rng, v, 64)
    vocab_rows = np.zeros((-(-v // 32) * 32, 64), np.float32)
    vocab_rows[:v] = table
    return (h, table, rng.integers(0, v, n).astype(np.int32), act(vocab_rows), np.zeros((2, 0), np.float32),
            act(np.ascontiguousarray(vocab_rows.T)))


def head_of_bytes(rng, act, v, n):
    """Exact in bytes and in bf16: whole numbers times powers of two."""
    h, table = act(whole(rng, n, 64) / 128), whole(rng, v, 64, SEVEN_OR_EIGHT_BITS) / 512
    vocab_rows = np.zeros((-(-v // 32) * 32, 64), np.float32)
    vocab_rows[:v] = table
    q, factors = quantize_rows_ref(vocab_rows)
    return (h, table, rng.integers(0, v, n).astype(np.int32), q.astype(np.int8), factors.astype(np.float32),
            act(np.ascontiguousarray(vocab_rows.T)))


@case("loss", "dh", "dtable")
def cross_entropy(rng, act):
    for v, n in ((1000, 300), (101, 1), (96, 129), (33, 600)):
        for inputs in (head(rng, act, v, n), head_of_bytes(rng, act, v, n)):
            yield *inputs, np.float32(0.01), np.float32(0), 0


@case("loss")
def nll(rng, act):
    for v, n in ((1000, 300), (101, 1)):
        for inputs in (head(rng, act, v, n), head_of_bytes(rng, act, v, n)):
            yield inputs[:5]


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


@case("final")
def scan(rng, act):
    for n, length in SEQUENCES:
        for decay in (act(0.5 * normal(rng, n, 64)), 0.5 * normal(rng, 64)):
            yield decay, act(normal(rng, n, 64)), normal(rng, n // length, 64), length


@case("dx", "ddecay")
def scan_bwd(rng, act):
    for decay, s, *others in scan(rng, act):
        yield act(normal(rng, *s.shape)), decay, s, *others


@case()
def dynamic_conv(rng, act):
    for n, length in SEQUENCES:
        for offsets in ([0], [1, 2, 4, 8, 16, 32, 64]):
            yield act(normal(rng, n, 64)), normal(rng, n, len(offsets)), np.array(offsets), length


@case("dweights")
def dynamic_conv_bwd(rng, act):
    for x, *others in dynamic_conv(rng, act):
        yield act(normal(rng, *x.shape)), x, *others
