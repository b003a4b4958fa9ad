"""The interface of objectives: functions of a model and a batch that return weighted terms."""
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ternary.autograd.tape import Tensor
from ternary.models.lm import LM


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


class Objective:
    """Something to minimise: called with a batch it returns its weighted terms. Objectives are given to Trainer.

    weight: of all its terms, relative to the next-token loss.
    """

    def __init__(self, weight: float = 1.0):
        self.weight = weight

    def __call__(self, batch: Batch) -> list[Term]:
        raise TypeError(f"[{type(self).__name__}] an objective defines __call__(batch)")
