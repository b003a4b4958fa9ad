import math
from dataclasses import dataclass

import numpy as np

from ternary.models.lm import CHANNELS, LM, MODELS, LMConfig
from ternary.nn.block import Block
from ternary.nn.ffn import GLU
from ternary.nn.mixers.attention import Attention
from ternary.nn.mixers.short_conv import ShortConv
from ternary.nn.module import Module
from ternary.nn.norm import RMSNorm
from ternary.schema import setting

QUANTIZER = "tensor_fp16"         # GGUF stores scales in half precision


@dataclass(frozen=True)
class BoltLFMConfig(LMConfig):
    """Bolt LFM's sizes (docs/models.md)."""
    kernel: int = setting(4, "taps of the convolution; llama.cpp on CUDA runs 3, 4, 5, 9 and 15", at_least=1,
                          at_most=64)
    attention: bool = setting(True, "attention instead of the convolution in the last block")
    hidden: int = setting(512, "channels inside the GLU", **CHANNELS)

    @property
    def context(self) -> int | None:
        return None if self.attention else 1 + self.layers * (self.kernel - 1)


@MODELS.register("bolt-lfm")
class BoltLFM(LM):
    """Bolt with the blocks of LFM2 (Liquid AI 2025), so that llama.cpp and transformers run its exports."""
    verdict = "not published; the sister of bolt-small for llama.cpp and transformers"
    config_type, seq_len, lr, tokenizer_rule = BoltLFMConfig, 256, 1.6e-2, "unigram"

    def block(self, layer: int, rng: np.random.Generator) -> Block:
        c = self.config
        if c.attention and layer == c.layers - 1:
            mixer: Module = Attention(c.dim, c.dim // math.gcd(c.dim, 64), rng, qk_norm=True, quantizer=QUANTIZER)
        else:
            mixer = ShortConv(c.dim, rng, c.kernel, quantizer=QUANTIZER)
        return Block(RMSNorm(c.dim), mixer, RMSNorm(c.dim), GLU(c.dim, c.hidden, rng, quantizer=QUANTIZER))
