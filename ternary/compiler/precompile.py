"""Precompilation: compile the kernels of a run in several processes, before they are called.

Otherwise each kernel compiles at its first call, one after the other. The processes share the results through Numba's
cache, and the memory that compilation needs is freed when they exit.
"""
import atexit
import builtins
import json
import os
import subprocess
import sys
import time
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ternary.compiler.backend import Call
from ternary.compiler.compat import typeof
from ternary.compiler.jit import FOLDER, KERNELS
from ternary.machine import helpers

START_SECONDS = 60.0              # a process that has not begun by then is given up
CALLS = "calls.json"


def example(key: Any) -> Any:
    """A value with this type_key."""
    return getattr(builtins, key)() if isinstance(key, str) else np.zeros((1,) * key[1], key[0])[()]


def prepare(module: str, name: str, keys: tuple[Any, ...]) -> None:
    """Compile a kernel for arguments with these type_keys, or load it from the cache."""
    import_module(module)
    KERNELS[name].compiled.compile(tuple(typeof(example(key)) for key in keys))


def compile_claimed(calls: list[Call], claims: Path) -> None:
    """Compile the kernels that no other process has claimed; the last process to finish marks the set as compiled."""
    for k, (module, name, keys) in enumerate(calls):
        try:
            (claims / str(k)).touch(exist_ok=False)
        except FileExistsError:
            continue
        prepare(module, name, keys)
        (claims / f"{k}.done").touch()
    if done(claims) == len(calls):
        claims.with_suffix(".compiled").touch()


def done(claims: Path) -> int:
    """How many kernels are compiled."""
    return len(list(claims.glob("*.done")))


class Compilation:
    """Processes that compile `count` kernels, and share the folder `claims`."""

    def __init__(self, claims: Path, count: int, processes: int):
        self.claims, self.count, self.began = claims, count, time.monotonic()
        self.running: dict[str, subprocess.Popen] = {}
        for k in range(processes):
            started = f"{k}.started"
            process = helpers.start(__name__, str(claims), started, stdin=subprocess.DEVNULL,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if process:
                self.running[started] = process
                atexit.register(process.kill)

    def __str__(self) -> str:
        return f"compiling kernels: {done(self.claims)} of {self.count}"

    def wait(self) -> None:
        """Until all have ended. One that hangs before it begins, as in a `sitecustomize`, is ended."""
        while self.running:
            for started, process in list(self.running.items()):
                late = time.monotonic() - self.began > START_SECONDS and not (self.claims / started).exists()
                if late:
                    process.kill()
                if late or process.poll() is not None:
                    process.wait()
                    del self.running[started]
            time.sleep(0.02)


def compile_together(calls: list[Call], processes: int) -> Compilation | None:
    """Start processes that compile these kernels; None if all are compiled already, or the cache cannot be written.

    If a process is killed, the kernels it has claimed compile at their first call.
    """
    if not FOLDER:
        return None
    claims = FOLDER / f"{sha256(repr(calls).encode()).hexdigest()[:12]}.{os.getpid()}"
    if claims.with_suffix(".compiled").exists():
        return None
    try:
        claims.mkdir(exist_ok=True)
        (claims / CALLS).write_text(json.dumps(calls), encoding="utf-8")
    except OSError:
        return None
    return Compilation(claims, len(calls), processes)


def main(claims: Path, started: str) -> None:
    (claims / started).touch()
    compile_claimed(json.loads((claims / CALLS).read_text(encoding="utf-8")), claims)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
