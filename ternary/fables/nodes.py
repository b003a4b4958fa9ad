"""The nodes of a grammar: a choice of alternatives (Choice), the draw of a slot (Draw), a mention of it (Ref)."""

import math
from collections.abc import Iterable
from itertools import chain, repeat

from ternary.fables.forms import Category

SCALE = 4096                                     # probabilities are multiples of 1 / SCALE: 12 bits
SHIFT = 4                                        # 16-bit random number -> 12 bits
FLATTEN = 100                                    # the word of rank r has weight 1 / (r + FLATTEN)


def to_counts(weights: list[int]) -> list[int]:
    """Whole numbers >= 1 that sum to SCALE, about proportional to `weights`."""
    free, total = SCALE - len(weights), sum(weights)
    counts = [1 + free * w // total for w in weights]
    for i in range(SCALE - sum(counts)):        # the remainder of rounding goes to the first
        counts[i % len(counts)] += 1
    return counts


def rank_counts(n: int) -> list[int]:
    """The counts of n words, the most frequent first."""
    return to_counts([10**9 // (rank + FLATTEN) for rank in range(n)])


def repeated(items: Iterable, counts: list[int]) -> list:
    """Each item as often as its count says."""
    return list(chain.from_iterable(map(repeat, items, counts)))


class Ref(str):
    """The mention of slot `var` in a form. As a string it is "var.form", the key of its text while writing."""

    __slots__ = ("category", "form", "forms", "lengths", "var", "where")

    def __new__(cls, var: str, form: str, category: Category):
        ref = super().__new__(cls, f"{var}.{form}")
        ref.var, ref.form, ref.category = var, form, category
        ref.forms = category.texts(form)
        ref.where = {}                          # text -> the entries that have this form
        for index, text in enumerate(ref.forms):
            ref.where.setdefault(text, []).append(index)
        ref.lengths = sorted({len(text) for text in ref.forms}, reverse=True)
        return ref


class Draw:
    """Draws the slot `var` from its category. An entry that another slot has is replaced by the next free one."""

    __slots__ = ("category", "counts", "rows", "table", "var")

    def __init__(self, var: str, category: Category):
        self.var, self.category = var, category
        self.counts = rank_counts(len(category))
        self.table = repeated(range(len(self.counts)), self.counts)
        self.rows: list[dict[str, str]] = [{} for _ in self.counts]      # per entry: the text of each Ref

    def next_free(self, index: int, taken: list[int]) -> int:
        """`index`, or the first entry behind it that is not taken."""
        while index in taken:
            index = (index + 1) % len(self.counts)
        return index

    def log_prob(self, index: int, taken: list[int]) -> float:
        """log P(index | taken): its own count and those of the taken entries that it replaces."""
        count = self.counts[index]
        before = (index - 1) % len(self.counts)
        while before in taken:
            count += self.counts[before]
            before = (before - 1) % len(self.counts)
        return math.log(count / SCALE)


class Choice:
    """One of `options`, each a text or a sequence (tuple) of texts, Refs, Draws and Choices."""

    __slots__ = ("counts", "lengths", "logs", "options", "parts", "table", "texts")

    def __init__(self, options: list, counts: list[int]):
        self.options = [o[0] if len(o) == 1 and type(o[0]) is str else o for o in options]
        self.counts = counts
        self.logs = [math.log(count / SCALE) for count in counts]
        self.table = repeated(self.options, counts)
        self.texts = {o: log for o, log in zip(self.options, self.logs) if type(o) is str}
        self.parts = [(o, log) for o, log in zip(self.options, self.logs) if type(o) is tuple]
        self.lengths = sorted({len(text) for text in self.texts}, reverse=True)
