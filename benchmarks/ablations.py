r"""Models that differ from one of the family in one thing, for the questions of docs/family.md:

    python benchmarks/family.py --data train.txt --val-data valid.txt --tokens 2000000 \
        --models bolt-small cortex-3 cortex-8 --model benchmarks/ablations.py:FloatBolt \
        --model benchmarks/ablations.py:AttentionCortex3 --model benchmarks/ablations.py:HebbianCortex8
"""
from dataclasses import dataclass

import numpy as np

from ternary.models import LMConfig
from ternary.models.bolt import Bolt
from ternary.models.cortex import Cortex, CortexConfig
from ternary.models.cortex8 import Cortex8
from ternary.nn.block import Block
from ternary.nn.ffn import GLU
from ternary.nn.mixers.attention import Attention
from ternary.nn.mixers.gated_conv import GatedConv
from ternary.nn.module import Module
from ternary.nn.norm import RMSNorm


class FloatBolt(Bolt):
    """bolt-small with float weights."""

    def block(self, layer: int, rng: np.random.Generator) -> Block:
        c = self.config
        return Block(RMSNorm(c.dim), GatedConv(c.dim, rng, c.kernel), RMSNorm(c.dim), GLU(c.dim, c.hidden, rng))


@dataclass(frozen=True)
class AttentionCortex3Config(CortexConfig):
    hidden: int = 432             # as many parameters as cortex-3, but for 1,536

    @property
    def context(self) -> None:
        return None


class AttentionCortex3(Cortex):
    """cortex-3 with attention to all tokens, with rotary positions, in the place of the convolutions of 15 taps."""
    config_type: type[LMConfig] = AttentionCortex3Config

    def mixer(self, layer: int, rng: np.random.Generator) -> Module:
        return Attention(self.config.dim, 4, rng)


class HebbianCortex8(Cortex8):
    """cortex-8 with a memory that adds what it reads, decayed as before, in the place of the delta rule."""

    def block(self, layer: int, rng: np.random.Generator) -> Block:
        block = super().block(layer, rng)
        block.mixer.memory.rule = "add"
        return block
