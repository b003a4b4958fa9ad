from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np

from ternary import ops
from ternary.inference.decoders.base import DECODERS, Decoder, Draw, Told, log_softmax
from ternary.schema import Config, setting


@dataclass(frozen=True)
class SearchConfig(Config):
    candidates: int = setting(4, "tokens of which the best is taken", at_least=1, at_most=64)
    sampled: bool = setting(True, "draw the candidates (v8); otherwise they are the most likely tokens (v8.1)")
    value_weight: float = setting(1.0, "of the loss that the value head foresees", at_least=0)
    count_weight: float = setting(0.0, "of how often a candidate occurred (v8.1: 0.5)", at_least=0)


@DECODERS.register("search")
class Search(Decoder):
    """Looks one token ahead: the candidate with the best log p - value_weight * value - count_weight * count.

    The value is what the head on the last block foresees as the mean loss after the candidate.
    """
    config_type = SearchConfig

    def __init__(self, *args: Any, **fields: Any):
        super().__init__(*args, **fields)
        self.head = self.needs("value_heads", "search")[-1]

    def init_state(self) -> "SearchState":
        return SearchState(self.model.init_state(), np.zeros(self.model.config.vocab_size, np.int64))

    def logits(self, tokens: np.ndarray, state: "SearchState", told: Told | None = None) -> np.ndarray:
        np.add.at(state.counts, tokens[0], 1)
        return super().logits(tokens, state.model_state, told)

    def choose(self, logits: np.ndarray, state: "SearchState", draw: Draw) -> int:
        c, log_p = self.config, log_softmax(logits.astype(np.float64))
        if c.sampled:
            found = list(dict.fromkeys(draw(logits) for _ in range(4 * c.candidates)))[:c.candidates]
        else:
            found = [int(token) for token in np.argsort(-log_p, kind="stable")[:c.candidates]]
        if len(found) == 1:
            return found[0]
        scores = [log_p[token] - c.value_weight * self.value(token, state.model_state)
                  - c.count_weight * state.counts[token] for token in found]
        return found[int(np.argmax(scores))]

    def value(self, token: int, state: list) -> float:
        """What is foreseen after one more token; the state stays."""
        outputs: list = []
        with self.tape:
            self.model.hidden(np.array([[token]]), deepcopy(state), outputs)
            return float(ops.as_array(self.head(outputs[-1]))[0, 0, 0])


@dataclass
class SearchState:
    """counts (V,): how often each token was read."""
    model_state: list
    counts: np.ndarray
