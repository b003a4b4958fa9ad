from dataclasses import dataclass

import numpy as np

from ternary import ops
from ternary.errors import UsageError
from ternary.models.checks import check_quantizer, check_sizes
from ternary.models.lm import LM
from ternary.nn.block import Block
from ternary.nn.ffn import GLU
from ternary.nn.mixers.gated_conv import GatedConv
from ternary.nn.norm import RMSNorm


@dataclass(frozen=True)
class BoltConfig:
    """Bolt's sizes and variants (docs/models.md). dim and hidden are multiples of 16."""
    vocab_size: int = 10000
    dim: int = 192
    layers: int = 6
    kernel: int = ops.CONV_TAPS
    hidden: int = 512
    quantizer: str = "tensor"
    inner_norm: bool = False

    def __post_init__(self) -> None:
        check_sizes(self)
        check_quantizer(self)
        if self.kernel != ops.CONV_TAPS:
            raise UsageError(f"[BoltConfig] kernel is {self.kernel!r}; the convolution has {ops.CONV_TAPS} taps; "
                             f"use {ops.CONV_TAPS}")
        if type(self.inner_norm) is not bool:
            raise UsageError(f"[BoltConfig] inner_norm is {self.inner_norm!r}; use true or false")

    @property
    def context(self) -> int:
        """Tokens that a prediction can see."""
        return 1 + self.layers * (self.kernel - 1)


class Bolt(LM):
    """v4: gated causal convolution + ternary GLU. No attention, no positions."""

    def block(self, layer: int, rng: np.random.Generator) -> Block:
        c = self.config
        ternary = {"quantizer": c.quantizer, "inner_norm": c.inner_norm}
        norm1, norm2 = (None if c.inner_norm else RMSNorm(c.dim) for _ in range(2))
        return Block(norm1, GatedConv(c.dim, rng, **ternary), norm2, GLU(c.dim, c.hidden, rng, **ternary))
