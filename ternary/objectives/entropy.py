from ternary import ops
from ternary.objectives.base import OBJECTIVES, Batch, Objective, Term


@OBJECTIVES.register("entropy")
class Entropy(Objective):
    """A bonus for the entropy of predictions, against overconfidence (Pereyra et al. 2017): minus weight * entropy."""
    name = "entropy"

    def __init__(self, weight: float = 0.01, **fields: float):
        super().__init__(weight, **fields)

    def __call__(self, batch: Batch) -> list[Term]:
        return [Term(self.name, ops.negative_entropy(batch.logits), self.weight * batch.scale)]
