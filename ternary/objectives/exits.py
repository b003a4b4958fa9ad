import math
from dataclasses import dataclass

import numpy as np

from ternary import ops
from ternary.models.lm import LM
from ternary.objectives.base import OBJECTIVES, Batch, Objective, Term, heads_of
from ternary.schema import Config, setting


@dataclass(frozen=True)
class ExitsConfig(Config):
    agreement: float = setting(0.5, "weight of the gates' loss: does an exit agree with the last layer?", at_least=0)
    doubt: float = setting(0.1, "weight of the confidence of exits that disagree", at_least=0)


@OBJECTIVES.register("exits")
class Exits(Objective):
    """The next-token loss of exit heads within the stack (Schuster et al. 2022), and of the gates that choose them.

    Of E exits, exit k has the weight (2 k - 1) / 10 published for version 7. It keeps logits of all exits.
    """
    name, config_type, uses_outputs = "exits", ExitsConfig, True

    def setup(self, model: LM, rng: np.random.Generator) -> None:
        self.exits = heads_of(model, "exits", self.name)

    def __call__(self, batch: Batch) -> list[Term]:
        last, found, vocab_size = ops.as_array(batch.logits).argmax(-1), [], batch.model.config.vocab_size
        for k, exit in enumerate(self.exits, 1):
            x = batch.outputs[exit.layer - 1]
            h, table, scale = exit.norm(x), exit.table.rows, self.weight * batch.scale
            weight = scale * (2 * k - 1) / 10
            value = ops.cross_entropy(h, table, batch.targets, weight, batch.vocab_sampling)
            logits = ops.logits(h, table)
            agrees = (ops.as_array(logits).argmax(-1) == last)[..., None]
            doubted = ops.as_tensor(~agrees / math.log(vocab_size), accum=True)
            confidence = ops.mul(ops.negative_entropy(logits), doubted)
            found += [Term(f"{self.name}.{k}", value, weight),
                      Term(f"{self.name}.{k}.gate", ops.binary_cross_entropy(exit.gate(x), agrees),
                           scale * self.config.agreement),
                      Term(f"{self.name}.{k}.doubt", confidence, scale * self.config.doubt)]
        return found
