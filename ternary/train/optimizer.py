"""AdamW over flat buffers."""
import numpy as np

from ternary.autograd.pool import aligned
from ternary.kernels.adamw import PART, adamw, squared_norm
from ternary.nn.module import Parameter

SLOT = 1024                       # parameters start on a page


class AdamW:
    """Moves data and gradients of the parameters into flat float32 buffers and trains all in one pass over memory.

    Decoupled weight decay on every parameter, gradients clipped by their global norm (spec section 1.4); a
    clip of 0 is none. Gradients are zero after a step.
    """

    def __init__(self, parameters: dict[str, Parameter], *, beta1: float = 0.9, beta2: float = 0.95,
                 eps: float = 1e-8, weight_decay: float = 0.01, grad_clip: float = 1.0):
        self.beta1, self.beta2, self.eps = beta1, beta2, eps
        self.weight_decay, self.grad_clip, self.steps = weight_decay, grad_clip, 0
        sizes = [-(-p.data.size // SLOT) * SLOT for p in parameters.values()]
        ends = np.cumsum(sizes)
        self.data, self.grad, self.m, self.v = (aligned(4 * int(ends[-1])).view(np.float32) for _ in range(4))
        for a in (self.data, self.grad, self.m, self.v):
            a[:] = 0
        self.slots = {}
        for (name, p), end, size in zip(parameters.items(), ends, sizes):
            self.slots[name] = slice(end - size, end - size + p.data.size), p.data.shape
            part, shape = self.slots[name]
            self.data[part] = p.data.ravel()
            p.data, p.grad = self.data[part].reshape(shape), self.grad[part].reshape(shape)
        self.parts = np.empty(-(-self.data.size // PART), np.float32)

    def grad_norm(self) -> float:
        """The global L2 norm of the gradient; nan or inf if any element is."""
        squared_norm(self.grad, self.parts)
        return float(self.parts.sum(dtype=np.float64)) ** 0.5

    def step(self, lr: float, norm: float) -> None:
        """One update with a gradient of this norm."""
        self.steps += 1
        scale = min(1.0, self.grad_clip / (norm + 1e-6)) if self.grad_clip else 1.0
        fix1, fix2 = (1 / (1 - beta ** self.steps) for beta in (self.beta1, self.beta2))
        hyper = np.array([scale, lr, self.weight_decay, self.beta1, self.beta2, fix1, fix2, self.eps], np.float32)
        adamw(self.data, self.grad, self.m, self.v, hyper)

    def state(self) -> dict[str, np.ndarray]:
        """Moments by parameter name, for a checkpoint."""
        return {f"{kind}.{name}": getattr(self, kind)[part].reshape(shape)
                for name, (part, shape) in self.slots.items() for kind in "mv"}

    def load(self, state: dict[str, np.ndarray], steps: int) -> None:
        for name, (part, _) in self.slots.items():
            for kind in "mv":
                getattr(self, kind)[part] = state[f"{kind}.{name}"].ravel()
        self.steps = steps
