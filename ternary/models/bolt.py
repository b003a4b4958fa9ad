from dataclasses import dataclass

import numpy as np

from ternary import ops
from ternary.models.lm import CHANNELS, LM, MODELS, LMConfig
from ternary.nn.block import Block
from ternary.nn.ffn import GLU
from ternary.nn.mixers.gated_conv import GatedConv
from ternary.nn.norm import RMSNorm
from ternary.schema import setting


@dataclass(frozen=True)
class BoltConfig(LMConfig):
    """Bolt's sizes and variants (docs/models.md)."""
    kernel: int = setting(8, "taps of the convolution", at_least=1, at_most=64)
    hidden: int = setting(512, "channels inside the GLU", **CHANNELS)
    quantizer: str = setting("tensor", "which ternary weights share a scale", choices=ops.QUANTIZERS)
    inner_norm: bool = setting(False, "RMSNorm inside each ternary linear map instead of before the mixer and the GLU")

    @property
    def context(self) -> int:
        return 1 + self.layers * (self.kernel - 1)


@MODELS.register("bolt-small")
class Bolt(LM):
    """v4: gated causal convolution + ternary GLU. No attention, no positions.

    Its learning rate is measured (benchmarks/LOG.md; published with 4e-3, for AdamW).
    """
    claim = "PPL 15.05, BPC 0.88"
    verdict = "causal; another tokenizer than in training, and characters counted that were never predicted"
    config_type, seq_len, lr = BoltConfig, 256, 1.6e-2

    def block(self, layer: int, rng: np.random.Generator) -> Block:
        c = self.config
        ternary = {"quantizer": c.quantizer, "inner_norm": c.inner_norm}
        norm1, norm2 = (None if c.inner_norm else RMSNorm(c.dim) for _ in range(2))
        return Block(norm1, GatedConv(c.dim, rng, c.kernel, **ternary), norm2, GLU(c.dim, c.hidden, rng, **ternary))


@dataclass(frozen=True)
class BoltLargeConfig(BoltConfig):
    dim: int = 384
    layers: int = 8
    hidden: int = 1024


@MODELS.register("bolt-large")
class BoltLarge(Bolt):
    """Bolt with 16.8 M parameters."""
    claim, verdict = "", "no score was published; 16.8 M parameters, not 15.7 M"
    config_type, seq_len, lr = BoltLargeConfig, 512, 3e-3


@dataclass(frozen=True)
class BoltMicroConfig(BoltConfig):
    vocab_size: int = 1024
    dim: int = 64
    layers: int = 4
    hidden: int = 224


@MODELS.register("bolt-micro")
class BoltMicro(Bolt):
    """Bolt for microcontrollers: exported to C, it takes less than 256 KB of flash and 64 KB of RAM."""
    claim, verdict = "", "ours; never published"
    config_type = BoltMicroConfig


@dataclass(frozen=True)
class BoltBlock256Config(BoltConfig):
    quantizer: str = "block256"
    inner_norm: bool = True


@MODELS.register("bolt-block256")
class BoltBlock256(Bolt):
    """v4 of the fork: scales of 256 weights, and a norm inside each ternary map."""
    claim, verdict = "worse than one scale per matrix", "causal; no score was published"
    config_type = BoltBlock256Config
