from dataclasses import dataclass

import numpy as np

from ternary.errors import UsageError
from ternary.models.lm import CHANNELS, LM, MODELS, SIZE, LMConfig
from ternary.nn.block import Block
from ternary.nn.ffn import GLU
from ternary.nn.mixers.attention import Attention
from ternary.nn.norm import LayerNorm
from ternary.schema import setting

STD = 0.02                        # of all linear maps at the start


@dataclass(frozen=True)
class NovaConfig(LMConfig):
    """Nova's sizes (docs/models.md)."""
    vocab_size: int = 4096
    dim: int = 256
    heads: int = setting(4, "heads of attention, each of a multiple of 32 channels", **SIZE)
    hidden: int = setting(512, "channels inside the GLU", **CHANNELS)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dim % (32 * self.heads):
            raise UsageError(f"[NovaConfig] heads is {self.heads}; wanted heads of a multiple of 32 channels, which "
                             f"make up dim {self.dim}; use {max(1, self.dim // 64)}")


@MODELS.register("nova")
class Nova(LM):
    """v5.2: a transformer of pre-LayerNorm blocks, rotary attention and GEGLU, all weights float.

    The published training drops 0.1 of embeddings, attention weights and FFN outputs; here there is no dropout.
    """
    claim = "PPL 10.56, BPC 0.78"
    verdict = "causal, one shift; trained and scored on parts of the validation file, 10,000 tokens at a time"
    config_type, seq_len, lr, norm_type = NovaConfig, 128, 1.6e-2, LayerNorm

    def block(self, layer: int, rng: np.random.Generator) -> Block:
        c = self.config
        return Block(LayerNorm(c.dim), Attention(c.dim, c.heads, rng, std=STD),
                     LayerNorm(c.dim), GLU(c.dim, c.hidden, rng, activation="gelu", std=STD))
