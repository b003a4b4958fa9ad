from dataclasses import dataclass

import numpy as np

from ternary.errors import UsageError
from ternary.models.checks import check_sizes
from ternary.models.lm import LM
from ternary.nn.block import Block
from ternary.nn.ffn import GLU
from ternary.nn.mixers.attention import Attention
from ternary.nn.norm import LayerNorm

STD = 0.02                        # of all linear maps at the start


@dataclass(frozen=True)
class NovaConfig:
    """Nova's sizes (docs/models.md). hidden is a multiple of 16, dim / heads one of 32."""
    vocab_size: int = 4096
    dim: int = 256
    layers: int = 6
    heads: int = 4
    hidden: int = 512

    def __post_init__(self) -> None:
        check_sizes(self, "heads")
        if self.dim % (32 * self.heads):
            raise UsageError(f"[NovaConfig] heads is {self.heads}; wanted heads of a multiple of 32 channels, which "
                             f"make up dim {self.dim}; use {max(1, self.dim // 64)}")

    @property
    def context(self) -> None:
        """A prediction can see all tokens before it."""


class Nova(LM):
    """v5.2: a transformer of pre-LayerNorm blocks, rotary attention and GEGLU, all weights float.

    The published training drops 0.1 of embeddings, attention weights and FFN outputs; here there is no dropout.
    """
    norm_type = LayerNorm

    def block(self, layer: int, rng: np.random.Generator) -> Block:
        c = self.config
        return Block(LayerNorm(c.dim), Attention(c.dim, c.heads, rng, std=STD),
                     LayerNorm(c.dim), GLU(c.dim, c.hidden, rng, activation="gelu", std=STD))
