"""The embedded corpus: simple children's stories from a probabilistic grammar whose entropy is known.

A story is a pure function of (seed, index): SHAKE-128 of both gives the random numbers, the grammar of
fables_grammar (texts in fables_plots, words in fables_words) turns them into text. SHAKE rather than `rng.generator`
because a NumPy generator per story costs more than the story. A text has at most one derivation, so its exact
probability is known and with it the floor in bits per character that no model can beat on average.
"""

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import shake_128
from itertools import count
from struct import Struct

from ternary.data.fables_forms import categories
from ternary.data.fables_grammar import Grammar
from ternary.data.fables_plots import SLOTS, rules
from ternary.errors import UsageError


@lru_cache(maxsize=1)
def grammar() -> Grammar:
    """The grammar of the corpus, built on first use."""
    return Grammar(rules(), SLOTS, categories(), "tale")


def _numbers(seed: int, index: int) -> Iterator[int]:
    """The 16-bit random numbers of one story, as many as any story can use."""
    unpack = Struct(f"<{grammar().max_draws}H")
    return iter(unpack.unpack(shake_128(b"fables:%d:%d" % (seed, index)).digest(unpack.size)))


def story(index: int, seed: int = 0) -> str:
    """Story `index` (>= 0) of the corpus `seed`: paragraphs divided by newlines, no blank line, no final newline."""
    return next(stories(seed, index))


def stories(seed: int = 0, start: int = 0, stop: int | None = None) -> Iterator[str]:
    """story(start), story(start + 1), ... up to but without `stop`; without end if `stop` is None."""
    if start < 0:
        raise UsageError(f"[fables] story {start} does not exist; indices start at 0")
    write, unpack = grammar().write, Struct(f"<{grammar().max_draws}H")
    for index in count(start) if stop is None else range(start, stop):
        yield write(iter(unpack.unpack(shake_128(b"fables:%d:%d" % (seed, index)).digest(unpack.size))))


def log_prob(text: str) -> float:
    """Natural log-probability of the whole story, its end included. ValueError if the grammar cannot write it."""
    return grammar().log_prob(text)


def bits_per_char(texts: Iterable[str]) -> float:
    """-sum(log2 p) / sum(characters) over whole stories: the floor of any model on them."""
    nats, chars = 0.0, 0
    for text in texts:
        nats -= log_prob(text)
        chars += len(text)
    if not chars:
        raise UsageError("[fables] bits_per_char of no text; pass at least one story")
    return nats / math.log(2) / chars
