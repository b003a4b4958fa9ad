from dataclasses import dataclass

import numpy as np

from ternary.models.lm import CHANNELS, LM, MODELS, SIZE, LMConfig
from ternary.nn.block import Block
from ternary.nn.ffn import GLU
from ternary.nn.linear import Linear
from ternary.nn.mixers.attention import Attention
from ternary.nn.norm import RMSNorm
from ternary.schema import setting

STD = 0.02                        # of all linear maps at the start


@dataclass(frozen=True)
class SearchLMConfig(LMConfig):
    """SearchLM's sizes (docs/models.md)."""
    vocab_size: int = 4096
    dim: int = 256
    heads: int = setting(4, "heads of attention, each of a multiple of 32 channels", **SIZE)
    hidden: int = setting(768, "channels inside the GLU", **CHANNELS)


@MODELS.register("searchlm")
class SearchLM(LM):
    """v8: a transformer with normalised queries and keys, and a value head on every block, which foresees the loss.

    Positions turn along time; the published ones turned from head to head, which cancels out. The published soft cap
    of scores (50) is left out: the norms keep scores far below it.
    """
    claim, verdict = "PPL 2.40", "its code is causal and cannot reach that; positions cancelled out"
    config_type, seq_len, lr, objective = SearchLMConfig, 256, 8e-3, "value:0.1"

    def block(self, layer: int, rng: np.random.Generator) -> Block:
        c = self.config
        return Block(RMSNorm(c.dim), Attention(c.dim, c.heads, rng, qk_norm=True, std=STD),
                     RMSNorm(c.dim), GLU(c.dim, c.hidden, rng, std=STD))

    def add_heads(self, rng: np.random.Generator) -> None:
        self.value_heads = [Linear(self.config.dim, 1, rng, std=0.01) for _ in range(self.config.layers)]
