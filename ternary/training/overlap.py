"""The sum of the gradient over the ranks, begun during the backward pass."""
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

import numpy as np

from ternary.autograd.tape import Tape, Tensor
from ternary.kernels.adamw import add_and_clear
from ternary.machine.ranks import CHUNK, World
from ternary.nn.module import Parameter
from ternary.training.optimizers import Optimizer
from ternary.training.optimizers.base import slices


class Overlap:
    """Sums an optimizer's gradient over the ranks, each chunk as soon as it is complete on this rank.

    That is when every task of the step has done the last backward function that adds to it. Chunks go from the end of
    the gradient to its start on all ranks, as MPI wants one order, and models use the parameters at the end last.
    parameters: by their names in the optimizer.
    """

    def __init__(self, world: World, optimizer: Optimizer, parameters: dict[str, Parameter]):
        self.world, self.grad, self.lock = world, optimizer.grad, Lock()
        self.chunks = slices([*range(0, len(self.grad), CHUNK)], len(self.grad))
        self.chunks_of = {parameters[name]: range(part.start // CHUNK, -(-part.stop // CHUNK))
                          for name, (part, *_) in optimizer.slots.items()}
        self.begin([], 0)

    def begin(self, buffers: Sequence[np.ndarray], tasks: int) -> None:
        """A step of so many tasks. buffers: of gradients that have to be added, besides the optimizer's own."""
        self.buffers, self.requests, self.next = buffers, list[Any](), len(self.chunks)
        self.missing = [0] * len(self.chunks)     # for each chunk parameters that are not complete, times tasks
        for chunks in self.chunks_of.values():
            for k in chunks:
                self.missing[k] += tasks

    @contextmanager
    def last_micro_batch(self, tape: Tape) -> Iterator[None]:
        """The block is forward and backward of the last micro-batch of a task. The gradient of a parameter is complete
        after the backward function of the first op that took it as an argument."""
        waiting, first = set[Tensor](self.chunks_of), dict[int, list[Tensor]]()

        def taken(op: Callable, args: tuple, keywords: dict[str, Any], y: Tensor) -> None:
            for a in (*args, *keywords.values()):
                if isinstance(a, Tensor) and a in waiting:
                    waiting.remove(a)
                    first.setdefault(len(tape.nodes), []).append(a)

        tape.on_op, tape.on_backward = taken, lambda left: self.complete(first.pop(left + 1, ()))
        try:
            yield
        finally:
            tape.on_op = tape.on_backward = None
        self.complete(waiting)

    def complete(self, parameters: Iterable[Tensor]) -> None:
        """A task has the whole gradient of these. Also lets MPI make progress with the sums that have begun."""
        with self.lock:
            for p in parameters:
                for k in self.chunks_of[p]:
                    self.missing[k] -= 1
            while self.next and not self.missing[self.next - 1]:
                self.next -= 1
                part = self.chunks[self.next]
                for other in self.buffers:
                    add_and_clear(self.grad[part], other[part])
                self.requests.append(self.world.begin_all_reduce(self.grad[part]))
            self.world.progress(self.requests)

    def __call__(self, grad: np.ndarray) -> None:
        """Wait until all chunks are sums. grad: that of the optimizer."""
        for request in self.requests:
            self.world.wait(request)
