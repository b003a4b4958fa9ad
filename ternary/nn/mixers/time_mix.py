from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.nn.linear import Linear
from ternary.nn.module import Module, Parameter
from ternary.nn.norm import RMSNorm


class TimeMix(Module):
    """out(norm(sigmoid(receptance(x)) * s)), s[t] = d * s[t-1] + key(x[t]) * value(x[t]), d = sigmoid(decay).

    v7 of the FlashLM family, after RWKV (Peng et al. 2023), as a recurrence: dividing by powers of d, as published,
    loses tokens that are far apart. `decay` starts at 0.99, so d at 0.73. options: those of Linear.
    """
    fuses_residual = True

    def __init__(self, dim: int, rng: np.random.Generator, **options: Any):
        self.receptance, self.key, self.value, self.out = (Linear(dim, dim, rng, **options) for _ in range(4))
        self.decay = Parameter(np.full(dim, 0.99, np.float32))
        self.norm = RMSNorm(dim)

    def init_state(self, batch: int) -> np.ndarray:
        """The last s, (B, C)."""
        return np.zeros((batch, len(self.decay.data)), np.float32)

    def __call__(self, x: Tensor, state: np.ndarray | None = None, residual: Tensor | None = None) -> Tensor:
        s = ops.scan(ops.sigmoid(self.decay), ops.mul(self.key(x), self.value(x)), state)
        return self.out(self.norm(ops.mul(s, ops.sigmoid(self.receptance(x)))), residual=residual)
