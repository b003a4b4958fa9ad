"""How many threads the kernels get, and how they compile. Call first: Numba reads the environment when imported."""
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from threading import Lock

from ternary.errors import ResourceError, UsageError
from ternary.machine.hardware import usable_cores
from ternary.machine.ranks import ranks_here

_ALONE, _TOGETHER = Lock(), nullcontext()
# bolt-small on two threads, benchmarks/LOG.md
WITHOUT_OPENMP = "no OpenMP, which makes training a third slower: install libgomp, in Debian libgomp1"


def set_threads(wanted: int | None = None) -> int:
    """Use `wanted` threads, but not more than this rank's share of the usable cores (affinity and cgroup quota) and, if
    it is set, NUMBA_NUM_THREADS; -> how many."""
    cores = max(1, usable_cores()[0] // ranks_here())
    threads = min(wanted or cores, cores)
    if "numba" not in sys.modules:
        given = os.environ.get("NUMBA_NUM_THREADS", str(threads)).strip()
        if not (given.isdecimal() and int(given)):
            raise UsageError(f"NUMBA_NUM_THREADS is {given!r}; wanted a whole number above 0; unset it, or use "
                             "--threads")
        threads = min(threads, int(given))
        os.environ["NUMBA_NUM_THREADS"] = str(threads)
    else:                                     # Numba reads the environment again, perhaps in a thread of one core
        import numba
        os.environ.setdefault("NUMBA_NUM_THREADS", str(numba.config.NUMBA_NUM_THREADS))
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    # NumPy's products: each worker makes its own; with threads besides, v3 trained at a quarter of the speed
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    # a waiting thread that spins for long loses its turn to any other process on the core, and all wait for it
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")
    return threads


def use_threads(threads: int) -> None:
    """From now on kernels called by this thread run on so many threads, but not on more than Numba has."""
    import numba  # here: `set_threads` has to come before the first import of Numba
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))


@contextmanager
def kernel_threads(threads: int) -> Iterator[None]:
    """Inside, kernels called by this thread run on so many threads, but not on more than they have."""
    import numba  # here: `set_threads` has to come before the first import of Numba
    threading_layer()                             # an error for people, if there is none
    before = numba.get_num_threads()
    numba.set_num_threads(min(threads, before))
    try:
        yield
    finally:
        numba.set_num_threads(before)


@cache
def threading_layer() -> str:
    """What runs the threads of Numba: "omp", "tbb" or "workqueue". ResourceError if there is none."""
    import numba
    try:
        numba.get_num_threads()                   # starts them
        return numba.threading_layer()
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise ResourceError(f"Numba cannot start threads ({reason}); unset NUMBA_THREADING_LAYER and "
                            "NUMBA_THREADING_LAYER_PRIORITY") from None


def kernel_call() -> AbstractContextManager:
    """Held while a kernel runs: workqueue ends the process if two threads start parallel loops at the same time."""
    return _ALONE if threading_layer() == "workqueue" else _TOGETHER
