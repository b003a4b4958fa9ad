"""A sign of life: what takes long says so, every few seconds, on stderr."""
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

INTERVAL = 4.0                    # seconds of silence before a line
SHORTEST = 0.25                   # of INTERVAL: what takes less says nothing, however long it was silent before


class _Spoken:
    """When something was shown last, and the blocks that are running, the innermost last."""
    last = time.monotonic()
    running: list[object] = []


def spoken() -> None:
    """Something was shown on stderr: no heartbeat is needed for INTERVAL seconds."""
    _Spoken.last = time.monotonic()


def say(text: str) -> None:
    """A line on stderr. A stream that is closed, full or whose reader has gone ends no work."""
    spoken()
    with suppress(OSError, ValueError):
        if sys.stderr:
            print(text, file=sys.stderr, flush=True)


@contextmanager
def heartbeat(text: str | Callable[[], str]) -> Iterator[None]:
    """While the block runs and nothing else is shown, a line such as "compiling kernels: 12 of 40 (8 s)" every
    INTERVAL seconds. Of blocks inside of one another the innermost speaks.

    text: what is being done; a function, which another thread calls, if that changes; "" for no line.
    """
    start, done, me = time.monotonic(), Event(), object()

    def beat() -> None:
        pause = INTERVAL * SHORTEST
        while not done.wait(pause):
            now = time.monotonic()
            if now - _Spoken.last >= INTERVAL and _Spoken.running[-1:] == [me]:
                if line := text() if callable(text) else text:
                    say(f"{line} ({now - start:.0f} s)")
                else:
                    spoken()                      # a function that has nothing to add is asked again later
            pause = min(INTERVAL, max(INTERVAL * SHORTEST, _Spoken.last + INTERVAL - time.monotonic()))

    if not _Spoken.running:
        spoken()
    thread = Thread(target=beat, daemon=True)
    _Spoken.running.append(me)
    thread.start()
    try:
        yield
    finally:
        _Spoken.running.remove(me)
        done.set()
        thread.join()
