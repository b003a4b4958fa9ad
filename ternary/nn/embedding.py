import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.nn.module import Module, Parameter


class Embedding(Module):
    """A table (V, C): the first layer and, tied, the head. Initialised N(0, 0.02^2)."""

    def __init__(self, vocab_size: int, dim: int, rng: np.random.Generator):
        self.weight = Parameter(rng.standard_normal((vocab_size, dim), np.float32) * np.float32(0.02))

    def __call__(self, tokens: np.ndarray) -> Tensor:
        """tokens (B, T) -> (B, T, C)"""
        return ops.embedding(tokens, self.weight)
