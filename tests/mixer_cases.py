"""Inputs for the kernels that mix tokens, registered as those of cases.py."""
import numpy as np
from case_inputs import SEQUENCES, case, narrow, normal

from ternary.compiler.layout import from_bf16, pad_to_tile
from ternary.kernels.attention import NO_WINDOW, attention_ref
from ternary.kernels.decay import RULES
from ternary.kernels.linear_attention import linear_attention_ref
from ternary.kernels.rotary import rope_angles


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
def grouped_conv(rng, act):
    for n, length in SEQUENCES:
        for group, channels, taps, dilation in ((16, 64, 4, 5), (5, 40, 2, 1), (1, 40, 3, 4), (40, 40, 1, 1)):
            x, w = (narrow(normal(rng, rows, 64), channels) for rows in (n, taps * group))
            yield act(x), w, group, channels, dilation, length


@case("dw")
def grouped_conv_bwd(rng, act):
    for x, *others in grouped_conv(rng, act):
        yield act(narrow(normal(rng, *x.shape), others[2])), x, *others


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
