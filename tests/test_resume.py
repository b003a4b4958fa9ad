"""Runs that are killed, interrupted and resumed go on as if nothing was; settings of a resumed run."""
import json
import os
import shutil
import signal
import time

import faults
import pytest
from tiny import TINY, learned, log, names, pointer, stories, weights

from ternary.checkpoint import format as checkpoint
from ternary.checkpoint.folder import point
from ternary.config import TrainConfig
from ternary.errors import ModelFileError
from ternary.models import MODELS
from ternary.training import loop
from ternary.training.step import uninterrupted

LR = MODELS.get("bolt-small").lr
KEYS = {"checkpoint", "step", "tokens", "seconds", "tokens_per_second", "train_loss", "val_loss", "val_bpc"}


@pytest.fixture
def copy(finished, tmp_path):
    """A run that is finished at step 40, to be changed."""
    shutil.copytree(finished[0], tmp_path / "run", symlinks=True)
    return tmp_path / "run"


# --- killed and interrupted


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


def test_local_steps_are_interrupted_where_they_end(corpus, tmp_path, here, monkeypatch):
    """Also of one process, as when a launch went on with one rank: the weights between are no checkpoint's."""
    how = ["train", "--data", corpus, *TINY, "--local-steps", 8, "--objective", faults.SPEC, "--save-dir"]
    assert here(*how, tmp_path / "whole").code == 0
    monkeypatch.setenv("FAULT", json.dumps({"13": "SIGINT"}))
    assert "saved at step 16;" in here(*how, tmp_path / "cut").err
    monkeypatch.delenv("FAULT")
    assert here("train", "--resume", tmp_path / "cut", "--objective", faults.SPEC).code == 0
    assert weights(tmp_path / "cut") == weights(tmp_path / "whole")


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
                    "--save-dir", tmp_path / "run", env={"TERM": "xterm", "PYTHONIOENCODING": "utf-8"}, text=False,
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


def test_resuming_an_export_is_refused(finished, tmp_path, here):
    assert here("export", "--checkpoint", finished[0], "--to", "hf", "--out", tmp_path / "hub").code == 0
    refused = here("train", "--resume", tmp_path / "hub")
    assert refused.code == 2 and "resume the run that it was exported from" in refused.err
    assert "--save-dir" not in refused.err
