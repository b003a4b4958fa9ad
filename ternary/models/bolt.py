from dataclasses import dataclass

import numpy as np

from ternary.autograd.tape import Tensor
from ternary.errors import UsageError
from ternary.kernels.conv import TAPS
from ternary.kernels.quant import QUANTIZERS
from ternary.models.lm import LM
from ternary.nn.ffn import GLU
from ternary.nn.mixers.gated_conv import ConvState, GatedConv
from ternary.nn.module import Module
from ternary.nn.norm import RMSNorm


@dataclass(frozen=True)
class BoltConfig:
    """Spec section 1.1; quantizer and inner_norm: section 6. dim and hidden are multiples of 32."""
    vocab_size: int = 10000
    dim: int = 192
    layers: int = 6
    kernel: int = TAPS
    hidden: int = 512
    quantizer: str = "tensor"
    inner_norm: bool = False

    def __post_init__(self):
        for name in ("vocab_size", "layers", "dim", "hidden"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise UsageError(f"[BoltConfig] {name} is {value!r}; wanted a whole number of at least 1")
        for name in ("dim", "hidden"):
            if getattr(self, name) % 32:
                near = max(32, round(getattr(self, name) / 32) * 32)
                raise UsageError(f"[BoltConfig] {name} is {getattr(self, name)}; wanted a multiple of 32; use {near}")
        if self.vocab_size > 65536:
            raise UsageError(f"[BoltConfig] vocab_size is {self.vocab_size}; tokens are 16-bit; use at most 65536")
        if self.kernel != TAPS:
            raise UsageError(f"[BoltConfig] kernel is {self.kernel!r}; the convolution has {TAPS} taps; use {TAPS}")
        if self.quantizer not in QUANTIZERS:
            raise UsageError(f"[BoltConfig] quantizer is {self.quantizer!r}; use one of {', '.join(QUANTIZERS)}")
        if type(self.inner_norm) is not bool:
            raise UsageError(f"[BoltConfig] inner_norm is {self.inner_norm!r}; use true or false")

    @property
    def context(self) -> int:
        """Tokens that a prediction can see."""
        return 1 + self.layers * (self.kernel - 1)


class Block(Module):
    """x + mixer(norm1(x)), then x + ffn(norm2(x)); with inner_norm the linear maps norm their inputs themselves."""

    def __init__(self, c: BoltConfig, rng: np.random.Generator):
        self.norm1 = None if c.inner_norm else RMSNorm(c.dim)
        self.mixer = GatedConv(c.dim, rng, c.quantizer, c.inner_norm)
        self.norm2 = None if c.inner_norm else RMSNorm(c.dim)
        self.ffn = GLU(c.dim, c.hidden, rng, c.quantizer, c.inner_norm)

    def __call__(self, x: Tensor, length: int) -> Tensor:
        x = self.mixer(self.norm1(x) if self.norm1 else x, length, residual=x)
        return self.ffn(self.norm2(x) if self.norm2 else x, residual=x)

    def init_state(self, batch: int) -> ConvState:
        return self.mixer.init_state(batch)

    def step(self, x: np.ndarray, state: ConvState) -> np.ndarray:
        x = x + self.mixer.step(self.norm1.step(x) if self.norm1 else x, state)
        return x + self.ffn.step(self.norm2.step(x) if self.norm2 else x)


class Bolt(LM):
    """v4: gated causal convolution + ternary GLU. No attention, no positions."""

    def block(self, rng: np.random.Generator) -> Block:
        return Block(self.config, rng)
