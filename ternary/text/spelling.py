"""`fewest` of vocabulary.py for many texts at once: scripts without spaces have long chunks, nearly all of them new."""

from collections.abc import Iterable, Iterator

import numpy as np

END = 0x110000            # behind a text: no character
CHARACTER = 1 << 17       # the number of a part: that of a piece, or this and more for a character that is none
BASE = np.uint64(0x9E3779B97F4A7C15)              # of hashes
TOGETHER = 1 << 18        # characters spelled at a time, about 40 MB


class Keys:
    """Different numbers, sorted, found again by a hash; those that share a slot with others by bisection."""

    def __init__(self, keys: np.ndarray):
        self.keys, self.shift = keys, np.uint64(64 - (16 * len(keys)).bit_length())
        slot, index = self._slot(keys), np.arange(len(keys), dtype=np.int32)
        self.slots = np.full(1 << (64 - int(self.shift)), -1, np.int32)
        self.slots[slot] = index
        self.shared = np.zeros(len(self.slots), bool)
        self.shared[slot[self.slots[slot] != index]] = True

    def _slot(self, wanted: np.ndarray) -> np.ndarray:
        return (wanted.astype(np.uint64) * BASE >> self.shift).astype(np.intp)

    def find(self, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """-> which of `wanted` are keys, and the places of these keys"""
        slot = self._slot(wanted)
        index = self.slots[slot]
        hit = self.keys[index] == wanted          # of an empty slot no key is wanted, not even the last one
        rest = np.flatnonzero(~hit)
        rest = rest[self.shared[slot[rest]]]
        index[rest] = np.minimum(np.searchsorted(self.keys, wanted[rest]), len(self.keys) - 1)
        hit[rest] = self.keys[index[rest]] == wanted[rest]
        which = np.flatnonzero(hit)               # numbers select several times faster than a mask
        return which, index[which].astype(np.int64)


class Trie:
    """Pieces, numbered from `first` on. Level by level there are keys: the place of a node in the level above, and the
    character that leads on from there."""

    def __init__(self, pieces: list[str], first: int = 0):
        lengths, codes = _codes(pieces)
        start = np.cumsum(lengths) - lengths
        active, node = np.arange(len(pieces)), np.zeros(len(pieces), np.int64)
        self.levels: list[tuple[Keys, np.ndarray]] = []       # and the number of the piece that ends there, or -1
        while len(active):
            keys, node = np.unique(node << 21 | codes[start[active] + len(self.levels)], return_inverse=True)
            numbers = np.full(len(keys), -1, np.int32)
            goes_on = lengths[active] > len(self.levels) + 1
            numbers[node[~goes_on]] = first + active[~goes_on]
            self.levels.append((Keys(keys), numbers))
            active, node = active[goes_on], node[goes_on]
        self.first = np.full(END, -1, np.int32)               # the node of each first character
        if self.levels:
            self.first[self.levels[0][0].keys] = np.arange(len(self.levels[0][1]))
        longer = start[lengths > 1]
        self.pairs = np.zeros(1 << 16, bool)                  # by which pairs of characters longer pieces may begin
        self.pairs[_pairs(codes[longer], codes[longer + 1])] = True


class Spelling:
    """Texts that are cut into the fewest parts, and again when pieces are added.

    The texts are sorted, the longest first, and their characters by what is left of the text, itself included: so the
    characters with as much left lie side by side, in the order of the texts, and what is best from there is found for
    all together.
    """

    def __init__(self, texts: list[str]):
        lengths, codes = _codes(texts)
        order = np.argsort(-lengths, kind="stable")
        rank = np.empty(len(texts), np.int64)
        rank[order] = np.arange(len(texts))
        self.lengths = lengths[order]
        counts = len(texts) - np.cumsum(np.bincount(lengths, minlength=1))
        counts = np.append(len(texts), counts[:-1])           # texts of at least 0, 1, 2 ... characters
        self.start = np.append(0, np.cumsum(counts))          # the places with 0 left are the ends of the texts
        self.owner = np.repeat(np.arange(len(texts)), lengths)
        left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(codes))
        self.place = self.start[left] + rank[self.owner]
        # the place of the next character; that of the last one is an end, whose code is that of no character
        self.next = np.arange(self.start[-1]) - np.repeat(np.append(0, counts[:-1]), counts)
        self.codes = np.full(len(self.next), END)
        self.codes[self.place] = codes
        self.pairs = np.zeros(len(self.next), np.uint16)
        self.pairs[self.place] = _pairs(codes, np.append(codes[1:], 0))
        self.piece = self.codes + CHARACTER
        self.one = utf8_size(self.codes).astype(np.int32)             # cost of a character
        self.one[: len(texts)] = 0
        # of the longer pieces found: place << 7 | length, which increase; the number; the place behind it
        self.found = np.zeros((3, 0), np.int64)

    def add(self, trie: Trie) -> None:
        """Spell with these pieces too."""
        if not trie.levels:
            return
        ends, numbers = len(self.lengths), trie.levels[0][1]
        if (numbers >= 0).any():
            node = trie.first[self.codes[ends:]]
            at = np.flatnonzero((node >= 0) & (numbers[node] >= 0))
            self.one[ends + at], self.piece[ends + at] = 1, numbers[node[at]]
        at, new = ends + np.flatnonzero(trie.pairs[self.pairs[ends:]]), []
        node = trie.first[self.codes[at]].astype(np.int64)
        which = np.flatnonzero(node >= 0)
        at, node = at[which], node[which]
        then = self.next[at]
        for k, (keys, numbers) in enumerate(trie.levels[1:], 2):
            which, node = keys.find(node << 21 | self.codes[then])
            at, then, number = at[which], self.next[then[which]], numbers[node]
            whole = np.flatnonzero(number >= 0)
            new.append(np.stack([at[whole] << 7 | k, number[whole], then[whole]]))
        found = np.concatenate([self.found, *new], 1)
        self.found = found.take(np.argsort(found[0], kind="stable"), 1)       # fast, as its parts are sorted

    def cut(self) -> tuple[np.ndarray, np.ndarray]:
        """-> of every part, in order: which of the texts it is of, and its number."""
        cost, lasting = self.one.copy(), np.ones(len(self.codes), np.int32)
        keys, numbers, then = self.found
        preferred = 127 - (keys & 127).astype(np.int32)           # of equal cuts the one with the longest first part
        first = np.flatnonzero(np.diff(keys >> 7, prepend=-1))    # of each place
        at = keys[first] >> 7
        start, bounds = self.start.tolist(), np.searchsorted(at, self.start).tolist()
        first = np.append(first, len(keys))
        for r in range(1, len(start) - 1):
            cost[start[r] : start[r + 1]] += cost[start[r - 1] : start[r - 1] + start[r + 1] - start[r]]
            if bounds[r] < bounds[r + 1]:
                some, i = slice(first[bounds[r]], first[bounds[r + 1]]), at[bounds[r] : bounds[r + 1]]
                best = np.minimum.reduceat(cost[then[some]] + 1 << 7 | preferred[some],
                                           first[bounds[r] : bounds[r + 1]] - some.start)
                best = np.minimum(best, cost[i] << 7 | 126)
                cost[i], lasting[i] = best >> 7, 127 - (best & 127)
        begins, left, rank = np.zeros(len(self.codes), bool), self.lengths, np.arange(len(self.lengths))
        while len(more := np.flatnonzero(left > 0)):
            left, rank = left[more], rank[more]
            now = self.start[left] + rank
            begins[now] = True
            left = left - lasting[now]
        piece, longer = self.piece.copy(), np.flatnonzero(begins & (lasting > 1))
        piece[longer] = numbers[np.searchsorted(keys, longer << 7 | lasting[longer])]
        parts = np.flatnonzero(begins[self.place])
        return self.owner[parts], piece[self.place[parts]]


class Speller:
    """Texts are cut into the fewest of `pieces`, and single characters."""

    def __init__(self, pieces: Iterable[str]):
        self.pieces = list(pieces)
        self._trie = Trie(self.pieces)

    def parts(self, numbers: np.ndarray) -> list[str]:
        """What the numbers stand for."""
        return parts_of(numbers, self.pieces)

    def cut(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """-> of every part, in order: which of the texts it is of, and its number."""
        spelling = Spelling(texts)
        spelling.add(self._trie)
        return spelling.cut()


def groups(texts: Iterable[str], characters: int = TOGETHER) -> Iterator[list[str]]:
    """Texts in lists of about so many characters."""
    group, size = [], 0
    for text in texts:
        group.append(text)
        size += len(text)
        if size >= characters:
            yield group
            group, size = [], 0
    if group:
        yield group


def parts_of(numbers: np.ndarray, pieces: list[str]) -> list[str]:
    """What numbers of parts stand for."""
    return [pieces[k] if k < CHARACTER else chr(k - CHARACTER) for k in numbers.tolist()]


def utf8_size(codes: np.ndarray) -> np.ndarray:
    """How many bytes each character has."""
    return 1 + (codes >= 0x80) + (codes >= 0x800) + (codes >= 0x10000)


def joint_hashes(pairs: np.ndarray, pieces: list[str]) -> np.ndarray:
    """pairs (2, n), numbers of parts -> (n,) uint64: a hash of what each pair spells, polynomial modulo 2**64"""
    lengths, codes = _codes([*pieces, "\0"])
    ends = np.cumsum(lengths)
    powers = np.append(np.uint64(1), np.cumprod(np.full(lengths.max(), BASE)))
    terms = (codes + 1).astype(np.uint64) * powers[np.repeat(ends, lengths) - 1 - np.arange(len(codes))]
    hashes, known = np.add.reduceat(terms, ends - lengths), np.minimum(pairs, len(pieces))
    first, second = np.where(pairs < CHARACTER, hashes[known], (pairs - CHARACTER + 1).astype(np.uint64))
    return first * powers[lengths[known[1]]] + second


def character_totals(texts: list[str], counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """-> characters, and how often they occur in texts of which each occurs `counts` times"""
    lengths, codes = _codes(texts)
    found, which = np.unique(codes, return_inverse=True)
    return found, np.bincount(which, np.repeat(counts, lengths)).astype(np.int64)


def _pairs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Numbers below 2**16, equal for equal pairs of characters."""
    return (first * 0x9E37 + second) & 0xFFFF


def _codes(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Their lengths, and the characters of all, one after the other."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), "<u4").astype(np.int64)
    return np.fromiter(map(len, texts), np.int64, len(texts)), codes
