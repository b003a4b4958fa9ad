"""Kernels compile one after the other, when they are called first. Here all cores compile what a run will call.

Each with a process of its own, which leaves the machine code in Numba's cache for the others, and takes with it the
memory that compiling needs.
"""
import atexit
import builtins
import json
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

from ternary.kernels.jit import FOLDER, KERNELS, Kernel

Call = tuple[str, str, tuple[Any, ...]]           # module and name of a kernel, what is `alike` to its arguments


def alike(x: Any) -> Any:
    """What tells the type of an argument: (dtype, ndim) of NumPy's, the name of the type of a Python number."""
    return (str(x.dtype), x.ndim) if isinstance(x, np.ndarray | np.generic) else type(x).__name__


def example(kind: Any) -> Any:
    """A value that is `alike` to this."""
    return getattr(builtins, kind)() if isinstance(kind, str) else np.zeros((1,) * kind[1], kind[0])[()]


@contextmanager
def noted() -> Iterator[dict[Call, None]]:
    """While this is open kernels do not run: their calls are noted, in order, and outputs stay what they were."""
    calls: dict[Call, None] = {}
    run = Kernel.__call__

    def note(kernel, *args):
        calls[kernel.compiled.py_func.__module__, kernel.name, tuple(map(alike, args))] = None

    Kernel.__call__ = note
    try:
        yield calls
    finally:
        Kernel.__call__ = run


def compile_claimed(calls: list[Call], claims: Path) -> None:
    """Compile those that no other process has claimed."""
    for k, (module, name, kinds) in enumerate(calls):
        try:
            (claims / str(k)).touch(exist_ok=False)
        except FileExistsError:
            continue
        import_module(module)
        KERNELS[name].compiled.compile(tuple(typeof(example(kind)) for kind in kinds))


def compile_together(calls: list[Call], processes: int, wait: bool) -> None:
    """Compile these kernels in so many processes; not `wait`: in the background.

    Does nothing the second time: what is missing then, kernels compile when they are called.
    """
    claims = FOLDER and FOLDER / f"{sha256(repr(calls).encode()).hexdigest()[:12]}.claims"
    if claims is None or claims.exists():
        return
    claims.mkdir()
    started = []
    for _ in range(processes):
        started.append(subprocess.Popen([sys.executable, "-m", __name__, claims], text=True,  # noqa: S603
                                        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        started[-1].stdin.write(json.dumps(calls))
        started[-1].stdin.close()
        atexit.register(started[-1].kill)
    for process in started if wait else []:
        process.wait()


if __name__ == "__main__":
    compile_claimed(json.load(sys.stdin), Path(sys.argv[1]))
