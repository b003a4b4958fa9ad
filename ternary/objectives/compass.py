import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
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
        heads_of(model, "compass", self.name)

    def __call__(self, batch: Batch) -> list[Term]:
        if batch.targets.shape[1] == 1:
            return []
        compass = batch.model.compass(ops.drop_time(batch.hidden, 0, last=1))
        value = cosine_distance(compass, mean_to_come(ops.as_array(batch.hidden)))
        return [Term(self.name, value, self.weight * batch.scale)]


def mean_to_come(h: np.ndarray) -> np.ndarray:
    """h (B, T, C) -> the mean of h[t + 1:], (B, T - 1, C)"""
    sums = np.flip(np.flip(h[:, 1:], 1).cumsum(1), 1)
    return sums / np.arange(sums.shape[1], 0, -1, dtype=h.dtype)[:, None]


@ops.numpy_op
def cosine_distance(x: Tensor, target: np.ndarray) -> Tensor:
    """x, target (B, T, C) -> 1 - cosine of x and the constant target, (B, T, 1)"""
    size = np.maximum(np.sqrt((x * x).sum(-1, keepdims=True)), 1e-6)
    goal = target / np.maximum(np.sqrt((target * target).sum(-1, keepdims=True)), 1e-6)
    cosine = (x * goal).sum(-1, keepdims=True) / size

    def backward(dy):
        return -dy / size * (goal - cosine * x / size)
    return 1 - cosine, backward
