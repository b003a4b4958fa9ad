"""What takes long says so on stderr, and the screen ends no work."""
import io
import random
import sys
import time

import pytest

import ternary
from ternary.machine import heartbeat as module
from ternary.machine.heartbeat import heartbeat, say
from ternary.training.callbacks import Callback


class Gone(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, text):
        raise BrokenPipeError


def until(condition):
    while not condition():
        time.sleep(0.005)


def test_lines_come_while_a_block_runs(monkeypatch):
    monkeypatch.setattr(module, "INTERVAL", 0.01)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    counts = iter(range(1000))
    with heartbeat(lambda: f"done: {next(counts)}"):
        until(lambda: "done: 2" in sys.stderr.getvalue())
    said = sys.stderr.getvalue()
    assert said.startswith("done: 0 (0 s)\ndone: 1 (")
    time.sleep(0.05)
    assert sys.stderr.getvalue() == said


def test_of_blocks_inside_of_one_another_the_innermost_speaks(monkeypatch):
    monkeypatch.setattr(module, "INTERVAL", 0.01)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with heartbeat("outer"):
        with heartbeat("inner"):
            until(lambda: sys.stderr.getvalue().count("inner (") == 3)
        assert "outer" not in sys.stderr.getvalue()
        until(lambda: "outer (" in sys.stderr.getvalue())


def test_no_line_while_others_are_shown(monkeypatch):
    """However long the block runs."""
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    clock = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(module, "SHORTEST", 0.001)
    with heartbeat("block"):
        for _ in range(10):
            clock[0] += 0.9 * module.INTERVAL
            say("a line of its own")
            time.sleep(0.01)
        assert "block" not in sys.stderr.getvalue()


def test_what_is_fast_says_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with heartbeat("adding"):
        pass
    assert sys.stderr.getvalue() == "" and module.INTERVAL < 5


def test_no_line_for_an_empty_text(monkeypatch):
    monkeypatch.setattr(module, "INTERVAL", 0.01)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    asked = []
    with heartbeat(lambda: asked.append(1) or ""):
        until(lambda: len(asked) > 2)
    assert sys.stderr.getvalue() == ""


def test_a_stream_that_fails_ends_nothing(monkeypatch):
    monkeypatch.setattr(module, "INTERVAL", 0.01)
    closed = io.StringIO()
    closed.close()
    for stream in (None, Gone(), closed):
        monkeypatch.setattr(sys, "stderr", stream)
        asked = []
        say("a line")
        with heartbeat(lambda asked=asked: asked.append(1) or "at work"):
            until(lambda asked=asked: len(asked) > 2)


# ---- what has a heartbeat


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(module, "INTERVAL", 0.002)


def test_a_command_whose_text_comes_slowly(here, impatient, tmp_path):
    reader = "import time\n\n\ndef read():\n    time.sleep(0.05)\n    yield 'one'\n    yield 'two'\n"
    (tmp_path / "slow.py").write_text(reader)
    result = here("data", "prepare", f"{tmp_path / 'slow.py'}:read", "--vocab", 300)
    assert result.code == 0 and "ternary data: at work (0 s)" in result.err


def test_choosing_a_vocabulary(here, impatient, tmp_path):
    letters = random.Random(1).choices("abcdefghij", k=30_000)
    words = ["".join(letters[k:k + 6]) for k in range(0, len(letters), 6)]
    (tmp_path / "words.txt").write_text("\n\n".join(map(" ".join, (words, words[::-1]))))
    assert "choosing the vocabulary (0 s)" in here("data", "prepare", tmp_path / "words.txt", "--vocab", 2000).err


def test_an_evaluation(here, impatient, finished, corpus):
    said = here("eval", "--checkpoint", finished[0], "--data", corpus, "--include-seen").err
    assert "scoring stories: " in said and " of 300 (0 s)" in said


class Slow(Callback):
    def pause(self, run):
        time.sleep(0.03)


def test_a_slow_step_and_each_of_slow_steps(environment, monkeypatch, tmp_path, corpus, capsys):
    """Between two lines of the log, which come every ten steps."""
    monkeypatch.setenv("TERNARY_CACHE", environment["TERNARY_CACHE"])
    monkeypatch.setattr("ternary.training.callbacks.progress.INTERVAL", 0.02)
    monkeypatch.setattr("ternary.training.logbook._PLAIN_INTERVAL", 0.02)
    options = {"steps": 5, "batch_size": 2, "seq_len": 32, "vocab_size": 512, "eval_stories": 5, "threads": 1}
    ternary.train(str(corpus), callbacks=[Slow()], save_dir=str(tmp_path / "a"), **options)
    said = capsys.readouterr().err
    assert all(f"step {k}/5  loss" in said for k in range(1, 6)) and "training: step" not in said
    monkeypatch.setattr(module, "INTERVAL", 0.01)
    ternary.train(str(corpus), callbacks=[Slow()], save_dir=str(tmp_path / "b"), **options)
    said = capsys.readouterr().err
    assert "training: step 1 (0 s)" in said and "training: step 3 (0 s)" in said
