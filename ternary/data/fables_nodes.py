"""The nodes of a fables grammar: words chosen afresh (Choice), slots drawn (Draw) and mentioned (Ref)."""

import math

from ternary.data.fables_forms import Category

SCALE = 4096                                    # 12 of the 16 bits of a random number
SHIFT = 4
FLATTEN = 100                                    # weight of the word of rank r: 1 / (r + FLATTEN)


def shares(weights: list[int]) -> list[int]:
    """Whole numbers >= 1 that sum to SCALE, near-proportional to `weights`."""
    free, total = SCALE - len(weights), sum(weights)
    counts = [1 + free * w // total for w in weights]
    for i in range(SCALE - sum(counts)):        # what rounding left goes to the first
        counts[i % len(counts)] += 1
    return counts


def ranked(n: int) -> list[int]:
    return shares([10**9 // (rank + FLATTEN) for rank in range(n)])


class Ref(str):
    """The mention of a slot in a form: the key "var.form" of the written story's memory."""

    __slots__ = ("category", "form", "forms", "lengths", "var", "where")

    def __new__(cls, var: str, form: str, category: Category):
        ref = super().__new__(cls, f"{var}.{form}")
        ref.var, ref.form, ref.category = var, form, category
        ref.forms = category.texts(form)
        ref.where = {}                          # text -> the entries it may stand for
        for index, text in enumerate(ref.forms):
            ref.where.setdefault(text, []).append(index)
        ref.lengths = sorted({len(text) for text in ref.forms}, reverse=True)
        return ref


class Draw:
    """Draws the slot `var`; one that is taken already gives way to the next entry of the category."""

    __slots__ = ("category", "counts", "rows", "table", "var")

    def __init__(self, var: str, category: Category):
        self.var, self.category = var, category
        self.counts = ranked(len(category))
        self.table = [i for i, count in enumerate(self.counts) for _ in range(count)]
        self.rows: list[dict[str, str]] = [{} for _ in self.counts]      # what each entry writes into memory

    def settle(self, index: int, taken: list[int]) -> int:
        while index in taken:
            index = (index + 1) % len(self.counts)
        return index

    def log_share(self, index: int, taken: list[int]) -> float:
        """log P(index | taken): its own share and that of the taken entries that give way to it."""
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
        self.table = [o for o, count in zip(self.options, counts) for _ in range(count)]
        self.texts = {o: log for o, log in zip(self.options, self.logs) if type(o) is str}
        self.parts = [(o, log) for o, log in zip(self.options, self.logs) if type(o) is tuple]
        self.lengths = sorted({len(text) for text in self.texts}, reverse=True)
