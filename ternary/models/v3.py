from dataclasses import dataclass

import numpy as np

from ternary import ops
from ternary.models.lm import CHANNELS, LM, MODELS, SIZE, LMConfig
from ternary.nn.block import Block
from ternary.nn.ffn import GLU
from ternary.nn.mixers.grouped_conv import GroupedConv
from ternary.nn.module import Module
from ternary.nn.norm import RMSNorm
from ternary.schema import setting

DILATIONS = 1, 4, 64


@dataclass(frozen=True)
class V3Config(LMConfig):
    """Sizes of v3: `layers` blocks, which all run `rounds` times."""
    vocab_size: int = 50257
    dim: int = 256
    layers: int = 1
    rounds: int = setting(2, "times that the blocks run, with the same weights", **SIZE)
    taps: int = setting(4, "taps of each convolution", **SIZE)
    groups: int = setting(16, "groups of channels that a convolution mixes", **SIZE)
    hidden: int = setting(688, "channels inside the GLU", **CHANNELS)
    quantizer: str = setting("tensor", "which ternary weights share a scale", choices=ops.QUANTIZERS)

    @property
    def context(self) -> int:
        return 1 + self.layers * self.rounds * (self.taps - 1) * sum(DILATIONS)


@MODELS.register("v3")
class V3(LM):
    """v3: one block of dilated gated convolutions and a squared-ReLU GLU, which runs twice.

    Embeddings start at random; the published ones were those of GPT-2. Ternary weights have a scale; without one, as
    published, outputs are ten times as large as inputs. The GLU has 688 channels instead of 683, and the published
    router, which was computed and not used, is left out.
    """
    claim, verdict = "validation loss 6.80", "not comparable: embeddings of GPT-2, and label smoothing in the score"
    config_type, seq_len, lr, objective = V3Config, 256, 2e-2, "label_smoothing:0.1,z_loss:1e-4"

    @property
    def stack(self) -> list[Module]:
        return self.blocks * self.config.rounds

    def block(self, layer: int, rng: np.random.Generator) -> Block:
        c = self.config
        mixer = GroupedConv(c.dim, rng, c.groups, c.taps, DILATIONS, quantizer=c.quantizer, std=0.01)
        glu = GLU(c.dim, c.hidden, rng, activation="relu2", quantizer=c.quantizer)
        return Block(RMSNorm(c.dim), mixer, RMSNorm(c.dim), glu)
