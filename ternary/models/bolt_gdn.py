from dataclasses import dataclass

import numpy as np

from ternary import ops
from ternary.models.lm import CHANNELS, LM, MODELS, SIZE, LMConfig
from ternary.nn.block import Block
from ternary.nn.ffn import GLU
from ternary.nn.mixers.linear_attention import GatedDeltaNet
from ternary.nn.norm import RMSNorm
from ternary.schema import setting


@dataclass(frozen=True)
class BoltGDNConfig(LMConfig):
    """Sizes of Bolt with a gated delta rule: keys of 3/4 dim and values of 3/2 dim, over all heads."""
    heads: int = setting(4, "memories, which share the channels of keys and values", **SIZE)
    hidden: int = setting(512, "channels inside the GLU", **CHANNELS)
    quantizer: str = setting("tensor", "which ternary weights share a scale", choices=ops.QUANTIZERS)


@MODELS.register("bolt-gdn-small")
class BoltGDN(LM):
    """v4 of the fork: Bolt with a gated delta rule instead of the convolution."""
    claim, verdict = "validation loss 2.003", "causal, one shift: plausible"
    config_type, seq_len, lr = BoltGDNConfig, 512, 1.6e-2

    def block(self, layer: int, rng: np.random.Generator) -> Block:
        c = self.config
        mixer = GatedDeltaNet(c.dim, c.heads, c.dim * 3 // 4 // c.heads, c.dim * 3 // 2 // c.heads, rng,
                              quantizer=c.quantizer)
        return Block(RMSNorm(c.dim), mixer, RMSNorm(c.dim), GLU(c.dim, c.hidden, rng, quantizer=c.quantizer))


@dataclass(frozen=True)
class BoltGDNLargeConfig(BoltGDNConfig):
    dim: int = 384
    layers: int = 8
    heads: int = 6
    hidden: int = 1024


@MODELS.register("bolt-gdn-large")
class BoltGDNLarge(BoltGDN):
    """Bolt with a gated delta rule and 20.4 M parameters."""
    claim, verdict = "", "no score was published"
    config_type, seq_len, lr = BoltGDNLargeConfig, 1024, 3e-3
