"""The decorators of the house: `@kernel(ref=...)` for what ops call, `@device` for what kernels call.

One fastmath set for all (no 'reassoc': LLVM would rewrite the argument reduction inside exp; no 'nnan' or
'ninf': a NaN must be seen). Numba's cache does not notice a change in a called function, so there is one
cache folder per state of the sources.
"""
import hashlib
import inspect
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from ternary import __version__
from ternary.compiler.backend import current_backend
from ternary.compiler.compat import cached_njit, config, refuse_python_calls
from ternary.compiler.isa import ISA

# no_cfunc_wrapper: nothing in C calls them
OPTIONS = dict(nogil=True, boundscheck=False, error_model="numpy", fastmath={"contract", "nsz"}, no_cfunc_wrapper=True)
# only prange is parallel: array expressions made so would each be compiled as a loop of its own
PRANGE = dict.fromkeys(("comprehension", "reduction", "inplace_binop", "setitem", "numpy", "stencil", "fusion"), False)
KERNELS: dict[str, "Kernel"] = {}


def _cache_dir() -> Path | None:
    """A folder of this user, one per state of the sources, CPU path and NUMBA_OPT; None if nothing can be written."""
    package = Path(__file__).parents[1]
    sources = sorted(p for folder in ("compiler", "kernels") for p in (package / folder).rglob("*.py"))
    state = hashlib.sha256(b"".join(p.read_bytes() for p in sources)).hexdigest()[:12]
    cache = os.environ.get("TERNARY_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "ternary"
    folder = Path(cache).expanduser() / "jit" / f"{__version__}-{state}-{ISA}-O{int(config.OPT)}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "used").touch()
        for mark in folder.parent.glob("*/used"):
            if time.time() - mark.stat().st_mtime > 7 * 86400:
                shutil.rmtree(mark.parent, ignore_errors=True)
    except OSError:
        return None
    return folder


FOLDER = _cache_dir()             # of compiled code

# of overloads; without the wrapper for calls from Python, which takes a tenth of the compile time
INNER = dict(OPTIONS, no_cpython_wrapper=True)


def device(f: Callable) -> Callable:
    """A function that kernels call; called from Python it is a TypeError."""
    def refuse(*args):
        raise TypeError(f"{f.__name__} is a device function; call it in a @kernel")

    inner = cached_njit(f, FOLDER, **INNER)
    refuse_python_calls(inner, refuse)
    return inner


class Kernel:
    """A compiled function and its reference. float64 arrays go through the reference, which proves the kernel.

    The reference returns what the kernel writes to its last parameters. A kernel parameter `add` (not one of
    the reference) says whether the first output is added to; outputs named in `sums` always are. `updates` are
    inputs that the kernel overwrites with what the reference returns. Otherwise no two arguments may share
    memory if one of them is written: compiled loops rely on it.
    """

    def __init__(self, f: Callable, ref: Callable, sums: tuple[str, ...], updates: tuple[str, ...], parallel: bool):
        self.name, self.ref, self.sums, self.updates = f.__name__, ref, sums, updates
        self.module = f.__module__
        self.compiled = cached_njit(f, FOLDER, parallel={**PRANGE, "prange": True} if parallel else False, **OPTIONS)
        self.parameters = list(inspect.signature(f).parameters)
        self.inputs = [p for p in self.parameters if p in inspect.signature(ref).parameters]
        self.add = "add" in self.parameters and "add" not in self.inputs
        self.outputs = self.parameters[len(self.inputs) + self.add:]

    def __call__(self, *args) -> None:
        current_backend()(self, args)

    def run_reference(self, args: tuple) -> None:
        """Write what the reference returns to the last arguments."""
        inputs, outputs = args[:len(self.inputs)], args[len(args) - len(self.outputs):]
        values = self.ref(*inputs)
        values = values if isinstance(values, tuple) else (values,)
        outputs = [inputs[self.inputs.index(name)] for name in self.updates] or outputs
        first = bool(args[len(self.inputs)]) if self.add else False
        for k, (name, out, value) in enumerate(zip(self.updates or self.outputs, outputs, values, strict=True)):
            if name in self.sums or (k == 0 and first):
                out += value
            else:
                out[...] = value


def kernel(ref: Callable, sums: tuple[str, ...] = (), updates: tuple[str, ...] = (),
           parallel: bool = True) -> Callable[[Callable], Kernel]:
    """Compile a function of (inputs..., [add,] outputs...) whose meaning is `ref`, and register it."""
    def register(f: Callable) -> Kernel:
        KERNELS[f.__name__] = Kernel(f, ref, sums, updates, parallel)
        return KERNELS[f.__name__]
    return register
