from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.nn.embedding import Embedding
from ternary.nn.module import Module
from ternary.nn.norm import RMSNorm
from ternary.rng import generator


class LM(Module):
    """Embedding, blocks, norm, tied head. A model is a config and `block(layer, rng)`, which makes one block.

    Sequences are (B, T) int32; inside, rows follow each other: (N, D), N = B * T.
    """
    norm_type: type[Module] = RMSNorm             # of the last norm

    def __init__(self, config: Any, seed: int = 0):
        rng = generator(seed, "init")
        self.config = config
        self.embed = Embedding(config.vocab_size, config.dim, rng)
        self.blocks = [self.block(layer, rng) for layer in range(config.layers)]
        self.norm = self.norm_type(config.dim)

    def block(self, layer: int, rng: np.random.Generator) -> Module:
        raise TypeError(f"[{type(self).__name__}] a model defines block(layer, rng)")

    @property
    def parameter_count(self) -> int:
        return sum(p.values.size for p in self.parameters().values())

    def hidden(self, tokens: np.ndarray) -> Tensor:
        """tokens (B, T) -> what the head reads, (N, D)"""
        x = self.embed(tokens.ravel())
        for block in self.blocks:
            x = block(x, tokens.shape[1])
        return self.norm(x)

    def loss(self, tokens: np.ndarray, targets: np.ndarray, scale: float, noise: float = 0.0) -> Tensor:
        """Nats of each target, (N,); its gradients are those of scale * sum. tokens, targets (B, T)

        noise: see ops.cross_entropy.
        """
        return ops.cross_entropy(self.hidden(tokens), self.embed.packed, targets.ravel(), scale, noise)

    def nll(self, tokens: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Nats of each target, (B, T), without gradients."""
        return ops.nll(self.hidden(tokens), self.embed.packed, targets.ravel()).reshape(targets.shape)

    def init_state(self, batch: int = 1) -> list:
        return [block.init_state(batch) for block in self.blocks]

    def step(self, tokens: np.ndarray, state: list) -> np.ndarray:
        """The next token of each sequence, (B,) -> logits (B, V) of the one after; `state` moves on."""
        x = self.embed.step(tokens)
        for block, s in zip(self.blocks, state):
            x = block.step(x, s)
        return self.embed.logits(self.norm.step(x))
