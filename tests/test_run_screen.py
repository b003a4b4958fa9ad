"""Runs whose screen goes away, whose loss is not finite, and budgets of time."""
import json
import os
import random
import time
from dataclasses import replace

import faults
import pytest
from tiny import TINY, learned, log, pointer, weights

from ternary.checkpoint import format as checkpoint
from ternary.checkpoint.load import restore
from ternary.compiler.isa import PRECISIONS
from ternary.errors import NumericError
from ternary.models import MODELS
from ternary.training import loop
from ternary.training.callbacks import Callback
from ternary.training.optimizers.adamw import AdamW
from ternary.training.step import Trainer

LR = MODELS.get("bolt-small").lr


# --- the screen


@pytest.mark.skipif(os.name != "posix", reason="pipes and files of Unix")
@pytest.mark.parametrize("how", ["the reader of stderr goes away", "stderr is full", "stderr is closed",
                                 "stdout is closed"])
def test_a_run_does_not_end_because_of_its_screen(finished, corpus, tmp_path, start, how):
    folder, given = tmp_path / "run", {}
    if how == "stderr is full":
        if not os.path.exists("/dev/full"):
            pytest.skip("needs /dev/full")
        given["stderr"] = open("/dev/full", "w")
    if "is closed" in how:
        given["preexec_fn"] = lambda: os.close(2 if "stderr" in how else 1)
    process = start("train", "--data", corpus, *TINY, "--save-dir", folder, **given)
    if how == "the reader of stderr goes away":
        process.stderr.readline()
        process.stderr.close()
    assert process.wait(timeout=300) == 0
    assert weights(folder) == weights(finished[0]) and learned(folder) == learned(finished[0])


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_result_that_cannot_be_written(finished, corpus, tmp_path, start, form):
    folder = tmp_path / "run"
    with open("/dev/full", "w") as full:
        process = start("train", "--data", corpus, *TINY, "--save-dir", folder, *form, stdout=full)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 1 and err.count("Error: ") == 1
    assert err.splitlines()[-1] == ("Error: standard output cannot be written (No space left on device); "
                                    "what the command saved is kept")
    assert weights(folder) == weights(finished[0])


def test_a_loss_that_is_not_finite(finished, corpus, tmp_path, here, monkeypatch):
    """Twice the run goes back to step 20, and makes 4 steps again before the next one finds the weight that is NaN."""
    folder, command = tmp_path / "run", ["train", "--data", corpus, "--objective", faults.SPEC]
    monkeypatch.setenv("FAULT", json.dumps(dict.fromkeys(("24", "29", "34"), "weight")))
    result = here(*command, *TINY, "--save-dir", folder, "--json")
    assert result.code == 6 and result.json["error"]["code"] == "numeric"
    last = result.err.splitlines()[-1]
    assert last.startswith("Error: the loss is nan") and "step 25" in last and "smaller --lr" in last
    assert pointer(folder / "last") == "step_0000020" and checkpoint.load(folder, optimizer=True)
    monkeypatch.delenv("FAULT")
    assert here(*command, "--resume", folder).code == 0
    assert learned(folder) == learned(finished[0]) and weights(folder) == weights(finished[0])


def test_a_gradient_that_is_not_finite_changes_no_weight(finished, monkeypatch):
    model = restore(finished[0]).model
    monkeypatch.setenv("FAULT", '{"1": "gradient"}')
    trainer = Trainer(model, AdamW(model.parameters()), PRECISIONS[0], objectives=(faults.Fault(),))
    before = trainer.optimizer.data.copy()
    x = (trainer.optimizer.data[:64].view("i4") % 500).reshape(2, 32).copy()
    with pytest.raises(NumericError, match="gradient norm nan.* at step 1; no update was made"):
        trainer.step(x, x, 0.1)
    assert (trainer.optimizer.data == before).all() and trainer.optimizer.steps == 0


@pytest.mark.parametrize("step_seconds, evaluation_seconds, eval_every", [(0.2, 1.0, 25), (0.2, 0.01, 25),
                                                                          (0.7, 4.0, 25), (0.2, None, 1000)])
def test_a_budget_of_time_includes_the_last_evaluation(config, tmp_path, monkeypatch, step_seconds, evaluation_seconds,
                                                       eval_every):
    """With a clock that only steps and evaluations move; somebody else sets that of the day.

    None: the first evaluation is the last, and takes 1.8 times as long as to train on its tokens.
    """
    class Clock(Callback):
        """Evaluations take as long as they are told; steps as long as an objective in the step does."""
        now = 1000.0

        def evaluated(self, run, result):
            self.now += evaluation_seconds or 1.8 * result["tokens"] * step_seconds / (2 * 32)

    clock, day = Clock(), random.Random(1)
    (tmp_path / "slow.py").write_text("""
import time
from ternary.objectives import Objective

class Slow(Objective):
    name = "slow"

    def __call__(self, batch):
        time.take(self.weight)
        return []
""")

    def take(seconds):
        clock.now += seconds

    monkeypatch.setattr(time, "take", take, raising=False)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(time, "time", lambda: day.uniform(0, 4e9))
    result = loop.train(replace(config, steps=None, hours=0.005, eval_every=eval_every, val_data=config.data,
                                eval_stories=16, objective=f"{tmp_path / 'slow.py'}:Slow:{step_seconds}"),
                        callbacks=[clock])
    assert 0.5 * 18 <= clock.now - 1000 <= 18 + 2 * step_seconds
    assert result["seconds"] == clock.now - 1000
    rates = [float(e["lr"]) for e in log(tmp_path / "run", "train")]
    assert log(tmp_path / "run", "train")[-1]["step"] == result["step"] and rates[-1] < 1e-5 + 0.02 * LR


def test_a_budget_that_preparing_the_data_used_up(config, tmp_path, here, corpus):
    result = here("train", "--data", corpus, *TINY[2:], "--hours", 1e-9, "--save-dir", tmp_path / "run")
    assert result.code == 2 and "--hours 1e-09" in result.err and len(result.err.splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_hours(corpus, tmp_path, shell):
    folder, began = tmp_path / "run", time.monotonic()
    result = shell("train", "--data", corpus, *TINY[2:8], "--hours", 0.005, "--save-dir", folder, "--json")
    taken = time.monotonic() - began
    assert result.code == 0 and result.json["seconds"] < 18 + 2 and taken < 18 + 30
    assert result.json["seconds"] > 9 and checkpoint.load(folder).state["step"] == result.json["step"]
    assert float(log(folder, "train")[-1]["lr"]) < 1e-5 + 0.02 * LR


def test_target(config, finished, tmp_path, here):
    folder, target = tmp_path / "run", float(log(finished[0], "eval")[1]["val_bpc"])
    loop.train(replace(config, target_bpc=target, schedule="constant"))
    *before, reached = [float(e["val_bpc"]) for e in log(folder, "eval")]
    assert reached <= target < min(before) and len(before) < 3
    assert float(log(folder, "train")[-1]["lr"]) == LR
    result = here("train", "--resume", folder, "--json")
    assert result.json["step"] == 10 * len(before) + 10
    assert f"BPC {reached:.4f} is at the target {target:g}" in result.err
    assert here("train", "--resume", folder, "--target-bpc", 0.01, "--json").json["step"] == 40


@pytest.mark.parametrize("steps, exact", [(2, True), (3, False)])
def test_the_head_is_exact_during_the_warm_up(config, tmp_path, steps, exact):
    """A model that cannot tell words apart would learn from the noise of those left out. A target that the first
    evaluation meets ends the run there.
    """
    found = []
    for sampling in (0.0, 0.5):
        changes = {"warmup": 3, "eval_every": steps, "target_bpc": 100.0, "vocab_sampling": sampling,
                   "save_dir": str(tmp_path / str(sampling))}
        loop.train(replace(config, **changes))
        found.append(weights(tmp_path / str(sampling)))
    assert (found[0] == found[1]) == exact
