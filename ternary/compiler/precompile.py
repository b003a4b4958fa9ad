"""Kernels compile one after the other, when they are called first. Here all cores compile what a run will call.

Each with a process of its own, which leaves the machine code in Numba's cache for the others, and takes with it the
memory that compiling needs.
"""
import atexit
import builtins
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numba import typeof

from ternary.compiler.jit import FOLDER, KERNELS, Kernel

Call = tuple[str, str, tuple[Any, ...]]           # module and name of a kernel, what is `alike` to its arguments


def type_key(x: Any) -> Any:
    """What tells the type of an argument: (dtype, ndim) of NumPy's, the name of the type of a Python number."""
    return (str(x.dtype), x.ndim) if isinstance(x, np.ndarray | np.generic) else type(x).__name__


def example(kind: Any) -> Any:
    """A value that is `alike` to this."""
    return getattr(builtins, kind)() if isinstance(kind, str) else np.zeros((1,) * kind[1], kind[0])[()]


@contextmanager
def trace_calls() -> Iterator[dict[Call, None]]:
    """While this is open kernels do not run: their calls are noted, in order, and outputs stay what they were."""
    calls: dict[Call, None] = {}
    run = Kernel.__call__

    def note(kernel, *args):
        calls[kernel.compiled.py_func.__module__, kernel.name, tuple(map(type_key, args))] = None

    Kernel.__call__ = note
    try:
        yield calls
    finally:
        Kernel.__call__ = run


def prepare(module: str, name: str, kinds: tuple[Any, ...]) -> None:
    """Compile a kernel for a call, or load it from the cache."""
    import_module(module)
    KERNELS[name].compiled.compile(tuple(typeof(example(kind)) for kind in kinds))


def compile_claimed(calls: list[Call], claims: Path) -> None:
    """Compile those that no other process has claimed. Whoever ends last leaves a mark that all are compiled."""
    for k, (module, name, kinds) in enumerate(calls):
        try:
            (claims / str(k)).touch(exist_ok=False)
        except FileExistsError:
            continue
        prepare(module, name, kinds)
        (claims / f"{k}.done").touch()
    if len(list(claims.glob("*.done"))) == len(calls):
        claims.with_suffix(".compiled").touch()


def compile_together(calls: list[Call], processes: int) -> list[subprocess.Popen]:
    """Compile these kernels in so many processes, which run from now on; none if it has been done already.

    What a process that was killed leaves out, kernels compile when they are called.
    """
    if not FOLDER:
        return []
    claims = FOLDER / f"{sha256(repr(calls).encode()).hexdigest()[:12]}.{os.getpid()}"
    if claims.with_suffix(".compiled").exists():
        return []
    claims.mkdir(exist_ok=True)
    started = []
    for _ in range(processes):
        started.append(subprocess.Popen([sys.executable, "-m", __name__, claims], text=True,  # noqa: S603
                                        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        started[-1].stdin.write(json.dumps(calls))
        started[-1].stdin.close()
        atexit.register(started[-1].kill)
    return started


if __name__ == "__main__":
    compile_claimed(json.load(sys.stdin), Path(sys.argv[1]))
