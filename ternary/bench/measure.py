"""What all benchmarks share: where a number comes from, the best of several calls, busy processes, peak memory."""
import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numba
import numpy as np

import ternary
from ternary.autograd.pool import aligned
from ternary.compiler.isa import ISA, PRECISIONS
from ternary.compiler.layout import to_bf16
from ternary.compiler.tiles import TILE_N
from ternary.errors import UsageError
from ternary.kernels.gemm.lookup import CODE_DTYPES, CODES_PER_TILE, encode
from ternary.machine.hardware import cpu_name

CHECKOUT = Path(ternary.__file__).resolve().parents[1]
# a loop that ends when its stdin does
BUSY = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
while True:
    pass
"""


def machine() -> dict:
    """Where a number was measured: machine, isa, threads; commit if the package lies in a git checkout."""
    found = {"machine": cpu_name(), "isa": ISA, "threads": numba.get_num_threads()}
    if commit := git_commit(CHECKOUT / ".git"):
        found["commit"] = commit[:10]
    return found


def git_commit(folder: Path) -> str | None:
    """The commit that HEAD of a .git folder names; changes that are not committed do not show."""
    try:
        head = (folder / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head
        ref = head.removeprefix("ref: ")
        if (folder / ref).is_file():
            return (folder / ref).read_text().strip()
        packed = (line.split() for line in (folder / "packed-refs").read_text().splitlines())
        return next((words[0] for words in packed if words[-1:] == [ref]), None)
    except (OSError, ValueError):
        return None


def chosen(precision: str) -> str:
    """The precision that "auto" stands for on this CPU, or the one named. UsageError for an unknown one."""
    if precision not in ("auto", "int8", "bf16", "fp32"):
        raise UsageError(f"--precision is {precision!r}; use auto, int8, bf16 or fp32")
    return PRECISIONS[0] if precision == "auto" else precision


def best_seconds(f: Callable[[], object], seconds: float) -> float:
    """The shortest of the calls of f that fit in `seconds`, at least three, after one to warm up."""
    f()
    times = []
    while len(times) < 3 or sum(times) < seconds:
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return min(times)


@contextmanager
def keep_busy(count: int) -> Iterator[list[subprocess.Popen]]:
    """While the block runs, `count` other processes each keep a core busy. They end with this process at the latest."""
    command = [sys.executable, "-S", "-c", BUSY]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE) for _ in range(count)]  # noqa: S603
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def zeros(shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
    """Like np.zeros, from a page's start as the arrays of a training step are."""
    a = aligned(math.prod(shape) * np.dtype(dtype).itemsize).view(dtype).reshape(shape)
    a[...] = 0
    return a


def activations(rng: np.random.Generator, rows: int, width: int, precision: str) -> np.ndarray:
    """Normal numbers (rows, width), as float32 or as bf16 in uint16."""
    x = zeros((rows, width), np.float32 if precision == "fp32" else np.uint16)
    drawn = rng.standard_normal(x.shape, np.float32)
    x[...] = drawn if precision == "fp32" else to_bf16(drawn)
    return x


def right_operand(rng: np.random.Generator, outputs: int, inputs: int, kind: np.dtype) -> np.ndarray:
    """A random matrix (inputs, outputs) in panels of float32, bf16 or bytes, or a ternary one as codes."""
    if kind not in CODE_DTYPES:
        p = zeros((outputs // TILE_N, inputs * TILE_N), kind)
        drawn = rng.integers(0, 3, p.shape) if kind == np.uint8 else rng.standard_normal(p.shape, np.float32)
        p[...] = to_bf16(drawn) if kind == np.uint16 else drawn
        return p
    p = zeros((outputs // TILE_N, inputs * CODES_PER_TILE), kind)
    p[...] = encode(rng.integers(-1, 2, (outputs, inputs)))
    return p


def peak_rss_mb(pid: int | str = "self") -> float | None:
    """The most memory (MB) a process has held so far; None where there is no /proc, or no such process."""
    # not getrusage: there a child begins with the peak of its parent
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    kib = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(kib[0]) * 1024 / 1e6 if kib else None
