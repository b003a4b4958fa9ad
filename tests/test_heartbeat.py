"""What takes long says so on stderr, and the screen ends no work."""
import io
import sys
import time

from ternary.machine import heartbeat as module
from ternary.machine.heartbeat import heartbeat, say


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
