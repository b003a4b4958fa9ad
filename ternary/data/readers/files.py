"""Readers of files: stories from text, jsonl, csv and parquet, the first three also compressed, in constant memory."""

import csv
import gzip
import hashlib
import io
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ternary.data.story import first_line, story_column, story_text
from ternary.errors import DataError

SEPARATOR = b"<|endoftext|>"
SEPARATOR_LINE = re.compile(rb"\n(?:\xef\xbb\xbf)?[ \t]*<\|endoftext\|>[ \t]*\r?\n")
BOM = b"\xef\xbb\xbf"
BLOCK = 1 << 20
MAX_STORY = 4 << 20  # bytes of a story, or of a line: about a Bible, read in a second and 100 MB
PARQUET_ROWS = 8  # a batch: repeated in a dictionary, a story costs its file nothing, but memory
PARQUET_RATIO, PARQUET_SMALL = 200, 16 << 20  # text shrinks 2 to 20 times; bytes that are below suspicion
MAGIC = {".gz": b"\x1f\x8b", ".zst": b"\x28\xb5\x2f\xfd"}


def kind_of(path: Path) -> tuple[str, str]:
    """(".txt", ".gz") of a name like a.txt.gz; the second is "" if it is not compressed."""
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] in MAGIC:
        return suffixes[-2] if len(suffixes) > 1 else "", suffixes[-1]
    return suffixes[-1] if suffixes else "", ""


@contextmanager
def opened(path: Path, label: str) -> Iterator[BinaryIO]:
    """The bytes of a file, decompressed as its name says. DataError if they are not what it says, or cut off."""
    (_, compression), broken = kind_of(path), (EOFError, OSError, zlib.error)
    with open(path, "rb") as f:
        start = f.read(4)
    for suffix, magic in MAGIC.items():
        if (suffix == compression) != start.startswith(magic) and (start or compression):
            what = "compressed" if suffix != compression else "not compressed"
            raise DataError(f"{label} is {what} with {suffix[1:]}, unlike its name says; rename it")
    try:
        if compression == ".gz":
            with gzip.open(path, "rb") as f:
                yield f
        elif compression == ".zst":
            import pyarrow as pa  # it takes longer to load than a text to read

            broken += (pa.ArrowException,)
            with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as f:
                yield io.BufferedReader(f, BLOCK)
        else:
            with open(path, "rb") as f:
                yield f
    except broken as e:
        if getattr(e, "errno", None):             # of the disk, not of what it holds
            raise
        raise DataError(f"{label} is damaged or cut off: {first_line(e)}") from None


def scan(path: Path, label: str) -> tuple[str, bool, int | None]:
    """The sha256 of a file, whether it has a line `<|endoftext|>`, and about how many bytes of text it holds."""
    kind, compression = kind_of(path)
    with open(path, "rb") as f:
        digest = hashlib.file_digest(f, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _digest(f)
    separated = kind == ".txt" and _separated(path, label)
    return digest, separated, None if compression else path.stat().st_size


def _digest(f: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := f.read(BLOCK):
        digest.update(block)
    return digest.hexdigest()


def _separated(path: Path, label: str) -> bool:
    tail, unbroken = b"\n", 0
    with opened(path, label) as f:
        while unbroken <= MAX_STORY and (block := f.read(BLOCK)):     # a longer line is refused by who reads it
            window = tail + block
            if SEPARATOR in window and SEPARATOR_LINE.search(window):
                return True
            tail, unbroken = window[-64:], 0 if b"\n" in block else unbroken + len(block)
    return SEPARATOR_LINE.search(tail + b"\n") is not None


def _lines(path: Path, label: str) -> Iterator[bytes]:
    """Lines with their ends, each of at most MAX_STORY bytes."""
    with opened(path, label) as f:
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
            for size, packed in _chunks(file.metadata):
                if size > max(PARQUET_SMALL, PARQUET_RATIO * packed):
                    raise DataError(f"{label} unpacks {packed:,} bytes to {size:,}; no text is packed so; look into it")
            for batch in file.iter_batches(batch_size=PARQUET_ROWS, columns=[column]):
                for value in batch.column(0):
                    story = story_text(value.as_py(), where)
                    if len(story) > MAX_STORY:
                        raise DataError(f"{where}: a story over {MAX_STORY >> 20} MiB; separate its parts")
                    yield story
    except (pa.ArrowException, OSError, UnicodeDecodeError) as e:
        raise DataError(f"{label} is not a whole parquet file: {first_line(e)}") from None


def _chunks(metadata) -> Iterator[tuple[int, int]]:
    """Bytes of each column of each group of rows, unpacked and packed, as the file says."""
    for group in range(metadata.num_row_groups):
        columns = metadata.row_group(group)
        for column in map(columns.column, range(columns.num_columns)):
            yield column.total_uncompressed_size, column.total_compressed_size


def _read_csv(path: Path, label: str, key: str | None) -> Iterator[str]:
    """The first line names the columns; tabs separate them if it has one."""

    def text() -> Iterator[str]:
        offset = 0
        for number, line in enumerate(_lines(path, label), 1):
            yield _decode(line, label, offset, number).removeprefix("\ufeff" if number == 1 else "")
            offset += len(line)

    lines = text()
    header = next(lines, "")
    form = {"delimiter": "\t" if "\t" in header else ",", "strict": True}
    csv.field_size_limit(MAX_STORY)
    rows = csv.reader(lines, **form)
    try:
        names = next(csv.reader([header], **form), [])
        column = names.index(story_column(names, key, label))
        for row in rows:
            if row and len(row) != len(names):
                raise DataError(f"{label}, line {rows.line_num + 1}: {len(row)} columns; line 1 names {len(names)}")
            if row:
                yield story_text(row[column], f"{label}, line {rows.line_num + 1}")
    except csv.Error as e:
        raise DataError(f"{label}, line {rows.line_num + 1}: {e}") from None


READERS = {".txt": _read_text, ".jsonl": _read_jsonl, ".csv": _read_csv, ".tsv": _read_csv, ".parquet": _read_parquet}
PACKED = (".txt", ".jsonl", ".csv", ".tsv")       # may be compressed

