"""`fewest` of vocabulary.py for many texts at once: scripts without spaces have long chunks, nearly all of them new."""

from collections.abc import Iterable, Iterator

import numpy as np

END = 0x110000            # behind each text: no character
TOGETHER = 1 << 18        # characters spelled at a time, about 40 MB


class Speller:
    """The pieces as a trie: a node and a character are a key, whose place in the sorted keys is the next node."""

    def __init__(self, pieces: Iterable[str]):
        self.pieces = list(pieces)
        numbers = {"": 0}
        for piece in self.pieces:
            for k in range(1, len(piece) + 1):
                numbers.setdefault(piece[:k], len(numbers))
        del numbers[""]
        parents = {"": 0, **numbers}
        keys = np.array([parents[part[:-1]] << 21 | ord(part[-1]) for part in numbers], np.int64)
        order = np.argsort(keys)
        self._keys = np.append(keys[order], np.iinfo(np.int64).max)
        self._nodes = np.append(np.fromiter(numbers.values(), np.int64, len(numbers))[order], 0)
        self._piece = np.full(len(numbers) + 1, -1)
        self._piece[[numbers[piece] for piece in self.pieces]] = np.arange(len(self.pieces))

    def parts(self, numbers: np.ndarray) -> list[str]:
        """Pieces, and beyond them single characters."""
        pieces, count = self.pieces, len(self.pieces)
        return [pieces[k] if k < count else chr(k - count) for k in numbers.tolist()]

    def cut(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """-> of every part, in order: which of the texts it is of, and its number."""
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        last = np.cumsum(lengths + 1) - 1                         # where each text ends
        owner = np.repeat(np.arange(len(texts)), lengths)
        place = np.arange(len(owner)) + owner
        codes = np.full(len(owner) + len(texts), END, np.int64)
        codes[place] = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), "<u4")
        end, piece = np.arange(1, len(codes) + 1), codes + len(self.pieces)
        cost = 1 + (codes >= 0x80) + (codes >= 0x800) + (codes >= 0x10000)
        left = last[owner] - place
        longer, at, node = [], place, np.zeros(len(place), np.int64)
        for k in range(1, int(lengths.max(initial=0)) + 1):
            at, node = self._next(at, node, codes[at + k - 1])
            known = self._piece[node] >= 0
            if k == 1:
                piece[at[known]], cost[at[known]] = self._piece[node[known]], 1
            else:
                longer.append((at[known], np.full(known.sum(), k), self._piece[node[known]]))
            at, node = (values[last[np.searchsorted(last, at)] > at + k] for values in (at, node))
            if not len(at):
                break
        cost[last] = 0
        starts, lasting, numbers = map(np.concatenate, zip(*longer)) if longer else (np.zeros(0, np.int64),) * 3
        remain = last[np.searchsorted(last, starts)] - starts
        order = np.lexsort((lasting, remain))
        starts, lasting, numbers, remain = starts[order], lasting[order], numbers[order], remain[order]
        by_left = place[np.argsort(left, kind="stable")]
        bounds = np.searchsorted(np.sort(left), np.arange(1, left.max(initial=0) + 2))
        groups = np.flatnonzero(np.diff(remain, prepend=-1) | np.diff(lasting, prepend=-1))
        groups, g = [*groups.tolist(), len(remain)], 0
        for r in range(1, int(left.max(initial=0)) + 1):
            same = by_left[bounds[r - 1]:bounds[r]]
            cost[same] += cost[same + 1]
            while g < len(groups) - 1 and remain[groups[g]] == r:
                some = slice(groups[g], groups[g + 1])
                i, k, number = starts[some], lasting[some], numbers[some]
                better = cost[i + k] < cost[i]
                i, k = i[better], k[better]
                cost[i], end[i], piece[i], g = cost[i + k] + 1, i + k, number[better], g + 1
        found, which = [], np.flatnonzero(lengths)
        now = (last - lengths)[which]
        while len(now):
            found.append((which, now))
            now = end[now]
            which, now = (values[now < last[which]] for values in (which, now))
        which, now = map(np.concatenate, zip(*found)) if found else (np.zeros(0, np.int64),) * 2
        order = np.argsort(now)
        return which[order], piece[now[order]]

    def _next(self, at: np.ndarray, node: np.ndarray, code: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The places whose node goes on with their character, and the nodes there."""
        key = node << 21 | code
        index = np.searchsorted(self._keys, key)
        hit = self._keys[index] == key
        return at[hit], self._nodes[index[hit]]


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
