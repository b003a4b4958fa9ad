"""Stories by seed and index, and their exact probabilities."""

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import shake_128
from itertools import count
from struct import Struct
from typing import NamedTuple

from ternary.errors import UsageError
from ternary.fables.grammar import Grammar
from ternary.fables.tables import rules, slots
from ternary.fables.words import categories

# Part of the corpus's fingerprint: raise it whenever the text of any story changes, or old token stores are
# taken for the new text. The golden hashes in the tests are kept by version and fail when a text has changed.
VERSION = 1


class Split(NamedTuple):
    """The first `size` stories of corpus `seed`."""

    seed: int
    size: int


SPLITS = {"train": Split(0, 20_000), "validation": Split(1, 500)}


@lru_cache(maxsize=1)
def grammar() -> Grammar:
    """The grammar of the corpus, built on first use (about 0.1 s)."""
    return Grammar(rules(), slots(), categories(), "tale")


def random_numbers(seed: int, index: int) -> Iterator[int]:
    """The 16-bit random numbers of one story, as many as any story can use.

    Not `rng.generator`: building a NumPy generator costs more than writing a story.
    """
    size = grammar().max_draws
    return iter(Struct(f"<{size}H").unpack(shake_128(b"fables:%d:%d" % (seed, index)).digest(2 * size)))


def story(index: int, seed: int = 0) -> str:
    """Story `index` (>= 0) of corpus `seed`: paragraphs separated by one newline, none at the end."""
    return next(stories(seed, index))


def stories(seed: int = 0, start: int = 0, stop: int | None = None) -> Iterator[str]:
    """story(start), story(start + 1), ..., up to but without `stop`; endless if `stop` is None.

    Raises UsageError if `start` is negative.
    """
    if start < 0:
        raise UsageError(f"[fables] story {start} was asked for, but stories count from 0; pass 0 or more")
    write = grammar().write
    return (write(random_numbers(seed, index)) for index in (count(start) if stop is None else range(start, stop)))


def log_prob(text: str) -> float:
    """Natural log-probability of a whole story, its end included. ValueError for any other text."""
    return grammar().log_prob(text)


def bits_per_char(texts: Iterable[str]) -> float:
    """-sum(log2 p) / sum(characters) over whole stories: a lower bound on the expected loss of any model.

    Raises UsageError if there is no text, ValueError for a text that is not a story of this corpus.
    """
    nats, chars = 0.0, 0
    for text in texts:
        nats -= log_prob(text)
        chars += len(text)
    if not chars:
        raise UsageError("[fables] bits_per_char got no text; pass at least one story")
    return nats / math.log(2) / chars
