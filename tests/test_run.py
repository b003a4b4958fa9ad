"""Runs by the real command line: what they write, how they end, and what faults do to them."""
import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest
from tiny import TINY, learned, log, names, pointer, weights

from ternary.checkpoint import format as checkpoint
from ternary.checkpoint.folder import point
from ternary.models import MODELS
from ternary.text.tokenizer import Tokenizer
from ternary.training import loop
from ternary.training.callbacks import Callback, evaluation

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


def test_checkpoints_between_evaluations_are_no_more_than_wanted(config):
    class Count(Callback):
        most = 0

        def pause(self, run):
            self.most = max(self.most, len(list(run.folder.glob("step_*"))))
    count = Count()
    loop.train(replace(config, steps=12, eval_every=1000, keep=2, save_minutes=1e-6), callbacks=[count])
    assert count.most == 2


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
