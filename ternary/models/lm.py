from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.nn.embedding import Embedding
from ternary.nn.module import Module
from ternary.nn.norm import LayerNorm, RMSNorm
from ternary.rng import generator


class LM(Module):
    """Embedding, blocks, norm, tied head. A model is a config and `block(layer, rng)`, which makes one block.

    The config has at least vocab_size, dim and layers. Tokens are integers (B, T).
    """
    norm_type: type[RMSNorm | LayerNorm] = RMSNorm             # of the last norm

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

    def init_state(self, batch: int = 1) -> list:
        """The state of `batch` sequences of which nothing has been read."""
        return [block.init_state(batch) for block in self.blocks]

    def hidden(self, tokens: np.ndarray, state: list | None = None) -> Tensor:
        """tokens (B, T), continuing the sequences of `state` if given -> the input of the head, (B, T, C)"""
        x = self.embed(tokens)
        for block, of_block in zip(self.blocks, state or [None] * len(self.blocks)):
            x = block(x, of_block)
        return self.norm(x)

    def __call__(self, tokens: np.ndarray, state: list | None = None) -> Tensor:
        """tokens (B, T) -> logits (B, T, V)"""
        return ops.logits(self.hidden(tokens, state), self.embed.weight)

    def next_logits(self, tokens: np.ndarray, state: list) -> np.ndarray:
        """tokens (B, T), which continue the sequences of `state` -> logits (B, V) of the token after the last one"""
        h = ops.drop_time(self.hidden(tokens, state), tokens.shape[1] - 1)
        return ops.as_array(ops.logits(h, self.embed.weight))[:, 0]

    def nll(self, tokens: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """tokens, targets (B, T) -> the negative log-likelihood of each target in nats, (B, T), without gradients"""
        return ops.nll(self.hidden(tokens), self.embed.weight, targets)
