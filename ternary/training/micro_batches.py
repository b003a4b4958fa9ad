"""How a batch is cut into micro-batches, and how many workers share them."""
import math
from itertools import pairwise

from ternary.machine.workers import MAX_WORKERS, most_workers

MICRO_BATCH_TOKENS = 2048                       # tokens whose activations are alive together: they stay near the cores
SHARES = MAX_WORKERS              # parts of a batch, at most, whose gradients are added up one after the other
GAIN = 0.97                       # fewer workers have to need less than this share of the time


def micro_batches(rows: int, seq_len: int) -> list[slice]:
    """The rows of each micro-batch, of at most MICRO_BATCH_TOKENS tokens where sequences are not longer than that.

    Their number is a power of two, from SHARES on a multiple of it, so that workers get equal shares; it depends on
    nothing else, so that losses do not depend on the number of workers.
    """
    count = math.ceil(rows * seq_len / MICRO_BATCH_TOKENS)
    count = min(rows, 1 << (count - 1).bit_length() if count < SHARES else math.ceil(count / SHARES) * SHARES)
    return even_cuts(rows, count)


def even_cuts(n: int, count: int) -> list[slice]:
    """0 to n in `count` slices of nearly the same length."""
    cuts = [n * k // count for k in range(count + 1)]
    return [slice(first, end) for first, end in pairwise(cuts)]


def plan_workers(threads: int, rows: int, seq_len: int) -> int:
    """How many workers share the threads: as many as there are micro-batches, fewer where these come out more even.

    More workers with fewer threads each wait less for each other.
    """
    sizes = [part.stop - part.start for part in micro_batches(rows, seq_len)]

    def seconds(count: int) -> float:
        loads = [0] * count
        for size in sorted(sizes, reverse=True):
            loads[loads.index(min(loads))] += size
        return max(loads) / (threads // count)
    best = min(len(sizes), most_workers(threads))
    for count in range(best, 0, -1):
        if seconds(count) < GAIN * seconds(best):
            best = count
    return best
