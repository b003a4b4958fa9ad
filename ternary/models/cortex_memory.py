"""CORTEX-VI and VII: a Hebbian memory, linear attention with decay, beside convolution and attention."""
from dataclasses import dataclass

import numpy as np

from ternary.models.cortex import Cortex, CortexConvConfig
from ternary.models.lm import CHANNELS, MODELS, SIZE, LMConfig
from ternary.nn.block import Block, Chain
from ternary.nn.ffn import GLU
from ternary.nn.mixers.attention import Attention
from ternary.nn.mixers.gated_conv import GatedConv
from ternary.nn.mixers.linear_attention import LinearAttention
from ternary.nn.module import Module
from ternary.nn.norm import RMSNorm
from ternary.schema import setting


@dataclass(frozen=True)
class Cortex6Config(CortexConvConfig):
    memory_dim: int = setting(64, "channels of keys, values and queries of the memory", **CHANNELS)
    decay: float = setting(0.99, "of the memory, per token", above=0, at_most=1)

    @property
    def context(self) -> None:
        return None


@MODELS.register("cortex-6")
class Cortex6(Cortex):
    """CORTEX-VI (v7.2): a gated convolution of 15 taps, then a Hebbian memory with a fixed decay."""
    claim, verdict = "PPL about 18", "causal, but predicted two tokens ahead"
    config_type: type[LMConfig] = Cortex6Config

    def memory(self, rng: np.random.Generator) -> Module:
        c = self.config
        return LinearAttention(c.dim, 1, c.memory_dim, rng, rule="add", decay=c.decay, write_gate=False,
                               normalized=False)

    def conv_block(self, rng: np.random.Generator) -> Module:
        c = self.config
        layers = GatedConv(c.dim, rng, taps=c.kernel), self.memory(rng), GLU(c.dim, c.hidden, rng)
        return Chain(*((RMSNorm(c.dim), layer) for layer in layers))

    def block(self, layer: int, rng: np.random.Generator) -> Module:
        return self.conv_block(rng)


@dataclass(frozen=True)
class Cortex7Config(CortexConvConfig):
    memory_dim: int = setting(64, "channels of keys, values and queries of the memory", **CHANNELS)
    heads: int = setting(4, "heads of attention, each of a multiple of 32 channels", **SIZE)
    window: int = setting(128, "tokens that attention sees", **SIZE)

    @property
    def context(self) -> None:
        return None


@MODELS.register("cortex-7")
class Cortex7(Cortex6):
    """CORTEX-VII (v7.3): gated attention over a window in even layers; in odd ones a gated convolution and a Hebbian
    memory whose decay depends on the token."""
    claim, verdict = "PPL 16.88", "causal, but predicted two tokens ahead"
    config_type = Cortex7Config

    def memory(self, rng: np.random.Generator) -> Module:
        c = self.config
        return LinearAttention(c.dim, 1, c.memory_dim, rng, rule="add", decay="input", write_gate=False,
                               normalized=False)

    def block(self, layer: int, rng: np.random.Generator) -> Module:
        c = self.config
        if layer % 2:
            return self.conv_block(rng)
        attention = Attention(c.dim, c.heads, rng, window=c.window, rotary=False, gated=True)
        return Block(RMSNorm(c.dim), attention, RMSNorm(c.dim), GLU(c.dim, c.hidden, rng))
