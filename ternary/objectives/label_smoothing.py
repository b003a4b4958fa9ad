from ternary import ops
from ternary.objectives.base import OBJECTIVES, Batch, Objective, Term


@OBJECTIVES.register("label_smoothing")
class LabelSmoothing(Objective):
    """Label smoothing (Szegedy et al. 2016): a share `weight` of the target is spread evenly over the vocabulary.

    With it the loss is (1 - weight) * -log p(target) + weight * mean over v of -log p(v), that is, the next-token loss
    plus weight * (logit of the target - mean of the logits), which is the term.
    """
    name = "label_smoothing"

    def __init__(self, weight: float = 0.1, **fields: float):
        super().__init__(weight, **fields)

    def __call__(self, batch: Batch) -> list[Term]:
        return [Term(self.name, ops.target_above_mean(batch.logits, batch.targets), self.weight * batch.scale)]
