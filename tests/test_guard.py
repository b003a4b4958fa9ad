"""The numerics guard: unsound steps make no update, go back, and after the third time end the run; warnings."""
import json
import math

import faults
import numpy as np
import pytest
from tiny import TINY, learned, log

from ternary.checkpoint import format as checkpoint
from ternary.checkpoint.find import find
from ternary.nn.module import Parameter
from ternary.training.guard import SETTLED, Guard, culprit, warnings


def test_what_is_not_finite_is_trouble():
    for nats, norm in ((math.nan, 1.0), (math.inf, 1.0), (3.0, math.nan), (3.0, math.inf)):
        assert "the loss is" in Guard().trouble(nats, norm)
    assert Guard().trouble(3.0, 1e6) is None              # a large gradient is clipped


def test_a_jump_is_trouble_once_the_loss_has_settled():
    guard = Guard()
    for _ in range(SETTLED):
        assert guard.trouble(4.0, 1.0) is None
    assert guard.trouble(5.9, 1.0) is None
    assert guard.trouble(6.5, 1.0).startswith("the loss jumped from 4")
    again = Guard()
    again.load(guard.state())
    assert again.trouble(6.5, 1.0) == guard.trouble(6.5, 1.0)


def test_the_culprit_is_the_first_that_is_not_finite():
    found = {name: Parameter(np.zeros(3, np.float32)) for name in ("embed", "up", "down")}
    assert culprit(found) == ""
    found["down"].data[1] = np.inf
    found["up"].grad[2] = np.nan
    assert culprit(found) == "; first in the gradient of up"


@pytest.fixture
def poisoned(monkeypatch, here, corpus, tmp_path):
    """poisoned(*n) -> Result of a run whose n-th steps, counted from 1, have a gradient that is not finite."""
    def train(*which):
        monkeypatch.setenv("FAULT", json.dumps(dict.fromkeys(map(str, which), "gradient")))
        return here("train", "--data", corpus, *TINY, "--objective", faults.SPEC, "--save-dir", tmp_path / "run",
                    "--json")
    return train


def test_an_unsound_step_goes_back_to_the_last_checkpoint_with_half_the_rate(tmp_path, poisoned):
    result = poisoned(25)
    assert result.code == 0 and result.json["step"] == 40
    [event] = log(tmp_path / "run", "event")
    assert event["step"] == 20 and "the gradient norm nan" in event["text"]
    assert "first in the gradient of blocks.1.mixer.up.weight at step 25; no update was made" in event["text"]
    assert "back to step 20 with the learning rate times 0.5" in event["text"] and "back to step 20" in result.err
    rates = {e["step"]: float(e["lr"]) for e in log(tmp_path / "run", "train")}
    state = json.loads((find(tmp_path / "run" / "last") / "state.json").read_text())
    assert state["lr_scale"] == 0.5 and state["events"] == 1 and list(rates) == [10, 20, 30, 40]


def test_going_back_before_the_first_checkpoint_is_starting_again(tmp_path, poisoned, finished):
    assert poisoned(5).code == 0
    [event] = log(tmp_path / "run", "event")
    assert event["step"] == 0
    steps = [(e[0], e[1]) for e in learned(tmp_path / "run")]
    assert steps == [(e[0], e[1]) for e in learned(finished[0])]


def test_the_third_time_ends_the_run_and_says_why(tmp_path, poisoned):
    result = poisoned(25, 30, 32)
    assert result.code == 6 and result.json["error"]["code"] == "numeric"
    assert "it is the third time" in result.err and "smaller --lr" in result.err
    assert len(log(tmp_path / "run", "event")) == 2
    weights = checkpoint.load(tmp_path / "run", optimizer=True).weights
    assert all(np.isfinite(w).all() for w in weights.values())


def evals(losses, zeros=()):
    lines = [{"val_loss": loss} for loss in losses]
    for line, zero in zip(lines, zeros):
        line["trits"] = {"blocks.0.ffn.up": [0.5 * (1 - zero), zero, 0.5 * (1 - zero)]}
    return lines


def test_warnings():
    assert not list(warnings(evals([5.0, 4.0, 3.0, 2.0], [0.3, 0.3, 0.4, 0.4]), 2.0))
    [dead] = warnings(evals([5.0, 4.0], [0.4, 1.0]), 3.0)
    assert "all ternary weights of blocks.0.ffn.up are 0" in dead
    assert not list(warnings(evals([5.0, 4.0, 3.9], [0.4, 1.0, 1.0]), 3.0))           # said once
    [flat] = warnings(evals([5.0, 5.01, 4.99, 5.0]), 5.0)
    assert "has stayed at 5.000 for 4 evaluations" in flat
    [apart] = warnings(evals([3.0, 2.5, 2.6, 2.7, 2.8]), 2.0)
    assert "risen 3 times, to 2.800, while the training loss is 2.000" in apart
    assert not list(warnings(evals([3.0, 2.5, 2.6, 2.7, 2.8, 2.9]), 2.0))             # said once
    assert not list(warnings(evals([3.0, 2.5, 2.6, 2.7, 2.8]), 2.7))                  # no gap: a hard set
