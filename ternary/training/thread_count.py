"""How many threads, where a core runs two: that depends on the machine, so it is measured."""
import time
from functools import cache

import numba
import numpy as np

from ternary.compiler.isa import BF16_DOT
from ternary.kernels.gemm.blocks import matmul
from ternary.machine.hardware import physical_cores, usable_cores
from ternary.machine.heartbeat import heartbeat

ROWS, INPUTS, OUTPUTS = 2048, 192, 512            # a product of bolt-small
CALLS = 20
GAIN = 1.05                       # how much faster more threads have to be; less is noise


def seconds(threads: int) -> float:
    """The best of CALLS products."""
    dtype = np.uint16 if BF16_DOT else np.float32
    x, y = np.zeros((ROWS, INPUTS), dtype), np.zeros((ROWS, OUTPUTS), dtype)
    p = np.zeros((OUTPUTS // 32, INPUTS * 32), dtype)
    numba.set_num_threads(threads)
    best = float("inf")
    for _ in range(CALLS):
        start = time.perf_counter()
        matmul(x, p, 1.0, y[:0], False, y)
        best = min(best, time.perf_counter() - start)
    return best


@cache
def best_threads() -> tuple[int, str]:
    """-> threads, where the number comes from"""
    cores, why = usable_cores()
    usable = min(numba.config.NUMBA_NUM_THREADS, cores)
    physical = min(physical_cores() or usable, usable)
    if physical == usable:
        return usable, f"usable cores: {why}"
    with heartbeat("measuring how many threads are fastest"):
        times = {n: seconds(n) for n in (physical, usable)}
    chosen = usable if times[physical] > GAIN * times[usable] else physical
    measured = ", ".join(f"{n} threads {t * 1e3:.2f} ms" for n, t in times.items())
    return chosen, f"measured: {measured}"
