"""The moving average of the weights (--ema): what is scored and saved, while training goes on from the weights."""
import json
from dataclasses import replace

import faults
import numpy as np
import pytest
from tiny import TINY, learned, weights

from ternary.checkpoint import format as checkpoint
from ternary.nn.module import Parameter
from ternary.training.average import WeightAverage
from ternary.training.callbacks import Callback
from ternary.training.loop import train
from ternary.training.optimizers import OPTIMIZERS
from ternary.training.plan import new_model, resolve


def trained(steps):
    """The weights of each step of a random walk, and a WeightAverage that saw them."""
    rng = np.random.default_rng(0)
    found = {"w": Parameter(rng.normal(size=(40, 40)).astype(np.float32))}
    average = WeightAverage(OPTIMIZERS.get("sgd")(found), 0.9)
    seen = [found["w"].values.copy()]
    for step in range(1, steps + 1):
        found["w"].values[...] += rng.normal(size=(40, 40)).astype(np.float32)
        seen.append(found["w"].values.copy())
        average.update(step)
    return found["w"], seen, average


def test_the_average_weighs_later_weights_more():
    w, seen, average = trained(200)
    expected = seen[0].astype(np.float64)
    for step, values in enumerate(seen[1:], 1):
        d = min(0.9, (1 + step) / (10 + step))
        expected = d * expected + (1 - d) * values
    average.swap()
    np.testing.assert_allclose(w.values, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(average.state()["trained.w"], seen[-1])
    average.swap()
    np.testing.assert_array_equal(w.values, seen[-1])


@pytest.fixture
def averaged(tmp_path, corpus, here):
    folder = tmp_path / "averaged"
    assert here("train", "--data", corpus, *TINY, "--ema", 0.9, "--save-dir", folder).code == 0
    return folder


def test_a_checkpoint_has_the_average_and_beside_it_the_weights(averaged, finished):
    kept, plain = checkpoint.load(averaged / "last", optimizer=True), checkpoint.load(finished[0] / "last")
    for name, values in plain.weights.items():
        np.testing.assert_array_equal(kept.optimizer[f"trained.{name}"], values)      # training is the same
    assert any((kept.weights[name] != values).any() for name, values in plain.weights.items())
    assert [line[:2] for line in learned(averaged)] == [line[:2] for line in learned(finished[0])]


def test_a_resumed_run_ends_with_the_same_average(averaged, corpus, tmp_path, here, monkeypatch):
    monkeypatch.setenv("FAULT", json.dumps({"13": "SIGTERM"}))
    folder = tmp_path / "run"
    assert here("train", "--data", corpus, *TINY, "--ema", 0.9, "--objective", faults.SPEC, "--save-dir",
                folder).code == 143
    monkeypatch.delenv("FAULT")
    assert here("train", "--resume", folder, "--objective", faults.SPEC).code == 0
    assert weights(folder) == weights(averaged)


class AfterGoingBack(Callback):
    """Sees the step, the weights and their average when a run has gone back."""

    def unsound(self, run, error):
        self.back, self.weights = run.step, {name: p.values.copy() for name, p in run.model.parameters().items()}
        self.average = {name.removeprefix("trained."): a.copy() for name, a in run.average.state().items()}


@pytest.mark.parametrize("fault, back", [(5, 0), (17, 10)])
def test_going_back_restores_weights_and_average(config, tmp_path, monkeypatch, fault, back):
    monkeypatch.setenv("FAULT", json.dumps({str(fault): "gradient"}))
    config = replace(config, steps=20, ema=0.9, objective=faults.SPEC)
    seen = AfterGoingBack()
    assert train(config, callbacks=[seen])["step"] == 20 and seen.back == back
    if back:
        kept = checkpoint.load(tmp_path / "run" / f"step_{back:07}", optimizer=True)
        average, trained = kept.weights, {name: kept.optimizer[f"trained.{name}"] for name in kept.weights}
    else:
        average = trained = {name: p.values for name, p in new_model(resolve(config)).parameters().items()}
    for name, values in trained.items():
        np.testing.assert_array_equal(seen.weights[name], values)
        np.testing.assert_array_equal(seen.average[name], average[name])
