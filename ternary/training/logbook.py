"""What a run tells: one JSON line per event in RUN/log.jsonl for programs, progress on stderr for people."""

import json
import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from ternary.errors import ResourceError
from ternary.machine.files import sync
from ternary.machine.heartbeat import INTERVAL, spoken

KINDS = ("start", "train", "eval", "save", "event", "end")
_TERMINAL_INTERVAL, _PLAIN_INTERVAL = 0.25, INTERVAL


class Logbook:
    """Log file and progress of one run; a context manager.

    `run_dir` None writes no file. `total` is the amount of work, if known, in the `unit` of `progress`.
    `interval`: seconds between two progress lines. Raises ResourceError if the file cannot be opened.
    """

    def __init__(
        self,
        run_dir: Path | None = None,
        total: float | None = None,
        unit: str = "steps",
        interval: float | None = None,
    ):
        self.path = None if run_dir is None else Path(run_dir) / "log.jsonl"
        self.total, self.unit = total, unit
        self._screen = sys.stderr is not None and not getattr(sys.stderr, "closed", False)   # until writing fails
        self._terminal = self._screen and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._interval = (
            interval if interval is not None else _TERMINAL_INTERVAL if self._terminal else _PLAIN_INTERVAL
        )
        self.sinks = []  # see loggers.py
        self._file = self._bar = None
        self._unwritten, self._failing = b"", False  # lines that a full disk has not taken yet
        self._first = self._shown = None
        self._open()

    def record(self, kind: str, step: int, **fields) -> None:
        """Append {"time", "kind", "step", **fields} to the log file; `time` is Unix seconds."""
        if kind not in KINDS:
            raise ValueError(f"[logbook] kind {kind!r}; wanted one of {KINDS}")
        if self.sinks and kind in ("train", "eval"):
            self._pour(kind, step, fields)
        if self._file is None:
            return
        line = {"time": round(time.time(), 3), "kind": kind, "step": step, **fields}
        self._unwritten += json.dumps(plain(line), allow_nan=False).encode() + b"\n"
        try:
            while self._unwritten:
                self._unwritten = self._unwritten[self._file.write(self._unwritten):]
            self._failing = False
        except OSError as error:                  # a full disk must not end hours of training
            if not self._failing:
                self.message(f"warning: {self.path} cannot be written ({error.strerror}); the run goes on, and tries "
                             "again at the next line")
            self._failing = True

    def _pour(self, kind: str, step: int, fields: dict) -> None:
        """The numbers to the other loggers. One that fails, perhaps for the network, is left."""
        numbers = {f"{kind}/{name}": value for name, value in fields.items() if isinstance(value, float)}
        for sink in list(self.sinks):
            try:
                sink(step, numbers)
            except Exception as error:
                self.sinks.remove(sink)
                self.message(f"warning: a logger failed ({error}); the run goes on without it")

    def progress(
        self,
        done: float,
        *,
        loss: float | None = None,
        bpc: float | None = None,
        tokens_per_second: float | None = None,
    ) -> None:
        """Show that `done` of `total` is done; does nothing within `interval` seconds of the last line."""
        now = time.monotonic()
        if self._first is None:
            self._first = (now, done)
        if self._shown is not None and now - self._shown < self._interval and done != self.total:
            return
        self._shown = now
        numbers = _numbers(loss, bpc, tokens_per_second, self._seconds_left(now, done))
        if self._terminal:
            with self._courtesy():
                self._bar = self._bar or _Bar(self.total, self.unit)
                self._bar.show(done, numbers)
        else:
            of = f"/{self.total:,.0f}" if self.total else ""
            self.message(f"{self.unit} {done:,.0f}{of}  {numbers}".rstrip())

    def message(self, text: str) -> None:
        """Print a line on stderr, above the progress bar if there is one."""
        with self._courtesy():
            if self._bar:
                self._bar.message(text)
            elif self._screen:
                print(text, file=sys.stderr, flush=True)

    @contextmanager
    def _courtesy(self) -> Iterator[None]:
        """What is shown must not end hours of training: after the first failure (the reader of a pipe is gone, a
        terminal closed, a disk full) nothing more is shown."""
        spoken()
        try:
            yield
        except (OSError, ValueError):             # ValueError: a closed file
            self._screen = self._terminal = False
            self._bar = None
            silence(sys.stderr)

    def rewind(self, step: int) -> None:
        """Drop the lines beyond `step`, and torn ones: a resumed run continues the log it had then."""
        if self.path is None:
            return
        self._drop()
        fresh = self.path.with_name(self.path.name + ".tmp")
        try:
            kept = [line for line in self._bytes().splitlines(keepends=True) if _within(line, step)]
            with open(fresh, "wb") as file:
                file.writelines(kept)
                file.flush()
                sync(file.fileno())
            os.replace(fresh, self.path)
            self._unwritten = b""
        except OSError as error:
            self._open()
            raise ResourceError(f"cannot write {self.path}: {error.strerror}") from error
        self._open()

    def lines(self, kind: str) -> list[dict]:
        """The lines of one kind so far."""
        return self.entries()[kind]

    def entries(self) -> dict[str, list[dict]]:
        """The lines so far, by kind."""
        return parsed(self._bytes())

    def _bytes(self) -> bytes:
        return (self.path.read_bytes() if self.path and self.path.exists() else b"") + self._unwritten

    def close(self) -> None:
        self._drop()
        if self._bar:
            with self._courtesy():
                self._bar.close()
            self._bar = None

    def __enter__(self) -> "Logbook":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _open(self) -> None:
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self.path, "ab", buffering=0)
        except OSError as error:
            self.close()
            raise ResourceError(
                f"cannot write {self.path}: {error.strerror}; choose a folder that can be written"
            ) from error

    def _drop(self) -> None:
        file, self._file = self._file, None
        if file:
            with suppress(OSError):
                file.close()

    def _seconds_left(self, now: float, done: float) -> float | None:
        """From the speed since the first call: work done before a resume says nothing about this machine."""
        start, before = self._first
        if not self.total or done <= before:
            return None
        return (now - start) / (done - before) * max(0, self.total - done)


def read_log(run_dir: Path) -> dict[str, list[dict]]:
    """The whole lines of a run's log, by kind; none if there is no log."""
    path = Path(run_dir) / "log.jsonl"
    return parsed(path.read_bytes() if path.exists() else b"")


def parsed(data: bytes) -> dict[str, list[dict]]:
    """The whole lines of a log, by kind."""
    entries: dict[str, list[dict]] = {kind: [] for kind in KINDS}
    for line in data.splitlines(keepends=True):
        if _within(line, math.inf) and (entry := json.loads(line)).get("kind") in entries:
            entries[entry["kind"]].append(entry)
    return entries


def is_log(path: Path) -> bool:
    """Whether a log.jsonl is that of a run, by its first line, which a kill may have torn."""
    first, end, _ = path.read_bytes().partition(b"\n")
    start = b'{"time": '
    return any(parsed(first + end).values()) if end else first[:len(start)] == start[:len(first)]


def silence(stream: TextIO) -> None:
    """Nothing more can be written to it: let what is left in its buffer go nowhere, also when Python ends."""
    with suppress(OSError, ValueError, AttributeError), open(os.devnull, "w") as null:       # not every one is a file
        os.dup2(null.fileno(), stream.fileno())


class _Bar:
    """A rich progress bar on stderr."""

    def __init__(self, total: float | None, unit: str):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        class Screen(Console):
            def on_broken_pipe(self) -> None:     # by default it ends the program
                raise BrokenPipeError

        done = "{task.completed:,.0f}" + (f"/{total:,.0f}" if total else "")
        columns = TextColumn(f"{unit} {done}"), BarColumn(None), TextColumn("{task.fields[numbers]}")
        # refreshed by hand: rich's own thread would wake ten times a second on the cores that train
        self._progress = Progress(*columns, console=Screen(stderr=True), auto_refresh=False, expand=True)
        self._task = self._progress.add_task("", total=total, numbers="")
        self._progress.start()

    def show(self, done: float, numbers: str) -> None:
        self._progress.update(self._task, completed=done, numbers=numbers, refresh=True)

    def message(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        self._progress.stop()


def plain(value):
    """`value` in JSON types: NumPy scalars and arrays as numbers and lists, NaN and infinities as null."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _within(line: bytes, step: int) -> bool:
    try:
        entry = json.loads(line)
        return line.endswith(b"\n") and entry["step"] <= step
    except (ValueError, TypeError, KeyError):
        return False


def _numbers(loss: float | None, bpc: float | None, speed: float | None, left: float | None) -> str:
    parts = [
        f"loss {loss:.4f}" if loss is not None else "",
        f"BPC {bpc:.4f}" if bpc is not None else "",
        f"{speed:,.0f} tokens/s" if speed is not None else "",
        f"ETA {_clock(left)}" if left is not None else "",
    ]
    return "  ".join(filter(None, parts))


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}"
