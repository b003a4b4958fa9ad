"""CORTEX-VIII and its line: attention over a window beside a memory with the gated delta rule."""
from dataclasses import dataclass

import numpy as np

from ternary.models.cortex import Cortex, CortexConfig
from ternary.models.lm import MODELS, SIZE, LMConfig
from ternary.nn.block import Block
from ternary.nn.ffn import GLU
from ternary.nn.heads import Compass, Table
from ternary.nn.linear import Linear
from ternary.nn.mixers.attention import Attention
from ternary.nn.mixers.linear_attention import LinearAttention
from ternary.nn.mixers.two_stream import TwoStream
from ternary.nn.norm import RMSNorm
from ternary.schema import setting

STD = 0.02                        # of all linear maps at the start


@dataclass(frozen=True)
class Cortex8Config(CortexConfig):
    heads: int = setting(4, "heads of attention, each of a multiple of 32 channels, and memories", **SIZE)
    window: int = setting(64, "tokens that attention sees", **SIZE)
    memory_dim: int = setting(32, "channels of a key, a value and a query of each memory", **SIZE)

    @property
    def context(self) -> None:
        return None


@MODELS.register("cortex-8")
class Cortex8(Cortex):
    """CORTEX-VIII (v7.4): attention over a window and a memory with the gated delta rule, mixed by a gate.

    The published memory read the future, by a mask of the wrong triangle, and had no delta rule.
    """
    claim, verdict = "PPL 2.33", "impossible: the memory read the future; two tokens ahead"
    config_type: type[LMConfig] = Cortex8Config
    seq_len, lr = 256, 1.6e-2

    def block(self, layer: int, rng: np.random.Generator) -> Block:
        c = self.config
        local = Attention(c.dim, c.heads, rng, window=c.window, rotary=False, std=STD)
        memory = LinearAttention(c.dim, c.heads, c.memory_dim, rng, std=STD)
        mixer = TwoStream(c.dim, RMSNorm(c.dim), local, RMSNorm(c.dim), memory, rng, std=STD)
        return Block(None, mixer, RMSNorm(c.dim), GLU(c.dim, c.hidden, rng, std=STD))


@MODELS.register("cortex-9")
class Cortex9(Cortex8):
    """CORTEX-IX (v7.5): CORTEX-VIII with a second table for the token after the next."""
    claim, verdict = "PPL 3.29", "impossible: the memory read the future; two tokens ahead"
    objective = "multi_token:0.5,unlikelihood:0.25,entropy:0.01,word_dropout"

    def add_heads(self, rng: np.random.Generator) -> None:
        super().add_heads(rng)
        self.multi_token_table = Table(self.config.vocab_size, self.config.dim, rng)


@MODELS.register("cortex-10")
class Cortex10(Cortex8):
    """CORTEX-X (v7.6): CORTEX-VIII, trained on short stories by its recipe."""
    claim, verdict = "PPL 7.54", "impossible: the memory read the future; two tokens ahead; scored on other text"


@MODELS.register("compass")
class CompassLM(Cortex8):
    """Story Compass (v9.2): CORTEX-VIII with a head that predicts the mean of the hidden states to come.

    The published target had a gradient, so that all hidden states became alike.
    """
    claim, verdict = "PPL 17.56", "invalid: the memory read the future; two tokens ahead"
    objective = "compass:0.5"

    def add_heads(self, rng: np.random.Generator) -> None:
        super().add_heads(rng)
        self.compass = Compass(self.config.dim, rng)


@MODELS.register("searchlm-8.1")
class SearchLM81(Cortex8):
    """SearchLM (v8.1): CORTEX-VIII with a value head on every block, which foresees the loss."""
    claim, verdict = "PPL 2.40", "impossible: the memory read the future; two tokens ahead"
    objective = "value:0.1"

    def add_heads(self, rng: np.random.Generator) -> None:
        super().add_heads(rng)
        self.value_heads = [Linear(self.config.dim, 1, rng, std=0.01) for _ in range(self.config.layers)]


@dataclass(frozen=True)
class SearchLM82Config(Cortex8Config):
    hidden: int = 640
    window: int = 32


@MODELS.register("searchlm-8.2")
class SearchLM82(SearchLM81):
    """SearchLM (v8.2): a wider GLU, a shorter window, an entropy bonus."""
    claim, verdict = "PPL 2.42", "impossible: as v8.1, and a bonus is taken off the score"
    config_type: type[LMConfig] = SearchLM82Config
    objective = "value:0.01,entropy:0.01"


@dataclass(frozen=True)
class SearchLM83Config(Cortex8Config):
    window: int = 32


@MODELS.register("searchlm-8.3")
class SearchLM83(SearchLM82):
    """SearchLM (v8.3): v8.2 with the GLU of v8.1."""
    claim, verdict = "PPL 2.50", "impossible: as v8.1, and a bonus is taken off the score"
    config_type = SearchLM83Config


@dataclass(frozen=True)
class LeanCortexConfig(Cortex8Config):
    dim: int = 128
    layers: int = 4
    hidden: int = 384
    window: int = setting(256, "tokens that attention sees", **SIZE)


@MODELS.register("lean-cortex")
class LeanCortex(Cortex8):
    """Lean CORTEX (v8.4): CORTEX-VIII with fewer and smaller layers that attend to 256 tokens."""
    claim, verdict = "PPL 7.80", "impossible: the memory read the future; two tokens ahead"
    config_type, lr = LeanCortexConfig, 1.6e-2
