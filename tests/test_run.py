"""Runs by the real command line: what they write, how they end, and that killed ones go on as if nothing was."""
import hashlib
import json
import os
import random
import shutil
import signal
import time
from dataclasses import replace
from types import SimpleNamespace

import faults
import pytest
from tiny import SIZES, TINY, learned, log, pointer, stories

from ternary.checkpoint import format as checkpoint
from ternary.checkpoint.folder import point
from ternary.checkpoint.load import restore
from ternary.compiler.isa import PRECISIONS
from ternary.config import TrainConfig
from ternary.errors import ModelFileError, NumericError
from ternary.models import MODELS
from ternary.training import loop
from ternary.training.callbacks import Callback, evaluation
from ternary.training.optimizers.adamw import AdamW
from ternary.training.schedules import WSD, Budget, Constant, Cosine, learning_rate
from ternary.training.step import Trainer, uninterrupted

LR = MODELS.get("bolt-small").lr

KEYS = {"checkpoint", "step", "tokens", "seconds", "tokens_per_second", "train_loss", "val_loss", "val_bpc"}


def weights(folder):
    return hashlib.sha256((checkpoint.find(folder / "last") / "model.safetensors").read_bytes()).hexdigest()


def names(folder):
    return sorted(p.name for p in folder.iterdir() if p.name != ".lock")


@pytest.fixture
def copy(finished, tmp_path):
    """A run that is finished at step 40, to be changed."""
    shutil.copytree(finished[0], tmp_path / "run", symlinks=True)
    return tmp_path / "run"


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
    assert all(e["sample"].startswith(evaluation.PROMPT) for e in log(finished[0], "eval"))


def test_what_people_see(finished):
    lines = [line for line in finished[1]["stderr"].splitlines() if "kernels" not in line]   # new ones are compiled
    assert not [line for line in lines if "tokenizing" in line or "vocabulary" in line]     # soon done: not told
    assert "bolt-small" in lines[0] and "(the fastest with " in lines[1] and "290 stories" in lines[2]
    assert sum("validation BPC" in line for line in lines) == 4 and "step 40/40" in finished[1]["stderr"]


# --- killed and resumed


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_killed_run_resumes_as_if_nothing_was(finished, corpus, tmp_path, start, shell):
    folder = tmp_path / "run"
    process = start("train", "--data", corpus, *TINY, "--save-dir", folder)
    while process.poll() is None and not ((folder / "log.jsonl").exists() and '"save", "step": 20' in
                                          (folder / "log.jsonl").read_text()):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "killed too late"
    result = shell("train", "--resume", folder, "--json")
    assert result.code == 0, result.err
    assert KEYS <= set(result.json) and result.json["step"] == 40 and result.json["checkpoint"] == str(folder)
    assert [e["step"] for e in log(folder, "start")] == [0, 20]
    assert learned(folder) == learned(finished[0])
    assert weights(folder) == weights(finished[0])
    assert result.json["val_bpc"] == finished[1]["val_bpc"]


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number, code, name", [(2, 130, "interrupted"), (15, 143, "terminated"),
                                                (1, 143, "terminated")])
def test_an_interrupted_run_saves_the_step_it_is_in(corpus, tmp_path, here, monkeypatch, number, code, name):
    folder, before = tmp_path / "a run", signal.getsignal(number)
    monkeypatch.setenv("FAULT", json.dumps({"13": signal.Signals(number).name}))
    result = here("train", "--data", corpus, *TINY, "--objective", faults.SPEC, "--save-dir", folder, "--json")
    message = f"{name}; saved at step 13; continue with: ternary train --resume '{folder}'"
    assert result.code == code and result.err.splitlines()[-1] == f"Error: {message}"
    assert result.json == {"error": {"code": name, "message": message}}
    assert pointer(folder / "last") == "step_0000013" and pointer(folder / "best") == "step_0000010"
    assert signal.getsignal(number) == before


def test_a_run_interrupted_between_two_lines_of_the_log_resumes_exactly(finished, corpus, tmp_path, here, monkeypatch):
    folder = tmp_path / "run"
    monkeypatch.setenv("FAULT", '{"27": "SIGINT"}')
    command = ["--objective", faults.SPEC, "--data", corpus]
    assert here("train", *command, *TINY, "--save-dir", folder).code == 130
    monkeypatch.delenv("FAULT")
    assert here("train", *command, "--resume", folder).code == 0
    assert [e for e in learned(folder) if e[1] != 27] == learned(finished[0])
    assert weights(folder) == weights(finished[0])


def test_a_run_interrupted_before_its_first_step_leaves_nothing(tmp_path, here):
    (tmp_path / "reader.py").write_text("def stories(argument):\n    raise KeyboardInterrupt\n    yield\n")
    result = here("train", "--data", f"{tmp_path / 'reader.py'}:stories:text", *TINY, "--save-dir", tmp_path / "run")
    assert (result.code, result.out, result.err) == (130, "", "Error: interrupted\n")
    assert names(tmp_path) == ["reader.py"]


def test_a_second_interrupt_does_not_wait():
    with pytest.raises(SystemExit) as stop, uninterrupted():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    assert stop.value.code == 130 and signal.getsignal(signal.SIGINT) == signal.default_int_handler


def test_killed_between_a_save_and_its_evaluation(finished, copy, here):
    """The evaluation is made up for."""
    lines = (copy / "log.jsonl").read_text().splitlines(keepends=True)
    cut = next(i for i, line in enumerate(lines) if '"save", "step": 30' in line)
    (copy / "log.jsonl").write_text("".join(lines[:cut + 1]) + '{"kind": "ev')
    shutil.rmtree(copy / "step_0000040")
    for name in ("last", "best"):
        point(copy, name, 30)
    assert here("train", "--resume", copy).code == 0
    assert learned(copy) == learned(finished[0]) and weights(copy) == weights(finished[0])


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")
def test_on_a_terminal(corpus, tmp_path, start):
    """A bar with numbers; Ctrl-C ends it with one line and gives the cursor back."""
    import fcntl
    import pty
    import struct
    import termios
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    process = start("train", "--data", corpus, *TINY, "--steps", 5000, "--eval-every", 1000,
                    "--save-dir", tmp_path / "run", env={"TERM": "xterm"}, text=False,
                    stdin=slave, stdout=slave, stderr=slave,
                    preexec_fn=lambda: (os.setsid(), fcntl.ioctl(0, termios.TIOCSCTTY, 0)))
    os.close(slave)
    shown, asked = "", False
    while True:
        try:
            shown += os.read(master, 65536).decode()
        except OSError:                   # the other side is closed
            break
        if "tokens/s" in shown and not asked:
            asked = os.write(master, b"\x03")
    os.close(master)
    assert process.wait() == 130
    assert "step 10/5,000" in shown and "BPC" in shown and "━" in shown and "Traceback" not in shown
    lines = shown.replace("\r", "").strip().splitlines()
    assert lines[-1].startswith("\x1b[?25hError: interrupted; saved at step ")          # and the cursor is back
    assert sum("Error" in line for line in lines) == 1 and shown.count("\x1b[?25l") == 1
    assert len(lines) == 5                # model, choices, data, bar, error: the bar has not left its line
    assert checkpoint.load(tmp_path / "run", optimizer=True).state["step"] >= 10


# --- what may follow a run


def test_a_finished_run_resumed_is_left_as_it_is(finished, copy, here):
    result = here("train", "--resume", copy, "--json")
    assert result.code == 0 and "budget of this run is used up" in result.err
    assert {k: result.json[k] for k in ("step", "train_loss", "val_bpc")} == \
        {k: finished[1][k] for k in ("step", "train_loss", "val_bpc")}
    assert learned(copy) == learned(finished[0]) and weights(copy) == weights(finished[0])


def test_more_steps_extend_a_run(finished, copy, here):
    result = here("train", "--resume", copy, "--steps", 60, "--json")
    assert result.code == 0 and result.json["step"] == 60 and result.json["tokens"] == 60 * 64
    assert [e["step"] for e in log(copy, "train")] == [10, 20, 30, 40, 50, 60]
    assert learned(copy)[:12] == learned(finished[0])
    assert result.json["val_loss"] < float(log(copy, "eval")[0]["val_loss"])
    assert pointer(copy / "last") == "step_0000060"
    settings = checkpoint.load(copy / "last").state["settings"]
    assert settings["steps"] == 60 and settings["epochs"] is None


@pytest.mark.parametrize("flag, value", [("--lr", "0.1"), ("--batch", "3"), ("--seed", "7"), ("--vocab", "600"),
                                         ("--val-data", "a.txt"), ("--model", "bolt-large"), ("--save-dir", "other")])
def test_a_resumed_run_keeps_its_settings(finished, copy, here, flag, value):
    result = here("train", "--resume", copy, flag, value, "--steps", "60")
    assert result.code == 2 and result.err.startswith(f"Error: {flag}") and len(result.err.splitlines()) == 1
    assert learned(copy) == learned(finished[0]) and names(copy) == names(finished[0])


def test_the_same_settings_may_be_given_again(finished, copy, here):
    tiny = TINY[2:]                       # all but the budget
    assert here("train", "--resume", copy, *tiny, "--lr", LR, "--precision", "auto", "--save-dir", copy).code == 0
    assert learned(copy) == learned(finished[0])


def test_other_text_is_refused(copy, tmp_path):
    (tmp_path / "other.txt").write_text("\n\n".join(stories(seed=2)))
    saved = checkpoint.load(copy)
    config = TrainConfig.from_json(saved.state["settings"] | {"data": str(tmp_path / "other.txt")})
    with pytest.raises(ModelFileError, match="not the one this run was started with"):
        loop.train(config, saved.path)


def test_settings_that_were_tampered_with():
    good = TrainConfig(hours=2).to_json()
    assert TrainConfig.from_json(good).hours == 2
    for bad in (None, [], good | {"lr": "fast"}, good | {"surprise": 1}, {"lr": -1.0}, good | {"data": 5}):
        with pytest.raises(ModelFileError, match="settings of the run"):
            TrainConfig.from_json(bad)


def test_going_back_to_an_earlier_step(finished, copy, here):
    """What came after it is done again, the same."""
    (copy / "step_0000040" / "model.safetensors").write_bytes(b"damaged")
    result = here("train", "--resume", copy)
    assert result.code == 4 and "use " in result.err and "step_0000030 instead" in result.err
    assert here("train", "--resume", copy / "step_0000030").code == 0
    assert learned(copy) == learned(finished[0]) and weights(copy) == weights(finished[0])
    assert names(copy) == names(finished[0])


def test_the_best_step_is_that_of_the_log(finished, copy, here):
    result = here("train", "--resume", copy / "step_0000020", "--steps", 21)
    assert result.code == 0
    assert [e["step"] for e in log(copy, "eval")] == [10, 20, 21]
    assert pointer(copy / "last") == "step_0000021"
    assert pointer(copy / "best") in ("step_0000020", "step_0000021")


def test_a_second_run_needs_another_folder(finished, copy, corpus, here):
    result = here("train", "--data", corpus, *TINY, "--save-dir", copy, "--json")
    assert result.code == 2 and "--resume" in result.err and result.json["error"]["code"] == "usage"
    assert names(copy) == names(finished[0]) and learned(copy) == learned(finished[0])


def test_what_a_run_killed_before_its_first_save_left_is_no_run(corpus, tmp_path, here):
    folder = tmp_path / "run"
    (folder / "step_0000010.tmp").mkdir(parents=True)
    (folder / "log.jsonl").write_text('{"kind": "train", "step": 10, "loss": 5.0}\n')
    assert here("train", "--data", corpus, *TINY, "--steps", 4, "--save-dir", folder).code == 0
    assert names(folder) == ["best", "last", "log.jsonl", "report.html", "step_0000004"]
    assert [e["step"] for e in log(folder, "train")] == [4]


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


# --- the schedule


def rate(step, progress, schedule=None, warmup=200):
    return learning_rate(step, progress, schedule or Cosine(), lr=4e-3, min_lr=1e-5, warmup=warmup)


def test_warm_up_is_linear_and_at_most_a_tenth_of_the_budget():
    assert rate(0, 0.0) == pytest.approx(4e-3 / 200)
    assert rate(99, 0.01) == pytest.approx(4e-3 / 2)
    assert rate(3, 0.05) == pytest.approx(4e-3 / 2)                 # a short run: half of its warm-up
    assert rate(3, 0.1) > 0.97 * 4e-3 and rate(199, 0.001) > 0.99 * 4e-3
    assert rate(0, 0.0, warmup=1) == pytest.approx(4e-3)


def test_cosine():
    assert rate(1000, 0.5) == pytest.approx((4e-3 + 1e-5) / 2)
    assert rate(1000, 1.0) == pytest.approx(1e-5)
    rates = [rate(1000, i / 100) for i in range(101)]
    assert rates == sorted(rates, reverse=True)


def test_constant():
    assert rate(99, 0.01, schedule=Constant()) == rate(99, 0.01)
    assert [rate(1000, share, schedule=Constant()) for share in (0.2, 0.9, 1.0)] == [4e-3] * 3


def test_wsd_is_stable_and_then_decays():
    assert [rate(1000, share, schedule=WSD()) for share in (0.2, 0.8)] == pytest.approx([4e-3] * 2)
    assert rate(1000, 0.9, schedule=WSD()) == pytest.approx((4e-3 + 1e-5) / 2)
    assert rate(1000, 1.0, schedule=WSD()) == pytest.approx(1e-5)


def test_progress_is_that_of_the_budget_that_ends_first():
    budget = Budget(seconds=100, steps=1000)
    assert budget.progress(500, 10) == 0.5 and budget.progress(10, 70) == 0.7
    assert budget.progress(0, 45, reserve=10) == 0.5                # kept for the end
    assert budget.progress(0, 25, reserve=1e9) == 0.5               # but half of it is for training
    assert budget.progress(2000, 0) == 1 == budget.progress(0, 200)
    assert Budget(steps=10).progress(5, 1e9) == 0.5 and Budget(seconds=10).progress(10**9, 5) == 0.5


def test_settings_of_version_0_1_are_read():
    values = TrainConfig().to_json()
    values["head_noise"] = values.pop("vocab_sampling") / 2
    values |= {"quantizer": "row", "inner_norm": None}
    del values["set"], values["objective"]
    read = TrainConfig.from_json(values)
    assert read.vocab_sampling == TrainConfig.vocab_sampling / 2 and read.set == {"quantizer": "row"}
