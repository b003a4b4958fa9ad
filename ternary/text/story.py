"""What a corpus is, how its text is asked for, and what of a text is a story."""

import codecs
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache

from ternary.errors import DataError, UsageError
from ternary.machine import heartbeat

SEPARATOR = "<|endoftext|>"
MARKER = re.compile(re.escape(SEPARATOR), re.IGNORECASE)
RULES = 2    # part of fingerprints: raise it if `stories_in` or a reader makes other stories of the same file
INDENT = re.compile(r" *\t[ \t]*|  +")            # one space alone is no indentation


@dataclass(frozen=True)
class Corpus:
    """`fingerprint` is a sha256 hex digest: the same digest, the same stories in the same order.

    `size` is about how many bytes of text it has, where that is known before it is read. `facts` say what its source
    was taken for, and after a whole reading also how many rows were skipped ("skipped_rows").
    """

    name: str
    fingerprint: str
    read: Callable[[], Iterator[str]] = field(repr=False, compare=False)
    size: int | None = field(default=None, compare=False)
    facts: dict = field(default_factory=dict, repr=False, compare=False)

    def stories(self) -> Iterator[str]:
        """All stories from the first, trimmed and not empty; may be called again and again."""
        return self.read()


@dataclass(frozen=True)
class TextOptions:
    """How text is read. encoding None: UTF-8, or what the file's mark says; template: of a chat message."""

    field: str | None = None
    encoding: str | None = None
    template: str | None = None
    skip_bad: int = 0

    def __post_init__(self) -> None:
        if self.encoding is not None:
            try:
                codecs.getincrementaldecoder(self.encoding)
                "a".encode(self.encoding)             # only text encodings can
            except (LookupError, ValueError):
                raise UsageError(f"--encoding {self.encoding}: no such encoding; e.g. --encoding latin-1, cp1252, "
                                 "utf-16, gb18030 or shift_jis") from None
        if self.template is not None and "{content}" not in self.template:
            raise UsageError(f"--template {self.template!r} has no {{content}}; "
                             "e.g. --template '{role}: {content}'")
        if self.skip_bad < 0:
            raise UsageError(f"--skip-bad is {self.skip_bad}; wanted a number of rows, at least 0")


class BadRows:
    """Counts the rows of one reading that cannot be read, and raises their error beyond the limit."""

    def __init__(self, limit: int = 0):
        self.limit, self.count, self.first = limit, 0, ""

    def add(self, error: DataError) -> None:
        self.count += 1
        self.first = self.first or str(error)
        if self.count > self.limit:
            more = f"more than --skip-bad {self.limit}" if self.limit else "--skip-bad N skips up to N such rows"
            raise DataError(f"{error}; {more}")


@cache
def say(text: str) -> None:
    """A line on stderr, once: a source is opened and read several times."""
    heartbeat.say(text)


def stories_in(text: str) -> Iterator[str]:
    """The stories of a text or cell: parted at markers, with line ends of \\n."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    for part in MARKER.split(text) if "<|" in text else (text,):
        if story := trimmed(part):
            yield story


def trimmed(text: str) -> str:
    """Without surrounding white space; the indentation of the first line stays."""
    body = text.strip()
    if not body or not text[0].isspace():
        return body
    indent = text[: len(text) - len(text.lstrip())].rpartition("\n")[2]
    return indent + body if INDENT.fullmatch(indent) else body


def fingerprint(*parts: object) -> str:
    """The sha256 hex digest of plain JSON values."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def first_line(e: BaseException) -> str:
    """The first line of an error of some library."""
    return (str(e).strip() or type(e).__name__).splitlines()[0][:200]
