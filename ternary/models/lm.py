"""The base of all models, and the registry of their names."""
from dataclasses import dataclass
from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.nn.embedding import Embedding
from ternary.nn.module import Module
from ternary.nn.norm import LayerNorm, RMSNorm
from ternary.registry import Registry
from ternary.rng import generator
from ternary.schema import Config, setting

SIZE = {"at_least": 1, "at_most": 1 << 20}
CHANNELS = {"at_least": 16, "at_most": 1 << 20, "multiple_of": 16}


@dataclass(frozen=True)
class LMConfig(Config):
    """The sizes that every model has; a model with more settings derives its config from this one."""
    vocab_size: int = setting(10000, "tokens, which are 16-bit numbers", at_least=1, at_most=65536)
    dim: int = setting(192, "channels of the residual stream", **CHANNELS)
    layers: int = setting(6, "blocks", **SIZE)

    @property
    def context(self) -> int | None:
        """Tokens that a prediction can see; None: all before it."""


class LM(Module):
    """Embedding, blocks, norm, tied head. A model is a config and `block(layer, rng)`, which makes one block.

    config_type: the model's config dataclass, its defaults included. seq_len, lr, objective: what to train it with, if
    a run does not say. Tokens are integers (B, T).
    """
    config_type: type[LMConfig] = LMConfig
    seq_len: int = 256
    lr: float = 3e-3
    objective: str = ""                                        # auxiliary ones, which train heads of the model's own
    tokenizer_rule: str = "fewest"                             # how new runs cut text: "fewest" or "unigram"
    claim: str = ""                                            # the published score, and what is known of it
    verdict: str = ""
    norm_type: type[RMSNorm | LayerNorm] = RMSNorm             # of the last norm

    def __init__(self, config: Any = None, seed: int = 0):
        rng, config = generator(seed, "init"), config or self.config_type()
        self.config = config
        self.embed = Embedding(config.vocab_size, config.dim, rng)
        self.blocks = [self.block(layer, rng) for layer in range(config.layers)]
        self.norm = self.norm_type(config.dim)
        self.add_heads(rng)

    def block(self, layer: int, rng: np.random.Generator) -> Module:
        raise TypeError(f"[{type(self).__name__}] a model defines block(layer, rng)")

    def add_heads(self, rng: np.random.Generator) -> None:
        """Set modules besides the blocks as attributes, such as the heads of an objective."""

    def embedded(self, tokens: np.ndarray) -> Tensor:
        """tokens (B, T) -> the input of the first block, (B, T, C)"""
        return self.embed(tokens)

    @property
    def stack(self) -> list[Module]:
        """The blocks in the order in which they run; one that comes twice shares its weights."""
        return self.blocks

    @property
    def head(self) -> Tensor:
        """The table (V, C) whose products with the hidden state are the logits: that of the embedding."""
        return self.embed.weight

    @property
    def parameter_count(self) -> int:
        return sum(p.values.size for p in self.parameters().values())

    def init_state(self, batch: int = 1) -> list:
        """The state of `batch` sequences of which nothing has been read."""
        return [block.init_state(batch) for block in self.stack]

    def hidden(self, tokens: np.ndarray, state: list | None = None, outputs: list[Tensor] | None = None) -> Tensor:
        """tokens (B, T), continuing the sequences of `state` if given -> the input of the head, (B, T, C)

        outputs: a list to which the output of every block is appended.
        """
        x = self.embedded(tokens)
        for block, of_block in zip(self.stack, state or [None] * len(self.stack)):
            x = block(x, of_block)
            if outputs is not None:
                outputs.append(x)
        return self.norm(x)

    def __call__(self, tokens: np.ndarray, state: list | None = None) -> Tensor:
        """tokens (B, T) -> logits (B, T, V)"""
        return ops.logits(self.hidden(tokens, state), self.head)

    def next_logits(self, tokens: np.ndarray, state: list) -> np.ndarray:
        """tokens (B, T), which continue the sequences of `state` -> logits (B, V) of the token after the last one"""
        h = ops.drop_time(self.hidden(tokens, state), tokens.shape[1] - 1)
        return ops.as_array(ops.logits(h, self.head))[:, 0]

    def nll(self, tokens: np.ndarray, targets: np.ndarray, state: list | None = None) -> np.ndarray:
        """tokens, targets (B, T) -> the negative log-likelihood of each target in nats, (B, T), without gradients.

        state: of the sequences that the tokens continue.
        """
        return ops.nll(self.hidden(tokens, state), self.head, targets)


MODELS: Registry[type[LM]] = Registry("model", "--model", "ternary.models", base=LM)
