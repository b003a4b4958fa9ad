"""The sum of gradients that several workers compute at the same time."""
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

import numpy as np

from ternary.autograd.pool import aligned
from ternary.kernels.adamw import add_and_clear
from ternary.nn.module import Parameter
from ternary.training.optimizers import Optimizer


class GradientSum:
    """Adds up the gradients of a step's tasks in the order of the tasks, so that the bits do not depend on the workers.

    Task 0 adds to the optimizer's own buffer, each of the others to one of as many more as there are workers. When a
    task begins and none is free, the next one in order is added to the optimizer's; if that has to wait for a slower
    task, so does this one. left: buffers that are not in the optimizer's yet, in order.
    """

    def __init__(self, optimizer: Optimizer, trained: dict[str, Parameter]):
        self.optimizer, self.trained = optimizer, trained
        self.buffers = [optimizer.grad]
        self.changed = Condition()
        self.begin(1, 1)

    def begin(self, tasks: int, workers: int) -> None:
        """A step of so many tasks."""
        while len(self.buffers) < min(tasks, workers + 1):
            self.buffers.append(aligned(self.buffers[0].nbytes).view(np.float32))
            self.buffers[-1][:] = 0
        self.free = deque(self.buffers)
        self.left: deque[np.ndarray] = deque()
        self.begun = self.added = 0               # tasks; added: of those in `left` so far
        self.complete: set[int] = set()

    @contextmanager
    def task(self) -> Iterator[tuple[int, dict[Parameter, np.ndarray]]]:
        """The block is the next task -> its number, and where its gradients add up: {} is the parameters' own."""
        with self.changed:
            while not self.free and not self.add_next():
                self.changed.wait()
            flat, task = self.free.popleft(), self.begun
            self.begun += 1
            if task:
                self.left.append(flat)
        try:
            yield task, {self.trained[name]: flat[part].reshape(stored)
                         for name, (part, stored, *_) in self.optimizer.slots.items()} if task else {}
        finally:
            with self.changed:
                self.complete.add(task)           # after an error too: nobody waits for it any more
                self.changed.notify_all()

    def add_next(self) -> bool:
        """Add the first buffer that is left to the optimizer's, if it and all before it are complete -> whether."""
        if not {0, self.added + 1} <= self.complete:
            return False
        flat = self.left.popleft()
        add_and_clear(self.buffers[0], flat)
        self.added += 1
        self.free.append(flat)
        return True
