"""What all optimizers share: flat buffers, the gradient's norm and clipping, and the state that checkpoints hold."""
from typing import Any

import numpy as np

from ternary.autograd.pool import aligned
from ternary.kernels.adamw import PART, squared_norm
from ternary.nn.module import Parameter, unpadded
from ternary.registry import Registry
from ternary.schema import Config

SLOT = 1024                       # parameters start on a page


class Optimizer:
    """Moves data and gradients of the parameters into flat float32 buffers, so that one pass over memory trains all.

    A subclass defines `update`, by `config_type` what can be set, and by `state_of` which state arrays it keeps for a
    parameter: each is a buffer `self.buffers[name]`, zeros at first. Gradients are clipped by their global norm
    (grad_clip 0: never), and have to be zero after an update. lr_factor: of the model's learning rate, which is tuned
    for AdamW and Muon.
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
        self.parts = np.empty(-(-self.data.size // PART), np.float32)

    @staticmethod
    def state_of(p: Parameter) -> tuple[str, ...]:
        """Names of the state arrays of a parameter."""
        return ("m",)

    @classmethod
    def moment_shapes(cls, parameters: dict[str, Parameter]) -> dict[str, tuple[int, ...]]:
        """What a checkpoint holds: "m.NAME", "v.NAME" ..."""
        return {f"{kind}.{name}": p.shape for name, p in parameters.items() for kind in cls.state_of(p)}

    def grad_norm(self) -> float:
        """The global L2 norm of the gradient; nan or inf if any element is."""
        squared_norm(self.grad, self.parts)
        return float(self.parts.sum(dtype=np.float64)) ** 0.5

    def step(self, lr: float, norm: float) -> None:
        """One update with a gradient of this norm."""
        self.steps += 1
        self.update(lr, min(1.0, self.grad_clip / (norm + 1e-6)) if self.grad_clip else 1.0)

    def update(self, lr: float, scale: float) -> None:
        """Move `data` by the gradient `scale * grad`, and set `grad` to zero. `steps` counts this one."""
        raise TypeError(f"[{type(self).__name__}] an optimizer defines update(lr, scale)")

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


def zeros(size: int) -> np.ndarray:
    a = aligned(4 * size).view(np.float32)
    a[:] = 0
    return a
