import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.objectives.base import OBJECTIVES, Batch, Objective, Term


@OBJECTIVES.register("entropy")
class Entropy(Objective):
    """A bonus for the entropy of predictions, against overconfidence (Pereyra et al. 2017): minus weight * entropy."""
    name = "entropy"

    def __init__(self, weight: float = 0.01, **fields: float):
        super().__init__(weight, **fields)

    def __call__(self, batch: Batch) -> list[Term]:
        return [Term(self.name, negative_entropy(batch.logits), self.weight * batch.scale)]


@ops.numpy_op
def negative_entropy(logits: Tensor) -> Tensor:
    """logits (B, T, V) -> sum of p log p of the softmax, in nats, (B, T, 1)"""
    log_p = logits - logits.max(-1, keepdims=True)
    log_p = log_p - np.log(np.exp(log_p).sum(-1, keepdims=True))
    p = np.exp(log_p)
    total = (p * log_p).sum(-1, keepdims=True)

    def backward(dy):
        return p * (log_p - total) * dy
    return total, backward
