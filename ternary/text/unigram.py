"""The rule "unigram": a text is cut into the pieces with the least sum of costs (Kudo 2018).

Costs are chosen so that the cut is nearly that of "fewest", and so that different cuts practically never cost the same:
the tokenizer "plamo2" of llama.cpp and the model Unigram of Hugging Face `tokenizers` then give the same ids.
"""

import math
from collections.abc import Iterable
from itertools import pairwise

from ternary.text.vocabulary import halves_of, with_beginnings

PIECE = 1_000_000
RARE = 30_000  # times the logarithm of the rank, below 332,711: by Zipf's law, of frequency; sums of these hardly tie
WITH_TRAILING_SPACE = 1_700_000  # that space belongs to a word
JOINED = 1_650_000  # punctuation and word: cheaper than the two pieces, but not with a further one
UNKNOWN = 10_000_000  # a character that is no piece; plamo2 has this number too


def costs_of(pieces: Iterable[str]) -> list[int]:
    """The cost of each piece."""
    def base(piece: str) -> int:
        if all(halves_of(piece)):
            return JOINED
        return WITH_TRAILING_SPACE if piece.endswith(" ") and len(piece) > 1 else PIECE
    return [base(piece) + round(RARE * math.log(rank)) for rank, piece in enumerate(pieces, 1)]


class Cheapest:
    """The cut of texts into the cheapest of `pieces`, and single characters."""

    def __init__(self, pieces: tuple[str, ...]):
        # of pieces; 0 for what pieces begin with
        self.costs = dict.fromkeys(with_beginnings(pieces), 0) | dict(zip(pieces, costs_of(pieces)))
        self.inside = frozenset(a + b for piece in pieces for a, b in pairwise(piece))

    def units(self, chunks: list[str]) -> list[str]:
        """Chunks, those joined between which a piece may lie: what a cut of the whole text treats apart."""
        pairs = [a[-1] + b[0] for a, b in pairwise(chunks)]
        if self.inside.isdisjoint(pairs):
            return chunks
        ends = [k for k, pair in enumerate(pairs, 1) if pair not in self.inside]
        return ["".join(chunks[first:last]) for first, last in pairwise([0, *ends, len(chunks)])]

    def cut(self, text: str) -> list[str]:
        """The cheapest cut; of equal ones that with the longest first part, as in plamo2."""
        n, find = len(text), self.costs.get
        cost, end = [0] * (n + 1), [0] * n
        for i in range(n - 1, -1, -1):
            known, last = find(text[i]), i + 1
            least = cost[last] + (known or UNKNOWN)
            if known is not None:
                for j in range(i + 2, n + 1):
                    known = find(text[i:j])
                    if known is None:
                        break
                    if known and cost[j] + known <= least:
                        least, last = cost[j] + known, j
            cost[i], end[i] = least, last
        parts, i = [], 0
        while i < n:
            parts.append(text[i:end[i]])
            i = end[i]
        return parts
