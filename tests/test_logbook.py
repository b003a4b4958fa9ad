"""The log file stays valid JSON lines come what may; progress is a bar or plain lines, always on stderr."""

import errno
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from ternary.errors import ResourceError
from ternary.training import logbook
from ternary.training.logbook import Logbook, plain


@pytest.fixture
def clock(monkeypatch):
    """A monotonic clock that stands still; set clock[0] to move it."""
    now = [100.0]
    monkeypatch.setattr(logbook.time, "monotonic", lambda: now[0])
    return now


def strict(text):
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def lines(run):
    return [strict(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_records_are_json_lines_on_disk_at_once(tmp_path):
    run = tmp_path / "new" / "rün 1"
    with Logbook(run) as book:
        book.record("start", 0, model="bolt", seed=1)
        book.record("train", 10, loss=np.float32(2.5), sizes=np.arange(2), text="é\n\ud800")
        got = lines(run)
    assert [(e["kind"], e["step"]) for e in got] == [("start", 0), ("train", 10)]
    assert got[0]["model"] == "bolt" and got[0]["time"] > 1e9
    assert got[1]["loss"] == 2.5 and got[1]["sizes"] == [0, 1] and got[1]["text"] == "é\n\ud800"


def test_numbers_that_json_lacks_are_null(tmp_path):
    with Logbook(tmp_path) as book:
        book.record(
            "eval", 1, a=float("nan"), b=[np.float32("inf")], c={"d": -np.inf}, e=np.array([np.nan, 1.0])
        )
    entry = lines(tmp_path)[0]
    assert (entry["a"], entry["b"], entry["c"], entry["e"]) == (None, [None], {"d": None}, [None, 1.0])


def test_plain_keeps_ordinary_values():
    value = {"a": [1, 2.5, True, None, "x"], "b": {}}
    assert plain(value) == value
    assert plain({1: (np.int64(3), np.bool_(False))}) == {"1": [3, False]}


def test_an_unknown_kind_is_refused(tmp_path):
    with Logbook(tmp_path) as book, pytest.raises(ValueError, match="checkpoint"):
        book.record("checkpoint", 1)


def test_a_log_is_continued_not_overwritten(tmp_path):
    for step in (1, 2):
        with Logbook(tmp_path) as book:
            book.record("train", step)
    assert [e["step"] for e in lines(tmp_path)] == [1, 2]


def test_rewind_drops_later_lines_and_a_torn_one(tmp_path):
    with Logbook(tmp_path) as book:
        for step in (1, 2, 3, 4):
            book.record("train", step)
        book.record("save", 2)
    with open(tmp_path / "log.jsonl", "a") as file:
        file.write('{"kind": "train", "step": 2, "lo')
    with Logbook(tmp_path) as book:
        book.rewind(2)
        assert [(e["kind"], e["step"]) for e in lines(tmp_path)] == [("train", 1), ("train", 2), ("save", 2)]
        book.record("train", 3, again=True)
    assert lines(tmp_path)[-1]["again"] is True
    assert os.listdir(tmp_path) == ["log.jsonl"]


def test_rewind_drops_a_last_line_without_its_end(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"kind": "train", "step": 1}\n{"kind": "train", "step": 12}')
    with Logbook(tmp_path) as book:
        book.rewind(20)
        book.record("train", 13)
    assert [e["step"] for e in lines(tmp_path)] == [1, 13]


def test_rewind_that_fails_leaves_the_log_as_it_was(tmp_path, monkeypatch):
    with Logbook(tmp_path) as book:
        book.record("train", 1)
        book.record("train", 2)

        def full(handle):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(ResourceError, match="No space left"):
            book.rewind(1)
    assert [e["step"] for e in lines(tmp_path)] == [1, 2]


def test_rewind_of_a_new_log(tmp_path):
    with Logbook(tmp_path) as book:
        book.rewind(5)
    assert lines(tmp_path) == []


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Logbook(None) as book:
        book.record("train", 1)
        book.rewind(0)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match="log.jsonl"):
        Logbook(tmp_path / "file")


def test_lines_that_a_full_disk_refused_are_written_later(tmp_path, capsys):
    class Disk:
        """It takes so many bytes."""
        room = 20

        def __init__(self, file):
            self.file = file

        def write(self, data):
            if not self.room:
                raise OSError(errno.ENOSPC, "No space left on device")
            part = data[:self.room]
            self.room -= len(part)
            return self.file.write(part)

        def close(self):
            self.file.close()

    with Logbook(tmp_path) as book:
        book._file = disk = Disk(book._file)
        for step in (1, 2):
            book.record("train", step)
        assert len((tmp_path / "log.jsonl").read_bytes()) == 20 and len(book.lines("train")) == 2
        disk.room = 10_000
        book.record("train", 3)
    assert [e["step"] for e in lines(tmp_path)] == [1, 2, 3]
    assert capsys.readouterr().err.count("No space left") == 1


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(errno.EIO, "I/O"), ValueError("closed file")])
def test_a_screen_that_fails_is_left_alone(tmp_path, monkeypatch, error):
    class Screen:
        closed, shown = False, 0

        def isatty(self):
            return False

        def write(self, text):
            self.shown += 1
            raise error

    monkeypatch.setattr(sys, "stderr", Screen())
    with Logbook(tmp_path, interval=0) as book:
        for step in (1, 2, 3):
            book.message("hello")
            book.progress(step)
            book.record("train", step)
    assert sys.stderr.shown == 1 and len(lines(tmp_path)) == 3


def test_without_a_screen(tmp_path, monkeypatch, capsys):
    """A program of Windows without a console, or one started with 2>&-, has no stderr."""
    monkeypatch.setattr(sys, "stderr", None)
    with Logbook(tmp_path, interval=0) as book:
        book.message("hello")
        book.progress(1)
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_does_not_end_the_run(tmp_path, capsys):
    (tmp_path / "log.jsonl").symlink_to("/dev/full")
    with Logbook(tmp_path) as book:
        book.record("train", 1)
        book.record("train", 2)
    assert capsys.readouterr().err.count("No space left") == 1


def test_plain_progress_at_most_once_per_interval(clock, capsys):
    with Logbook(None, total=1000, unit="step", interval=5) as book:
        for done in range(0, 1001, 10):
            book.progress(done, loss=2.0, bpc=0.75, tokens_per_second=12345.6)
            clock[0] += 1  # 10 steps a second
        clock[0] -= 1
    out, err = capsys.readouterr()
    got = err.splitlines()
    assert out == "" and len(got) == 21
    assert got[0] == "step 0/1,000  loss 2.0000  BPC 0.7500  12,346 tokens/s"
    assert got[1] == "step 50/1,000  loss 2.0000  BPC 0.7500  12,346 tokens/s  ETA 0:01:35"
    assert got[-1].startswith("step 1,000/1,000") and got[-1].endswith("ETA 0:00:00")


def test_the_end_is_shown_even_within_the_interval(clock, capsys):
    with Logbook(None, total=10, interval=60) as book:
        for done in (1, 2, 10):
            book.progress(done)
    assert [line.strip() for line in capsys.readouterr().err.splitlines()] == [
        "steps 1/10",
        "steps 10/10  ETA 0:00:00",
    ]


def test_eta_counts_from_where_the_run_resumed(clock, capsys):
    with Logbook(None, total=7400, interval=0) as book:
        book.progress(3600)
        clock[0] += 10
        book.progress(3610)
    assert capsys.readouterr().err.splitlines()[-1].endswith("ETA 1:03:10")


def test_unknown_total_has_no_eta(clock, capsys):
    with Logbook(None, interval=0) as book:
        book.progress(5, loss=float("nan"))
        book.progress(6, loss=1.0)
        book.message("hello [world]")
    assert capsys.readouterr().err == "steps 5  loss nan\nsteps 6  loss 1.0000\nhello [world]\n"


SHOW = """
import sys
from ternary.training.logbook import Logbook
assert "rich" not in sys.modules
with Logbook(None, total=100, unit="step", interval=0) as book:
    book.progress(10, loss=1.5)
    book.message("a [bold] word")
    book.progress(100, loss=1.25, tokens_per_second=1000)
print("rich" in sys.modules)
"""


def on_terminal(term):
    """stdout and what a terminal on stderr received from SHOW."""
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    environ = os.environ | {"TERM": term, "COLUMNS": "100"}
    process = subprocess.Popen([sys.executable, "-c", SHOW], stdout=-1, stderr=slave, env=environ, text=True)
    out = process.communicate()[0]
    os.close(slave)
    shown = os.read(master, 65536).decode()
    os.close(master)
    assert process.returncode == 0, shown
    return out.strip(), shown


def test_a_terminal_gets_a_bar():
    out, shown = on_terminal("xterm")
    assert out == "True"
    assert (
        "a [bold] word" in shown
        and "step 100/100" in shown
        and "loss 1.2500" in shown
        and "1,000 tokens/s" in shown
    )
    assert "\x1b[?25h" in shown  # the cursor is back


def test_a_dumb_terminal_gets_plain_lines():
    out, shown = on_terminal("dumb")
    assert out == "False" and "\x1b" not in shown
    assert "step 10/100  loss 1.5000\r\n" in shown
