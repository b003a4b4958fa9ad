from dataclasses import dataclass
from typing import Any

import numpy as np

from ternary import ops
from ternary.inference.decoders.base import DECODERS, Decoder, Told
from ternary.schema import Config, setting


@dataclass(frozen=True)
class CompassConfig(Config):
    weight: float = setting(2.0, "of the cosine, added to the logits", at_least=0)


@DECODERS.register("compass")
class CompassDecoder(Decoder):
    """Adds weight * cosine(compass, embedding of the token) to every logit: tokens that lie in the direction of what
    the compass expects to come are more likely."""
    config_type = CompassConfig

    def __init__(self, *args: Any, **fields: Any):
        super().__init__(*args, **fields)
        self.compass = self.needs("compass", "compass")
        table = self.model.embed.weight.values
        self.directions = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-6)

    def logits(self, tokens: np.ndarray, state: list, told: Told | None = None) -> np.ndarray:
        if tokens.shape[1] > 1:
            super().logits(tokens[:, :-1], state, told)
        with self.tape:
            h = self.model.hidden(tokens[:, -1:], state)
            logits = ops.as_array(ops.logits(h, self.model.head))[0, 0]
            direction = ops.as_array(self.compass(h))[0, 0]
        return logits + self.config.weight * self.directions @ (direction / max(np.linalg.norm(direction), 1e-6))
