"""Which stories a model was trained on: a 64-bit hash of the tokens of each, compact enough for every checkpoint.

Stories are compared as the readers give them: without outer blanks, with line ends normalised, without markers.
"""
from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np

from ternary.text.tokenizer import Tokenizer

CHUNK = 1 << 16                   # tokens that are hashed together: they stay in cache


def story_hashes(tokens: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """tokens (N,) of stories that begin at offsets[:-1] -> a uint64 for each story, in order

    The sum of (token + 1) times a pseudo-random weight of its position in the story, modulo 2^64.
    """
    found, first, last = [], 0, len(offsets) - 1
    weights = mixed(np.arange(np.diff(offsets).max(initial=0), dtype=np.uint64))
    while first < last:
        end = min(last, max(first + 1, int(np.searchsorted(offsets, offsets[first] + CHUNK, "right")) - 1))
        starts = offsets[first:end] - offsets[first]
        ids = tokens[offsets[first]:offsets[end]].astype(np.uint64) + np.uint64(1)
        position = np.arange(len(ids)) - np.repeat(starts, np.diff(offsets[first:end + 1]))
        found.append(np.add.reduceat(ids * weights[position], starts))
        first = end
    return np.concatenate(found) if found else np.empty(0, np.uint64)


def mixed(x: np.ndarray) -> np.ndarray:
    """uint64 -> pseudo-random uint64 (splitmix64, Steele et al. 2014)"""
    x = (x + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def hashes_of(stories: Sequence[str], tokenizer: Tokenizer) -> np.ndarray:
    """A uint64 for each story, equal to that of the same story in a token store of this tokenizer."""
    ids = [np.append(tokenizer.encode_array(story), tokenizer.EOS) for story in stories]
    offsets = np.concatenate([[0], np.cumsum([len(a) for a in ids])]).astype(np.int64)
    return story_hashes(np.concatenate(ids) if ids else np.empty(0, np.uint16), offsets)


def seen(stories: Sequence[str], tokenizer: Tokenizer, trained: np.ndarray) -> np.ndarray:
    """Is each story one of those with the sorted hashes `trained`? -> bool, one for each"""
    hashes = hashes_of(stories, tokenizer)
    at = np.minimum(np.searchsorted(trained, hashes), max(0, len(trained) - 1))
    return trained[at] == hashes if len(trained) else np.zeros(len(hashes), bool)


def unseen(stories: Iterable[str], tokenizer: Tokenizer, trained: np.ndarray, limit: int) -> tuple[list[str], int]:
    """-> the first `limit` stories that were not trained on, and how many were passed over because they were"""
    found: list[str] = []
    stories, passed = iter(stories), 0
    while len(found) < limit and (batch := list(islice(stories, limit - len(found)))):
        known = seen(batch, tokenizer, trained)
        found += [story for story, was_trained in zip(batch, known) if not was_trained]
        passed += int(known.sum())
    return found, passed
