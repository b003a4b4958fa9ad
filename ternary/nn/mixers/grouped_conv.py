from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.errors import UsageError
from ternary.nn.linear import Linear
from ternary.nn.module import Module, Parameter
from ternary.nn.norm import RMSNorm
from ternary.nn.state import Window


class GatedGroupedConv(Module):
    """x + sigmoid(gate) * value, gate and value causal convolutions of norm(x) that mix the channels of each group."""

    def __init__(self, dim: int, rng: np.random.Generator, groups: int, taps: int, dilation: int):
        if dim % groups:
            raise UsageError(f"[GroupedConv] {groups} groups for {dim} channels; wanted a number that divides {dim}")
        self.groups, self.taps, self.dilation = groups, taps, dilation
        self.norm = RMSNorm(dim)
        inputs = taps * dim // groups
        self.gate, self.value = (Parameter(rng.standard_normal((inputs, dim), np.float32) * np.float32(inputs ** -0.5))
                                 for _ in range(2))

    def init_state(self, batch: int) -> Window:
        return Window((self.taps - 1) * self.dilation)

    def __call__(self, x: Tensor, state: Window | None = None) -> Tensor:
        h = self.norm(x)
        return ops.add(x, state.apply(self.mixed, h) if state else self.mixed(h))

    def mixed(self, h: Tensor) -> Tensor:
        gate, value = (ops.grouped_conv(h, w, self.groups, self.dilation) for w in (self.gate, self.value))
        return ops.mul(value, ops.sigmoid(gate))


class GroupedConv(Module):
    """out(x after a GatedGroupedConv of each dilation): the mixer of v3 of the FlashLM family.

    options: those of the linear map `out`; the convolutions are float.
    """
    fuses_residual = True

    def __init__(self, dim: int, rng: np.random.Generator, groups: int = 16, taps: int = 4,
                 dilations: tuple[int, ...] = (1, 4, 64), **options: Any):
        self.layers = [GatedGroupedConv(dim, rng, groups, taps, dilation) for dilation in dilations]
        self.out = Linear(dim, dim, rng, **options)

    def init_state(self, batch: int) -> list[Window]:
        return [layer.init_state(batch) for layer in self.layers]

    def __call__(self, x: Tensor, state: list[Window] | None = None, residual: Tensor | None = None) -> Tensor:
        for k, layer in enumerate(self.layers):
            x = layer(x, state[k] if state else None)
        return self.out(x, residual=residual)
