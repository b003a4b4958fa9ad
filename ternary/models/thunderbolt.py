from dataclasses import dataclass
from typing import Any

import numpy as np

from ternary.autograd.tape import Tensor, recompute
from ternary.errors import UsageError
from ternary.models.lm import CHANNELS, LM, MODELS, SIZE, LMConfig
from ternary.nn.ffn import MLP
from ternary.nn.mixers.gated_scan import GatedScan
from ternary.nn.module import Module
from ternary.nn.norm import LayerNorm
from ternary.nn.token_shift import TokenShift
from ternary.ops import QUANTIZERS
from ternary.schema import setting


@dataclass(frozen=True)
class ThunderboltConfig(LMConfig):
    """Thunderbolt's sizes (docs/models.md).

    Published with batches of 64 x 2 x 256 tokens, learning rate 3e-3 falling to 3e-4 on a cosine over 80,000 steps
    after 500 of warm-up, weight decay 0.05, clip 1, bf16.
    """
    vocab_size: int = 8192
    dim: int = 384
    layers: int = 18
    groups: int = setting(8, "of the group norm, each of a multiple of 16 channels", **SIZE)
    hidden: int = setting(1152, "channels inside the MLP", **CHANNELS)
    quantizer: str = setting("tensor", "which ternary weights share a scale", choices=QUANTIZERS)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dim % (16 * self.groups):
            raise UsageError(f"[ThunderboltConfig] groups is {self.groups}, of dim {self.dim}; "
                             "wanted groups of a multiple of 16 channels")


def shifted(x: Tensor, norm: Module, shift: Module, layer: Module, of_shift: Any, of_layer: Any = None) -> Tensor:
    """x + layer(shift(norm(x))), where what lies between x and the layer is not kept for the backward pass."""
    s = shift(h := norm(x), of_shift)
    y = layer(s, of_layer, residual=x)
    if of_shift is None:
        recompute(s, shift, h)
        recompute(h, norm, x)
    return y


class Block(Module):
    """x + mixer(shift1(norm1(x))), then x + ffn(shift2(norm2(x)))."""

    def __init__(self, c: ThunderboltConfig, layer: int, rng: np.random.Generator):
        floor = 0.9 * layer / max(1, c.layers - 1)             # upper layers forget slowly
        self.norm1, self.shift1 = LayerNorm(c.dim), TokenShift(c.dim)
        self.mixer = GatedScan(c.dim, c.groups, floor, rng, c.quantizer)
        self.norm2, self.shift2 = LayerNorm(c.dim), TokenShift(c.dim)
        self.ffn = MLP(c.dim, c.hidden, rng, c.quantizer)

    def init_state(self, batch: int) -> tuple[Any, Any, Any]:
        return self.shift1.init_state(batch), self.mixer.init_state(batch), self.shift2.init_state(batch)

    def __call__(self, x: Tensor, state: tuple[Any, Any, Any] | None = None) -> Tensor:
        shift1, mixer, shift2 = state or (None, None, None)
        x = shifted(x, self.norm1, self.shift1, self.mixer, shift1, mixer)
        return shifted(x, self.norm2, self.shift2, self.ffn, shift2)


@MODELS.register("thunderbolt")
class Thunderbolt(LM):
    """v5: gated linear recurrence over shifted tokens + squared ReLU. No attention, no positions, no end of memory.

    As published but for the group norm, whose statistics ran over time too, which leaks the future.
    """
    claim, verdict = "PPL 1.36, BPC 0.44", "impossible: the group norm saw the future; the BPC is bits per token"
    config_type, seq_len, lr, norm_type = ThunderboltConfig, 256, 3e-3, LayerNorm

    def block(self, layer: int, rng: np.random.Generator) -> Block:
        return Block(self.config, layer, rng)
