from ternary import ops
from ternary.objectives.base import Batch, Objective, Term


class NextToken(Objective):
    """-log p(target), the loss that evaluations report; always the first objective of a run."""
    name = "next_token"

    def __call__(self, batch: Batch) -> list[Term]:
        table, scale = batch.model.head, batch.scale * self.weight
        value = ops.cross_entropy(batch.hidden, table, batch.targets, scale, batch.vocab_sampling)
        batch.nats = value.data.reshape(batch.targets.shape)
        return [Term(self.name, value, scale)]
