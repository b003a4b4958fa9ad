"""The decorators `@kernel(ref=...)`, for functions that ops call, and `@device`, for functions that kernels call.

All share one set of fastmath flags: no `reassoc`, with which LLVM would rewrite the argument reduction of exp; no
`nnan` or `ninf`, so that NaN propagates. Numba's cache does not detect a change in a called function of another file,
so the name of the cache folder contains a hash of all sources.
"""
import hashlib
import inspect
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ternary import __version__
from ternary.compiler.backend import current_backend
from ternary.compiler.compat import OPT_LEVEL, cached_njit, config, refuse_python_calls
from ternary.compiler.isa import ISA
from ternary.errors import UsageError

# no_cfunc_wrapper: no C code calls them
OPTIONS = {"nogil": True, "boundscheck": False, "error_model": "numpy", "fastmath": {"contract", "nsz"},
           "no_cfunc_wrapper": True}
# only prange is parallel: each parallel array expression would be compiled as a loop of its own
PRANGE = dict.fromkeys(("comprehension", "reduction", "inplace_binop", "setitem", "numpy", "stencil", "fusion"), False)
KERNELS: dict[str, "Kernel"] = {}


if config.DISABLE_JIT:            # tile code is no Python
    raise UsageError("NUMBA_DISABLE_JIT is set, but kernels have to be compiled; unset it")


def _cache_dir() -> Path | None:
    """The cache folder for this version of the sources, CPU path and level of optimisation; None if it cannot be made.

    One that cannot be written is still read. Folders that were not used for a week are deleted.
    """
    package = Path(__file__).parents[1]
    sources = sorted(p for folder in ("compiler", "kernels") for p in (package / folder).rglob("*.py"))
    state = hashlib.sha256(b"".join(p.read_bytes() for p in sources)).hexdigest()[:12]
    cache = os.environ.get("TERNARY_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "ternary")
    folder = Path(os.path.expanduser(cache)) / "jit" / f"{__version__}-{state}-{ISA}-O{int(OPT_LEVEL)}"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "used").touch()
        for mark in folder.parent.glob("*/used"):
            if time.time() - mark.stat().st_mtime > 7 * 86400:
                shutil.rmtree(mark.parent, ignore_errors=True)
    return folder if folder.is_dir() else None


FOLDER = _cache_dir()             # for compiled code

# for overloads and device functions: without the wrapper for calls from Python, a tenth of the compile time
INNER = dict(OPTIONS, no_cpython_wrapper=True, forceinline=True)


def device(f: Callable) -> Callable:
    """Compile a function that kernels call; calling it from Python raises TypeError."""
    def refuse(*args):
        raise TypeError(f"{f.__name__} is a device function; call it in a @kernel")

    inner = cached_njit(f, FOLDER, entry=False, **INNER)
    refuse_python_calls(inner, refuse)
    return inner


def compiled(f: Callable) -> Callable:
    """Compile a function that Python calls directly, and whose arguments are no arrays of numbers alone.

    It goes to no backend and has no reference of its own: it is tested against another form of the same computation.
    """
    return cached_njit(f, FOLDER, entry=True, **OPTIONS)


class Kernel:
    """A compiled function and its NumPy reference. A call goes to the current backend, see backend.py.

    Parameters are (inputs..., [add,] outputs...). The reference takes the inputs and returns the values of the
    outputs. With the flag `add` the kernel accumulates into the first output; into outputs named in `sums` it always
    does. Inputs named in `updates` are overwritten with the values of the reference; such a kernel has no other
    outputs. Apart from these, an argument that is written must not share memory with another one: compiled loops
    assume it.
    """

    def __init__(self, f: Callable, ref: Callable, sums: tuple[str, ...], updates: tuple[str, ...], parallel: bool):
        self.name, self.ref, self.sums, self.updates = f.__name__, ref, sums, updates
        self.module = f.__module__
        self.compiled = cached_njit(f, FOLDER, entry=True,
                                    parallel={**PRANGE, "prange": True} if parallel else False, **OPTIONS)
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
    """Compile a function of (inputs..., [add,] outputs...) whose reference is `ref`, and register it in KERNELS."""
    def register(f: Callable) -> Kernel:
        KERNELS[f.__name__] = Kernel(f, ref, sums, updates, parallel)
        return KERNELS[f.__name__]
    return register
