from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.kernels.glu import ACTIVATIONS, activation_ref
from ternary.nn.linear import Linear
from ternary.nn.module import Module


class GLU(Module):
    """down(f(gate(x)) * up(x)), three linear maps dim -> hidden -> dim (Shazeer 2020).

    activation: f, "silu" or "gelu"; options: those of Linear.
    """

    def __init__(self, dim: int, hidden: int, rng: np.random.Generator, activation: str = "silu", **options: Any):
        self.activation = activation
        self.gate = Linear(dim, hidden, rng, **options)
        self.up = Linear(dim, hidden, rng, **options)
        self.down = Linear(hidden, dim, rng, **options)

    def __call__(self, x: Tensor, residual: Tensor) -> Tensor:
        gate, up = self.gate, self.up
        return self.down(ops.glu(gate.normed(x), up.normed(x), gate.packed, up.packed, self.activation), residual)

    def step(self, x: np.ndarray) -> np.ndarray:
        value, _ = activation_ref(self.gate.step(x), ACTIVATIONS.index(self.activation))
        return self.down.step(value * self.up.step(x))


class MLP(Module):
    """down(relu(up(x))^2), two linear maps dim -> hidden -> dim (So et al. 2021)."""

    def __init__(self, dim: int, hidden: int, rng: np.random.Generator, quantizer: str | None = None):
        self.up = Linear(dim, hidden, rng, quantizer)
        self.down = Linear(hidden, dim, rng, quantizer)

    def __call__(self, x: Tensor, residual: Tensor) -> Tensor:
        return ops.relu2_mlp(x, self.up.packed, self.down.packed, residual)

    def step(self, x: np.ndarray) -> np.ndarray:
        return self.down.step(np.maximum(self.up.step(x), 0) ** 2)
