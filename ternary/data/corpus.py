"""A corpus is a named, fingerprinted, repeatable stream of stories, read in constant memory."""

import atexit
import difflib
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ternary.data.hub import open_hub
from ternary.data.story import Corpus, fingerprint, first_line, story_column, story_text
from ternary.errors import DataError, ResourceError, UsageError

ALIASES = {"tinystories": "roneneldan/TinyStories"}
FABLES = {"train": (0, 20_000), "validation": (1, 500)}  # split: (seed, stories)
SEPARATOR = b"<|endoftext|>"
SEPARATOR_LINE = re.compile(rb"\n(?:\xef\xbb\xbf)?[ \t]*<\|endoftext\|>[ \t]*\r?\n")
BOM = b"\xef\xbb\xbf"
HUB_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")
FOREIGN = (".json", ".csv", ".tsv", ".gz", ".zst", ".zip", ".md", ".tok")
BLOCK = 1 << 20
MAX_STORY = 1 << 28  # bytes: what one story may take in memory


def open_corpus(source: str, split: str = "train", field: str | None = None) -> Corpus:
    """Open `fables`, `-` (standard input), a file, a folder, `tinystories` or a hub data set owner/name.

    A path that exists is local, and has no splits: `split` is for fables and the hub. `field` names the
    column of stories. Raises DataError, or NetworkError if the hub is needed and cannot be reached.
    """
    if source == "fables":
        return _fables(split)
    if source == "-":
        return _standard_input()
    path = Path(source)
    if os.path.isdir(source):
        return _local(source, path, _files_in(path), field)
    if os.path.isfile(source):
        return _local(source, path.parent, [path], field)
    if os.path.exists(source):
        raise DataError(f"{source} is neither a file nor a folder; pipe text in with --data -")
    name = ALIASES.get(source, source)
    if HUB_NAME.fullmatch(name) and path.suffix.lower() not in (*READERS, *FOREIGN):
        return open_hub(name, split, field)
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

    def side(name: str, keep: Callable[[str], bool]) -> Corpus:
        digest = fingerprint(corpus.fingerprint, name, cut)
        return Corpus(f"{corpus.name} ({name})", digest, lambda: filter(keep, corpus.stories()))

    return side("train", lambda s: _place(s) >= cut), side("validation", lambda s: _place(s) < cut)


def _place(story: str) -> int:
    """Uniform in 0 .. 2**64 - 1, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(story.encode(), digest_size=8).digest(), "little")


def _fables(split: str) -> Corpus:
    from ternary.data import fables

    if split not in FABLES:
        raise DataError(f"fables has no split {split!r}; want train or validation")
    seed, stop = FABLES[split]
    # The sample is for whoever forgets to raise the version.
    digest = fingerprint("fables", fables.VERSION, seed, 0, stop, *fables.stories(seed, 0, 50))
    return Corpus(f"fables ({split})", digest, lambda: iter(fables.stories(seed, 0, stop)))


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
    return _local("standard input", folder, [path], None)


def _files_in(folder: Path) -> list[Path]:
    found = [p for p in folder.rglob("*") if p.suffix.lower() in READERS and p.is_file()]
    return sorted(found, key=lambda p: p.relative_to(folder).parts)


def _names_beside(path: Path) -> list[str]:
    try:
        return os.listdir(path.parent)
    except (OSError, ValueError):
        return []


def _local(name: str, root: Path, paths: list[Path], key: str | None) -> Corpus:
    """The stories of `paths` in order; messages name a file relative to `root`."""
    if not paths:
        raise DataError(f"folder {name} holds no {', '.join(READERS)} file")
    parts, files = [], []
    for path in paths:
        kind, label = path.suffix.lower(), str(path.relative_to(root)) if len(paths) > 1 else name
        if kind not in READERS:
            raise DataError(f"{name} has suffix {kind!r}; want {', '.join(READERS)}")
        try:
            before = _stamp(path)
            digest, separated = _scan(path)
        except OSError as e:
            raise DataError(f"cannot read {label}: {e.strerror}") from None
        parts.append((kind, digest, key if kind != ".txt" else None))
        files.append((path, label, kind, separated, before))

    def read() -> Iterator[str]:
        for path, label, kind, separated, before in files:
            if not path.is_file() or _stamp(path) != before:
                raise DataError(f"{label} changed after it was opened; run again")
            texts = READERS[kind](path, label, separated if kind == ".txt" else key)
            try:
                yield from filter(None, (text.strip() for text in texts))
            except OSError as e:
                raise DataError(f"cannot read {label}: {e.strerror}") from None

    if next(read(), None) is None:
        raise DataError(f"{name} holds no story; want some text")
    return Corpus(name, fingerprint(*parts), read)


def _stamp(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def _scan(path: Path) -> tuple[str, bool]:
    """The sha256 of a file, and whether it has a line `<|endoftext|>`."""
    digest, separated, tail = hashlib.sha256(), False, b"\n"
    with open(path, "rb") as f:
        while block := f.read(BLOCK):
            digest.update(block)
            if not separated:
                window = tail + block
                separated = SEPARATOR in window and SEPARATOR_LINE.search(window) is not None
                tail = window[-64:]
    return digest.hexdigest(), separated or SEPARATOR_LINE.search(tail + b"\n") is not None


def _lines(path: Path, label: str) -> Iterator[bytes]:
    """Lines with their ends, each of at most MAX_STORY bytes."""
    with open(path, "rb") as f:
        for number, line in enumerate(iter(lambda: f.readline(MAX_STORY + 1), b""), 1):
            if len(line) > MAX_STORY:
                raise DataError(f"{label}, line {number}: over {MAX_STORY >> 20} MiB; break it into stories")
            yield line


def _read_text(path: Path, label: str, separated: bool) -> Iterator[str]:
    """Stories between lines `<|endoftext|>`, or else between blank lines."""
    story, size, offset, first = [], 0, 0, 1
    for number, line in enumerate(_lines(path, label), 1):
        if number == 1 and line.startswith(BOM):
            line, offset = line[len(BOM) :], len(BOM)
        if line.strip() == SEPARATOR if separated else line.isspace():
            yield _decode(b"".join(story), label, offset, first)
            offset, first = offset + size + len(line), number + 1
            story, size = [], 0
            continue
        story.append(line)
        size += len(line)
        if size > MAX_STORY:
            raise DataError(f"{label}, line {first}: a story over {MAX_STORY >> 20} MiB; separate its parts")
    yield _decode(b"".join(story), label, offset, first)


def _decode(raw: bytes, label: str, offset: int, line: int) -> str:
    """`raw` as text; it starts at byte `offset` and line `line` of the file."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as e:
        line += raw.count(b"\n", 0, e.start)
        raise DataError(
            f"{label} is not UTF-8: byte 0x{raw[e.start]:02x} at offset {offset + e.start}, line {line}; "
            "convert it, e.g. with iconv -t UTF-8"
        ) from None


def _read_jsonl(path: Path, label: str, key: str | None) -> Iterator[str]:
    offset = 0
    for number, line in enumerate(_lines(path, label), 1):
        text = _decode(line, label, offset, number).removeprefix("\ufeff" if number == 1 else "")
        offset += len(line)
        if not text.strip():
            continue
        where = f"{label}, line {number}"
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as e:
            raise DataError(f"{where}: not JSON ({e}); want one object a line") from None
        if not isinstance(row, dict):
            raise DataError(f"{where}: a JSON {type(row).__name__}; want an object with text")
        yield story_text(row[story_column(row, key, where)], where)


def _read_parquet(path: Path, label: str, key: str | None) -> Iterator[str]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            column = story_column(file.schema_arrow.names, key, label)
            where = f"{label}, column {column}"
            for batch in file.iter_batches(batch_size=1024, columns=[column]):
                yield from (story_text(value, where) for value in batch.column(0).to_pylist())
    except (pa.ArrowException, OSError, UnicodeDecodeError) as e:
        raise DataError(f"{label} is not a whole parquet file: {first_line(e)}") from None


READERS = {".txt": _read_text, ".jsonl": _read_jsonl, ".parquet": _read_parquet}
