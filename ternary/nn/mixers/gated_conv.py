from dataclasses import dataclass
from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.kernels.conv import TAPS
from ternary.kernels.gemm.pack import pad_to_tile
from ternary.nn.linear import Linear
from ternary.nn.module import Module, Parameter


@dataclass
class ConvState:
    """The last TAPS values, a ring: `position` is where the next one goes."""
    values: np.ndarray
    position: int = 0


class GatedConv(Module):
    """down(sigmoid(gate) * causal_conv(value)) with gate, value = up(x); the convolution is depthwise and float.

    Spec section 1.1. `conv` is (kernel taps, dim), the last tap for the current token; options: those of Linear.
    """

    def __init__(self, dim: int, rng: np.random.Generator, **options: Any):
        self.up = Linear(dim, 2 * dim, rng, **options)
        self.conv = Parameter(rng.standard_normal((TAPS, dim), np.float32) * np.float32((2 / (dim * TAPS)) ** 0.5))
        self.down = Linear(dim, dim, rng, **options)

    def __call__(self, x: Tensor, length: int, residual: Tensor) -> Tensor:
        """x (N, D), sequences of `length` rows one after the other."""
        return self.down(ops.gated_conv(self.up(x), self.conv, length), residual)

    def init_state(self, batch: int) -> ConvState:
        return ConvState(np.zeros((TAPS, batch, self.conv.shape[1]), np.float32))

    def step(self, x: np.ndarray, state: ConvState) -> np.ndarray:
        """x (B, D): the same for one token; constant work, however long the past."""
        gate, value = np.split(self.up.step(x), 2, axis=-1)
        state.values[state.position] = value
        state.position = (state.position + 1) % TAPS
        oldest_first = np.roll(self.conv.values, state.position, axis=0)
        c = (oldest_first[:, None] * state.values).sum(0)
        return self.down.step(pad_to_tile(c / (1 + np.exp(-gate)), (-1,)))
