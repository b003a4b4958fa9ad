"""The audit passes a correct model of one's own, and each fault is found by the check that is made for it."""
import re
from dataclasses import dataclass

import numpy as np
import pytest

import ternary
from ternary import nn, ops
from ternary.models import LM
from ternary.nn.module import Module, Parameter
from ternary.training import audit, contract


@dataclass(frozen=True)
class OwnConfig:
    vocab_size: int = 40
    dim: int = 32
    layers: int = 2


@ops.numpy_op
def running_mean(x, state):
    before = state or {"sum": 0.0, "count": 0}
    sums, n = before["sum"] + x.cumsum(1), before["count"] + np.arange(1, x.shape[1] + 1)[:, None]
    if state:
        state.update(sum=sums[:, -1:], count=n[-1, 0])

    def backward(dy):
        return np.flip(np.flip(dy / n, 1).cumsum(1), 1)
    return sums / n, backward


class RunningMean(Module):
    """x / 2 + weight * x * (mean of x so far)"""

    def __init__(self, dim):
        self.weight = Parameter(np.zeros(dim, np.float32))

    def init_state(self, batch):
        return {"sum": 0.0, "count": 0}

    def mean(self, x, state):
        return running_mean(x, state)

    def __call__(self, x, state=None):
        return ops.add(ops.scale(x, 0.5), ops.mul(ops.mul(x, self.mean(x, state)), self.weight))


class Own(LM):
    mixer = RunningMean

    def block(self, layer, rng):
        dim = self.config.dim
        return nn.Block(nn.RMSNorm(dim), self.mixer(dim), nn.RMSNorm(dim), nn.GLU(dim, 64, rng))


class SeesTheNextToken(Own):
    def hidden(self, tokens, state=None):
        return super().hidden(np.roll(tokens, -1, axis=1), state)


class NormOverTime(Own):
    class mixer(RunningMean):
        def mean(self, x, state):
            @ops.numpy_op
            def over_time(x):
                size = abs(x).mean(1, keepdims=True)
                return x / size, lambda dy: dy / size - np.sign(x) * (dy * x).mean(1, keepdims=True) / size ** 2
            return over_time(x)


class ForgetsBetweenChunks(Own):
    class mixer(RunningMean):
        def mean(self, x, state):
            return running_mean(x, None)


class ShiftsTwice(Own):
    """Whole sequences, as in training, are shifted once more; tokens in generation are not."""
    def hidden(self, tokens, state=None):
        return super().hidden(tokens if state else np.roll(tokens, 1, axis=1), state)


class IsOneTokenLate(Own):
    def init_state(self, batch=1):
        return [*super().init_state(batch), np.zeros((batch, 1), np.int32)]

    def hidden(self, tokens, state=None):
        last = state[-1] if state else np.zeros((len(tokens), 1), np.int32)
        if state:
            state[-1] = tokens[:, -1:]
        return super().hidden(np.concatenate([last, tokens], axis=1)[:, :-1], state)


class WrongGradient(Own):
    class mixer(RunningMean):
        def mean(self, x, state):
            @ops.numpy_op
            def double(x):
                return 2 * x, lambda dy: 2.01 * dy
            return double(x)


class NoGradient(Own):
    def __init__(self, config, seed=0):
        super().__init__(config, seed)
        self.unused = Parameter(np.ones(32, np.float32))


class MixesTheBatch(Own):
    class mixer(RunningMean):
        def mean(self, x, state):
            @ops.numpy_op
            def of_batch(x):
                return np.broadcast_to(x.mean(0), x.shape), lambda dy: np.broadcast_to(dy.mean(0), x.shape)
            return of_batch(x)


class KeepsSomethingElse(Own):
    """An array that is drawn at random, and is no parameter."""
    def __init__(self, config, seed=0):
        super().__init__(config, seed)
        self.table = np.random.default_rng(seed).standard_normal((config.vocab_size, 32))

    def hidden(self, tokens, state=None):
        return ops.add(super().hidden(tokens, state), ops.as_tensor(self.table[tokens], accum=True))


FAULTS = [
    (SeesTheNextToken, contract.causal, r"position 0 changed when token 1 was replaced \(2 tokens, fp32\)"),
    (NormOverTime, contract.causal, "position 0 changed when token 1 was replaced"),
    (ForgetsBetweenChunks, contract.step_equals_parallel, "the chunk of 1 from position 1 on has other logits"),
    (ShiftsTwice, contract.single_shift, r"the model generates \[5, 9, 4, 7"),
    (IsOneTokenLate, contract.single_shift, "the logits at position 0 did not change when token 0 was replaced"),
    (WrongGradient, contract.gradients, "backward gives .*, finite differences"),
    (NoGradient, contract.gradients, "unused has no gradient"),
    (MixesTheBatch, contract.sequences_independent, "sequence 0 of a batch of 3 has other logits than alone"),
    (KeepsSomethingElse, contract.saves_and_loads, "neither in the config nor a parameter"),
]
EXACT = (contract.causal, contract.sequences_independent, contract.step_equals_parallel, contract.saves_and_loads,
         contract.gradients)


def subject(kind, check):
    """The model that `audit` would give to the check."""
    model = kind(OwnConfig(), 1)
    return contract.shaken(model) if check in EXACT[:4] else contract.twin(model)


@pytest.mark.parametrize("kind, check, sentence", FAULTS)
def test_a_fault_is_found_by_its_check(kind, check, sentence):
    found = check(subject(kind, check))
    assert found and re.search(sentence, found), found


@pytest.mark.parametrize("check", [*EXACT, contract.single_shift])
def test_a_correct_model_passes_each_check(check):
    assert check(subject(Own, check)) is None


@pytest.mark.parametrize("kind, passes", [
    (ForgetsBetweenChunks, {*EXACT} - {contract.step_equals_parallel}),
    (WrongGradient, {*EXACT} - {contract.gradients}),
    (MixesTheBatch, {contract.saves_and_loads, contract.gradients}),
])
def test_other_checks_do_not_find_it(kind, passes):
    for check in passes:
        assert check(subject(kind, check)) is None, check.__name__


def test_report_of_a_correct_model():
    model = Own(OwnConfig(), 1)
    before = {name: p.values.copy() for name, p in model.parameters().items()}
    report = ternary.audit(model)
    assert report.passed and not report.detail, report.detail
    assert report.leak_probe_nats == pytest.approx(report.chance_nats, abs=0.1)
    assert "Own: passed" in str(report) and "leak_free" in str(report)
    for name, p in model.parameters().items():
        np.testing.assert_array_equal(p.values, before[name])          # the user's model is left as it was


def test_report_of_a_model_that_sees_the_next_token():
    report = ternary.audit(SeesTheNextToken(OwnConfig()))
    assert not report.passed and not report.causal and not report.leak_free
    assert report.leak_probe_nats < report.chance_nats - 0.5
    assert report.gradients and report.sequences_independent and report.saves_and_loads
    assert "the model sees its targets" in report.detail["leak_free"]
    assert report.to_json() | {"detail": None} == {
        "model": "SeesTheNextToken", "causal": False, "sequences_independent": True, "step_equals_parallel": False,
        "saves_and_loads": True, "gradients": True, "single_shift": report.single_shift, "leak_free": False,
        "leak_probe_nats": report.leak_probe_nats, "chance_nats": np.log(16), "passed": False, "detail": None}


def test_the_leak_probe_finds_a_norm_over_time():
    """A leak through statistics only."""
    nats = contract.leak_probe(contract.twin(NormOverTime(OwnConfig())))
    assert contract.leak(nats) is not None


def test_an_exception_in_a_check_is_a_finding():
    class CannotContinue(Own):
        def init_state(self, batch=1):
            raise RuntimeError("no state here")
    found = audit.run(contract.step_equals_parallel, lambda: CannotContinue(OwnConfig()))
    assert "RuntimeError: no state here" in found and "test_audit.py" in found


def report(model, name, **results):
    detail = {} if results.get("causal", True) else {"causal": "position 7 changed when token 12 was replaced"}
    passed = dict.fromkeys(audit.Report(name).checks, True)
    return audit.Report(name, **{**passed, "leak_probe_nats": 2.8, "detail": detail, **results})


def test_command_line(here, monkeypatch):
    monkeypatch.setattr("ternary.training.audit.audit", report)
    done = here("audit", "bolt-small", "nova", "--json")
    assert done.code == 0 and [r["model"] for r in done.json] == ["bolt-small", "nova"]
    assert done.json[0]["passed"] and done.json[0]["causal"] and done.json[0]["chance_nats"] == np.log(16)
    monkeypatch.setattr("ternary.training.audit.audit", lambda model, name: report(model, name, causal=name != "nova"))
    done = here("audit", "bolt-small", "nova")
    assert done.code == 1 and "nova, causal: position 7 changed when token 12 was replaced" in done.out
    assert done.out.count("FAILED") == 1
    assert here("audit", "no-such-model").code == 2
