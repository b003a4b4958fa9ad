"""What a corpus is, and the story in a row of a table."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ternary.errors import DataError

TEXT_KEYS = ("text", "story")


@dataclass(frozen=True)
class Corpus:
    """`fingerprint` is a sha256 hex digest: the same digest, the same stories in the same order.

    `size` is about how many bytes of text it has, where that is known before it is read.
    """

    name: str
    fingerprint: str
    read: Callable[[], Iterator[str]] = field(repr=False, compare=False)
    size: int | None = field(default=None, compare=False)

    def stories(self) -> Iterator[str]:
        """All stories from the first, stripped and not empty; may be called again and again."""
        return self.read()


def fingerprint(*parts: object) -> str:
    """The sha256 hex digest of plain JSON values."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def story_column(names: Iterable[str], key: str | None, where: str) -> str:
    """The name of the column that holds the stories."""
    names = list(names)
    for wanted in (key,) if key else TEXT_KEYS:
        if wanted in names:
            return wanted
    found = ", ".join(repr(name[:40]) for name in names[:20]) or "nothing"
    raise DataError(f"{where}: no {key or ' or '.join(TEXT_KEYS)}; found {found}; choose one with --field")


def story_text(value: object, where: str) -> str:
    """A string that UTF-8 can hold; a missing value is an empty story."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DataError(f"{where}: the story is {type(value).__name__}; want a string")
    try:
        value.encode()
    except UnicodeEncodeError as e:
        raise DataError(f"{where}: half of a surrogate pair at character {e.start}; mend the text") from None
    return value


def first_line(e: BaseException) -> str:
    """The first line of an error of some library."""
    return (str(e).strip() or type(e).__name__).splitlines()[0][:200]
