from dataclasses import dataclass

import numpy as np

from ternary.models.cortex import Cortex, CortexConfig
from ternary.models.lm import MODELS
from ternary.nn.block import Block
from ternary.nn.ffn import GLU
from ternary.nn.heads import ExitHead
from ternary.nn.mixers.time_mix import TimeMix
from ternary.nn.norm import RMSNorm
from ternary.ops import QUANTIZERS
from ternary.schema import setting


@dataclass(frozen=True)
class RWKVConfig(CortexConfig):
    quantizer: str = setting("row", "which ternary weights share a scale", choices=QUANTIZERS)
    gate_hidden: int = setting(64, "channels inside the gates of the exits", at_least=1)


@MODELS.register("rwkv")
class RWKV(Cortex):
    """v7: a recurrence with a fixed decay of each channel, and two exits within the stack.

    The state is carried from token to token; the published form divided by a power of the decay, which rounds to zero
    after 70 tokens.
    """
    claim, verdict = "PPL 377.66", "causal, but predicted two tokens ahead; the state was lost after 70 tokens"
    config_type, objective = RWKVConfig, "exits:1"

    def block(self, layer: int, rng: np.random.Generator) -> Block:
        c = self.config
        return Block(RMSNorm(c.dim), TimeMix(c.dim, rng, quantizer=c.quantizer),
                     RMSNorm(c.dim), GLU(c.dim, c.hidden, rng, quantizer=c.quantizer))

    def add_heads(self, rng: np.random.Generator) -> None:
        super().add_heads(rng)
        c = self.config
        self.exits = [ExitHead(layer, c.vocab_size, c.dim, c.gate_hidden, rng) for layer in (2, 4) if layer < c.layers]
