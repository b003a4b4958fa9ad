"""A sign of life: what takes long says so, every few seconds, on stderr."""
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

INTERVAL = 4.0                    # seconds between two lines


def say(text: str) -> None:
    """A line on stderr. A stream that is closed, full or whose reader has gone ends no work."""
    with suppress(OSError, ValueError):
        if sys.stderr:
            print(text, file=sys.stderr, flush=True)


@contextmanager
def heartbeat(text: str | Callable[[], str]) -> Iterator[None]:
    """While the block runs, a line such as "compiling kernels: 12 of 40 (8 s)" every INTERVAL seconds.

    text: what is being done; a function, which another thread calls, if that changes; "" for no line.
    """
    start, done = time.monotonic(), Event()

    def beat() -> None:
        while not done.wait(INTERVAL):
            if now := text() if callable(text) else text:
                say(f"{now} ({time.monotonic() - start:.0f} s)")

    thread = Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
