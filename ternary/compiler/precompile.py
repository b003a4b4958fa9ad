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
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ternary.compiler.backend import Call
from ternary.compiler.compat import typeof
from ternary.compiler.jit import FOLDER, KERNELS


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
    if len(list(claims.glob("*.done"))) == len(calls):
        claims.with_suffix(".compiled").touch()


def compile_together(calls: list[Call], processes: int) -> list[subprocess.Popen]:
    """Start processes that compile these kernels; none if all are compiled already.

    If a process is killed, the kernels it has claimed compile at their first call.
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
