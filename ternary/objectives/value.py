from dataclasses import dataclass

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.models.lm import LM
from ternary.objectives.base import OBJECTIVES, Batch, Objective, Term, heads_of
from ternary.schema import Config, setting


@dataclass(frozen=True)
class ValueConfig(Config):
    steps: int = setting(8, "predictions ahead whose mean loss is to be foreseen", at_least=1)
    detached: bool = setting(False, "keep the gradient of the heads out of the blocks")


@OBJECTIVES.register("value")
class Value(Objective):
    """Squared error of the value heads, which foresee the mean next-token loss of the next `steps` predictions.

    The target is a constant. The mean over the heads, one on each block of the model.
    """
    name, config_type, uses_outputs = "value", ValueConfig, True

    def __init__(self, weight: float = 0.1, **fields: int | bool):
        super().__init__(weight, **fields)

    def setup(self, model: LM, rng: np.random.Generator) -> None:
        self.heads = heads_of(model, "value_heads", self.name)

    def __call__(self, batch: Batch) -> list[Term]:
        assert batch.nats is not None         # next_token comes first
        target = ops.as_tensor(mean_ahead(batch.nats, self.config.steps)[..., None], accum=True)
        scale, found = self.weight * batch.scale / len(batch.outputs), []
        for k, (head, x) in enumerate(zip(self.heads, batch.outputs, strict=True)):
            error = ops.sub(target, head(Tensor(x.data, x.shape) if self.config.detached else x))
            found.append(Term(f"{self.name}.{k}", ops.mul(error, error), scale))
        return found


def mean_ahead(nats: np.ndarray, steps: int) -> np.ndarray:
    """nats (B, T) -> the mean of nats[t : t + steps], of fewer at the end, (B, T)"""
    seq_len = nats.shape[1]
    sums = np.concatenate([np.zeros((len(nats), 1)), nats.cumsum(1, dtype=np.float64)], 1)
    first = np.arange(seq_len)
    last = np.minimum(first + steps, seq_len)
    return ((sums[:, last] - sums[:, first]) / (last - first)).astype(nats.dtype)
