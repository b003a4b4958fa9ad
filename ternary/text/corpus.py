"""A corpus is a named, fingerprinted, repeatable stream of stories, read in constant memory."""

import atexit
import difflib
import glob
import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from itertools import chain
from pathlib import Path

from ternary.errors import DataError, ResourceError, UsageError
from ternary.text.hub import open_hub
from ternary.text.local import files_in, open_files
from ternary.text.outside import open_reader, reader_call
from ternary.text.readers import READERS, kind_of, reader_of
from ternary.text.readers.files import BLOCK
from ternary.text.readers.text import SEPARATOR
from ternary.text.story import Corpus, fingerprint

ALIASES = {"tinystories": "roneneldan/TinyStories"}
HUB_NAME = re.compile(r"(?P<name>\w[\w.-]*/\w[\w.-]*)(@(?P<revision>[\w./-]+))?(:(?P<split>\w+))?")
FOREIGN = (".json", ".gz", ".zst", ".zip", ".md", ".tok")


def open_corpus(source: str, split: str = "train", field: str | None = None) -> Corpus:
    """Open `fables`, `-` (standard input), a file, a folder, a glob, `tinystories`, a hub data set `owner/name` or a
    reader `file.py:Name[:argument]` (see readers/); or several of them, separated by commas, one after the other.

    A path that exists is local, and has no splits: `split` is for fables and the hub. A hub name may continue with
    @revision and :split, which overrides `split`. `field` names the column of stories. Raises DataError, UsageError
    for an unknown reader, or NetworkError if the hub is needed and cannot be reached.
    """
    if source == "fables":
        return _fables(split)
    if source == "-":
        return _standard_input()
    path = Path(source)
    if "," in source and not os.path.exists(source):
        return _joined([open_corpus(part, split, field) for part in source.split(",")])
    if not os.path.exists(source) and (call := reader_call(source)):
        return _read_by(source, *call, field)
    if any(c in source for c in "*?[") and not os.path.exists(source):
        return open_files(source, None, sorted(Path(p) for p in glob.iglob(source, recursive=True)), field)
    if os.path.isdir(source):
        return open_files(source, path, files_in(path), field)
    if os.path.isfile(source):
        return open_files(source, path.parent, [path], field)
    if os.path.exists(source):
        raise DataError(f"{source} is neither a file nor a folder; pipe text in with --data -")
    if os.path.islink(source):
        raise DataError(f"{source} is a link that leads nowhere; mend it, or name what it stood for")
    named = HUB_NAME.fullmatch(ALIASES.get(source, source))
    if named and path.suffix.lower() not in FOREIGN and not reader_of(*kind_of(path)):
        return open_hub(named["name"], named["split"] or split, field, named["revision"])
    near = difflib.get_close_matches(path.name, _names_beside(path), n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "want a file, a folder, fables, tinystories or -"
    raise DataError(f"no file or folder {source!r}; {hint}")


def split_corpus(corpus: Corpus, fraction: float = 0.02) -> tuple[Corpus, Corpus]:
    """(train, validation): a hash of its text puts each story on one side, so duplicates stay together.

    Each side has at least one story; a corpus of one distinct story raises DataError.
    """
    if not 0 < fraction < 1:
        raise UsageError(f"validation fraction {fraction}; want a number between 0 and 1")
    cut, low, high = int(fraction * 2**64), 2**64, -1
    for story in corpus.stories():
        low, high = min(low, _place(story)), max(high, _place(story))
        if low < cut <= high:
            break
    if low >= high:
        raise DataError(
            f"{corpus.name} holds one distinct story; a validation split needs two: "
            f"separate stories by blank lines or by lines {SEPARATOR.decode()}"
        )
    cut = min(max(cut, low + 1), high)

    size = corpus.size and int(corpus.size * (1 - fraction))

    def side(name: str, keep: Callable[[str], bool]) -> Corpus:
        digest = fingerprint(corpus.fingerprint, name, cut)
        return Corpus(f"{corpus.name} ({name})", digest, lambda: filter(keep, corpus.stories()), size)

    return side("train", lambda s: _place(s) >= cut), side("validation", lambda s: _place(s) < cut)


def _place(story: str) -> int:
    """Uniform in 0 .. 2**64 - 1, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(story.encode(), digest_size=8).digest(), "little")


def _fables(split: str) -> Corpus:
    from ternary import fables

    if split not in fables.SPLITS:
        raise DataError(f"fables has no split {split!r}; want {' or '.join(fables.SPLITS)}")
    seed, size = fables.SPLITS[split]
    # The sample notices a changed text even if nobody raised VERSION.
    digest = fingerprint("fables", fables.VERSION, seed, 0, size, *fables.stories(seed, 0, 50))
    return Corpus(f"fables ({split})", digest, lambda: fables.stories(seed, 0, size))


def _read_by(source: str, reader: str, argument: str | None, field: str | None) -> Corpus:
    READERS.get(reader)                           # an unknown reader is worse than an unknown file
    if argument is not None and os.path.isfile(argument):
        return open_files(source, None, [Path(argument)], field, reader)
    return open_reader(source, reader, argument)


def _joined(parts: list[Corpus]) -> Corpus:
    sizes = [part.size for part in parts]
    return Corpus(" + ".join(part.name for part in parts), fingerprint(*(part.fingerprint for part in parts)),
                  lambda: chain.from_iterable(part.stories() for part in parts), None if None in sizes else sum(sizes))


def _standard_input() -> Corpus:
    """Read once into a temporary file, which lives as long as the process."""
    folder = Path(tempfile.mkdtemp(prefix="ternary-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "stdin.txt"
    try:
        with open(path, "wb") as f:
            shutil.copyfileobj(sys.stdin.buffer, f, BLOCK)
    except OSError as e:
        raise ResourceError(f"cannot copy standard input to {path} ({e.strerror}); set TMPDIR") from None
    return open_files("standard input", folder, [path], None)


def _names_beside(path: Path) -> list[str]:
    try:
        return os.listdir(path.parent)
    except (OSError, ValueError):
        return []
