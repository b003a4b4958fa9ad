"""Callbacks of a user's own: what they see, what they may do, and what a checkpoint keeps of them."""
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny import log

import ternary
from ternary.checkpoint import format as checkpoint
from ternary.errors import UsageError
from ternary.training.callbacks import Callback
from ternary.training.loop import train


class Recorder(Callback):
    """Stops at step 7, and remembers."""

    def __init__(self):
        self.steps, self.loaded = [], None

    def step(self, run, loss, grad_norm, lr):
        self.steps.append(run.step)
        if run.step == 7:
            run.stop("seven is enough")

    def state(self):
        return {"recorded": len(self.steps)}

    def load(self, state):
        self.loaded = state.get("recorded")


def test_a_callback_sees_steps_stops_a_run_and_is_saved_with_it(empty_folder, corpus):
    options = {"data": str(corpus), "batch_size": 2, "seq_len": 32, "vocab_size": 512, "eval_stories": 5, "steps": 20,
               "threads": 1, "save_dir": "run", "set": {"dim": 32, "layers": 1, "hidden": 64}}
    first, second = Recorder(), Recorder()
    assert ternary.train(model="bolt-small", callbacks=[first], **options).result["step"] == 7
    assert first.steps == list(range(1, 8)) and first.loaded is None
    assert ternary.train(resume="run", callbacks=[second], steps=9, data=str(corpus)).result["step"] == 9
    assert second.steps == [8, 9] and second.loaded == 7


def test_a_callback_stops_a_run_at_a_step_with_an_evaluation(config):
    assert train(replace(config, eval_every=7), callbacks=[Recorder()])["step"] == 7


class Holding(Callback):
    def __init__(self, value):
        self.value = value

    def state(self):
        return {"held": self.value}


def test_numbers_of_numpy_are_saved_with_a_callback(config):
    train(replace(config, steps=1), callbacks=[Holding(np.float32(0.5))])
    assert checkpoint.load(Path(config.save_dir) / "last").state["held"] == 0.5


@pytest.mark.parametrize("value", [math.inf, np.zeros(2)])
def test_a_state_that_no_checkpoint_can_hold_is_refused_before_the_first_step(config, value):
    with pytest.raises(UsageError, match="the state of the callback Holding .*; use finite numbers"):
        train(config, callbacks=[Holding(value)])


def test_a_state_that_no_checkpoint_can_hold_any_more_is_left_out(config):
    class Rising(Holding):
        def step(self, run, loss, grad_norm, lr):
            self.value = math.nan
    train(replace(config, steps=1), callbacks=[Rising(1)])
    assert "held" not in checkpoint.load(Path(config.save_dir) / "last").state
    assert "the callback Rising" in log(Path(config.save_dir), "event")[0]["text"]


def test_a_name_that_is_taken_is_not_saved_again(config):
    class Drawn(Callback):
        def state(self):
            return {"drawn": 40}
    train(replace(config, steps=1), callbacks=[Holding(1), Holding(2), Drawn()])
    state = checkpoint.load(Path(config.save_dir) / "last").state
    assert state["held"] == 1 and state["drawn"] == [1]
    assert [e["text"].partition(" has ")[2][:7] for e in log(Path(config.save_dir), "event")] == ["'held',", "'drawn'"]
