"""The frequency tokenizer: words in one token, everything else in few, every string without loss.

A text is cut into chunks: a word with the spaces and punctuation before it (' dog', '. He', ', "I').
A chunk that is a piece of the vocabulary is one token. Of others the punctuation and the word (with the
one space before it) each become the fewest pieces that spell them; characters that no piece holds become
their UTF-8 bytes. Or, by the rule "unigram" of unigram.py, a text becomes its cheapest pieces.

Ids: 0 pad, 1 unk (never produced), 2 bos, 3 eos, 4-259 the bytes, then the pieces, most used first. A
small corpus does not fill the vocabulary: ids beyond the last piece are unused. No text encodes to an
id of 0-3. A lone surrogate, which UTF-8 cannot hold, is encoded as U+FFFD.
"""
import codecs
import hashlib
import json
import os
import reprlib
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from pathlib import Path

import numpy as np

from ternary.errors import DataError, ModelFileError, ResourceError, UsageError
from ternary.text.spelling import CHARACTER, Speller, groups, utf8_size
from ternary.text.unigram import Cheapest
from ternary.text.vocabulary import (
    SURROGATE,
    ChunkCounts,
    batches,
    chunks,
    count_chunks,
    fewest,
    halves_of,
    learn_pieces,
    with_beginnings,
)

FORMATS = {"fewest": "ternary-tokenizer-1", "unigram": "ternary-unigram-1"}  # by rule
SCHEMA = {"format": str, "vocab_size": int, "pieces": list, "hash": str}
SPECIALS = 4
FIRST_PIECE = SPECIALS + 256
MAX_VOCAB = 1 << 16
MAX_PIECE = 64  # characters; no chunk is longer
MAX_FILE = 16 << 20  # bytes; 65,536 of the longest pieces fit
CACHE_SIZE = 1 << 17  # chunks, about 30 MB
MANY = 256  # new chunks that are worth spelling together


class Tokenizer:
    """Text to ids and back; ids 0-3 are never produced by a text. rule: "fewest" or "unigram", how a text is cut."""

    PAD, UNK, BOS, EOS = range(SPECIALS)

    def __init__(self, pieces: Iterable[str], vocab_size: int, rule: str = "fewest"):
        self.vocab_size, self.pieces, self.rule = vocab_size, tuple(pieces), rule
        spelled = [b""] * SPECIALS + [bytes([b]) for b in range(256)] + [p.encode() for p in self.pieces]
        # A dict and not a list: an index of -1 must not be an id.
        self._bytes = dict(enumerate(spelled + [b""] * (vocab_size - len(spelled))))
        self._chunks = (_UnitIds if rule == "unigram" else _ChunkIds)(self.pieces)
        self.hash = hashlib.sha256(_canonical(self._content()).encode()).hexdigest()

    @classmethod
    def train(cls, texts: Iterable[str], vocab_size: int = 10_000) -> "Tokenizer":
        """The vocabulary of a corpus, read once as a stream.

        The order of the texts does not matter unless a huge corpus has over vocabulary.MAX_CHUNKS chunks.
        Raises UsageError for a vocabulary outside 260 to 65,536 or a lone string, DataError without any text.
        """
        check_vocab_size(vocab_size)
        if isinstance(texts, str):
            raise UsageError("[tokenizer] texts is a single string; give a list of texts")
        counts = ChunkCounts()
        for batch in batches(texts):
            counts.add(count_chunks(batch))
        return cls.from_counts(counts, vocab_size)

    @classmethod
    def from_counts(cls, counts: ChunkCounts, vocab_size: int) -> "Tokenizer":
        """The vocabulary of a corpus whose chunks are counted. DataError if there is none."""
        if not counts.counts:
            raise DataError("[tokenizer] the corpus has no text to learn from; give at least one story")
        return cls(learn_pieces(counts.counts, vocab_size - FIRST_PIECE), vocab_size)

    def with_rule(self, rule: str) -> "Tokenizer":
        """The same pieces under another rule."""
        return self if rule == self.rule else Tokenizer(self.pieces, self.vocab_size, rule)

    def encode(self, text: str) -> list[int]:
        """Ids of any string, without bos or eos."""
        return self.encode_array(text).tolist()

    def encode_array(self, text: str) -> np.ndarray:
        """Ids as a new little-endian uint16 array: the fast way for bulk."""
        return self._joined(self._chunks.split(text))

    def encode_arrays(self, texts: Iterable[str]) -> Iterator[np.ndarray]:
        """Those of many texts: what is new in all of them is worked out together."""
        for group in groups(texts):
            parted = list(map(self._chunks.split, group))
            self._chunks.learn(chain.from_iterable(parted))
            yield from map(self._joined, parted)

    def _joined(self, chunks: list[str]) -> np.ndarray:
        return np.frombuffer(bytearray().join(map(self._chunks.__getitem__, chunks)), "<u2")

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids. Specials and unused ids are silent, bytes that are not UTF-8 become U+FFFD.

        Raises UsageError for what is not an id.
        """
        return b"".join(map(self.token_bytes, ids)).decode("utf-8", "replace")

    def token_bytes(self, id: int) -> bytes:
        """The UTF-8 bytes of an id, perhaps only a part of a character. UsageError if it is not an id."""
        try:
            return self._bytes[id]
        except (KeyError, TypeError):
            raise UsageError(f"[tokenizer] {id!r} is not an id; ids are 0 to {self.vocab_size - 1}") from None

    def to_json(self) -> str:
        """The tokenizer as JSON, with its hash."""
        return _canonical({**self._content(), "hash": self.hash})

    @classmethod
    def from_json(cls, text: str) -> "Tokenizer":
        """A tokenizer from `to_json`; ModelFileError names what is wrong with anything else."""
        content = _parse(text)
        rule = next(rule for rule, name in FORMATS.items() if name == content["format"])
        tokenizer = cls(content["pieces"], content["vocab_size"], rule)
        if tokenizer.hash != content["hash"]:
            raise _broken(f"its hash is {reprlib.repr(content['hash'])}, its content has {tokenizer.hash!r}")
        return tokenizer

    def save(self, path: str | os.PathLike) -> None:
        """Write the JSON to a file, whole or not at all. Raises ResourceError if it cannot be written."""
        path = Path(path)
        partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            with open(partial, "w", encoding="utf-8", newline="") as file:
                file.write(self.to_json())
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise ResourceError(f"[tokenizer] cannot write {path} ({error}); use another folder") from error

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Tokenizer":
        """A tokenizer from a file of `save`. Raises ModelFileError if it is missing or broken."""
        try:
            with open(path, "rb") as file:
                text = file.read(MAX_FILE + 1).decode("utf-8")
        except OSError as error:
            raise ModelFileError(f"[tokenizer] cannot read {path} ({error}); use another file") from error
        except UnicodeDecodeError as error:
            raise _broken(f"{path} is not UTF-8 text") from error
        return cls.from_json(text)

    def _content(self) -> dict:
        return {"format": FORMATS[self.rule], "vocab_size": self.vocab_size, "pieces": list(self.pieces)}


class StreamDecoder:
    """Text of ids as they come: a character is given out when its last byte has come."""

    def __init__(self, tokenizer: Tokenizer):
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, id: int) -> str:
        """The text that this id completes, often all of its own. UsageError if it is not an id."""
        return self._decoder.decode(self._tokenizer.token_bytes(id))

    def finish(self) -> str:
        """What was held back, as U+FFFD; the decoder is new again."""
        rest = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return rest


class _ChunkIds(dict):
    """Chunk -> its ids as uint16 bytes, worked out at first sight; emptied at CACHE_SIZE chunks."""

    def __init__(self, pieces: tuple[str, ...]):
        self.known, self.speller = with_beginnings(pieces), None
        self.ids = {piece: i.to_bytes(2, "little") for i, piece in enumerate(pieces, FIRST_PIECE)}

    def split(self, text: str) -> list[str]:
        return chunks(text)

    def cut(self, chunk: str) -> list[str]:
        """The parts that stand for a chunk: pieces, and single characters left to their bytes."""
        if self.known.get(chunk):
            return [chunk]
        return [part for half in halves_of(chunk)
                for part in ([half] if self.known.get(half) else fewest(half, self.known))]

    def __missing__(self, chunk: str) -> bytes:
        if len(self) >= CACHE_SIZE:
            self.clear()
        parts = self.cut(SURROGATE.sub("\ufffd", chunk))
        self[chunk] = spelled = b"".join([self.ids.get(part) or _byte_ids(part) for part in parts])
        return spelled

    def learn(self, chunks: Iterable[str]) -> None:
        """The ids of many chunks."""
        new = [chunk for chunk in dict.fromkeys(chunks) if chunk not in self and not SURROGATE.search(chunk)]
        if len(new) < MANY:
            return
        if len(self) + len(new) >= CACHE_SIZE:
            self.clear()
        self.speller = self.speller or Speller(self.ids)
        halves = [half for chunk in new for half in ((chunk, "") if chunk in self.ids else halves_of(chunk))]
        owner, parts = self.speller.cut(halves)
        unknown = parts >= CHARACTER
        in_bytes = "".join(map(chr, (parts[unknown] - CHARACTER).tolist())).encode()
        sizes = np.where(unknown, utf8_size(parts - CHARACTER), 1)
        ids = np.repeat(np.where(unknown, 0, parts + FIRST_PIECE), sizes).astype("<u2")
        ids[np.repeat(unknown, sizes)] = np.frombuffer(in_bytes, np.uint8) + np.uint16(SPECIALS)
        ends = 2 * np.cumsum(np.bincount(owner, sizes, len(halves)).astype(np.int64))[1::2]
        spelled, begins = ids.tobytes(), [0, *ends.tolist()]
        self.update(zip(new, (spelled[begin:end] for begin, end in pairwise(begins))))


class _UnitIds(_ChunkIds):
    """The same by the rule "unigram", for units of one or more chunks."""

    def __init__(self, pieces: tuple[str, ...]):
        super().__init__(pieces)
        self.cheapest = Cheapest(pieces)

    def split(self, text: str) -> list[str]:
        return self.cheapest.units(super().split(text))

    def cut(self, unit: str) -> list[str]:
        return self.cheapest.cut(unit)

    def learn(self, chunks: Iterable[str]) -> None:
        """Nothing: units are worked out at first sight."""


def _byte_ids(text: str) -> bytes:
    return b"".join((SPECIALS + byte).to_bytes(2, "little") for byte in text.encode())


def _canonical(content: dict) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _broken(what: str) -> ModelFileError:
    return ModelFileError(f"[tokenizer] not a tokenizer file: {what}; give a file that `save` wrote")


def _unique(pairs: list[tuple[str, object]]) -> dict:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key is there twice")
    return content


def _parse(text: str) -> dict:
    """The content of a tokenizer file, every field checked but the hash."""
    if len(text) > MAX_FILE:
        raise _broken(f"it is longer than {MAX_FILE} bytes")
    try:
        content = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise _broken(f"it is not JSON ({error})") from error
    if not isinstance(content, dict) or content.keys() != SCHEMA.keys():
        keys = sorted(content) if isinstance(content, dict) else content
        raise _broken(f"it has {reprlib.repr(keys)}, not the keys {', '.join(SCHEMA)}")
    for key, kind in SCHEMA.items():
        if type(content[key]) is not kind:
            raise _broken(f"{key} is {reprlib.repr(content[key])}, not of type {kind.__name__}")
    if content["format"] not in FORMATS.values():
        raise _broken(f"format is {reprlib.repr(content['format'])}, not {' or '.join(FORMATS.values())}")
    if not FIRST_PIECE <= (size := content["vocab_size"]) <= MAX_VOCAB:
        raise _broken(f"vocab_size is {reprlib.repr(size)}, not {FIRST_PIECE} to {MAX_VOCAB}")
    _check_pieces(content["pieces"], size - FIRST_PIECE)
    return content


def _check_pieces(pieces: list, room: int) -> None:
    if len(pieces) > room:
        raise _broken(f"it has {len(pieces)} pieces, its vocabulary has room for {room}")
    seen = set()
    for i, piece in enumerate(pieces):
        if not isinstance(piece, str) or not 0 < len(piece) <= MAX_PIECE or SURROGATE.search(piece):
            raise _broken(f"piece {i} is {reprlib.repr(piece)}, not text of 1 to {MAX_PIECE} characters")
        if piece in seen:
            raise _broken(f"piece {i}, {piece!r}, is there twice")
        seen.add(piece)


def check_vocab_size(size: int) -> None:
    """UsageError if no vocabulary can have this size."""
    if type(size) is not int or not FIRST_PIECE <= size <= MAX_VOCAB:
        raise UsageError(f"--vocab is {size!r}; use {FIRST_PIECE} to {MAX_VOCAB}")
