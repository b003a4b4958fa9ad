"""What a kernel call does: by default it runs; inside `use_backend` it is traced, timed or left to the reference.

A backend is a callable (kernel, args) -> None. `run` and `reference` are functions, `Trace` is below, and
`ternary.bench.profile.Profile` times calls. The backend is a context variable: each thread has its own, and a new
thread starts with `run`.
"""
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ternary.machine.threads import kernel_call

if TYPE_CHECKING:
    from ternary.compiler.jit import Kernel

FLOAT64 = np.dtype(np.float64)
Backend = Callable[["Kernel", tuple[Any, ...]], None]
AnyBackend = TypeVar("AnyBackend", bound=Backend)
Call = tuple[str, str, tuple[Any, ...]]           # module and name of a kernel, the type_key of each argument


def run(kernel: "Kernel", args: tuple[Any, ...]) -> None:
    """Call the compiled kernel, or its reference if any array is float64. This is the default."""
    for a in args:
        if isinstance(a, np.ndarray) and a.dtype == FLOAT64:
            kernel.run_reference(args)
            return
    with kernel_call():
        kernel.compiled(*args)


def reference(kernel: "Kernel", args: tuple[Any, ...]) -> None:
    """Call the reference, whatever the type of the arrays.

    References compute with float arrays: packed operands (bf16, bytes, codes) are a TypeError.
    """
    for name, a in zip(kernel.parameters, args, strict=True):
        if isinstance(a, np.ndarray) and (a.dtype.itemsize < 4 or (a.dtype == np.int32 and a.ndim == 2)):
            raise TypeError(f"{kernel.name}: argument {name} is a packed operand ({a.dtype}); "
                            "its reference takes float32 or float64 arrays")
    kernel.run_reference(args)


class Trace:
    """Records calls instead of running them; outputs keep what they hold."""

    def __init__(self) -> None:
        self.calls: dict[Call, None] = {}         # a set in order of the first call

    def __call__(self, kernel: "Kernel", args: tuple[Any, ...]) -> None:
        self.calls[kernel.module, kernel.name, tuple(map(type_key, args))] = None


def type_key(x: Any) -> Any:
    """Identifies the Numba type of an argument: (dtype, ndim) for NumPy values, the type's name for Python numbers."""
    return (str(x.dtype), x.ndim) if isinstance(x, np.ndarray | np.generic) else type(x).__name__


_current: ContextVar[Backend] = ContextVar("backend", default=run)
current_backend = _current.get


@contextmanager
def use_backend(backend: AnyBackend) -> Iterator[AnyBackend]:
    """Send the kernel calls of this thread to `backend` inside the `with` block; -> the backend."""
    token = _current.set(backend)
    try:
        yield backend
    finally:
        _current.reset(token)
