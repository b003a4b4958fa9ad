"""How many threads the kernels get, and how they compile. Call first: Numba reads the environment when imported."""
import os
from collections.abc import Iterator
from contextlib import contextmanager

from ternary.machine.hardware import usable_cores


def set_threads(wanted: int | None = None) -> int:
    """Use `wanted` threads, but not more than the usable cores (affinity and cgroup quota); -> how many."""
    cores, _ = usable_cores()
    threads = min(wanted or cores, cores)
    os.environ.setdefault("NUMBA_NUM_THREADS", str(threads))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))
    # a waiting thread that spins for long loses its turn to any other process on the core, and all wait for it
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")
    # kernels say themselves what is vectorised: they are as fast as with level 3, and compile an eighth sooner
    os.environ.setdefault("NUMBA_OPT", "1")
    return threads


@contextmanager
def kernel_threads(threads: int) -> Iterator[None]:
    """Inside, kernels called by this thread run on so many threads, but not on more than they have."""
    import numba  # here: `set_threads` has to come before the first import of Numba
    before = numba.get_num_threads()
    numba.set_num_threads(min(threads, before))
    try:
        yield
    finally:
        numba.set_num_threads(before)
