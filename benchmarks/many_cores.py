"""How many processes, workers and threads for 16, 64 or 128 cores: a simulation from what one thread needs here.

    python benchmarks/many_cores.py [--model bolt-small] [--batch 256] [--seq-len 256] [--bandwidth 300]

Records every kernel call of one micro-batch on one thread: its time, the bytes of its arrays, and the time of Python
before it. Then workers are simulated call by call. Python needs the GIL, which the workers of a process share. A kernel
on k threads takes a k-th of its time, but not less than its bytes take at its part of the memory bandwidth, and in
the end its threads wait for each other; that cost is measured here with 2 threads and grows with log2 k. The sum of
gradients and the update are split evenly over all cores. Processes then exchange gradients through memory.

First the simulation of this machine stands beside what is measured here, so that one can see what it is worth. Prints
one JSON object.
"""
import argparse
import heapq
import json
import math
import time
from dataclasses import dataclass

import numba
import numpy as np

from ternary.bench.measure import best_seconds, machine
from ternary.bench.train import Steps
from ternary.compiler.backend import run, use_backend
from ternary.kernels.adamw import PART, squared_norm
from ternary.machine.workers import MAX_WORKERS, Workers
from ternary.training.micro_batches import MICRO_BATCH_TOKENS, SHARES

CORES = (16, 64, 128)
SECONDS = 4.0                     # of one measurement
COPY = 8e9                        # bytes per second of one gradient through shared memory
HERE = 30e9                       # bytes per second that a core reads, benchmarks/LOG.md


@dataclass
class Call:
    """Of a kernel on one thread: seconds of Python before it, of itself, bytes of its arrays."""
    python: float
    kernel: float
    bytes: int


class Recorder:
    """A backend that keeps what every call took."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.end = time.perf_counter()

    def __call__(self, kernel, args) -> None:
        start = time.perf_counter()
        run(kernel, args)
        end = time.perf_counter()
        self.calls.append(Call(start - self.end, end - start, sum(getattr(a, "nbytes", 0) for a in args)))
        self.end = time.perf_counter()


def recorded(steps: Steps) -> tuple[list[Call], float]:
    """The calls of a forward and backward pass over one micro-batch, the fastest of several; seconds of all else in a
    step on one thread."""
    trainer, (x, y) = steps.trainer, steps.batches[0]
    rows = max(1, MICRO_BATCH_TOKENS // x.shape[1])
    best: list[Call] = []
    for _ in range(8):
        trainer.forward_backward(x[:rows], y[:rows], steps.vocab_sampling)
        with use_backend(Recorder()) as recorder:
            trainer.forward_backward(x[:rows], y[:rows], steps.vocab_sampling)
        calls = recorder.calls
        if not best or sum(c.kernel for c in calls) < sum(c.kernel for c in best):
            best = calls
        start = time.perf_counter()
        norm = trainer.optimizer.grad_norm(trainer.sum.left)
        trainer.optimizer.step(1e-3, norm)
        other = time.perf_counter() - start
    return best, other


def meeting() -> float:
    """Seconds that two threads need to begin and end a kernel together: of one that has next to nothing to do."""
    g, squares, times = np.zeros(2 * PART, np.float32), np.empty(2, np.float32), []
    for threads in (1, 2):
        numba.set_num_threads(threads)
        times.append(best_seconds(lambda: squared_norm(g, squares), 0.5))
    return max(0.0, times[1] - times[0] / 2)


def simulated(calls: list[Call], micro_batches: int, workers: int, threads: int, wait: float, bandwidth: float,
              busy_cores: int) -> float:
    """Seconds until all workers of one process have done their micro-batches."""
    share = bandwidth * threads / busy_cores
    sequence = [(c.python, max(c.kernel / threads, c.bytes / share) + wait * math.log2(threads)) for c in calls]
    counts = [micro_batches * (k + 1) // workers - micro_batches * k // workers for k in range(workers)]
    ready = [(0.0, worker, 0) for worker in range(workers)]       # when a worker wants the GIL, and for which call
    gil = end = 0.0
    heapq.heapify(ready)
    while ready:
        at, worker, k = heapq.heappop(ready)
        if k == counts[worker] * len(sequence):
            end = max(end, at)
            continue
        python, kernel = sequence[k % len(sequence)]
        gil = max(gil, at) + python
        heapq.heappush(ready, (gil + kernel, worker, k + 1))
    return end


def measured(given: argparse.Namespace, workers: int, threads: int) -> float:
    """Tokens per second here."""
    numba.set_num_threads(threads)
    steps = Steps(given.model, given.batch, given.seq_len, given.precision, 0.03, "muon", Workers(workers, threads))
    return steps.speed(steps.window(SECONDS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="bolt-small")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--seq-len", type=int, default=256)
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--bandwidth", type=float, default=300.0, help="of memory, GB/s, of the larger machine")
    given = parser.parse_args()
    numba.set_num_threads(1)
    steps = Steps(given.model, given.batch, given.seq_len, given.precision, 0.03, "muon", Workers(1, 1))
    calls, other = recorded(steps)
    gradient, tokens = steps.trainer.optimizer.grad.nbytes, given.batch * given.seq_len
    parts = max(1, tokens // MICRO_BATCH_TOKENS)
    here = {(w, k): measured(given, w, k) for w, k in ((1, 1), (1, 2), (2, 1))}
    wait = meeting()

    def speed(cores: int, ranks: int, workers: int, threads: int, bandwidth: float) -> float:
        seconds = simulated(calls, math.ceil(parts / ranks), workers, threads, wait, bandwidth, cores)
        moved = gradient * 2 * min(SHARES, workers * 2) / bandwidth
        exchanged = 2 * gradient * (ranks - 1) / ranks / COPY
        return tokens / (seconds + max(other / (workers * threads), moved) + exchanged)

    found = []
    for cores in CORES:
        for ranks in (1, 2, 4, 8, 16):
            each = cores // ranks
            for workers in range(1, min(MAX_WORKERS, each) + 1):
                if each % workers == 0 and parts >= ranks * workers:
                    found.append({"cores": cores, "ranks": ranks, "workers": workers, "threads": each // workers,
                                  "tokens_per_second": speed(cores, ranks, workers, each // workers,
                                                             given.bandwidth * 1e9)})
    best = [max((row for row in found if row["cores"] == cores and (row["ranks"] == 1) == alone),
                key=lambda row: row["tokens_per_second"]) for cores in CORES for alone in (True, False)]
    checks = [{"workers": w, "threads": k, "measured": here[w, k],
               "simulated": speed(w * k, 1, w, k, HERE * w * k)} for w, k in here]
    print(json.dumps({**machine(), "threads": 1, "model": given.model, "batch_size": given.batch,
                      "seq_len": given.seq_len, "precision": given.precision, "bandwidth_gb": given.bandwidth,
                      "micro_batch": {"calls": len(calls), "python_ms": 1e3 * sum(c.python for c in calls),
                                      "kernels_ms": 1e3 * sum(c.kernel for c in calls),
                                      "mb": sum(c.bytes for c in calls) / 1e6},
                      "update_ms": 1e3 * other, "wait_us": 1e6 * wait, "here": checks, "best": best, "all": found}))


if __name__ == "__main__":
    main()
