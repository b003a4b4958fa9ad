"""What an objective is: a function of a model and a batch that returns weighted terms."""
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ternary.autograd.tape import Tensor
from ternary.models.lm import LM
from ternary.nn.module import Module


@dataclass
class Batch:
    """A micro-batch and the model's forward pass over it, which all objectives share. tokens, targets (B, T)

    scale: the weight of one token, 1 / tokens of the whole step; vocab_sampling: see ops.cross_entropy.
    """
    model: LM
    tokens: np.ndarray
    targets: np.ndarray
    scale: float
    vocab_sampling: float = 0.0

    @cached_property
    def hidden(self) -> Tensor:
        """The input of the head, (B, T, C)."""
        return self.model.hidden(self.tokens)


@dataclass
class Term:
    """A part of the loss: per-token values, their sum times `scale` is minimised."""
    name: str
    value: Tensor
    scale: float


class Objective(Module):
    """Something to minimise. Called with a batch it returns its terms; it may have parameters, which are trained with
    the model's and saved with the optimizer's state, but are no part of the model.

    weight: the one given behind its name, `--objective NAME:WEIGHT`.
    """

    def __init__(self, weight: float = 1.0):
        self.weight = weight

    def __call__(self, batch: Batch) -> list[Term]:
        raise TypeError(f"[{type(self).__name__}] an objective defines __call__(batch)")
