"""Linear attention and the gated delta rule: chunks, states, causality, strong decays, and the mixers made of them."""
from dataclasses import dataclass

import numpy as np
import pytest

from ternary import nn, ops
from ternary.autograd.tape import Tape
from ternary.kernels.decay import RULES
from ternary.models import LM
from ternary.training import contract
from ternary.training.optimizers import OPTIMIZERS
from ternary.training.step import Trainer

SIZES = (2, 70, 3, 12, 20)                        # B, T, H, K, V: two chunks and a part
rules = pytest.mark.parametrize("rule", RULES)
precisions = pytest.mark.parametrize("precision", ["fp32", "bf16"])


def inputs(rng, decay=0.1, sizes=SIZES):
    """q, k, v, log_decay, beta; keys of length 1."""
    batch, seq_len, heads, key_dim, value_dim = sizes
    q, k, v = (rng.standard_normal((batch, seq_len, heads, dim)) for dim in (key_dim, key_dim, value_dim))
    k /= np.linalg.norm(k, axis=-1, keepdims=True)
    log_decay, beta = -decay * rng.random((batch, seq_len, heads)), rng.random((batch, seq_len, heads))
    return [x.reshape(batch, seq_len, -1).astype(np.float32) for x in (q, k, v, log_decay, beta)]


def run(arrays, rule, precision="fp32", state=None):
    with Tape(precision, record=False):
        return ops.as_array(ops.linear_attention(*map(ops.as_tensor, arrays), SIZES[2], rule, state))


def memory():
    batch, _, heads, key_dim, value_dim = SIZES
    return np.zeros((batch, heads, key_dim, value_dim), np.float32)


def error(got, want):
    return np.linalg.norm(got - want) / np.linalg.norm(want)


@rules
def test_the_recurrence_of_the_description(rule):
    q, k, v, log_decay, beta = (x.astype(np.float64) for x in inputs(np.random.default_rng(0)))
    batch, seq_len, heads, key_dim, value_dim = SIZES
    got = run((q, k, v, log_decay, beta), rule)
    for b in range(batch):
        for h in range(heads):
            keys, values = slice(h * key_dim, (h + 1) * key_dim), slice(h * value_dim, (h + 1) * value_dim)
            s = np.zeros((key_dim, value_dim))
            for t in range(seq_len):
                a, x = np.exp(log_decay[b, t, h]), k[b, t, keys]
                predicted = {"add": 0, "delta": a * s.T @ x, "delta_before_decay": s.T @ x}[rule]
                s = a * s + np.outer(x, beta[b, t, h] * (v[b, t, values] - predicted))
                assert error(got[b, t, values], s.T @ q[b, t, keys]) < 1e-4


@rules
@precisions
@pytest.mark.parametrize("cuts", [(1,), (32,), (33, 34, 35), (5, 64)])
def test_chunks_with_a_state_equal_the_whole(rule, precision, cuts):
    arrays, state, whole_state = inputs(np.random.default_rng(1)), memory(), memory()
    whole = run(arrays, rule, precision, whole_state)
    ends = *cuts, SIZES[1]
    parts = [run([x[:, first:last] for x in arrays], rule, precision, state) for first, last in zip((0, *cuts), ends)]
    limit = 1e-5 if precision == "fp32" else 6e-3
    assert error(np.concatenate(parts, 1), whole) < limit
    assert error(state, whole_state) < 1e-5


@rules
def test_a_token_changes_nothing_before_it(rule):
    arrays = inputs(np.random.default_rng(2))
    before = run(arrays, rule)
    for at in (1, 31, 32, 69):
        for k in range(5):
            changed = [x.copy() for x in arrays]
            changed[k][:, at] *= 0.5
            after = run(changed, rule)
            np.testing.assert_array_equal(after[:, :at], before[:, :at])
            assert (after[:, at] != before[:, at]).any()


@rules
def test_sequences_and_heads_are_independent(rule):
    arrays = inputs(np.random.default_rng(3))
    before = run(arrays, rule)
    arrays[2][0, :, :SIZES[4]] *= 2               # the first head of the first sequence
    after = run(arrays, rule)
    np.testing.assert_array_equal(after[1], before[1])
    np.testing.assert_array_equal(after[0, :, SIZES[4]:], before[0, :, SIZES[4]:])


@rules
@pytest.mark.parametrize("decay", [0.0, 1e-6, 30.0, 1e4, np.inf])
def test_no_decay_is_too_weak_or_too_strong(rule, decay):
    arrays = inputs(np.random.default_rng(4))
    arrays[3][:] = -decay
    arrays[3][:, ::7] = -1e-3
    gradients = []
    for precision in ("fp32", "fp64"):
        with Tape(precision) as tape:
            tensors = [ops.as_tensor(x) for x in arrays]
            y = ops.linear_attention(*tensors, SIZES[2], rule)
            tape.backward((y, 1.0))
        gradients.append([ops.as_array(y), *(t.grad for t in tensors)])
    for got, want in zip(*gradients):
        assert np.isfinite(got).all()
        np.testing.assert_allclose(got, want, rtol=0, atol=2e-5 * max(1, abs(want).max()))


def test_decay_near_one_keeps_its_digits_in_bf16():
    """After 70 tokens with decays of 1 - 1e-4, what was written first is read with 1 - 7e-3."""
    q, k, v, log_decay, beta = inputs(np.random.default_rng(5))
    q[:], beta[:, 1:], beta[:, 0], log_decay[:] = k[:, :1], 0, 1, -1e-4
    y = run((q, k, v, log_decay, beta), "add", "bf16")
    assert error(y[:, -1], y[:, 0] * np.exp(-69e-4)) < 6e-3
    exact = memory()
    run((q, k, v, log_decay, beta), "add", "fp32", exact)
    rounded = memory()
    run((q, k, v, log_decay, beta), "add", "bf16", rounded)
    assert error(np.linalg.norm(rounded), np.linalg.norm(exact)) < 4e-3


def test_a_tensor_may_be_query_key_and_value():
    x, rng = np.random.default_rng(6).standard_normal((1, 40, 24)), np.random.default_rng(7)
    gates = -rng.random((1, 40, 2)), rng.random((1, 40, 2))
    gradients = []
    for once in (True, False):
        with Tape("fp64") as tape:
            tensors = [ops.as_tensor(x) for _ in range(1 if once else 3)]
            q, k, v = tensors * 3 if once else tensors
            y = ops.linear_attention(q, k, v, *map(ops.as_tensor, gates), 2, "add")
            tape.backward((y, 1.0))
        gradients.append(sum(t.grad for t in tensors))
    np.testing.assert_allclose(*gradients, atol=1e-9)


@pytest.mark.parametrize("change, message", [
    ({1: (1, 5, 8)}, r"k has shape \(1, 5, 8\); expected \(1, 5, 12\)"),
    ({3: (1, 5, 2)}, r"log_decay has shape \(1, 5, 2\); expected \(1, 5, 3\)"),
    ({0: (1, 5, 13), 1: (1, 5, 13)}, r"q has shape \(1, 5, 13\); expected \(1, 5, 12\)"),
    ({"rule": "hebb"}, "rule is 'hebb'; expected one of add, delta"),
    ({"state": np.zeros((1, 3, 4, 9))}, r"state has shape \(1, 3, 4, 9\); expected \(1, 3, 4, 5\)"),
])
def test_bad_arguments(change, message):
    shapes = [(1, 5, 12), (1, 5, 12), (1, 5, 15), (1, 5, 3), (1, 5, 3)]
    tensors = [ops.as_tensor(np.ones(change.get(k, shape))) for k, shape in enumerate(shapes)]
    with pytest.raises(ValueError, match=message):
        ops.linear_attention(*tensors, 3, change.get("rule", "add"), change.get("state"))


# ---- mixers ---------------------------------------------------------------------------------------------
def fixed_decay(dim, rng):
    return nn.LinearAttention(dim, 1, 24, rng, rule="add", decay=0.99, write_gate=False)


def decay_of_input(dim, rng):
    return nn.LinearAttention(dim, 1, 24, rng, rule="add", decay="input", write_gate=False)


def gated_delta(dim, rng):
    return nn.LinearAttention(dim, 2, 12, rng, value_dim=20)


def delta_net(dim, rng):
    return nn.GatedDeltaNet(dim, 4, 9, 18, rng)


def ternary_delta_net(dim, rng):
    return nn.GatedDeltaNet(dim, 4, 12, 24, rng, quantizer="tensor")


def ternary_delta_net_row(dim, rng):
    return nn.GatedDeltaNet(dim, 4, 8, 16, rng, quantizer="row", inner_norm=True)


MIXERS = fixed_decay, decay_of_input, gated_delta, delta_net, ternary_delta_net, ternary_delta_net_row


@dataclass(frozen=True)
class TinyConfig:
    vocab_size: int = 16
    dim: int = 48
    layers: int = 2


def tiny(mixer):
    class Tiny(LM):
        def block(self, layer, rng):
            dim = self.config.dim
            return nn.Block(nn.RMSNorm(dim), mixer(dim, rng), nn.RMSNorm(dim), nn.GLU(dim, 64, rng))
    model = Tiny(TinyConfig(), seed=1)
    for p in model.parameters().values():         # a flat start would hide what a weight does
        p.data *= 2
    return model


EXACT = (contract.causal, contract.sequences_independent, contract.step_equals_parallel, contract.saves_and_loads,
         contract.gradients)


@pytest.mark.parametrize("mixer, check", [*((mixer, check) for mixer in MIXERS for check in EXACT),
                                          (gated_delta, contract.single_shift), (delta_net, contract.single_shift)],
                         ids=lambda f: f.__name__)
def test_contract(mixer, check):
    assert check(tiny(mixer)) is None


@pytest.mark.parametrize("optimizer", OPTIMIZERS.names())
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_padding_of_small_maps_stays_zero_in_training(precision, optimizer):
    model = tiny(ternary_delta_net)
    trainer = Trainer(model, OPTIMIZERS.get(optimizer)(model.parameters(), precision=precision), precision)
    for k in range(2):
        trainer.step(*contract.random_pairs(k), 0.01, 0.03)
    for p in model.parameters().values():
        behind = p.data.copy()
        behind[tuple(slice(n) for n in p.shape)] = 0
        assert not behind.any() and np.isfinite(p.data).all()


@pytest.mark.parametrize("decay, write_gate", [(0.0, True), (1.5, True), ("beta", False), ("none", True)])
def test_bad_decay(decay, write_gate):
    with pytest.raises(ValueError, match=f"decay is {decay!r} with write_gate {write_gate}"):
        nn.LinearAttention(32, 1, 8, np.random.default_rng(0), decay=decay, write_gate=write_gate)


@pytest.mark.parametrize("quantizer", [None, "tensor", "row", "block256"])
@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
@pytest.mark.parametrize("inputs, outputs", [(48, 4), (144, 1), (288, 3), (144, 288)])
def test_a_linear_map_may_have_any_number_of_outputs(quantizer, precision, inputs, outputs):
    rng = np.random.default_rng(0)
    layer, x = nn.Linear(inputs, outputs, rng, quantizer), rng.standard_normal((2, 9, inputs)).astype(np.float32)
    q, alpha = layer.codes() if quantizer else (layer.weight.values, np.ones(1))
    each = -(-q.size // len(alpha))
    w = q * np.repeat(alpha, 256 if quantizer == "block256" and q.size > 256 else each)[:q.size].reshape(q.shape)
    with Tape(precision) as tape:
        t = ops.as_tensor(x)
        y = layer(t)
        tape.backward((y, 1.0))
    limit = 1e-5 if precision == "fp32" else 2e-2
    assert error(ops.as_array(y), x @ w.T) < limit
    assert error(layer.weight.grad[:outputs, :inputs], np.broadcast_to(x.sum((0, 1)), w.shape)) < limit
    assert not layer.weight.grad[outputs:].any()
    dx = np.broadcast_to(w.sum(0), x.shape).reshape(-1, inputs)
    assert error(ops.as_array(type(t)(t.grad, t.shape)).reshape(dx.shape), dx) < limit
