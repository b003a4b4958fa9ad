"""AdamW, and Muon for matrices, over flat buffers."""
import numpy as np

from ternary.autograd.pool import aligned
from ternary.compiler.isa import BF16_DOT
from ternary.errors import ModelFileError
from ternary.kernels.adamw import PART, adamw, squared_norm
from ternary.kernels.muon import muon
from ternary.nn.module import Parameter, unpadded

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
        # those that are adapted first, so that one kernel moves them all
        ordered = sorted(parameters.items(), key=lambda entry: not self.uses_adamw(entry[1]))
        sizes = [-(-p.data.size // SLOT) * SLOT for _, p in ordered]
        ends = np.cumsum(sizes)
        self.adapted = sum(size for size, (_, p) in zip(sizes, ordered) if self.uses_adamw(p))
        self.data, self.grad, self.m = (aligned(4 * int(ends[-1])).view(np.float32) for _ in range(3))
        self.v = aligned(4 * self.adapted).view(np.float32)
        for a in (self.data, self.grad, self.m, self.v):
            a[:] = 0
        self.slots = {}
        for (name, p), end, size in zip(ordered, ends, sizes):
            part, shape = slice(end - size, end - size + p.data.size), p.data.shape
            self.slots[name] = part, shape, p.shape
            self.data[part] = p.data.ravel()
            p.data, p.grad = self.data[part].reshape(shape), self.grad[part].reshape(shape)
        self.parts = np.empty(-(-self.data.size // PART), np.float32)

    @staticmethod
    def uses_adamw(p: Parameter) -> bool:
        """Whether AdamW moves a parameter: it has a second moment then."""
        return True

    @classmethod
    def moment_shapes(cls, parameters: dict[str, Parameter]) -> dict[str, tuple[int, ...]]:
        """What a checkpoint holds: m.NAME, v.NAME."""
        return {f"{kind}.{name}": p.shape for name, p in parameters.items()
                for kind in ("mv" if cls.uses_adamw(p) else "m")}

    def grad_norm(self) -> float:
        """The global L2 norm of the gradient; nan or inf if any element is."""
        squared_norm(self.grad, self.parts)
        return float(self.parts.sum(dtype=np.float64)) ** 0.5

    def clipping(self, norm: float) -> float:
        """What a gradient of this norm is multiplied by."""
        return min(1.0, self.grad_clip / (norm + 1e-6)) if self.grad_clip else 1.0

    def step(self, lr: float, norm: float) -> None:
        """One update with a gradient of this norm."""
        self.steps += 1
        fix1, fix2 = (1 / (1 - beta ** self.steps) for beta in (self.beta1, self.beta2))
        hyper = np.array([self.clipping(norm), lr, self.weight_decay, self.beta1, self.beta2, fix1, fix2, self.eps],
                         np.float32)
        own = slice(self.adapted)
        adamw(self.data[own], self.grad[own], self.m[own], self.v, hyper)

    def state(self) -> dict[str, np.ndarray]:
        """Views of the moments, named as in a checkpoint."""
        return {f"{kind}.{name}": unpadded(getattr(self, kind)[part].reshape(stored), shape)
                for name, (part, stored, shape) in self.slots.items()
                for kind in ("mv" if part.stop <= self.adapted else "m")}

    def load(self, state: dict[str, np.ndarray], steps: int) -> None:
        for name, moment in self.state().items():
            moment[...] = state[name]
        self.steps = steps


class Muon(AdamW):
    """AdamW, but matrices of linear maps are moved by their orthogonalised momentum (kernels/muon.py).

    Learning rate, weight decay and clipping are the same for all. precision: of the training.
    """

    def __init__(self, parameters: dict[str, Parameter], *, precision: str = "fp32", momentum: float = 0.95, **adamw):
        super().__init__(parameters, **adamw)
        self.momentum = momentum
        self.operands = np.empty((1, 1), np.uint16 if BF16_DOT and precision != "fp32" else np.float32)
        matrices = [(part.start - self.adapted, *stored, max(shape)) for part, stored, shape in self.slots.values()
                    if part.start >= self.adapted]
        self.shapes = np.array(matrices, np.int64).reshape(-1, 4)

    @staticmethod
    def uses_adamw(p: Parameter) -> bool:
        return not p.matrix

    def step(self, lr: float, norm: float) -> None:
        super().step(lr, norm)
        hyper = np.array([self.clipping(norm), lr, self.weight_decay, self.momentum], np.float32)
        own = slice(self.adapted, None)
        muon(self.data[own], self.grad[own], self.m[own], self.shapes, hyper, self.operands)


OPTIMIZERS = {"muon": Muon, "adamw": AdamW}


def make_optimizer(name: str, parameters: dict[str, Parameter], precision: str, **hyper) -> AdamW:
    """One of OPTIMIZERS."""
    return Muon(parameters, precision=precision, **hyper) if name == "muon" else AdamW(parameters, **hyper)


def moment_shapes(settings: dict, parameters: dict[str, Parameter]) -> dict[str, tuple[int, ...]]:
    """Shapes of the optimizer's tensors in a checkpoint of a run with these settings."""
    kind = OPTIMIZERS.get(settings.get("optimizer") if isinstance(settings, dict) else None)
    if kind is None:
        raise ModelFileError(f"state.json names no optimizer; use {' or '.join(OPTIMIZERS)}")
    return kind.moment_shapes(parameters)
