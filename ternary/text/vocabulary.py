"""The vocabulary: how a text is cut into chunks and parts, and which of them a corpus makes pieces.

A chunk is a word with the spaces and punctuation before it; its halves are the punctuation and the word.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from operator import add
from types import MappingProxyType

import numpy as np
import regex

from ternary.text.spelling import Speller, Spelling, Trie, character_totals, groups, joint_hashes, parts_of

# Part of the name of a cached tokenizer: raise it whenever the same corpus would give other pieces, or an old
# cache is served. The golden hash in the tests is kept by version and fails when the pieces have changed.
VERSION = 2

BATCH = 2_000_000  # characters that are counted or encoded together
WINDOW = 1 << 20  # characters of a long text that are cut into chunks at a time
MAX_CHUNKS = 1 << 19  # distinct chunks counted in training, about 80 MB

# Chosen by measurement on TinyStories at 10,000 ids.
FRAGMENTS = 0.15  # of the pieces, for words that are not pieces
JOIN_PRICE = 30
MIN_COUNT = 4  # a rarer word is no piece: a model cannot learn it, and it teaches the fragments
RARE_CHARACTER = 1_000_000  # a character as frequent as one in so many is a piece
UNKNOWN_WORDS = 20_000  # the most frequent ones that choose the fragments
ROUNDS = 10

# Bounded repeats bound the cost of a chunk, the size of the cache and the length of pieces.
CHUNK = regex.compile(r"\W{0,12}\w{1,32}(?:['’]\w{1,8})?|\W{1,12}")
LONGEST_CHUNK = 12 + 32 + 1 + 8  # characters
WORD = regex.compile(r" ?\w")
BOUNDARY = regex.compile(r"(?<=\w) ")  # here a chunk always ends and the next one begins
SURROGATE = regex.compile("[\ud800-\udfff]")


def windows(text: str) -> Iterator[str]:
    """A text in parts of about WINDOW characters, none of which splits a chunk."""
    start = 0
    while len(text) - start > WINDOW and (cut := BOUNDARY.search(text, start + WINDOW)):
        yield text[start : cut.start()]
        start = cut.start()
    yield text[start:] if start else text


def halves_of(chunk: str) -> tuple[str, str]:
    """The punctuation of a chunk and its word, which keeps the one space before it; either may be empty."""
    word = WORD.search(chunk)
    return (chunk[: word.start()], chunk[word.start() :]) if word else (chunk, "")


def with_beginnings(pieces: Iterable[str]) -> dict[str, bool]:
    """Pieces: True, and what pieces begin with: False. So a search ends where nothing longer can follow."""
    pieces = list(pieces)
    beginnings = (piece[:k] for piece in pieces for k in range(1, len(piece)))
    return dict.fromkeys(beginnings, False) | dict.fromkeys(pieces, True)


def fewest(text: str, pieces: Mapping[str, bool]) -> list[str]:
    """The cut of `text` into fewest tokens; of equal cuts the one whose first part is longest.

    pieces: with_beginnings. Else every part of a long chunk would be tried, and scripts without spaces have long ones.
    """
    n = len(text)
    cost, end = [0] * (n + 1), [0] * n
    find = pieces.get
    for i in range(n - 1, -1, -1):
        known, last = find(text[i]), i + 1
        least = cost[last] + (1 if known else len(text[i].encode()))
        if known is not None:
            for j in range(i + 2, n + 1):
                known = find(text[i:j])
                if known is None:
                    break
                if known and cost[j] < least:
                    least, last = cost[j] + 1, j
        cost[i], end[i] = least, last
    parts, i = [], 0
    while i < n:
        parts.append(text[i : end[i]])
        i = end[i]
    return parts


def chunks(text: str) -> list[str]:
    """A text cut into chunks; one with half of a surrogate pair keeps it."""
    return list(chain.from_iterable(map(CHUNK.findall, windows(text))))


def batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Texts in lists of about BATCH characters, counted together: how many processes do it does not matter."""
    return groups(texts, BATCH)


def count_chunks(texts: Iterable[str]) -> Counter[str]:
    """How often each chunk occurs."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(chunks(SURROGATE.sub("\ufffd", text)))
    return counts


class ChunkCounts:
    """Counts of a whole corpus, batch by batch. Beyond MAX_CHUNKS the rarest are forgotten, which bounds the memory."""

    def __init__(self, counts: Mapping[str, int] = MappingProxyType({}), floor: int = 0):
        self.counts, self.floor = Counter(counts), floor

    def add(self, counts: Mapping[str, int]) -> None:
        self.counts.update(counts)
        while len(self.counts) > MAX_CHUNKS:
            self.floor += 1
            self.counts = Counter({chunk: n for chunk, n in self.counts.items() if n > self.floor})


def learn_pieces(counts: Counter[str], room: int) -> list[str]:
    """At most `room` pieces, most used first."""
    halves, joined, characters = Counter(), {}, Counter()
    for chunk, n in counts.items():
        lead, word = halves_of(chunk)
        if lead and word:
            joined[chunk] = n
        for half in filter(None, (lead, word)):
            halves[half] += n
    for group in groups(halves):
        codes, totals = character_totals(group, np.array([halves[half] for half in group]))
        characters.update(dict(zip(map(chr, codes.tolist()), totals.tolist())))

    common = [c for c in _ranked(characters) if characters[c] * RARE_CHARACTER >= characters.total()]
    pieces = set(common[: room // 2])
    # A chunk that joins punctuation and word saves a token each time, but spreads what a model learns of the
    # word over two embeddings: it must be JOIN_PRICE times as frequent as a word to take the place of one.
    worth = {half: n for half, n in halves.items() if len(half) > 1} | {
        chunk: n / JOIN_PRICE for chunk, n in joined.items()
    }
    places = room - len(pieces) - int(room * FRAGMENTS)
    chosen = [part for part in _ranked(worth)[:places] if worth[part] >= MIN_COUNT]
    joined = {chunk: joined[chunk] for chunk in chosen if chunk in joined}
    for chunk, n in joined.items():
        halves.subtract(dict.fromkeys(halves_of(chunk), n))
    words = [half for half in _ranked(halves) if len(half) > 1 and halves[half]]
    places = min(places - len(joined), sum(halves[word] >= MIN_COUNT for word in words))
    pieces.update(joined, words[:places])
    unknown = [(word, halves[word]) for word in words[places:][:UNKNOWN_WORDS]]
    pieces |= _learn_fragments(unknown, pieces, room - len(pieces))

    used = joined | _usage(halves, pieces)
    pieces = {piece for piece in pieces if piece in used}
    spare = [word for word in words[places:] if halves[word] >= MIN_COUNT and word not in pieces]
    if spare := spare[: room - len(pieces)]:
        pieces.update(spare)
        used = joined | _usage(halves, pieces)
    return [part for part in _ranked(used) if part in pieces]


def _learn_fragments(unknown: list[tuple[str, int]], pieces: set[str], room: int) -> set[str]:
    """Up to `room` fragments: round by round the neighbours whose join saves most tokens in unknown words."""
    if not unknown:
        return set()
    known, counts = list(pieces), dict(unknown)
    spellings = [(Spelling(group), np.array([counts[word] for word in group])) for group in groups(counts)]
    new: list[str] = known
    for done in range(1, ROUNDS + 1):
        trie, pairs, times = Trie(new, len(known) - len(new)), [], []
        for spelling, count in spellings:
            spelling.add(trie)
            owner, parts = spelling.cut()
            same = np.flatnonzero(owner[1:] == owner[:-1])
            pairs.append(np.stack([parts[same], parts[same + 1]]))
            times.append(count[owner[same]])
        most = len(pieces) + room * done // ROUNDS - len(known)
        new = _best_joins(np.concatenate(pairs, 1), np.concatenate(times), known, most)
        known = known + new
    return set(known[len(pieces) :])


def _best_joins(pairs: np.ndarray, times: np.ndarray, pieces: list[str], most: int) -> list[str]:
    """The joins that save most tokens, over one each. pairs (2, n): numbers of neighbours; times (n,): how often."""
    if most <= 0 or not len(times):
        return []
    # a text may be joined of different pairs; made as strings, the many rare ones would take most of the time
    hashes = joint_hashes(pairs, pieces)
    order = np.argsort(hashes)
    first = np.flatnonzero(np.diff(hashes[order], prepend=~hashes[order[:1]]))    # of each text
    at, saved = order[first], np.add.reduceat(times[order], first)
    least = np.partition(saved, -most)[-most] if most < len(saved) else 0
    good = np.flatnonzero((saved >= least) & (saved > 1))
    joined = map(add, *(parts_of(numbers, pieces) for numbers in pairs[:, at[good]]))
    return _ranked(dict(zip(joined, saved[good].tolist())))[:most]


def _usage(halves: Counter[str], pieces: set[str]) -> Counter[str]:
    """How often each part occurs when the halves are spelled with `pieces`."""
    used, speller = Counter(), Speller(pieces)
    for group in groups(half for half, n in halves.items() if n):
        owner, parts = speller.cut(group)
        totals = np.bincount(parts, np.array([halves[half] for half in group])[owner])
        found = np.flatnonzero(totals)
        for part, n in zip(speller.parts(found), totals[found].tolist()):
            used[part] += int(n)
    return used


def _ranked(counts: Mapping[str, int]) -> list[str]:
    """Keys by count, the highest first, ties by text."""
    return sorted(sorted(counts), key=counts.__getitem__, reverse=True)       # which keeps the order of equal ones
