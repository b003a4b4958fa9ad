"""A part of a corpus: stories of some lengths, a random share of them, the first ones."""
import hashlib
from collections.abc import Iterator
from itertools import islice

from ternary.text.story import Corpus, fingerprint


def select(corpus: Corpus, min_words: int | None = None, max_words: int | None = None, subset: float | None = None,
           max_stories: int | None = None) -> Corpus:
    """The stories of `corpus` with min_words to max_words words, of these a share `subset`, of these the first
    max_stories; None: no limit. A hash of its text decides whether a story is in the share, so copies stay together.
    """
    limits = {"min_words": min_words, "max_words": max_words, "subset": subset, "max_stories": max_stories}
    given = {name: value for name, value in limits.items() if value is not None}
    if not given:
        return corpus

    def is_taken(story: str) -> bool:
        if min_words is not None or max_words is not None:
            words = len(story.split())
            if words < (min_words or 0) or (max_words is not None and words > max_words):
                return False
        return subset is None or _place(story) < subset

    def read() -> Iterator[str]:
        return islice(filter(is_taken, corpus.stories()), max_stories)

    name = ", ".join(f"{name} {value:g}" for name, value in given.items())
    return Corpus(f"{corpus.name} ({name})", fingerprint(corpus.fingerprint, "select", *map(str, limits.values())),
                  read, None, corpus.facts)


def _place(story: str) -> float:
    """Uniform in 0 .. 1, the same on every machine, and independent of the split into training and validation."""
    digest = hashlib.blake2b(story.encode(), digest_size=8, person=b"subset").digest()
    return int.from_bytes(digest, "little") / 2 ** 64
