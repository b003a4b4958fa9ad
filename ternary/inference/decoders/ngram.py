from dataclasses import dataclass
from typing import Any

import numpy as np

from ternary.errors import UsageError
from ternary.inference.decoders.base import DECODERS, Decoder, Told, log_softmax
from ternary.schema import Config, setting


@dataclass(frozen=True)
class NgramConfig(Config):
    text: str = setting("", "the text whose n-grams are counted, as for --data of train")
    order: int = setting(4, "tokens of an n-gram, the last of which is predicted", at_least=2, at_most=8)
    weight: float = setting(0.2, "share of the n-grams in the mixture", at_least=0, at_most=1)


class NgramTable:
    """The next tokens of every context of `order - 1` tokens in a stream, by how often they come.

    Contexts are sorted rows, found by bisection: no hash that two contexts could share. tokens (n,)
    """

    def __init__(self, tokens: np.ndarray, order: int):
        grams = np.lib.stride_tricks.sliding_window_view(np.asarray(tokens, np.uint16), order)
        rows, self.counts = np.unique(grams, axis=0, return_counts=True)
        self.contexts, self.next = keys(rows[:, :-1]), rows[:, -1].astype(np.int64)

    def following(self, context: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """-> the tokens that followed the context, and their probabilities; both empty if it never came"""
        key = keys(np.asarray(context, np.uint16)[None])[0]
        first, last = (np.searchsorted(self.contexts, key, side) for side in ("left", "right"))
        counts = self.counts[first:last]
        return self.next[first:last], counts / max(1, counts.sum())


def keys(rows: np.ndarray) -> np.ndarray:
    """rows (n, k) of uint16 -> n byte strings that sort as the rows do"""
    rows = np.ascontiguousarray(rows.astype(">u2"))
    return rows.view(f"S{2 * rows.shape[1]}").ravel()


@DECODERS.register("ngram")
class Ngram(Decoder):
    """Mixes the model's probabilities with those of the n-grams of a text: (1 - weight) p + weight p_ngram.

    After a context that the text does not have, the model's alone. The published "kNN" was such a table.
    """
    config_type = NgramConfig

    def __init__(self, *args: Any, **fields: Any):
        super().__init__(*args, **fields)
        if not self.config.text:
            raise UsageError("--decoder ngram needs a text to count; add --set text=FILE, such as the training "
                             "text")
        from ternary.text.corpus import open_corpus
        from ternary.text.prepare import prepare
        store = prepare(open_corpus(self.config.text), self.tokenizer)
        if len(store.tokens) < self.config.order:
            raise UsageError(f"--set text={self.config.text}: it has {len(store.tokens)} tokens, less than the "
                             f"{self.config.order} of an n-gram; name a longer text")
        self.table = NgramTable(store.tokens, self.config.order)

    def init_state(self) -> "NgramState":
        return NgramState(self.model.init_state(), [])

    def logits(self, tokens: np.ndarray, state: "NgramState", told: Told | None = None) -> np.ndarray:
        known = self.config.order - 1
        state.last = [*state.last, *tokens[0].tolist()][-known:]
        log_p = log_softmax(super().logits(tokens, state.model_state, told))
        following, p = self.table.following(np.array(state.last)) if len(state.last) == known else ((), ())
        if not len(following):
            return log_p
        mixed = (1 - self.config.weight) * np.exp(log_p)
        mixed[following] += self.config.weight * p
        return np.log(np.maximum(mixed, 1e-30))


@dataclass
class NgramState:
    model_state: list
    last: list[int]
