"""The faults of the published models, rebuilt: the audit finds each by the check that is made for it."""
import re
from dataclasses import dataclass

import numpy as np
import pytest

from ternary import nn, ops
from ternary.models import LM
from ternary.nn.module import Module
from ternary.training import contract

DIM = 32


@dataclass(frozen=True)
class TinyConfig:
    vocab_size: int = 40
    dim: int = DIM
    layers: int = 2


class Mixer(Module):
    """out(f(x)), f a NumPy op that sees the whole sequence at once."""

    def __init__(self, f, dim, rng):
        self.f, self.out = f, nn.Linear(dim, dim, rng)

    def __call__(self, x, state=None):
        return self.out(self.f(x))


def model_with(f):
    class Published(LM):
        def block(self, layer, rng):
            dim = self.config.dim
            return nn.Block(nn.RMSNorm(dim), Mixer(f, dim, rng), nn.RMSNorm(dim), nn.GLU(dim, 64, rng))
    return Published


@ops.numpy_op
def group_norm_over_time(x):
    """v5: the statistics of a group are those of all positions."""
    b, t, c = x.shape
    grouped = x.reshape(b, t, 4, c // 4)
    mean, std = grouped.mean((1, 3), keepdims=True), grouped.std((1, 3), keepdims=True) + 1e-5
    y = (grouped - mean) / std

    def backward(dy):
        dy = dy.reshape(y.shape)
        d = dy - dy.mean((1, 3), keepdims=True) - y * (dy * y).mean((1, 3), keepdims=True)
        return (d / std).reshape(x.shape)
    return y.reshape(x.shape), backward


def attention_with(mask):
    @ops.numpy_op
    def attend(x):
        seen = mask(np.ones((x.shape[1],) * 2)) / x.shape[1]
        return seen @ x, lambda dy: seen.T @ dy
    return attend


@ops.numpy_op
def mean_over_all_time(x):
    """v6: the planner."""
    y = np.broadcast_to(x.mean(1, keepdims=True), x.shape)
    return y, lambda dy: np.broadcast_to(dy.mean(1, keepdims=True), x.shape)


@ops.numpy_op
def top_half_over_time(x):
    """A mixture of depths: only the tokens with the highest scores of the sequence are worked on."""
    score = x.sum(-1)
    kept = (score >= np.median(score, axis=1, keepdims=True))[..., None]
    return np.where(kept, x, 0), lambda dy: np.where(kept, dy, 0)


class HandsOverItsFinalState(LM):
    """CORTEX-V: the memory of a layer begins with the final one of the layer below, which has seen all tokens."""

    def block(self, layer, rng):
        return nn.Block(nn.RMSNorm(DIM), nn.GatedConv(DIM, rng), nn.RMSNorm(DIM), nn.GLU(DIM, 64, rng))

    def hidden(self, tokens, state=None, outputs=None):
        x = self.embedded(tokens)
        for block in self.blocks:
            x = block(x)
            if outputs is not None:
                outputs.append(x)
            final = ops.as_array(x)[:, -1:]           # without a gradient, as published
            x = ops.add(x, ops.as_tensor(np.broadcast_to(0.1 * final, x.shape).copy(), accum=True))
        return self.norm(x)


class ReversedEstimator(LM):
    """v9.0: round(w) + constant(w - round(w)): the forward pass has the float weights, and they have no gradient."""

    def block(self, layer, rng):
        class Reversed(nn.Linear):
            def __call__(self, x, state=None, residual=None):
                @ops.numpy_op
                def product(x, constant):
                    return x @ constant.T, lambda dy: dy @ constant
                y = product(x, self.weight.values.copy())
                return ops.add(y, residual) if residual else y
        return nn.Block(nn.RMSNorm(DIM), Reversed(DIM, DIM, rng), nn.RMSNorm(DIM), nn.GLU(DIM, 64, rng))


class TargetsShiftedTwice(LM):
    """v7 to v10.3: the loss compares position t with token t + 2. Here whole sequences, as in training, come one token
    late, which is the same."""

    def block(self, layer, rng):
        return nn.Block(nn.RMSNorm(DIM), nn.GatedConv(DIM, rng), nn.RMSNorm(DIM), nn.GLU(DIM, 64, rng))

    def hidden(self, tokens, state=None):
        return super().hidden(tokens if state else np.roll(tokens, 1, axis=1), state)


PUBLISHED = {
    "group norm over time (v5)": (model_with(group_norm_over_time), contract.causal, "first in blocks.0: Block of"),
    "mean over all time (v6)": (model_with(mean_over_all_time), contract.causal, "first in blocks.0"),
    "upper triangular mask (v7.4)": (model_with(attention_with(np.triu)), contract.causal, "first in blocks.0"),
    "top half over time (v5.2, first form)": (model_with(top_half_over_time), contract.causal, "first in blocks.0"),
    "final state handed over (CORTEX-V)": (HandsOverItsFinalState, contract.causal, "first in blocks.1"),
    "targets shifted twice (v7 to v10.3)": (TargetsShiftedTwice, contract.single_shift, "the model generates"),
    "reversed straight-through estimator (v9.0)": (ReversedEstimator, contract.gradients,
                                                   r"blocks.0.mixer.weight has no gradient"),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_fault_is_found(name):
    kind, check, sentence = PUBLISHED[name]
    model = kind(TinyConfig(), 1)
    found = check(contract.twin(model) if check is not contract.causal else contract.shaken(model))
    assert found and re.search(sentence, found), found


def test_the_same_mixer_with_the_right_mask_is_causal():
    assert contract.causal(contract.shaken(model_with(attention_with(np.tril))(TinyConfig(), 1))) is None


def test_the_leak_probe_finds_what_made_published_scores_impossible():
    model = PUBLISHED["upper triangular mask (v7.4)"][0](TinyConfig(), 1)
    nats = contract.leak_probe(contract.twin(model))
    assert contract.leak(nats), nats
