import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.objectives.base import OBJECTIVES, Batch, Objective, Term


@OBJECTIVES.register("z_loss")
class ZLoss(Objective):
    """log(sum of exp(logits))^2, which keeps logits near log-probabilities (Chowdhery et al. 2022)."""
    name = "z_loss"

    def __init__(self, weight: float = 1e-4, **fields: float):
        super().__init__(weight, **fields)

    def __call__(self, batch: Batch) -> list[Term]:
        return [Term(self.name, squared_log_sum(batch.logits), self.weight * batch.scale)]


@ops.numpy_op
def squared_log_sum(logits: Tensor) -> Tensor:
    """logits (B, T, V) -> log(sum of exp(logits))^2, (B, T, 1)"""
    top = logits.max(-1, keepdims=True)
    e = np.exp(logits - top)
    z = e.sum(-1, keepdims=True)
    log_sum = top + np.log(z)

    def backward(dy):
        return e * (2 * dy * log_sum / z)
    return log_sum * log_sum, backward
