"""What all optimizers share: flat buffers, the gradient's norm and clipping, and the state that checkpoints hold."""
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ternary.autograd.pool import aligned
from ternary.kernels.adamw import PART, add_and_clear, squared_norm
from ternary.nn.module import Parameter, unpadded
from ternary.registry import Registry
from ternary.schema import Config

SLOT = 1024                       # parameters start on a page
CHUNK = 32 * PART                 # elements, 1 MB: all gradients of a chunk are added up while it is in cache
Task = Callable[[], None]
Run = Callable[[list[Task]], None]


def in_turn(tasks: Iterable[Task]) -> None:
    """Run tasks one after the other."""
    for task in tasks:
        task()


class Optimizer:
    """Moves data and gradients of the parameters into flat float32 buffers, so that one pass over memory trains all.

    A subclass defines `update`, by `config_type` what can be set, and by `state_of` which state arrays it keeps for a
    parameter: each is a buffer `self.buffers[name]`, zeros at first. Where elements depend on each other, it defines
    `parts` too. Gradients are clipped by their global norm (grad_clip 0: never), and have to be zero after an update.
    lr_factor: of the model's learning rate, which is tuned for AdamW and Muon.
    """
    config_type: type[Config] = Config
    lr_factor = 1.0

    def __init__(self, parameters: dict[str, Parameter], *, precision: str = "fp32", weight_decay: float = 0.01,
                 grad_clip: float = 1.0, **fields: Any):
        self.config: Any = self.config_type(**fields)
        self.precision, self.weight_decay, self.grad_clip, self.steps = precision, weight_decay, grad_clip, 0
        # parameters with more state first: every state array then covers a prefix of the parameters
        ordered = sorted(parameters.items(), key=lambda item: -len(self.state_of(item[1])))
        sizes = [-(-p.data.size // SLOT) * SLOT for _, p in ordered]
        ends = np.cumsum(sizes)
        self.data, self.grad = zeros(int(ends[-1])), zeros(int(ends[-1]))
        names = max((self.state_of(p) for _, p in ordered), key=len)
        self.buffers = {name: zeros(sum(size for size, (_, p) in zip(sizes, ordered) if name in self.state_of(p)))
                        for name in names}
        self.slots = {}
        for (name, p), end, size in zip(ordered, ends, sizes):
            part, shape = slice(end - size, end - size + p.data.size), p.data.shape
            self.slots[name] = part, shape, p.shape, self.state_of(p)
            self.data[part] = p.data.ravel()
            p.data, p.grad = self.data[part].reshape(shape), self.grad[part].reshape(shape)

    @staticmethod
    def state_of(p: Parameter) -> tuple[str, ...]:
        """Names of the state arrays of a parameter."""
        return ("m",)

    @classmethod
    def moment_shapes(cls, parameters: dict[str, Parameter]) -> dict[str, tuple[int, ...]]:
        """What a checkpoint holds: "m.NAME", "v.NAME" ..."""
        return {f"{kind}.{name}": p.shape for name, p in parameters.items() for kind in cls.state_of(p)}

    def grad_norm(self, others: Sequence[np.ndarray] = (), run: Run = in_turn) -> float:
        """Add to the gradient those in other buffers, and set these to zero -> its global L2 norm; nan or inf if any
        element is. `run` runs independent tasks."""
        squares = np.empty(-(-len(self.grad) // PART), np.float32)

        def add(chunk: slice) -> None:
            for other in others:
                add_and_clear(self.grad[chunk], other[chunk])
            squared_norm(self.grad[chunk], squares[chunk.start // PART:-(-chunk.stop // PART)])
        run([partial(add, chunk) for chunk in slices([*range(0, len(self.grad), CHUNK)], len(self.grad))])
        return float(squares.sum(dtype=np.float64)) ** 0.5

    def step(self, lr: float, norm: float, count: int = 1, run: Run = in_turn) -> None:
        """One update with a gradient of this norm, in about `count` independent tasks, which `run` runs."""
        self.steps += 1
        scale = min(1.0, self.grad_clip / (norm + 1e-6)) if self.grad_clip else 1.0
        run([partial(self.update, part, lr, scale) for part in self.parts(count)])

    def parts(self, count: int) -> list[slice]:
        """About `count` slices of the flat buffers, each to be updated on its own; a state array has all of a slice or
        none of it."""
        ends, size = sorted({len(a) for a in self.buffers.values()} | {len(self.data)}), -(-len(self.data) // count)
        cuts = [at for first, end in zip([0, *ends], ends) for at in range(first, end, -(-size // SLOT) * SLOT)]
        return slices(cuts, len(self.data))

    def update(self, part: slice, lr: float, scale: float) -> None:
        """Move `data[part]` by the gradient `scale * grad[part]`, and set that to zero. `steps` counts this one."""
        raise TypeError(f"[{type(self).__name__}] an optimizer defines update(part, lr, scale)")

    def state(self) -> dict[str, np.ndarray]:
        """Views of the state arrays, named as in a checkpoint."""
        return {f"{kind}.{name}": unpadded(self.buffers[kind][part].reshape(stored), shape)
                for name, (part, stored, shape, kinds) in self.slots.items() for kind in kinds}

    def load(self, state: dict[str, np.ndarray], steps: int) -> None:
        for name, moment in self.state().items():
            moment[...] = state[name]
        self.steps = steps


OPTIMIZERS: Registry[type[Optimizer]] = Registry(
    "optimizer", "--optimizer", "ternary.training.optimizers", base=Optimizer)


def slices(starts: list[int], end: int) -> list[slice]:
    """From each start to the next."""
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], end])]


def zeros(size: int) -> np.ndarray:
    a = aligned(4 * size).view(np.float32)
    a[:] = 0
    return a
