from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor, recompute
from ternary.nn.linear import Linear
from ternary.nn.module import Module, Parameter
from ternary.nn.state import Window


class GatedConv(Module):
    """down(sigmoid(gate) * causal_conv(value)) with gate, value = up(x); the convolution is depthwise and float.

    `conv` is (taps, dim), the last tap for the current token; the others are `dilation` tokens apart. options: those
    of Linear.
    """
    fuses_residual = True

    def __init__(self, dim: int, rng: np.random.Generator, taps: int = 8, dilation: int = 1, **options: Any):
        self.dilation = dilation
        self.up = Linear(dim, 2 * dim, rng, **options)
        self.conv = Parameter(rng.standard_normal((taps, dim), np.float32) * np.float32((2 / (dim * taps)) ** 0.5))
        self.down = Linear(dim, dim, rng, **options)

    def init_state(self, batch: int) -> Window:
        return Window((self.conv.shape[0] - 1) * self.dilation)

    def __call__(self, x: Tensor, state: Window | None = None, residual: Tensor | None = None) -> Tensor:
        def conv(x: Tensor) -> Tensor:
            return ops.gated_conv(x, self.conv, self.dilation)
        gate_value = self.up(x)
        h = state.apply(conv, gate_value) if state else conv(gate_value)
        y = self.down(h, residual=residual)
        if not state:
            recompute(h, conv, gate_value)
        return y
