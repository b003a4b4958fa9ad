"""Readers that are no part of this package: how one is named, called and checked, and what identifies its stories."""

import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path

from ternary.errors import DataError, TernaryError, UsageError, line_of_user
from ternary.text import readers
from ternary.text.readers import READERS, DataFile, Reader, files
from ternary.text.rows import story_text
from ternary.text.story import RULES, Corpus, TextOptions, fingerprint, stories_in

SAMPLE = 50  # stories that are read twice, and are part of the fingerprint
PLACE = r"(?:[A-Za-z]:)?[^:]+\.py|[A-Za-z_][\w.]*"               # a file, perhaps on a drive C:, or a module
OUTSIDE = re.compile(rf"(?P<reader>(?:{PLACE}):[A-Za-z_]\w*)(?::(?P<argument>.*))?", re.DOTALL)
NAMED = re.compile(r"(?P<reader>[A-Za-z_][\w-]+):(?P<argument>.*)", re.DOTALL)   # at least two letters, unlike a drive


def reader_call(source: str) -> tuple[str, str | None] | None:
    """(what READERS.get takes, argument or None) of `file.py:Name[:argument]`, `module:Name[:argument]` or
    `name:argument`; None for any other source."""
    named, outside = NAMED.fullmatch(source), OUTSIDE.fullmatch(source)
    if named and named["reader"] in READERS.names():
        return named["reader"], named["argument"]
    found = outside or named
    return (found["reader"], found.groupdict()["argument"]) if found else None


def runs_outside_code(source: str) -> bool:
    """Whether opening `source` imports a file or module that it names."""
    if os.path.exists(source):
        return False
    calls = [reader_call(part) for part in source.split(",")]
    return any(call and ":" in call[0] for call in calls)


def is_outside(reader: Reader) -> bool:
    """Whether a reader is no part of this package."""
    return not getattr(reader, "__module__", "").startswith(f"{readers.__name__}.")


def open_reader(source: str, name: str, argument: str | None) -> Corpus:
    """The stories of reader `name`, called with `argument` if it is not None; it is not a file (see local.py)."""
    reader = READERS.get(name)
    if not is_outside(reader):
        raise DataError(f"{source}: {argument} is no file; reader {name} wants one")

    def read() -> Iterator[str]:
        return chain.from_iterable(map(stories_in, checked_stories(reader, argument, source)))

    digest = fingerprint(*code_identity(name, reader), _content(argument), RULES, sample(read, source))
    return Corpus(source, digest, read)


def checked_stories(reader: Reader, argument: str | None, label: str) -> Iterator[str]:
    """What an outside reader yields. Raises UsageError if it cannot be called so, DataError if it fails."""
    if not callable(reader):
        raise UsageError(f"{label}: it is {type(reader).__name__}; want a function or class that yields stories")
    arguments = () if argument is None else (argument,)
    try:
        inspect.signature(reader).bind(*arguments)
    except TypeError as error:
        raise UsageError(f"{label}: the reader does not take {len(arguments)} arguments ({error}); "
                         "what follows a second colon is its only argument") from None
    except ValueError:                            # a callable of C has no signature
        pass
    try:
        stories = reader(*arguments)
        if isinstance(stories, str):
            raise DataError(f"{label}: the reader returned one str; want an iterable of stories")
        for number, story in enumerate(stories, 1):
            where = f"{label}, story {number}"
            if len(text := story_text(story, TextOptions(), where)) > files.MAX_STORY:
                raise DataError(f"{where}: over {files.MAX_STORY >> 20} MiB; separate its parts")
            yield text
    except (TernaryError, MemoryError):
        raise
    except Exception as error:
        at = f" at {line}" if (line := line_of_user(error)) else ""
        raise DataError(f"{label}: the reader failed{at} ({type(error).__name__}: {error}); "
                        "--debug shows the traceback") from error


def sample(read: Callable[[], Iterator[str]], name: str) -> list[str]:
    """The first stories. Raises DataError if there is none or if a second call yields others."""
    first = list(islice(read(), SAMPLE))
    if not first:
        raise DataError(f"{name} holds no story; want some text")
    if first != list(islice(read(), SAMPLE)):
        raise DataError(f"{name}: the reader yields other stories when it is called again; "
                        "want the same stories in the same order, e.g. by sorting or by a fixed seed")
    return first


def code_identity(name: str, reader: Reader) -> tuple[str, str | None]:
    """The name of a reader inside its source file, and the sha256 of that file."""
    place, _, inside = name.rpartition(":")
    module = sys.modules.get(place or getattr(reader, "__module__", ""))
    source = place if place.endswith(".py") else getattr(module, "__file__", None)
    return inside, source and DataFile(source).digest()


def _content(argument: str | None) -> str | list | None:
    """The argument itself, or the content of the folder that it names."""
    if argument is None or not os.path.isdir(argument):
        return argument
    found = sorted(path for path in Path(argument).rglob("*") if path.is_file())
    try:
        return [(path.relative_to(argument).as_posix(), DataFile(path).digest()) for path in found]
    except OSError as e:
        raise DataError(f"cannot read {e.filename}: {e.strerror}") from None
