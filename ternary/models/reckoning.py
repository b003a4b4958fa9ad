from dataclasses import dataclass

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.models.cortex import Cortex, CortexConfig
from ternary.models.lm import CHANNELS, MODELS, SIZE
from ternary.nn.block import add_residual
from ternary.nn.ffn import GLU
from ternary.nn.linear import Linear
from ternary.nn.mixers.gated_state import GatedState
from ternary.nn.mixers.slot_memory import StaticCells
from ternary.nn.module import Module, Parameter
from ternary.nn.norm import RMSNorm
from ternary.nn.state import Window
from ternary.schema import setting


@dataclass(frozen=True)
class ReckoningConfig(CortexConfig):
    dim: int = 128
    layers: int = 4
    hidden: int = 384
    cells: int = setting(128, "cells of memory of each layer", **SIZE)
    cell_dim: int = setting(32, "channels of a cell", **CHANNELS)
    top_k: int = setting(8, "cells that a token reads", **SIZE)
    quantizer: str = setting("tensor", "which ternary weights share a scale", choices=ops.QUANTIZERS)


class ReckoningBlock(Module):
    """x = norm(x + c * cells(x) + s * h), h[t] = a h[t-1] + sigmoid(w x + b) * x; then x + ffn(norm2(x))."""

    def __init__(self, c: ReckoningConfig, rng: np.random.Generator):
        def row(value: float, size: int = c.dim) -> Parameter:
            return Parameter(np.full(size, value, np.float32))
        self.cells = StaticCells(c.dim, rng, c.cells, c.cell_dim, c.top_k, quantizer=c.quantizer)
        self.gate_weight, self.gate_bias = row(1.0), row(0.0)
        self.decay, self.cell_scale, self.state_scale = row(3.0, 1), row(0.1, 1), row(0.1)
        self.norm1, self.norm2 = RMSNorm(c.dim), RMSNorm(c.dim)
        self.ffn = GLU(c.dim, c.hidden, rng, quantizer=c.quantizer)

    def init_state(self, batch: int) -> np.ndarray:
        return np.zeros((batch, len(self.state_scale.data)), np.float32)

    def __call__(self, x: Tensor, state: np.ndarray | None = None) -> Tensor:
        write = ops.mul(ops.sigmoid(ops.add(ops.mul(x, self.gate_weight), self.gate_bias)), x)
        decay = ops.expand(ops.sigmoid(ops.broadcast(self.decay, *x.shape[:2])), x.shape[-1])
        h = ops.scan(decay, write, state)
        x = ops.add(x, ops.mul(self.cells(x), ops.broadcast(self.cell_scale, *x.shape[:2])))
        x = self.norm1(ops.add(x, ops.mul(h, self.state_scale)))
        return add_residual(x, self.ffn, self.norm2(x))


@MODELS.register("reckoning")
class Reckoning(Cortex):
    """v9.0: cells of static memory that each token looks up, and a recurrence with one decay.

    Its ternary weights are trained; the published estimator was reversed, and they had no gradient.
    """
    claim, verdict = "PPL 130.19", "causal; ternary weights were float and had no gradient; two tokens ahead"
    config_type, seq_len, lr = ReckoningConfig, 256, 1.6e-2

    def block(self, layer: int, rng: np.random.Generator) -> ReckoningBlock:
        return ReckoningBlock(self.config, rng)


@dataclass(frozen=True)
class Reckoning2Config(CortexConfig):
    dim: int = 384
    hidden: int = 1536
    memory_dim: int = setting(64, "channels of the static memory", **CHANNELS)
    kernel: int = setting(7, "taps of the convolution", at_least=1, at_most=64)


class ThreeStreams(Module):
    """out([conv(x), state(x), memory(x)]): a convolution, a gated recurrence and a static matrix."""

    def __init__(self, c: Reckoning2Config, rng: np.random.Generator):
        std = 0.02
        self.conv = Parameter(rng.standard_normal((c.kernel, c.dim), np.float32) * np.float32(c.kernel ** -0.5))
        self.state = GatedState(c.dim, rng, std=std)
        self.key = Linear(c.dim, c.memory_dim, rng, std=std)
        self.memory = Linear(c.memory_dim, c.memory_dim, rng)
        self.value = Linear(c.memory_dim, c.dim, rng, std=std)
        self.out = Linear(3 * c.dim, c.dim, rng, std=std, bias=True)

    def init_state(self, batch: int) -> tuple[Window, np.ndarray]:
        return Window(len(self.conv.values) - 1), self.state.init_state(batch)

    def __call__(self, x: Tensor, state: tuple[Window, np.ndarray] | None = None) -> Tensor:
        def conv(x: Tensor) -> Tensor:
            return ops.causal_conv(x, self.conv)
        window, s = state or (None, None)
        memory = self.value(self.memory(self.key(x)))
        return self.out(ops.concat(window.apply(conv, x) if window else conv(x), self.state(x, s), memory))


@MODELS.register("reckoning-2")
class Reckoning2(Cortex):
    """v9.1: a convolution, a gated recurrence and a static memory side by side.

    The state is carried from token to token; the published form lost it after 25 tokens. Its keys, values and rates for
    a memory that learns while it reads, which no loss ever trained, are left out.
    """
    claim, verdict = "PPL 24.60", "causal; the state was lost after 25 tokens; two tokens ahead"
    config_type, seq_len, lr = Reckoning2Config, 256, 1.6e-2

    def add_heads(self, rng: np.random.Generator) -> None:
        pass                                  # embeddings go in as they are

    def embedded(self, tokens: np.ndarray) -> Tensor:
        return self.embed(tokens)

    def mixer(self, layer: int, rng: np.random.Generator) -> Module:
        return ThreeStreams(self.config, rng)
