"""Heads besides that of the next token, on hidden states of a model; objectives train them."""
import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.nn.linear import Linear
from ternary.nn.module import Module, Parameter
from ternary.nn.norm import RMSNorm


class Table(Module):
    """An untied table (V, C) for logits; `rows` is what counts. Initialised N(0, 0.02^2).

    quantizer: None, or how ternary weights share scales.
    """

    def __init__(self, vocab_size: int, dim: int, rng: np.random.Generator, quantizer: str | None = None):
        self.weight = Parameter(rng.standard_normal((vocab_size, dim), np.float32) * np.float32(0.02))
        self.quantizer = quantizer

    @property
    def rows(self) -> Tensor:
        return ops.ternary_table(self.weight, self.quantizer) if self.quantizer else self.weight


class ExitHead(Module):
    """Logits from the output of a block within the stack, and how sure it is that they agree with the last ones.

    layer: the number of blocks before the exit. gate(x) (B, T, 1) is the logit of the agreement, from a small MLP.
    """

    def __init__(self, layer: int, vocab_size: int, dim: int, hidden: int, rng: np.random.Generator):
        self.layer = layer
        self.norm, self.table = RMSNorm(dim), Table(vocab_size, dim, rng)
        self.gate_up = Linear(dim, hidden, rng, bias=True)
        self.gate_down = Linear(hidden, 1, rng, bias=True)

    def gate(self, x: Tensor) -> Tensor:
        return self.gate_down(ops.relu(self.gate_up(x)))


class Compass(Module):
    """down(relu(up(h))): a prediction of the mean of the hidden states to come, (B, T, C)."""

    def __init__(self, dim: int, rng: np.random.Generator):
        self.up, self.down = Linear(dim, dim, rng, std=0.02), Linear(dim, dim, rng, std=0.02)

    def __call__(self, h: Tensor) -> Tensor:
        return self.down(ops.relu(self.up(h)))
