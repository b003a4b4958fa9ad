"""A data file as a reader sees it: decompressed, in lines, decoded, in constant memory."""

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ternary.errors import DataError
from ternary.text.story import first_line

BOM = b"\xef\xbb\xbf"
BLOCK = 1 << 20
MAX_STORY = 4 << 20  # bytes of a story, or of a line: about a Bible, read in a second and 100 MB
MAGIC = {".gz": b"\x1f\x8b", ".zst": b"\x28\xb5\x2f\xfd"}


class DataFile(str):
    """The path of a data file: a str, so that open(file) works, with what a reader needs to know beside it.

    label: its name in error messages. field: the value of --field, the column of the stories, or None.
    """

    label: str
    field: str | None

    def __new__(cls, path: str | Path, label: str | None = None, field: str | None = None) -> "DataFile":
        file = super().__new__(cls, path)
        file.label, file.field = label or Path(path).name, field
        return file

    @property
    def path(self) -> Path:
        return Path(self)

    def stamp(self) -> tuple[int, int]:
        """Size in bytes and time of the last change in ns. Raises OSError."""
        stat = self.path.stat()
        return stat.st_size, stat.st_mtime_ns

    def digest(self) -> str:
        """The sha256 hex digest of the bytes on the disk. Raises OSError."""
        digest = hashlib.sha256()
        with open(self, "rb") as f:
            while block := f.read(BLOCK):
                digest.update(block)
        return digest.hexdigest()

    def text_bytes(self) -> int | None:
        """About how many bytes of text it holds; None if it is compressed."""
        return None if kind_of(self.path)[1] else self.path.stat().st_size

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The bytes, decompressed as the name says. Raises DataError if they are something else or incomplete."""
        (_, compression), damaged = kind_of(self.path), (EOFError, OSError, zlib.error)
        with open(self, "rb") as f:
            start = f.read(4)
        for suffix, magic in MAGIC.items():
            if (suffix == compression) != start.startswith(magic) and (start or compression):
                what = "compressed" if suffix != compression else "not compressed"
                raise DataError(f"{self.label} is {what} with {suffix[1:]}, unlike its name says; rename it")
        try:
            if compression == ".gz":
                with gzip.open(self, "rb") as f:
                    yield f
            elif compression == ".zst":
                import pyarrow as pa  # slow to import

                damaged += (pa.ArrowException,)
                with pa.CompressedInputStream(pa.OSFile(str(self)), "zstd") as f:
                    yield io.BufferedReader(f, BLOCK)
            else:
                with open(self, "rb") as f:
                    yield f
        except damaged as e:
            if getattr(e, "errno", None):         # an error of the disk, not of the content
                raise
            raise DataError(f"{self.label} is damaged or cut off: {first_line(e)}") from None

    def byte_lines(self) -> Iterator[bytes]:
        """Lines with their ends. Raises DataError for a line over MAX_STORY bytes."""
        with self.open() as f:
            for number, line in enumerate(iter(lambda: f.readline(MAX_STORY + 1), b""), 1):
                if len(line) > MAX_STORY:
                    raise DataError(f"{self.label}, line {number}: over {MAX_STORY >> 20} MiB; break it into stories")
                yield line

    def lines(self) -> Iterator[str]:
        """Lines with their ends, decoded, without a byte order mark. Raises DataError if they are not UTF-8."""
        offset = 0
        for number, line in enumerate(self.byte_lines(), 1):
            yield self.decode(line, offset, number).removeprefix("\ufeff" if number == 1 else "")
            offset += len(line)

    def decode(self, raw: bytes, offset: int, line: int) -> str:
        """`raw`, which starts at byte `offset` and line `line` of the file, as text. Raises DataError."""
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as e:
            line += raw.count(b"\n", 0, e.start)
            raise DataError(
                f"{self.label} is not UTF-8: byte 0x{raw[e.start]:02x} at offset {offset + e.start}, line {line}; "
                "convert it, e.g. with iconv -t UTF-8"
            ) from None


def kind_of(path: Path) -> tuple[str, str]:
    """(".txt", ".gz") of a name like a.txt.gz; the second is "" if it is not compressed."""
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] in MAGIC:
        return suffixes[-2] if len(suffixes) > 1 else "", suffixes[-1]
    return suffixes[-1] if suffixes else "", ""
