from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.nn.linear import Linear
from ternary.nn.module import Module, Parameter
from ternary.nn.state import Window


class ShortConv(Module):
    """down(c * causal_conv(b * v)) with b, c, v linear maps of x: two gates without an activation (LFM2, Liquid 2025).

    `conv` is (taps, dim), depthwise and float, the last tap for the current token. options: those of Linear.
    """
    fuses_residual = True

    def __init__(self, dim: int, rng: np.random.Generator, taps: int = 4, **options: Any):
        self.gate_in, self.gate_out, self.value = (Linear(dim, dim, rng, **options) for _ in range(3))
        self.conv = Parameter(rng.standard_normal((taps, dim), np.float32) * np.float32((2 / (dim * taps)) ** 0.5))
        self.down = Linear(dim, dim, rng, **options)

    def init_state(self, batch: int) -> Window:
        return Window(self.conv.shape[0] - 1)

    def __call__(self, x: Tensor, state: Window | None = None, residual: Tensor | None = None) -> Tensor:
        def conv(x: Tensor) -> Tensor:
            return ops.causal_conv(x, self.conv)
        gated = ops.mul(self.gate_in(x), self.value(x))
        y = state.apply(conv, gated) if state else conv(gated)
        return self.down(ops.mul(self.gate_out(x), y), residual=residual)
