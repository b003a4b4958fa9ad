"""Changes of logits that depend on the tokens so far."""
from collections.abc import Iterable

import numpy as np

from ternary.inference.sampling import Sampling


class Penalties:
    """Those of a text whose tokens are told one by one; the prompt counts too."""

    def __init__(self, sampling: Sampling, vocab_size: int, prompt: Iterable[int]):
        self.sampling, self.counts, self.tokens = sampling, np.zeros(vocab_size, np.int32), list(prompt)
        np.add.at(self.counts, np.array(self.tokens, int), 1)

    def add(self, token: int) -> None:
        self.tokens.append(token)
        self.counts[token] += 1

    def applied(self, logits: np.ndarray) -> np.ndarray:
        """logits (V,) -> logits (V,), which may be the same array"""
        s = self.sampling
        if s.repetition_penalty != 1:
            penalty = np.float32(s.repetition_penalty)
            logits = np.where(self.counts > 0, np.where(logits > 0, logits / penalty, logits * penalty), logits)
        if s.frequency_penalty or s.presence_penalty:
            taken = s.frequency_penalty * self.counts + s.presence_penalty * (self.counts > 0)
            logits = logits - taken.astype(np.float32)
        if s.no_repeat_ngram and (banned := self.continuations(s.no_repeat_ngram)):
            logits = logits.copy()
            logits[banned] = -np.inf
        return logits

    def continuations(self, n: int) -> list[int]:
        """The tokens that would make the last n tokens an n-gram that the text has already."""
        last = self.tokens[len(self.tokens) - n + 1:]
        ends = range(n - 1, len(self.tokens)) if len(self.tokens) >= n else ()
        return [self.tokens[end] for end in ends if self.tokens[end - n + 1:end] == last]
