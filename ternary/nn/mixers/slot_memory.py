"""Memories of a few vectors: written along the sequence, or learned and the same for all."""
from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.compiler.layout import padded
from ternary.errors import UsageError
from ternary.nn.linear import Linear
from ternary.nn.module import Module, Parameter


class SlotMemory(Module):
    """out(concat of p[t, j] * M[t, j]), M[t, j] = w[t, j] * value(x[t]) + (1 - w[t, j]) * M[t-1, j] for slots j.

    w = sigmoid(write(x)), p = softmax(query(x)) over slots. CORTEX-V of the FlashLM family, with a memory of its own,
    at first empty, in each layer: as published, layers handed on the memory of the end of the sequence. All weights
    are float; those of `write` start at N(-2, 0.5^2).
    """
    fuses_residual = True

    def __init__(self, dim: int, rng: np.random.Generator, slots: int = 8, size: int = 32):
        self.slots, self.size = slots, size
        self.write = Linear(dim, slots, rng, std=0.5)
        self.write.weight.values[...] -= 2
        self.value = Linear(dim, size, rng)
        self.query = Linear(dim, slots, rng, std=0.0)
        self.out = Linear(slots * size, dim, rng, std=0.02)

    def init_state(self, batch: int) -> np.ndarray:
        """The slots, (B, slots * size), up to whole lines."""
        return np.zeros((batch, padded(self.slots * self.size)), np.float32)

    def __call__(self, x: Tensor, state: np.ndarray | None = None, residual: Tensor | None = None) -> Tensor:
        channels, w = self.slots * self.size, ops.sigmoid(self.write(x))
        rest = ops.sub(ops.as_tensor(np.ones(w.shape), accum=True), w)       # in bf16 it would not be 1 - w
        written = ops.mul(ops.concat(*[self.value(x)] * self.slots), ops.expand(w, channels))
        memory = ops.scan(ops.expand(rest, channels), written, state)
        return self.out(ops.mul(memory, ops.expand(ops.softmax(self.query(x)), channels)), residual=residual)


class StaticCells(Module):
    """out(p @ cells + into(x)), p = softmax over the `top` largest of route(x) / sqrt(dim), 0 for the other cells.

    v9.0 of the FlashLM family. The choice is among cells, never among tokens; `cells` are learned and float, options
    are those of the other linear maps.
    """

    def __init__(self, dim: int, rng: np.random.Generator, cells: int = 128, size: int = 32, top: int = 8,
                 **options: Any):
        if top > cells:
            raise UsageError(f"[StaticCells] the {top} largest of {cells} cells; wanted at most {cells}")
        self.top, self.scale = top, dim ** -0.5
        self.route = Linear(dim, cells, rng, **options)
        self.into = Linear(dim, size, rng, **options)
        self.cells = Linear(cells, size, rng, std=0.02)
        self.out = Linear(size, dim, rng, **options)

    def __call__(self, x: Tensor, state: Any = None) -> Tensor:
        p = ops.top_softmax(ops.scale(self.route(x), self.scale), self.top)
        return self.out(self.cells(p, residual=self.into(x)))


class SlotReading(Module):
    """softmax(query(x) @ slots.T / sqrt(dim)) @ slots, with learned slots (v6 of the FlashLM family).

    options: those of the linear map `query`.
    """

    def __init__(self, dim: int, rng: np.random.Generator, slots: int = 8, **options: Any):
        self.query = Linear(dim, dim, rng, **options)
        self.slots = Parameter(rng.standard_normal((slots, dim), np.float32) * np.float32(0.02))

    def __call__(self, x: Tensor, state: Any = None) -> Tensor:
        return ops.slot_reading(self.query(x), self.slots)
