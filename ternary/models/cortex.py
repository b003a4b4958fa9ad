"""CORTEX-II to V: gated causal convolutions with float weights, and what was tried in their place."""
from dataclasses import dataclass

import numpy as np

from ternary.autograd.tape import Tensor
from ternary.models.lm import CHANNELS, LM, MODELS, SIZE, LMConfig
from ternary.nn.block import Block, Chain
from ternary.nn.ffn import GLU
from ternary.nn.mixers.data_dependent_taps import OFFSETS, DataDependentTaps
from ternary.nn.mixers.gated import Gated
from ternary.nn.mixers.gated_conv import GatedConv
from ternary.nn.mixers.multi_scale_conv import MultiScaleConv
from ternary.nn.mixers.slot_memory import SlotMemory
from ternary.nn.module import Module
from ternary.nn.norm import RMSNorm
from ternary.schema import setting


@dataclass(frozen=True)
class CortexConfig(LMConfig):
    """The sizes that all models named CORTEX have."""
    vocab_size: int = 4096
    dim: int = 256
    hidden: int = setting(512, "channels inside the GLU", **CHANNELS)


class Cortex(LM):
    """A model whose embeddings are normalised, h = RMSNorm(E[tokens])."""
    config_type: type[LMConfig] = CortexConfig
    seq_len, lr = 256, 1.6e-2

    def add_heads(self, rng: np.random.Generator) -> None:
        self.norm_in = RMSNorm(self.config.dim)

    def embedded(self, tokens: np.ndarray) -> Tensor:
        return self.norm_in(self.embed(tokens))

    def mixer(self, layer: int, rng: np.random.Generator) -> Module:
        raise TypeError(f"[{type(self).__name__}] a model defines mixer(layer, rng), or block(layer, rng)")

    def block(self, layer: int, rng: np.random.Generator) -> Module:
        c = self.config
        return Block(RMSNorm(c.dim), self.mixer(layer, rng), RMSNorm(c.dim), GLU(c.dim, c.hidden, rng))


@dataclass(frozen=True)
class CortexConvConfig(CortexConfig):
    kernel: int = setting(15, "taps of the convolution", at_least=1, at_most=64)

    @property
    def context(self) -> int | None:
        return 1 + self.layers * (self.kernel - 1)


@dataclass(frozen=True)
class Cortex2Config(CortexConfig):
    @property
    def context(self) -> int:
        return 1 + 6 * (2 ** self.layers - 1)


@MODELS.register("cortex-2")
class Cortex2(Cortex):
    """CORTEX-II: three convolutions of 3, 5 and 7 taps side by side, mixed by the token; dilation 2^layer."""
    claim, verdict = "PPL 55.21 after 10 minutes", "causal, but predicted two tokens ahead"
    config_type = Cortex2Config

    def mixer(self, layer: int, rng: np.random.Generator) -> Module:
        dim = self.config.dim
        return Gated(dim, MultiScaleConv(dim, rng, dilation=2 ** layer), rng)


@MODELS.register("cortex-3")
class Cortex3(Cortex):
    """CORTEX-III (v7.1): a gated convolution of 15 taps."""
    claim, verdict = "PPL 18.16", "causal, but predicted two tokens ahead"
    config_type = CortexConvConfig

    def mixer(self, layer: int, rng: np.random.Generator) -> Module:
        return GatedConv(self.config.dim, rng, taps=self.config.kernel)


@dataclass(frozen=True)
class Cortex4Config(CortexConfig):
    @property
    def context(self) -> int:
        return 1 + self.layers * max(OFFSETS)


@MODELS.register("cortex-4")
class Cortex4(Cortex):
    """CORTEX-IV: taps 1 to 64 tokens back, weighted by the token."""
    claim, verdict = "1.13 times as bad as CORTEX-III", "causal, but predicted two tokens ahead"
    config_type = Cortex4Config

    def mixer(self, layer: int, rng: np.random.Generator) -> Module:
        dim = self.config.dim
        return Gated(dim, DataDependentTaps(dim, rng), rng)


@dataclass(frozen=True)
class Cortex5Config(CortexConvConfig):
    slots: int = setting(8, "of the memory of each layer", **SIZE)
    slot_dim: int = setting(32, "channels of a slot", **SIZE)

    @property
    def context(self) -> None:
        return None


@MODELS.register("cortex-5")
class Cortex5(Cortex):
    """CORTEX-V: a gated convolution, and slots of memory that each token writes and reads.

    As published, but every layer begins with empty slots: the published ones began with the end of the layer below,
    which has seen the whole text.
    """
    claim, verdict = "1.44 times as bad as CORTEX-III", "invalid: memory handed over from the end of the text"
    config_type = Cortex5Config

    def block(self, layer: int, rng: np.random.Generator) -> Module:
        c = self.config
        layers = (GatedConv(c.dim, rng, taps=c.kernel), SlotMemory(c.dim, rng, c.slots, c.slot_dim),
                  GLU(c.dim, c.hidden, rng))
        return Chain(*((RMSNorm(c.dim), layer) for layer in layers))
