from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.nn.linear import Linear
from ternary.nn.module import Module


class Gated(Module):
    """down(sigmoid(gate) * mixer(value)) with gate, value = up(x): the form of GatedConv around any mixer.

    options: those of Linear.
    """
    fuses_residual = True

    def __init__(self, dim: int, mixer: Module, rng: np.random.Generator, **options: Any):
        self.up = Linear(dim, 2 * dim, rng, **options)
        self.mixer = mixer
        self.down = Linear(dim, dim, rng, **options)

    def init_state(self, batch: int) -> Any:
        return self.mixer.init_state(batch)

    def __call__(self, x: Tensor, state: Any = None, residual: Tensor | None = None) -> Tensor:
        gate, value = ops.split(self.up(x), [x.shape[2]] * 2)
        return self.down(ops.mul(self.mixer(value, state), ops.sigmoid(gate)), residual=residual)
