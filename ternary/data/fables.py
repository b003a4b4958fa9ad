"""The embedded corpus: simple children's stories from a probabilistic grammar, so their entropy is known.

A story is a pure function of (seed, index): SHAKE-128 of both gives its random numbers, the same on every
platform, and the grammar (fables_grammar; texts in fables_rules, words in fables_words) turns them into text.
Not `rng.generator`: building a NumPy generator costs more than writing a story. A text has at most one
derivation, so its exact probability is known, and with it the floor in bits per character of any model.
"""

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import shake_128
from itertools import count
from struct import Struct

from ternary.data.fables_forms import categories
from ternary.data.fables_grammar import Grammar
from ternary.data.fables_rules import SLOTS, rules
from ternary.errors import UsageError

# Part of the corpus's fingerprint: raise it whenever the text of any story changes, or old token stores are
# taken for the new text. The golden hash in the tests is kept by version and fails when a text has changed.
VERSION = 1


@lru_cache(maxsize=1)
def grammar() -> Grammar:
    """The grammar of the corpus, built on first use (about 0.1 s)."""
    return Grammar(rules(), SLOTS, categories(), "tale")


def numbers(seed: int, index: int) -> Iterator[int]:
    """The 16-bit random numbers of one story, as many as any story can use."""
    size = grammar().max_draws
    return iter(Struct(f"<{size}H").unpack(shake_128(b"fables:%d:%d" % (seed, index)).digest(2 * size)))


def story(index: int, seed: int = 0) -> str:
    """Story `index` (>= 0) of corpus `seed`: paragraphs divided by one newline, none at the end."""
    return next(stories(seed, index))


def stories(seed: int = 0, start: int = 0, stop: int | None = None) -> Iterator[str]:
    """story(start), story(start + 1), ... up to but without `stop`; without end if `stop` is None."""
    if start < 0:
        raise UsageError(f"[fables] story {start} was asked for, but stories count from 0; pass 0 or more")
    write = grammar().write
    return (write(numbers(seed, index)) for index in (count(start) if stop is None else range(start, stop)))


def log_prob(text: str) -> float:
    """Natural log-probability of a whole story, its end included. ValueError for any other text."""
    return grammar().log_prob(text)


def bits_per_char(texts: Iterable[str]) -> float:
    """-sum(log2 p) / sum(characters) over whole stories: what the best possible model needs on average."""
    nats, chars = 0.0, 0
    for text in texts:
        nats -= log_prob(text)
        chars += len(text)
    if not chars:
        raise UsageError("[fables] bits_per_char got no text; pass at least one story")
    return nats / math.log(2) / chars
