"""Gradient checks of the ops with kernels of their own, added to GRADIENTS of gradient_cases.py."""
from functools import partial

import numpy as np
from gradient_cases import CHANNELS, SEQUENCES, fused, normal

from ternary.kernels.decay import RULES
from ternary.kernels.glu import ACTIVATIONS


@fused
def broadcast(op, rng):
    for channels in CHANNELS:
        yield partial(op, batch=2, seq_len=3), normal(rng, channels)


@fused
def with_past(op, rng):
    for batch, seq_len in SEQUENCES:
        yield lambda x, b=batch: op(x, np.zeros((b, 20, 32)), 5), normal(rng, batch, seq_len, 32)


@fused
def rms_norm(op, rng):
    yield op, normal(rng, 1, 7, 32), normal(rng, 32)
    yield op, normal(rng, 1, 7, 96), normal(rng, 32)


@fused
def layer_norm(op, rng):
    for groups in (1, 2):
        yield partial(op, groups=groups), 1 + normal(rng, 1, 7, 32), normal(rng, 32), normal(rng, 32)


@fused
def glu(op, rng):
    for activation in ACTIVATIONS:
        inputs = normal(rng, 1, 7, 32), normal(rng, 1, 7, 32), normal(rng, 64, 32), normal(rng, 64, 32)
        yield partial(op, activation=activation), *inputs
        yield partial(op, activation=activation), *inputs, normal(rng, 32, 64), normal(rng, 1, 7, 32)


@fused
def linear(op, rng):
    yield op, normal(rng, 1, 7, 64), normal(rng, 32, 64)
    yield op, normal(rng, 1, 7, 64), normal(rng, 32, 64), normal(rng, 1, 7, 32)


@fused
def relu2_mlp(op, rng):
    yield op, normal(rng, 1, 7, 32), normal(rng, 64, 32), normal(rng, 32, 64), normal(rng, 1, 7, 32)


@fused
def embedding(op, rng):
    tokens = rng.integers(0, 6, (2, 10)).astype(np.int32)
    yield partial(op, tokens), normal(rng, 6, 32)


@fused
def logits(op, rng):
    yield op, normal(rng, 2, 3, 32), normal(rng, 40, 32)       # a vocabulary that is no multiple of a tile


@fused
def cross_entropy(op, rng):
    target = rng.integers(0, 40, (3, 3)).astype(np.int32)
    yield partial(op, targets=target, scale=1.0), normal(rng, 3, 3, 32), normal(rng, 40, 32)


@fused
def attention(op, rng):
    for shape in SEQUENCES:
        for window, rotary in ((None, True), (3, True), (2, False)):
            yield partial(op, head_dim=32, window=window, rotary=rotary), normal(rng, *shape, 3 * 64)


@fused
def gated_conv(op, rng):
    for shape in SEQUENCES:
        for taps, dilation in ((8, 1), (8, 3), (1, 1), (15, 2)):
            yield partial(op, dilation=dilation), normal(rng, *shape, 64), normal(rng, taps, 32)


@fused
def token_shift(op, rng):
    for shape in SEQUENCES:
        yield op, normal(rng, *shape, 32), normal(rng, 32)


@fused
def gated_scan(op, rng):
    for shape in SEQUENCES:
        for initial in (None, normal(rng, shape[0], 32)):
            def scan(f, v, o, b, s=initial):
                return op(f, v, o, b, 0.3, None if s is None else s.copy())
            yield scan, *(normal(rng, *shape, 32) for _ in range(3)), normal(rng, 32)


@fused
def linear_attention(op, rng):
    for rule in RULES:
        for (batch, seq_len), heads, dims in (((1, 12), 2, (3, 5)), ((3, 1), 1, (4, 2)), ((2, 35), 3, (2, 12))):
            for initial in (None, normal(rng, batch, heads, *dims)):
                def f(*tensors, heads=heads, rule=rule, s=initial):
                    return op(*tensors, heads, rule, None if s is None else s.copy())
                q, k, v = (normal(rng, batch, seq_len, heads * dim) for dim in (dims[0], *dims))
                yield f, q, 0.6 * k, v, -abs(normal(rng, batch, seq_len, heads)), rng.random((batch, seq_len, heads))
