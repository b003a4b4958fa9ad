"""Runs by the real command line: what they write, how they end, and what faults do to them."""
import json
import os
import random
import shutil
import time
from dataclasses import replace
from types import SimpleNamespace

import faults
import pytest
from tiny import SIZES, TINY, learned, log, names, pointer, weights

from ternary.checkpoint import format as checkpoint
from ternary.checkpoint.folder import point
from ternary.checkpoint.load import restore
from ternary.compiler.isa import PRECISIONS
from ternary.config import TrainConfig
from ternary.errors import NumericError
from ternary.models import MODELS
from ternary.text.tokenizer import Tokenizer
from ternary.training import loop
from ternary.training.callbacks import Callback, evaluation
from ternary.training.optimizers.adamw import AdamW
from ternary.training.step import Trainer

KEYS = {"checkpoint", "step", "tokens", "seconds", "tokens_per_second", "train_loss", "val_loss", "val_bpc"}
LR = MODELS.get("bolt-small").lr


# --- what a run leaves


def test_the_result(finished):
    folder, result = finished
    assert KEYS <= set(result)
    assert result["checkpoint"] == str(folder) and result["step"] == 40 and result["tokens"] == 40 * 2 * 32
    assert 0 < result["val_bpc"] < 1 and result["seconds"] > 0 and result["tokens_per_second"] > 0
    last = json.loads((folder / "log.jsonl").read_text().splitlines()[-3])
    assert last["kind"] == "save" and last["step"] == 40
    assert result["train_loss"] == float(log(folder, "train")[-1]["loss"])
    assert result["val_bpc"] == float(log(folder, "eval")[-1]["val_bpc"])


def test_the_files(finished):
    folder = finished[0]
    assert names(folder) == ["best", "last", "log.jsonl", "report.html", *(f"step_00000{k}" for k in (20, 30, 40))]
    assert pointer(folder / "last") == "step_0000040"
    evaluations = {e["step"]: float(e["val_bpc"]) for e in log(folder, "eval")}
    assert sorted(evaluations) == [10, 20, 30, 40]
    assert pointer(folder / "best") == f"step_{min(evaluations, key=evaluations.get):07d}"
    state = checkpoint.load(folder / "last").state
    assert state["step"] == 40 and state["settings"]["lr"] == LR and state["settings"]["seq_len"] == 32


def test_the_log(finished):
    cycle = ["train", "save", "eval"]                     # saved before evaluated
    entries = log(finished[0])
    assert [e["kind"] for e in entries] == ["start", *4 * cycle, "end"]
    assert [e["step"] for e in log(finished[0], "train")] == [10, 20, 30, 40]
    losses = [float(e["loss"]) for e in log(finished[0], "train")]
    assert losses == sorted(losses, reverse=True) and losses[-1] < 2 < 4 < losses[0]
    assert all(isinstance(e["sample"], str) for e in log(finished[0], "eval"))


def test_a_sample_begins_with_words_that_the_text_has():
    pieces = [f" {word}" for word in evaluation.PROMPT.split()] + list(evaluation.PROMPT)
    assert evaluation.prompt_for(Tokenizer(pieces, 300)) == evaluation.PROMPT
    assert evaluation.prompt_for(Tokenizer(["the"], 300)) == ""                   # no word of it is known


def test_what_people_see(finished):
    lines = [line for line in finished[1]["stderr"].splitlines() if "kernels" not in line]   # new ones are compiled
    assert not [line for line in lines if "tokenizing" in line or "vocabulary" in line]     # soon done: not told
    assert "bolt-small" in lines[0] and "(the fastest with " in lines[1] and "290 stories" in lines[2]
    assert sum("validation BPC" in line for line in lines) == 4 and "step 40/40" in finished[1]["stderr"]


# --- how runs end


@pytest.fixture
def config(corpus, tmp_path, here):
    """Of a tiny run by the Python interface."""
    return TrainConfig(data=str(corpus), steps=40, batch_size=2, seq_len=32, vocab_size=512, eval_every=10,
                       eval_stories=5, threads=1, save_dir=str(tmp_path / "run"), set=SIZES)


@pytest.fixture
def unlearning(tmp_path, config):
    """Of a run that learns in its warm-up of 4 steps, and nothing after it: evaluations are no better from then on."""
    schedule = tmp_path / "schedule.py"
    schedule.write_text("from ternary.training.schedules import Schedule\nclass Nothing(Schedule):\n"
                        "    def __call__(self, progress, lr, min_lr):\n        return 0.0\n")
    return replace(config, eval_every=2, schedule=f"{schedule}:Nothing")


def test_patience(unlearning, tmp_path, here):
    config, folder = replace(unlearning, patience=3), tmp_path / "run"
    assert loop.train(config)["step"] == 10
    assert pointer(folder / "best") == "step_0000004"
    result = here("train", "--resume", folder, "--schedule", config.schedule, "--json")
    assert result.code == 0 and result.json["step"] == 10
    assert "last 3 evaluations were no better than that of step 4" in result.err and "--patience" in result.err
    more = ["--patience", 5, "--steps", 12]
    result = here("train", "--resume", folder, "--schedule", config.schedule, *more, "--json")
    assert result.json["step"] == 12 and pointer(folder / "best") == "step_0000004"


def test_without_patience_a_run_keeps_to_its_budget(unlearning):
    assert loop.train(unlearning)["step"] == 40


def full_disk(monkeypatch, *failing):
    """The disk has no room when it is asked for the n-th time: 0 is before the first step, then at each save."""
    asked, usage = iter(range(100)), shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1 << 20) if next(asked) in failing
                        else usage(path))


def test_a_disk_that_is_full_for_a_while_ends_no_run(finished, corpus, tmp_path, here, monkeypatch):
    full_disk(monkeypatch, 1, 3)
    folder = tmp_path / "run"
    result = here("train", "--data", corpus, *TINY, "--save-dir", folder, "--json")
    assert result.code == 0 and result.json["val_bpc"] == finished[1]["val_bpc"]
    assert result.err.count("free disk space") == 2 and weights(folder) == weights(finished[0])
    assert [e["step"] for e in log(folder, "save")] == [20, 40] and pointer(folder / "best") == "step_0000040"


def test_best_is_the_best_step_that_could_be_saved(corpus, tmp_path, here, monkeypatch):
    """The best of all falls on a failed save; of the others the second is better than the first."""
    scores = iter([3.0, 1.0, 2.0, 2.5])
    score = evaluation.evaluate
    monkeypatch.setattr(evaluation, "evaluate", lambda *given, **more: {**score(*given, **more), "bpc": next(scores)})
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        full_disk(patch, 2)
        assert here("train", "--data", corpus, *TINY, "--save-dir", folder, "--keep", 1).code == 0
    assert pointer(folder / "best") == "step_0000030"
    assert {p.name for p in folder.glob("step_*")} == {"step_0000030", "step_0000040"}
    point(folder, "best", 40)
    assert here("train", "--resume", folder).code == 0 and pointer(folder / "best") == "step_0000030"


def test_a_run_whose_last_save_failed_says_so_at_its_end(finished, corpus, tmp_path, here, monkeypatch):
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        full_disk(patch, 3, 4, 5)                 # the last one is tried again at the end
        result = here("train", "--data", corpus, *TINY, "--save-dir", folder, "--json")
    last = result.err.splitlines()[-1]
    assert result.code == 5 and last.startswith("Error: cannot write") and "that of step 20" in last
    assert [e["step"] for e in log(folder, "eval")] == [10, 20, 30, 40] and f"--resume {folder}" in last
    assert pointer(folder / "last") == "step_0000020"
    assert here("train", "--resume", folder).code == 0
    assert learned(folder) == learned(finished[0]) and weights(folder) == weights(finished[0])


def test_a_disk_without_room_for_a_checkpoint_is_refused_before_the_first_step(corpus, tmp_path, here, monkeypatch):
    full_disk(monkeypatch, 0)
    result = here("train", "--data", corpus, *TINY, "--save-dir", tmp_path / "run")
    assert result.code == 5 and "MB left; free disk space" in result.err
    assert log(tmp_path / "run") == []


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
