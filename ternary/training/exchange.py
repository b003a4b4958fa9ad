"""How the ranks come to one update: by the sum of their gradients at each step, or by the mean of their weights."""
from collections.abc import Callable

import numpy as np

from ternary.errors import NumericError
from ternary.machine.ranks import ALONE, World
from ternary.nn.module import Parameter, unpadded
from ternary.training.optimizers import Optimizer
from ternary.training.overlap import Overlap

GROUP = 1024                      # numbers that share a scale
OUTER_LR, OUTER_MOMENTUM = 1.0, 0.3               # DiLoCo's 0.7 and 0.9 overshoot in runs of few meetings
BLOCK = 64                        # groups that stay in cache between the passes


class Exchange:
    """The gradients of the ranks are summed at each step, and all make the same update. every: steps between meetings.

    reduce: replaces a flat array by its sum over the ranks.
    """
    every = 1

    def __init__(self, world: World = ALONE, reduce: Callable[[np.ndarray], None] | None = None):
        self.world, self.reduce = world, reduce or world.all_reduce
        self.sums = world.size > 1                # gradients

    def rows(self, micro_batches: list[slice]) -> slice:
        """Of a batch with these micro-batches, what this rank takes for a batch."""
        return slice(None)

    def part(self, count: int) -> range:
        """Of `count` micro-batches those of this rank."""
        return self.world.part(count)

    def gradient(self, nats: float, grad: np.ndarray) -> float:
        """Make the gradient of this rank that of the update -> the loss of it."""
        total = np.array([nats])
        self.world.all_reduce(total)
        self.reduce(grad)
        return float(total[0])

    def meet(self, error: NumericError | None) -> NumericError | None:
        """Every `every` steps, if none of them had an error on any rank -> the error."""
        return error                              # the same on all ranks

    def state(self) -> dict[str, np.ndarray]:
        """What a checkpoint keeps, as "outer.NAME"."""
        return {}

    def load(self, state: dict[str, np.ndarray]) -> None:
        """Back to a checkpoint, whose weights the optimizer has already."""
        if isinstance(self.reduce, EightBits):
            self.reduce.forget()


class LocalSteps(Exchange):
    """DiLoCo (Douillard et al. 2023): ranks make updates of their own, and meet every so many steps.

    The mean change of the weights since the last meeting is then a gradient for SGD with Nesterov momentum. Moments
    of the inner optimizer stay on their rank.
    """

    def __init__(self, world: World, reduce: Callable[[np.ndarray], None] | None, optimizer: Optimizer, every: int):
        super().__init__(world, reduce)
        self.optimizer, self.every, self.sums = optimizer, every, False
        self.start, self.momentum = optimizer.data.copy(), np.zeros_like(optimizer.data)

    def rows(self, micro_batches: list[slice]) -> slice:
        own = self.world.part(len(micro_batches))
        return slice(micro_batches[own[0]].start, micro_batches[own[-1]].stop)

    def part(self, count: int) -> range:
        return range(count)

    def meet(self, error: NumericError | None) -> NumericError | None:
        failed = np.array([float(error is not None)])
        self.world.all_reduce(failed)
        if failed[0]:
            return error or NumericError("the loss or gradient of another rank is unsound")
        change = self.start - self.optimizer.data
        self.reduce(change)
        change /= self.world.size
        self.momentum *= OUTER_MOMENTUM
        self.momentum += change
        change += OUTER_MOMENTUM * self.momentum
        self.start -= OUTER_LR * change
        self.optimizer.data[:] = self.start
        return None

    def state(self) -> dict[str, np.ndarray]:
        return {f"outer.{name}": unpadded(self.momentum[part].reshape(stored), shape)
                for name, (part, stored, shape, _) in self.optimizer.slots.items()}

    def load(self, state: dict[str, np.ndarray]) -> None:
        super().load(state)
        self.start[:] = self.optimizer.data
        for name, values in self.state().items():
            values[...] = state[name]


class EightBits:
    """A sum over the ranks of float32 arrays of one size, sent as int8 with a scale for each GROUP.

    What rounding loses is added to the next array, on the rank where it was lost (error feedback, Seide et al. 2014).
    Each rank sums one part of all arrays, and sends the sum to the others.
    """

    def __init__(self, world: World, size: int):
        groups = -(-size // (GROUP * world.size))         # of the part of one rank
        self.world, self.lost = world, np.zeros((world.size * groups, GROUP), np.float32)
        self.lost_of_sum = np.zeros((groups, GROUP), np.float32)

    def __call__(self, a: np.ndarray) -> None:
        size = self.world.size
        self.lost.reshape(-1)[:a.size] += a
        codes, scales = (x.reshape(size, len(self.lost_of_sum), -1) for x in quantise(self.lost))
        for x in (codes, scales):
            self.world.all_to_all(x)
        for k in range(size):
            self.lost_of_sum += codes[k] * scales[k]
        codes[self.world.rank], scales[self.world.rank] = quantise(self.lost_of_sum)
        for x in (codes, scales):
            self.world.all_gather(x)
        a[:] = (codes * scales).reshape(-1)[:a.size]

    def forget(self) -> None:
        self.lost[:] = 0
        self.lost_of_sum[:] = 0


def quantise(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x (n, GROUP) -> int8 codes (n, GROUP) and scales (n, 1), x being about codes * scales; what differs stays in x.

    A group with a number that is not finite has a scale that is not.
    """
    codes, scales = np.empty(x.shape, np.int8), np.empty((len(x), 1), np.float32)
    with np.errstate(invalid="ignore"):           # int8 of nan
        for k in range(0, len(x), BLOCK):
            part, scale = x[k:k + BLOCK], scales[k:k + BLOCK]
            np.abs(part).max(1, keepdims=True, out=scale)
            scale /= 127
            rounded = np.rint(part / np.where(scale == 0, 1, scale))
            codes[k:k + BLOCK] = rounded
            part -= rounded * scale
    return codes, scales


def new_exchange(world: World, optimizer: Optimizer, parameters: dict[str, Parameter], bits: int,
                 every: int) -> Exchange:
    """parameters: by their names in the optimizer; bits: of each number that is sent, 32 or 8; every: steps between
    meetings."""
    reduce = EightBits(world, optimizer.grad.size) if bits == 8 and world.size > 1 else None
    if every > 1:
        return LocalSteps(world, reduce, optimizer, every)
    return Exchange(world, reduce or (Overlap(world, optimizer, parameters) if world.size > 1 else None))
