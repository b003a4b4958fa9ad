"""From a corpus to its tokenizer and its token store, out of core, on all cores; what was interrupted goes on.

What is half done lies beside its goal in the cache, with a journal of how far it is safe:

    KEY.tokenizer.json.counts     the counts of the stories so far
    KEY.tok.ids, .offsets, .hashes  the store in the making, KEY.tok.journal its length
"""
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
from filelock import FileLock, Timeout

from ternary.errors import DataError, ModelFileError
from ternary.machine.files import LACKING
from ternary.machine.heartbeat import INTERVAL, heartbeat
from ternary.text import vocabulary
from ternary.text.seen import story_hashes
from ternary.text.story import Corpus
from ternary.text.token_store import TokenStore, align, cache_folder, head, open_store, unwritable
from ternary.text.tokenizer import Tokenizer, check_vocab_size
from ternary.text.vocabulary import ChunkCounts
from ternary.text.workers import Workers, decoded

TELL_EVERY = INTERVAL             # seconds between two lines of progress
SAVE_EVERY = 20.0                 # seconds of work that may be lost
ABANDONED = 7 * 86400             # seconds since the last write: nobody goes on
COUNTS = ("stories", "tokens", "chars", "bytes")
UNFINISHED = ("*.ids", "*.offsets", "*.hashes", "*.journal", "*.counts", "*.new", ".*.tokenizer.json.*.tmp")
Tell = Callable[[str], None]


class Progress:
    """Lines such as "tokenizing: 512 of 2,048 MB, 30.1 MB/s, ETA 0:00:51"."""

    def __init__(self, what: str, size: int | None, tell: Tell | None):
        self.what, self.size, self.tell = what, size, tell
        self.first = self.last = time.monotonic()
        self.done = self.before = 0

    def add(self, size: int) -> None:
        self.done += size
        now = time.monotonic()
        if self.tell and now - self.last >= TELL_EVERY:
            self.last = now
            speed = (self.done - self.before) / (now - self.first)
            of = f" of {self.size / 1e6:,.0f}" if self.size else ""
            left = round(max(0, self.size - self.done) / speed) if self.size else None
            eta = f", ETA {left // 3600}:{left // 60 % 60:02}:{left % 60:02}" if left is not None else ""
            self.tell(f"{self.what}: {self.done / 1e6:,.0f}{of} MB, {speed / 1e6:.1f} MB/s{eta}")

    def skip(self, size: int) -> None:
        """Done by a process before."""
        self.done = self.before = size


def prepare(corpus: Corpus, tokenizer: Tokenizer, cache_dir: Path | None = None, processes: int = 1,
            tell: Tell | None = None) -> TokenStore:
    """The store of `corpus` under `tokenizer`: from the cache, or written there by so many processes."""
    folder = cache_folder(cache_dir)
    path = folder / f"{_key(corpus.fingerprint, tokenizer.hash)}.tok"
    hashes = {"tokenizer_hash": tokenizer.hash, "source_hash": corpus.fingerprint}
    if store := _found(path, hashes):
        return store
    header = {**hashes, "source": corpus.name[:1000], "vocab_size": tokenizer.vocab_size}
    with _alone(path, tell), _writing(folder):
        if store := _found(path, hashes):         # another process was quicker
            return store
        _sweep(folder)
        with Draft(path, header) as draft:
            progress = Progress("tokenizing", corpus.size, tell)
            progress.skip(draft.bytes)
            with Workers(processes, tokenizer) as workers:
                for result in workers.results(islice(corpus.stories(), draft.stories, None)):
                    progress.add(draft.append(result))
            if not draft.stories:
                raise DataError(f"{corpus.name} holds no story; want some text")
            draft.finish(corpus.facts.get("skipped_rows", 0))
    return open_store(path)


def cached_tokenizer(corpus: Corpus, vocab_size: int, cache_dir: Path | None = None, processes: int = 1,
                     tell: Tell | None = None) -> Tokenizer:
    """The tokenizer trained on `corpus`: from the cache, or trained by so many processes and kept there."""
    check_vocab_size(vocab_size)
    folder = cache_folder(cache_dir)
    path = folder / f"{_key(corpus.fingerprint, f'{vocab_size}:{vocabulary.VERSION}')}.tokenizer.json"
    if tokenizer := _known(path, vocab_size):
        return tokenizer
    with _alone(path, tell), _writing(folder):
        if tokenizer := _known(path, vocab_size):
            return tokenizer
        _sweep(folder)
        saved = path.with_name(path.name + ".counts")
        tally = Tally(saved)
        progress = Progress("choosing the vocabulary", corpus.size, tell)
        progress.skip(tally.bytes)
        with Workers(processes) as workers:
            for result in workers.results(islice(corpus.stories(), tally.stories, None)):
                progress.add(tally.append(json.loads(result)))
        with heartbeat("choosing the vocabulary") if tell else nullcontext():
            tokenizer = Tokenizer.from_counts(tally.counts, vocab_size)
        tokenizer.save(path)
        saved.unlink(missing_ok=True)
    return tokenizer


class Tally:
    """Counts of chunks, kept in a file every now and then."""

    def __init__(self, path: Path):
        self.path, self.counts, self.stories, self.bytes = path, ChunkCounts(), 0, 0
        self.saved = time.monotonic()
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):         # absent or damaged
            kept = json.loads(path.read_bytes())
            self.counts = ChunkCounts(kept["counts"], kept["floor"])
            self.stories, self.bytes = kept["stories"], kept["bytes"]

    def append(self, result: dict) -> int:
        """-> bytes of text it was made of"""
        self.counts.add(result["counts"])
        self.stories, self.bytes = self.stories + result["stories"], self.bytes + result["bytes"]
        if time.monotonic() - self.saved >= SAVE_EVERY:
            _replace(self.path, json.dumps({"stories": self.stories, "bytes": self.bytes, "floor": self.counts.floor,
                                            "counts": self.counts.counts}, ensure_ascii=False).encode())
            self.saved = time.monotonic()
        return result["bytes"]


class Draft:
    """A store in the making; a context manager. What its journal says is on the disk, whatever happens."""

    def __init__(self, path: Path, header: dict):
        self.path, self.header = path, header
        self.first = align(16 + len(json.dumps(header)) + 256)        # room for the counts
        self.journal = path.with_name(path.name + ".journal")
        self.stories = self.tokens = self.chars = self.bytes = 0
        with suppress(OSError, ValueError, KeyError, TypeError):      # absent or damaged
            kept = json.loads(self.journal.read_bytes())
            if kept["header"] == header:
                self.stories, self.tokens, self.chars, self.bytes = (kept[key] for key in COUNTS)
        try:
            self.ids = self._opened(".ids", self.first + 2 * self.tokens)
            self.offsets = self._opened(".offsets", 8 * (self.stories + 1))
            self.hashes = self._opened(".hashes", 8 * self.stories)
        except (EOFError, FileNotFoundError):     # shorter than the journal says: not by us
            self.stories = self.tokens = self.chars = self.bytes = 0
            self.journal.unlink(missing_ok=True)
            self.ids = self._opened(".ids", self.first)
            self.offsets, self.hashes = self._opened(".offsets", 8), self._opened(".hashes", 0)
        self.saved = time.monotonic()

    def _opened(self, suffix: str, length: int) -> BinaryIO:
        """A file of this length: what was written beyond the journal is cut off. EOFError if it is shorter."""
        path = self.path.with_name(self.path.name + suffix)
        fresh = not self.stories
        file = open(path, "wb+" if fresh else "rb+")
        if not fresh and os.fstat(file.fileno()).st_size < length:
            file.close()
            raise EOFError
        file.truncate(length)
        file.seek(length)
        return file

    @property
    def files(self) -> tuple[BinaryIO, BinaryIO, BinaryIO]:
        return self.ids, self.offsets, self.hashes

    def __enter__(self) -> "Draft":
        return self

    def __exit__(self, kind: type | None, *_) -> None:
        for file in self.files:
            file.close()
        if kind is not None and (issubclass(kind, DataError) or not self.journal.exists()):
            self.discard()                        # nothing to go on with

    def discard(self) -> None:
        for leftover in (self.journal, *(Path(file.name) for file in self.files)):
            leftover.unlink(missing_ok=True)

    def append(self, result: bytes) -> int:
        """Stories that were encoded -> bytes of text they were made of"""
        chars, size, lengths, ids = decoded(result)
        self.ids.write(ids)
        ends = np.cumsum(lengths)
        self.offsets.write((self.tokens + ends).astype("<i8").tobytes())
        offsets = np.concatenate([[0], ends])
        self.hashes.write(story_hashes(np.frombuffer(ids, "<u2"), offsets).astype("<u8").tobytes())
        self.stories, self.tokens = self.stories + len(lengths), self.tokens + len(ids) // 2
        self.chars, self.bytes = self.chars + chars, self.bytes + size
        if time.monotonic() - self.saved >= SAVE_EVERY:
            self.save()
        return size

    def save(self) -> None:
        for file in self.files:
            file.flush()
            os.fsync(file.fileno())
        counts = {key: getattr(self, key) for key in COUNTS}
        _replace(self.journal, json.dumps({"header": self.header, **counts}).encode())
        self.saved = time.monotonic()

    def finish(self, skipped_rows: int = 0) -> None:
        """The header comes last: until then the file has no magic, and is no store."""
        self.save()
        end = self.first + 2 * self.tokens
        self.ids.write(bytes(align(end) - end))
        for file in (self.offsets, self.hashes):
            file.seek(0)
            shutil.copyfileobj(file, self.ids)
        header = {**self.header, **{key: getattr(self, key) for key in COUNTS},
                  **({"skipped_rows": skipped_rows} if skipped_rows else {})}
        self.ids.flush()
        os.fsync(self.ids.fileno())
        self.ids.seek(0)
        self.ids.write(head(header, self.first))
        self.ids.flush()
        os.fsync(self.ids.fileno())
        for file in self.files:                   # Windows renames and removes no file that is open
            file.close()
        os.replace(self.ids.name, self.path)
        self.discard()


def _replace(path: Path, data: bytes) -> None:
    """The file is the old one or the new one, whatever happens."""
    fresh = path.with_name(path.name + ".new")
    with open(fresh, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)


@contextmanager
def _alone(path: Path, tell: Tell | None) -> Iterator[None]:
    """One process makes a thing, others wait until it has."""
    try:
        (path.parent / "locks").mkdir(exist_ok=True)              # they stay: see checkpoint/lock.py
        lock = FileLock(path.parent / "locks" / path.name)
        lock.acquire(timeout=0)
    except Timeout:
        if tell:
            tell("another process prepares the same data; waiting for it")
        lock.acquire()
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in LACKING:
            raise unwritable(path.parent, error) from None
        if tell:                                  # two processes may do the same work; each file is replaced whole
            tell(f"warning: the file system of {path.parent} has no locks")
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unwritable(folder, error) from None


def _found(path: Path, hashes: dict) -> TokenStore | None:
    with suppress(DataError):                     # absent or damaged: write it again
        store = open_store(path)
        if hashes.items() <= store.header.items():
            return store
    return None


def _known(path: Path, vocab_size: int) -> Tokenizer | None:
    with suppress(ModelFileError):                # absent or damaged: train it
        tokenizer = Tokenizer.load(path)
        if tokenizer.vocab_size == vocab_size:
            return tokenizer
    return None


def _sweep(folder: Path) -> None:
    """Remove what was left half done and that nobody came back for."""
    for pattern in UNFINISHED:
        for path in folder.glob(pattern):
            with suppress(OSError):               # another run may be quicker, or own the file
                if path.stat().st_mtime < time.time() - ABANDONED:
                    path.unlink()


def _key(*parts: str) -> str:
    return hashlib.sha256("".join(parts).encode()).hexdigest()
