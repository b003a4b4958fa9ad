"""Threads that share work, each with kernel threads of its own.

A kernel on all cores makes them wait for each other about 600 times a step, and a core that another program uses holds
up all. Workers meet four times a step.
"""
import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context

from ternary.machine.hardware import usable_cores
from ternary.machine.threads import threading_layer

MAX_WORKERS = 8                   # each has activations, and in training gradients, of its own
Task = Callable[[], object]


def most_workers(threads: int) -> int:
    """How many workers may share so many threads."""
    return 1 if threading_layer() == "workqueue" else min(threads, MAX_WORKERS)    # workqueue: one thread at a time


class Workers:
    """`count` threads with `threads` kernel threads each; with one, all runs in the calling thread."""

    def __init__(self, count: int = 1, threads: int | None = None):
        import numba  # here: `set_threads` has to come before the first import of Numba
        self.count, self.threads = count, threads or numba.get_num_threads()
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        # unpinned, both workers of two cores may share one with another program on the other
        pinned = cores if self.threads == 1 and len(cores) == usable_cores()[0] == count else []

        def begin(worker: int) -> None:
            numba.set_num_threads(self.threads)       # a new thread begins with all
            if pinned:
                os.sched_setaffinity(0, {pinned[worker]})
        self._pools = [ThreadPoolExecutor(1, f"worker-{worker}", begin, (worker,)) for worker in range(count)
                       ] if count > 1 else []

    def run(self, tasks: Iterable[Task], contexts: Sequence[AbstractContextManager] | None = None) -> None:
        """Run independent tasks in any order, one after the other in each worker, with the worker's context entered.

        The first error is raised after all workers have stopped; tasks that nobody had begun are left out then.
        """
        todo = deque(tasks)

        def work(context: AbstractContextManager) -> None:
            try:
                with context:
                    while True:
                        try:
                            task = todo.popleft()
                        except IndexError:
                            return
                        task()
            except BaseException:
                todo.clear()
                raise
        contexts = contexts or [nullcontext()] * self.count
        if not self._pools:
            work(contexts[0])
            return
        futures = [pool.submit(copy_context().run, work, context)      # the backend of kernels is that of the caller
                   for pool, context in zip(self._pools, contexts)]
        try:
            for future in futures:
                future.result()
        except BaseException:             # of a task, or Ctrl-C
            todo.clear()
            wait(futures)
            raise


def usual_workers() -> Workers:
    """For work items of any number, as many as the threads of the caller."""
    import numba
    threads = numba.get_num_threads()
    count = most_workers(threads)
    return Workers(count, threads // count)
