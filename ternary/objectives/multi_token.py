from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.models.lm import LM
from ternary.nn.linear import Linear
from ternary.nn.module import Module, Parameter
from ternary.nn.norm import RMSNorm
from ternary.objectives.base import OBJECTIVES, Batch, Objective, Term


class Head(Module):
    """norm(h + linear(h)): what the model's table then turns into logits of the token after the next."""

    def __init__(self, dim: int, rng: np.random.Generator):
        self.linear, self.norm = Linear(dim, dim, rng), RMSNorm(dim)

    def __call__(self, h: Tensor) -> Tensor:
        return self.norm(ops.add(h, self.linear(h)))


@OBJECTIVES.register("multi_token")
class MultiToken(Objective):
    """-log p(token after the next), by a second head on the model's hidden states (Gloeckle et al. 2024).

    The head is the model's own second table, if it has one as `multi_token_table`, or one of this objective, which is
    used in training only. The last position of a sequence has no such token.
    """
    name = "multi_token"

    def __init__(self, weight: float = 0.3, **fields: Any):
        super().__init__(weight, **fields)

    def setup(self, model: LM, rng: np.random.Generator) -> None:
        self.table: Any = getattr(model, "multi_token_table", None)
        self.head = None if self.table else Head(model.config.dim, rng)

    def parameters(self) -> dict[str, Parameter]:
        return self.head.parameters() if self.head else {}

    def __call__(self, batch: Batch) -> list[Term]:
        if batch.targets.shape[1] == 1:
            return []
        h, scale = ops.drop_time(batch.hidden, 0, last=1), batch.scale * self.weight
        h, table = (self.head(h), batch.model.head) if self.head else (h, self.table.rows)
        value = ops.cross_entropy(h, table, batch.targets[:, 1:], scale, batch.vocab_sampling)
        return [Term(self.name, value, scale)]
