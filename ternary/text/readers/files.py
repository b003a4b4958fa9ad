"""A data file as a reader sees it: decompressed, decoded, in lines with one kind of end, in constant memory."""

import codecs
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ternary.errors import DataError
from ternary.text.story import BadRows, TextOptions, first_line

BLOCK = 1 << 20
OVERLAP = 1024        # characters of a block that are searched again with the next one
MAX_STORY = 4 << 20   # characters of a story, or of a line: about a Bible, read in a second and 100 MB
MAGIC = {".gz": b"\x1f\x8b", ".zst": b"\x28\xb5\x2f\xfd"}
MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF32_LE: "utf-32-le", codecs.BOM_UTF32_BE: "utf-32-be",
         codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class DataFile(str):
    """The path of a data file: a str, so that open(file) works, with what a reader needs to know beside it.

    label: its name in error messages. field: the value of --field, the column of the stories, or None. bad: counts
    rows that cannot be read. found: what a reader took the file for, such as {"delimiter": "';'"}.
    """

    label: str
    options: TextOptions
    bad: BadRows
    found: dict[str, str]

    def __new__(cls, path: str | Path, label: str | None = None, options: TextOptions | None = None,
                bad: BadRows | None = None) -> "DataFile":
        file = super().__new__(cls, path)
        file.label, file.options = label or Path(path).name, options or TextOptions()
        file.bad, file.found = bad or BadRows(), {}
        return file

    @property
    def path(self) -> Path:
        return Path(self)

    @property
    def field(self) -> str | None:
        return self.options.field

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

    def text_digest(self) -> str:
        """The sha256 hex digest of the text in UTF-8, without a mark, its line ends LF. Raises OSError, DataError."""
        digest = hashlib.sha256()
        for block in self.blocks():
            digest.update(block.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def text_bytes(self) -> int | None:
        """About how many bytes of text it holds; None if it is compressed, as parquet is."""
        return None if kind_of(self.path)[1] or self.path.suffix == ".parquet" else self.path.stat().st_size

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The bytes, decompressed as the name says. Raises DataError if they are something else or incomplete."""
        (_, compression), damaged = kind_of(self.path), (EOFError, OSError, zlib.error)
        with open(self, "rb") as f:
            start = f.read(4)
        for suffix, magic in MAGIC.items():
            if (suffix == compression) != start.startswith(magic) and (start or compression):
                what = "compressed" if suffix != compression else "not compressed"
                found = next((s for s, m in MAGIC.items() if start.startswith(m)), "")
                named = self.path.name.removesuffix(self.path.suffix) if compression else self.path.name
                raise DataError(f"{self.label} is {what} with {suffix[1:]}, unlike its name says; rename it to "
                                f"{named}{found}")
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

    def start(self, size: int = 4096) -> bytes:
        """The first bytes, decompressed."""
        with self.open() as f:
            return f.read(size)

    def encoding(self) -> tuple[str, str]:
        """The encoding of the text, and why."""
        start = self.start()
        for mark, name in MARKS.items():
            if start.startswith(mark):
                return name, "its mark"
        if self.options.encoding:
            return self.options.encoding, "--encoding"
        zeros, quarter = [start[k::4].count(0) for k in range(4)], len(start) / 4
        for name, low, high in (("utf-32-le", zeros[0], zeros[2:]), ("utf-32-be", zeros[3], zeros[:2])):
            if quarter and min(high) > 0.9 * quarter and low < 0.05 * quarter:
                return name, "half of its bytes are 0"
        even, odd, half = zeros[0] + zeros[2], zeros[1] + zeros[3], len(start) // 2
        if half and (even > 0.4 * half) != (odd > 0.4 * half) and min(even, odd) < 0.05 * half:
            return ("utf-16-be" if even > odd else "utf-16-le"), "every other byte is 0"
        if sum(zeros) > 0.1 * len(start):
            raise DataError(f"{self.label} is no text: {sum(zeros) / len(start):.0%} of its first bytes are 0; it is "
                            "binary or damaged; if it is text, name its encoding with --encoding")
        return "utf-8", "usual"

    def blocks(self) -> Iterator[str]:
        """The text in parts, with line ends LF and without marks, which files that were joined have inside too. Raises
        DataError if it is not in its encoding.

        Where bad rows may be skipped, bytes that are no text become surrogates U+DC80 to U+DCFF.
        """
        encoding, why = self.encoding()
        if why != "usual":
            self.found["encoding"] = f"{encoding} ({why})"
        errors = "surrogateescape" if self.bad.limit else "strict"
        decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(errors), translate=True)
        with self.open() as f:
            block = b"more"
            while block:
                block = f.read(BLOCK)
                try:
                    text = decoder.decode(block, final=not block)
                except UnicodeError:
                    raise self._undecodable(encoding) from None
                if text := text.replace("\ufeff", ""):
                    yield text

    def lines(self) -> Iterator[str]:
        """Lines with their ends \\n, decoded, without a mark. Raises DataError for one over MAX_STORY characters."""
        rest, number = "", 1
        for block in self.blocks():
            *lines, rest = (rest + block).split("\n")
            for line in lines:
                if len(line) > MAX_STORY:
                    break
                yield line + "\n"
                number += 1
            else:
                if len(rest) <= MAX_STORY:
                    continue
            raise DataError(f"{self.label}, line {number}: over {MAX_STORY >> 20} MiB; break it into stories")
        if rest:
            yield rest

    def finds(self, pattern: re.Pattern[str], before: str = "") -> bool:
        """Whether the text, with `before` in front, matches somewhere, before a line over MAX_STORY characters."""
        tail, unbroken = before, 0
        for block in self.blocks():
            window = tail + block
            if pattern.search(window):
                return True
            if (unbroken := 0 if "\n" in block else unbroken + len(block)) > MAX_STORY:
                return False
            tail = window[-OVERLAP:]
        return False

    def _undecodable(self, encoding: str) -> DataError:
        """Where the first byte is that is no text."""
        decoder, ends = codecs.getincrementaldecoder(encoding)(), io.IncrementalNewlineDecoder(None, translate=True)
        offset, line, block = 0, 1, b"more"
        with self.open() as f:
            while block:
                block, held = f.read(BLOCK), decoder.getstate()[0]
                try:
                    line += ends.decode(decoder.decode(block, not block)).count("\n")
                except UnicodeDecodeError as e:
                    offset += e.start - len(held)
                    line += ends.decode(e.object[:e.start].decode(encoding, "replace"), True).count("\n")
                    what = f"byte 0x{e.object[e.start]:02x} at offset {offset}, line {line}"
                    return self._other_encoding(encoding, what, e.object)
                except UnicodeError as e:         # e.g. UTF-16 without the mark that --encoding utf-16 wants
                    return self._other_encoding(encoding, str(e), b"")
                offset += len(block)
        return self._other_encoding(encoding, "it changes while it is read", b"")

    def _other_encoding(self, encoding: str, what: str, near: bytes) -> DataError:
        name = "UTF-8" if encoding == "utf-8" else encoding
        if b"\0" in near:
            return DataError(f"{self.label} is not {name}: {what}; it has zero bytes, so it is binary, or text in an "
                             "encoding such as utf-16, to be named with --encoding")
        try:
            near.decode("cp1252")
            other = "cp1252" if encoding != "cp1252" and any(0x80 <= byte < 0xa0 for byte in near) else "latin-1"
        except UnicodeDecodeError:
            other = "latin-1"
        return DataError(f"{self.label} is not {name}: {what}; name its encoding, e.g. --encoding {other}, or convert "
                         f"it, e.g. with iconv -f {other.replace('latin-1', 'ISO-8859-1').upper()} -t UTF-8")


def kind_of(path: Path) -> tuple[str, str]:
    """(".txt", ".gz") of a name like a.txt.gz; the second is "" if it is not compressed."""
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] in (".tgz", ".tzst"):    # short for .tar.gz
        return ".tar", suffixes[-1].replace(".t", ".")
    if suffixes and suffixes[-1] in MAGIC:
        return suffixes[-2] if len(suffixes) > 1 else "", suffixes[-1]
    return suffixes[-1] if suffixes else "", ""
