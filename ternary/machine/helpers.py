"""Helper processes: modules of this package that run beside this process, and frames of bytes between the two.

A helper does not import from the working directory, where a folder `ternary` or a file `numpy.py` would change what it
does: it has the module search path and the package of this process. What a `sitecustomize` or a library prints does not
get between the frames: they begin after READY, and from then on a print goes to stderr.
"""
import os
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

PACKAGE = Path(__file__).parents[1]
READY = b"\0ternary: frames follow\n"


def command(module: str, *arguments: str) -> list[str]:
    """The command line that runs `module`, a name such as "ternary.text.workers", in a helper."""
    try:
        here = os.path.realpath(os.getcwd())
    except OSError:                               # it has been removed
        here = ""
    path = [entry for entry in sys.path if os.path.isabs(entry) and os.path.realpath(entry) != here]
    script = Path(__file__).with_name("start_helper.py")
    return [sys.executable, str(script), "\n".join(path), str(PACKAGE), module, *arguments]


def start(module: str, *arguments: str, **pipes: int) -> subprocess.Popen | None:
    """Start a helper; None where processes cannot be started, such as in a program that embeds Python.

    pipes: stdin, stdout and stderr as for Popen.
    """
    try:
        return subprocess.Popen(command(module, *arguments), **pipes)  # noqa: S603
    except OSError:
        return None


def frames_in_and_out() -> tuple[BinaryIO, BinaryIO]:
    """In a helper: where frames come from and where they go, once READY is sent."""
    sys.stdout.flush()                            # what was printed so far stays before READY
    out = os.fdopen(os.dup(1), "wb")
    try:
        os.dup2(2, 1)
    except OSError:                               # stderr is closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    out.write(READY)
    out.flush()
    return sys.stdin.buffer, out


def is_ready(process: subprocess.Popen) -> bool:
    """Waits until the helper is ready; False if it ends before."""
    return any(line.endswith(READY) for line in process.stdout or ())


def send(file: BinaryIO, frame: bytes) -> None:
    """A frame: 8 bytes of length, then the bytes."""
    file.write(len(frame).to_bytes(8, "little") + frame)
    file.flush()


def receive(file: BinaryIO) -> bytes | None:
    """The next frame; None at the end."""
    length = int.from_bytes(start, "little") if len(start := file.read(8)) == 8 else -1
    frame = file.read(length) if length >= 0 else b""
    return frame if len(frame) == length else None
