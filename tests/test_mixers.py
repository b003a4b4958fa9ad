"""One contract for all token mixers: causal bit for bit, the same in chunks as in whole sequences, trainable."""
import re
from dataclasses import dataclass, replace

import numpy as np
import pytest

from ternary import nn, ops
from ternary.autograd.tape import Tape
from ternary.errors import UsageError
from ternary.kernels.gemm.quant import block_size
from ternary.models import LM, MODELS, LMConfig
from ternary.training import contract

DIM = 64
TERNARY = {"quantizer": "tensor"}


def two_stream(rng):
    return nn.TwoStream(DIM, nn.RMSNorm(DIM), nn.Attention(DIM, 2, rng, window=3, rotary=False),
                        nn.RMSNorm(DIM), nn.TimeMix(DIM, rng), rng)


MIXERS = {
    "attention": lambda rng: nn.Attention(DIM, 2, rng),
    "attention, window 1": lambda rng: nn.Attention(DIM, 1, rng, window=1),
    "attention, window 5": lambda rng: nn.Attention(DIM, 2, rng, window=5),
    "attention, window 33": lambda rng: nn.Attention(DIM, 2, rng, window=33, **TERNARY),
    "attention, no positions, gated": lambda rng: nn.Attention(DIM, 1, rng, window=8, rotary=False, gated=True),
    "attention, qk_norm": lambda rng: nn.Attention(DIM, 2, rng, qk_norm=True),
    "gated_conv, 8 taps": lambda rng: nn.GatedConv(DIM, rng, **TERNARY),
    "gated_conv, 8 dilated taps": lambda rng: nn.GatedConv(DIM, rng, dilation=3),
    "gated_conv, 1 tap": lambda rng: nn.GatedConv(DIM, rng, taps=1),
    "gated_conv, 15 taps": lambda rng: nn.GatedConv(DIM, rng, taps=15, **TERNARY),
    "gated_scan": lambda rng: nn.GatedScan(DIM, 2, 0.3, rng, "tensor"),
    "multi_scale_conv": lambda rng: nn.Gated(DIM, nn.MultiScaleConv(DIM, rng, dilation=2), rng),
    "data_dependent_taps": lambda rng: nn.Gated(DIM, nn.DataDependentTaps(DIM, rng, (1, 2, 4, 20)), rng, **TERNARY),
    "short_conv": lambda rng: nn.ShortConv(DIM, rng, **TERNARY),
    "short_conv, 1 tap": lambda rng: nn.ShortConv(DIM, rng, taps=1),
    "grouped_conv": lambda rng: nn.GroupedConv(DIM, rng, groups=4, dilations=(1, 4, 9), **TERNARY),
    "time_mix": lambda rng: nn.TimeMix(DIM, rng, quantizer="row"),
    "gated_state": lambda rng: nn.GatedState(DIM, rng),
    "running_mean": lambda rng: nn.RunningMean(DIM),
    "slot_memory": lambda rng: nn.SlotMemory(DIM, rng, slots=3, size=16),
    "static_cells": lambda rng: nn.StaticCells(DIM, rng, cells=20, size=16, top=4, **TERNARY),
    "slot_reading": lambda rng: nn.SlotReading(DIM, rng, slots=5, quantizer="row"),
    "two_stream": two_stream,
}
mixers = pytest.mark.parametrize("name", MIXERS)


def mixer(name):
    """A mixer with noise on its weights: those that start at zero would hide what they do."""
    rng = np.random.default_rng(0)
    made = MIXERS[name](rng)
    for p in made.parameters().values():
        p.values[...] += 0.1 * rng.standard_normal(p.shape)
    return made


def run(layer, x, state=None, precision="fp32"):
    with Tape(precision, record=False):
        return ops.as_array(layer(ops.as_tensor(x), state))


def sequences(batch, seq_len, dim=DIM):
    return np.random.default_rng(seq_len).standard_normal((batch, seq_len, dim)).astype(np.float32)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@mixers
def test_a_changed_token_changes_nothing_before_it(name, precision):
    layer = mixer(name)
    for seq_len in (1, 2, 37, 70):
        x = sequences(2, seq_len)
        y = run(layer, x, precision=precision)
        for at in {0, seq_len // 2, seq_len - 1}:
            changed = x.copy()
            changed[:, at] += 1
            np.testing.assert_array_equal(run(layer, changed, precision=precision)[:, :at], y[:, :at])


@pytest.mark.parametrize("chunks", [[1] * 41, [40, 1], [1, 3, 37], [7, 33, 1]], ids=str)
@mixers
def test_chunks_and_single_tokens_give_what_whole_sequences_give(name, chunks):
    layer, x = mixer(name), sequences(2, 41)
    whole, state, first = run(layer, x), layer.init_state(2), 0
    for size in chunks:
        part = run(layer, x[:, first:first + size], state)
        np.testing.assert_allclose(part, whole[:, first:first + size], rtol=0, atol=1e-4 * abs(whole).max())
        first += size


@dataclass(frozen=True)
class TinyConfig(LMConfig):
    vocab_size: int = 16
    dim: int = DIM
    layers: int = 1
    mixer: str = ""


class Tiny(LM):
    config_type = TinyConfig

    def block(self, layer, rng):
        return nn.Block(nn.RMSNorm(DIM), MIXERS[self.config.mixer](rng), nn.RMSNorm(DIM), nn.GLU(DIM, 32, rng))


@pytest.mark.parametrize("check", [contract.causal, contract.sequences_independent, contract.step_equals_parallel,
                                   contract.gradients, contract.single_shift], ids=lambda check: check.__name__)
@mixers
def test_a_tiny_model_passes_the_audit(name, check):
    assert check(Tiny(replace(TinyConfig(), mixer=name), seed=1)) is None


# ---- attention ------------------------------------------------------------------------------------------
def test_a_window_hides_what_is_before_it():
    layer = nn.Attention(DIM, 2, np.random.default_rng(0), window=5)
    x = sequences(1, 40)
    changed = x.copy()
    changed[:, 10] += 1
    reached = (run(layer, changed) != run(layer, x)).any(-1)[0]
    assert reached[10:15].all() and not reached[:10].any() and not reached[15:].any()


def test_a_window_keeps_a_bounded_past():
    layer = nn.Attention(DIM, 2, np.random.default_rng(0), window=5)
    state = layer.init_state(1)
    for _ in range(200):
        run(layer, sequences(1, 1), state)
    assert state.buffer.shape[1] <= 32


def test_qk_norm_makes_the_size_of_queries_and_keys_irrelevant():
    layer, x = nn.Attention(DIM, 2, np.random.default_rng(0), qk_norm=True), sequences(2, 20)
    before = run(layer, x)
    layer.qkv.weight.values[:2 * DIM] *= 7
    np.testing.assert_allclose(run(layer, x), before, rtol=0, atol=1e-4)


def test_attention_refuses_sizes_that_do_not_fit():
    x = ops.as_tensor(sequences(1, 4, 3 * 48))
    with pytest.raises(ValueError, match=r"\[ops.attention\] .*head_dim 48"):
        ops.attention(x, 48)
    with pytest.raises(ValueError, match="window 0"):
        ops.attention(ops.as_tensor(sequences(1, 4, 3 * 32)), 32, window=0)


# ---- what the equations say -------------------------------------------------------------------------------
def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_a_time_mix_remembers_far_tokens():
    """s is computed as a recurrence, whatever the distance: d^t * sum of k v / d^s, as published, would be 0 here."""
    layer, x = nn.TimeMix(DIM, np.random.default_rng(0)), sequences(1, 120)
    layer.decay.values[...] = 4
    far = x.copy()
    far[:, 0] *= 3
    assert abs(run(layer, far)[:, -1] - run(layer, x)[:, -1]).max() > 1e-3


def test_slot_memory_computes_its_equations():
    layer, x = mixer("slot_memory"), sequences(1, 9)
    w = {key: p.values.astype(np.float64) for key, p in layer.parameters().items()}
    memory, rows = np.zeros((3, 16)), []
    for h in x[0].astype(np.float64):
        gate, p = sigmoid(w["write.weight"] @ h), np.exp(w["query.weight"] @ h)
        memory = gate[:, None] * (w["value.weight"] @ h) + (1 - gate[:, None]) * memory
        rows.append(w["out.weight"] @ ((p / p.sum())[:, None] * memory).ravel())
    np.testing.assert_allclose(run(layer, x)[0], rows, rtol=0, atol=1e-4)


def test_static_cells_read_the_best_cells_only():
    layer, x = nn.StaticCells(DIM, np.random.default_rng(0), cells=20, size=16, top=4), sequences(1, 5)
    w = {key: p.values.astype(np.float64) for key, p in layer.parameters().items()}
    for h, y in zip(x[0].astype(np.float64), run(layer, x)[0]):
        s = w["route.weight"] @ h / DIM ** 0.5
        best = np.argsort(s)[-4:]
        p = np.exp(s[best]) / np.exp(s[best]).sum()
        cell = w["cells.weight"][:, best] @ p + w["into.weight"] @ h
        np.testing.assert_allclose(y, w["out.weight"] @ cell, rtol=0, atol=1e-4)


# ---- small and odd numbers of outputs ----------------------------------------------------------------------
@pytest.mark.parametrize("precision, limit", [("fp32", 1e-5), ("bf16", 2e-2), ("int8", 4e-2)])
@pytest.mark.parametrize("quantizer", [None, "tensor", "tensor_fp16", "row", "block256"])
@pytest.mark.parametrize("outputs", [1, 7, 8, 17])
def test_a_linear_map_may_have_any_number_of_outputs(outputs, quantizer, precision, limit):
    layer, x = nn.Linear(80, outputs, np.random.default_rng(0), quantizer), sequences(2, 9, 80)
    weight = layer.weight.values.astype(np.float64)
    if quantizer:
        codes, alpha = layer.codes()
        scales = np.repeat(alpha, block_size(codes.shape, quantizer))[:codes.size]
        weight = codes * scales.reshape(codes.shape)
    with Tape(precision) as tape:
        t = ops.as_tensor(x)
        y = layer(t)
        dy = np.random.default_rng(1).standard_normal(y.shape).astype(np.float32)
        tape.backward((y, ops.as_tensor(dy, accum=True).data))
    got = ops.as_array(y), layer.weight.grad[:outputs, :80], ops.as_array(type(t)(t.grad, t.shape))
    want = x @ weight.T, np.tensordot(dy, x, ([0, 1], [0, 1])), dy @ weight
    for a, b in zip(got, want):
        assert np.linalg.norm(a - b) <= limit * np.linalg.norm(b)
    assert not y.data[:, outputs:].any() and not layer.weight.grad[outputs:].any()
    few = run(layer, x[:1, :2])                        # as decoding computes it
    np.testing.assert_allclose(few[0], (x @ weight.T)[0, :2], rtol=0, atol=1e-4)


@pytest.mark.parametrize("name, sizes, said", [
    ("searchlm", {"heads": 3}, "3 heads for 256 channels"), ("cortex-8", {"heads": 3}, "such as 4 heads"),
    ("reckoning", {"top_k": 500}, "500 largest of 128 cells"), ("v3", {"groups": 7}, "7 groups for 256 channels")])
def test_sizes_that_do_not_fit_are_refused(name, sizes, said):
    model_type = MODELS.get(name)
    with pytest.raises(UsageError, match=said):
        model_type(model_type.config_type(vocab_size=300, **sizes))


def matrix(rows, columns):
    return ops.as_tensor(np.zeros((rows, columns)))


@pytest.mark.parametrize("op, shapes", [
    (lambda x, y: ops.scan(x, x, np.zeros((1, 64), np.float32)), "state of shape (1, 64); expected (2, 64)"),
    (lambda x, y: ops.gated_scan(x, x, x, y, 0.0, np.zeros((2, 40), np.float32)), "expected (2, 64): channels"),
    (lambda x, y: ops.gated_scan(x, x, ops.as_tensor(np.zeros((2, 5, 32))), y, 0.0), "output has shape (2, 5, 32)"),
    (lambda x, y: ops.token_shift(x, ops.as_tensor(np.zeros(32))), "mix has shape (32,); expected (40,)"),
    (lambda x, y: ops.linear(x, matrix(8, 64)), "weight has shape (8, 64); expected (8, 40)"),
    (lambda x, y: ops.linear(x, matrix(8, 40), x), "residual has shape (2, 5, 40); expected (2, 5, 8)"),
    (lambda x, y: ops.glu(x, x, matrix(8, 40), matrix(9, 40)), "up has shape (9, 40); expected (8, 40)"),
    (lambda x, y: ops.glu(x, x, matrix(8, 40), matrix(8, 40), matrix(40, 9)), "down has shape (40, 9); expected (40, "),
    (lambda x, y: ops.glu(x, x, matrix(8, 40), matrix(8, 40), matrix(9, 8), x), "residual has shape (2, 5, 40); expec"),
    (lambda x, y: ops.glu(x, x, matrix(8, 40), matrix(8, 40), residual=x), "a residual without down; expected both"),
    (lambda x, y: ops.relu2_mlp(x, matrix(8, 40), matrix(40, 9)), "down has shape (40, 9); expected (40, 8)"),
    (lambda x, y: ops.rms_norm(x, ops.as_tensor(np.zeros(64))), "w has shape (64,); expected (40,)"),
    (lambda x, y: ops.layer_norm(x, y, ops.as_tensor(np.zeros(39))), "b has shape (39,); expected (40,)"),
    (lambda x, y: ops.layer_norm(x, y, y, 2), "2 groups of 40 channels; expected a multiple of 16"),
    (lambda x, y: ops.gated_conv(x, matrix(3, 32)), "x has shape (2, 5, 40); expected (2, 5, 64)"),
    (lambda x, y: ops.logits(x, matrix(9, 32)), "table has shape (9, 32); expected (9, 40)"),
    (lambda x, y: ops.nll(x, matrix(9, 40), np.full((2, 5), 9)), "targets from 9 to 9; expected 0 to 8"),
    (lambda x, y: ops.cross_entropy(x, matrix(9, 40), np.zeros((2, 4), int), 1.0), "targets has shape (2, 4)"),
    (lambda x, y: ops.embedding(np.array([[0, 9]]), ops.as_tensor(np.zeros((9, 32)))), "tokens from 0 to 9; expected"),
    (lambda x, y: ops.embedding(np.array([[-1]]), ops.as_tensor(np.zeros((9, 32)))), "tokens from -1 to -1; expected"),
])
def test_operands_that_would_be_read_beyond_their_end_are_refused(op, shapes):
    with Tape(record=False), pytest.raises(ValueError, match=re.escape(shapes)):
        op(ops.as_tensor(np.zeros((2, 5, 40))), ops.as_tensor(np.zeros(40)))
