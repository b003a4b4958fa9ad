from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.nn.linear import Linear
from ternary.nn.module import Module, Parameter


class GatedState(Module):
    """s[t] = decay[t] * s[t-1] + gate[t] * x[t], channel by channel (v9.1 of the FlashLM family, as a recurrence).

    decay = sigmoid(decay(x) + decay_bias), clipped to `limits`; gate = sigmoid(gate(x) + gate_bias). options: those of
    Linear.
    """

    def __init__(self, dim: int, rng: np.random.Generator, limits: tuple[float, float] = (0.05, 0.95), **options: Any):
        self.limits = limits
        self.decay, self.gate = (Linear(dim, dim, rng, **options) for _ in range(2))
        self.decay_bias, self.gate_bias = (Parameter(np.zeros(dim, np.float32)) for _ in range(2))

    def init_state(self, batch: int) -> np.ndarray:
        """The last s, (B, C)."""
        return np.zeros((batch, len(self.gate_bias.data)), np.float32)

    def __call__(self, x: Tensor, state: np.ndarray | None = None) -> Tensor:
        decay = ops.clip(ops.sigmoid(ops.add(self.decay(x), self.decay_bias)), *self.limits)
        gate = ops.sigmoid(ops.add(self.gate(x), self.gate_bias))
        return ops.scan(decay, ops.mul(x, gate), state)
