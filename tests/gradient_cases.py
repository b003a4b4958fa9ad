"""Gradient checks of the differentiable ops: `GRADIENTS[name](op, rng)` -> cases (f, *arrays), f a function of tensors.

Arrays (B, T, C) become activations, others parameters, as in check_gradient. GENERIC names the ops that mean the same
in every precision.
"""
from functools import partial

import numpy as np

from ternary.autograd.tape import current_tape
from ternary.compiler.layout import pad_to_tile
from ternary.kernels.activation import NAMES

GRADIENTS, GENERIC = {}, []
SEQUENCES = (1, 12), (3, 4), (3, 1)                # B, T
CHANNELS = 32, 40, 1                               # whole tiles or not


def fused(f):
    GRADIENTS[f.__name__] = f
    return f


def generic(f):
    GENERIC.append(f.__name__)
    return fused(f)


def normal(rng, *shape):
    return rng.standard_normal(shape)


def elementwise(op, rng):
    for channels in CHANNELS:
        yield op, normal(rng, 2, 3, channels)
    yield op, normal(rng, 40)


GRADIENTS.update(dict.fromkeys(NAMES, elementwise))
GENERIC.extend(NAMES)


def two_operands(op, rng):
    for channels in CHANNELS:
        for second in ((2, 3, channels), (2, 3, 1), (channels,)):
            yield op, normal(rng, 2, 3, channels), normal(rng, *second)


for name in ("add", "sub", "mul"):
    GRADIENTS[name] = two_operands
    GENERIC.append(name)


@generic
def scale(op, rng):
    for channels in CHANNELS:
        yield partial(op, factor=-1.7), normal(rng, 2, 3, channels)


@generic
def expand(op, rng):
    for channels in CHANNELS:
        yield partial(op, channels=channels), normal(rng, 2, 3, 1)
    yield partial(op, channels=40), normal(rng, 2, 3, 8)
    yield partial(op, channels=40), normal(rng, 8)


@generic
def clip(op, rng):
    yield partial(op, low=-0.4, high=0.7), normal(rng, 2, 3, 40)


@generic
def channels(op, rng):
    for first, last in ((0, 40), (3, 35), (39, 40)):
        yield partial(op, first=first, last=last), normal(rng, 2, 3, 40)


@generic
def split(op, rng):
    for part in range(3):
        yield lambda x, part=part: op(x, [3, 33, 4])[part], normal(rng, 2, 3, 40)


@generic
def concat(op, rng):
    yield op, normal(rng, 2, 3, 40), normal(rng, 2, 3, 1), normal(rng, 2, 3, 32)


@generic
def gather(op, rng):
    yield partial(op, index=rng.integers(0, 40, (2, 3))), normal(rng, 2, 3, 40)


@generic
def scatter(op, rng):
    yield partial(op, index=rng.integers(0, 40, (2, 3)), channels=40), normal(rng, 2, 3, 1)


@generic
def softmax(op, rng):
    for channels in CHANNELS:
        yield op, 3 * normal(rng, 2, 3, channels)


@generic
def top_softmax(op, rng):
    for k in (1, 3, 40):
        yield partial(op, k=k), 3 * normal(rng, 2, 3, 40)


@generic
def slot_reading(op, rng):
    yield op, normal(rng, 2, 3, 40), normal(rng, 5, 40)


@generic
def l2_norm(op, rng):
    for heads in (1, 5):
        yield partial(op, heads=heads), normal(rng, 2, 3, 40)


@generic
def mean(op, rng):
    for channels in CHANNELS:
        yield op, normal(rng, 2, 3, channels)


@generic
def sum(op, rng):
    yield from mean(op, rng)


@generic
def dropout(op, rng):
    for p in (0.0, 0.3):
        yield partial(op, p=p), normal(rng, 2, 3, 40)


@generic
def shift(op, rng):
    for shape in SEQUENCES:
        for n in (0, 1, 3, 5):
            yield partial(op, n=n), normal(rng, *shape, 40)


@generic
def causal_conv(op, rng):
    for shape in SEQUENCES:
        for taps, dilation in ((1, 1), (4, 1), (3, 4)):
            yield partial(op, dilation=dilation), normal(rng, *shape, 40), normal(rng, taps, 40)


@generic
def grouped_conv(op, rng):
    for shape in SEQUENCES:
        for taps, groups, dilation in ((4, 5, 1), (2, 1, 3), (3, 40, 5)):
            w = normal(rng, taps * 40 // groups, 40)
            yield partial(op, groups=groups, dilation=dilation), normal(rng, *shape, 40), w


@generic
def dynamic_conv(op, rng):
    for shape in SEQUENCES:
        for offsets in ((0, 3), (1, 2, 4, 8)):
            yield partial(op, offsets=offsets), normal(rng, *shape, 40), normal(rng, *shape, len(offsets))


@generic
def cumulative_mean(op, rng):
    for shape in SEQUENCES:
        yield op, normal(rng, *shape, 40)
        state = np.abs(normal(rng, shape[0], 41))
        yield lambda x, s=state: op(x, s.copy()), normal(rng, *shape, 40)


@generic
def scan(op, rng):
    for shape in SEQUENCES:
        for initial in (None, normal(rng, shape[0], 64)):
            def scanned(decay, x, s=initial):
                state = None if s is None else pad_to_tile(s[:, :40], (-1,)).astype(current_tape().accum_dtype)
                return op(decay, x, state)
            yield scanned, normal(rng, *shape, 40), normal(rng, *shape, 40)
            yield scanned, normal(rng, 40), normal(rng, *shape, 40)


@generic
def drop_time(op, rng):
    for batch, seq_len in SEQUENCES:
        for n, last in ((seq_len // 2, 0), (0, seq_len // 2), (seq_len // 4, seq_len // 4)):
            yield partial(op, n=n, last=last), normal(rng, batch, seq_len, 32)


# ---- losses ----------------------------------------------------------------------------------------------
@generic
def target_above_mean(op, rng):
    yield partial(op, targets=rng.integers(0, 40, (2, 3))), normal(rng, 2, 3, 40)


@generic
def squared_log_sum_exp(op, rng):
    yield op, 3 * normal(rng, 2, 3, 40)


@generic
def negative_entropy(op, rng):
    yield op, 3 * normal(rng, 2, 3, 40)


@generic
def cosine_distance(op, rng):
    yield partial(op, target=normal(rng, 2, 3, 40)), normal(rng, 2, 3, 40)


@generic
def binary_cross_entropy(op, rng):
    yield partial(op, target=rng.random((2, 3, 1)) < 0.5), 5 * normal(rng, 2, 3, 1)
