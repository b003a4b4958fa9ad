from ternary import ops
from ternary.objectives.base import OBJECTIVES, Batch, Objective, Term


@OBJECTIVES.register("z_loss")
class ZLoss(Objective):
    """log(sum of exp(logits))^2, which keeps logits near log-probabilities (Chowdhery et al. 2022)."""
    name = "z_loss"

    def __init__(self, weight: float = 1e-4, **fields: float):
        super().__init__(weight, **fields)

    def __call__(self, batch: Batch) -> list[Term]:
        return [Term(self.name, ops.squared_log_sum_exp(batch.logits), self.weight * batch.scale)]
