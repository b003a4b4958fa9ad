import numpy as np

from ternary import ops
from ternary.models.lm import LM
from ternary.objectives.base import OBJECTIVES, Batch, Objective, Term, heads_of


@OBJECTIVES.register("compass")
class CompassObjective(Objective):
    """1 - cosine of the model's compass and the mean of the hidden states to come.

    The target is a constant: with a gradient, hidden states that are all alike would be the best. The last position of
    a sequence has none.
    """
    name = "compass"

    def __init__(self, weight: float = 0.5, **fields: float):
        super().__init__(weight, **fields)

    def setup(self, model: LM, rng: np.random.Generator) -> None:
        self.compass = heads_of(model, "compass", self.name)

    def __call__(self, batch: Batch) -> list[Term]:
        if batch.targets.shape[1] == 1:
            return []
        compass = self.compass(ops.drop_time(batch.hidden, 0, last=1))
        value = ops.cosine_distance(compass, mean_to_come(ops.as_array(batch.hidden)))
        return [Term(self.name, value, self.weight * batch.scale)]


def mean_to_come(h: np.ndarray) -> np.ndarray:
    """h (B, T, C) -> the mean of h[t + 1:], (B, T - 1, C)"""
    sums = np.flip(np.flip(h[:, 1:], 1).cumsum(1), 1)
    return sums / np.arange(sums.shape[1], 0, -1, dtype=h.dtype)[:, None]
