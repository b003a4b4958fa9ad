from dataclasses import dataclass

import numpy as np

from ternary.objectives.base import OBJECTIVES, Batch, Objective, Term
from ternary.schema import Config, setting

UNKNOWN = 1                               # an id that no text encodes to


@dataclass(frozen=True)
class WordDropoutConfig(Config):
    rate: float = setting(0.05, "share of the input tokens that are hidden", at_least=0, at_most=1)


@OBJECTIVES.register("word_dropout")
class WordDropout(Objective):
    """Hides input tokens at random (Bowman et al. 2016), as the token for unknown ones. It adds no term to the loss."""
    name, config_type = "word_dropout", WordDropoutConfig

    def inputs(self, tokens: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        hidden = rng.random(tokens.shape) < self.config.rate
        return np.where(hidden, tokens.dtype.type(min(UNKNOWN, tokens.max())), tokens)

    def __call__(self, batch: Batch) -> list[Term]:
        return []
