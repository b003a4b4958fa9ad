"""Readers: from a data format to stories. One file per format; a new format is one more file.

A reader is a callable that gets a source and yields its stories:

    @READERS.register("csv")
    @reads(".csv", ".tsv", compressed=True)
    def read_csv(file: DataFile) -> Iterator[str]: ...

`reads` says which file suffixes it takes. `file` is the path as a str, so that `open(file)` works, with the value of
--field, a label for error messages, and iterators over its decompressed and decoded lines (see DataFile).

A reader of your own needs no registration: `--data my_reader.py:Name` and `--data my_package.module:Name` take any
callable, function or class, that yields stories. It is called without arguments, or with what follows a second
colon, `--data my_reader.py:Name:path/to/file.xyz`: a DataFile if that is a file, otherwise the str as it is.
An installed package can claim suffixes with an entry point of the group `ternary.readers`, whose object has the
attributes that `reads` sets. `--data NAME:FILE` uses a registered reader whatever the suffix of the file.

A story is a str of at most MAX_STORY characters; surrounding white space and empty stories are dropped, line ends
become LF, and a marker <|endoftext|> parts it. A reader that can go on after a row that it cannot read gives the error
to `file.bad.add`, which raises it beyond --skip-bad; what it took the file for goes to `file.found`. Every call must
yield the same stories in the same order: preparation reads a source several times, and after an interruption it
skips the stories that are done. The cache identifies a source by the content of the reader's source file, the
argument (the content, if it is a file or a folder), --field and the first stories. If stories depend on anything
else, such as a database, put a version into the argument.
"""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from ternary.registry import Registry
from ternary.text.readers.files import DataFile, kind_of

__all__ = ["READERS", "DataFile", "Reader", "kind_of", "reader_of", "reads", "suffixes_read"]

F = TypeVar("F", bound=Callable[..., Iterable[str]])


class Reader(Protocol):
    """A callable that yields the stories of a file. `reads` sets its attributes."""

    suffixes: tuple[str, ...]
    compressed: bool
    columns: bool
    changed: Callable[[DataFile], bool] | None

    def __call__(self, file: DataFile) -> Iterable[str]: ...


READERS: Registry[Reader] = Registry("reader", "--data", __name__)


def reads(*suffixes: str, compressed: bool = False, columns: bool = True,
          changed: Callable[[DataFile], bool] | None = None) -> Callable[[F], F]:
    """Decorator of a reader: the file suffixes that it takes, in lower case with the dot.

    compressed: it also takes files with a further suffix .gz or .zst, as it reads through the methods of DataFile.
    columns: the stories depend on --field. changed, of a reader of text: whether version 0.1 read a file otherwise, so
    that its fingerprint has to be another one; None if the file is not text.
    """

    def mark(reader: F) -> F:
        reader.suffixes, reader.compressed, reader.columns, reader.changed = suffixes, compressed, columns, changed
        return reader

    return mark


def reader_of(suffix: str, compression: str) -> str | None:
    """The name of the registered reader of a file of this kind (see kind_of); None if there is none.

    Entry points come last, so outside code is only imported for a suffix that no reader of this package takes.
    """
    for name in READERS.names() if suffix else ():
        reader = READERS.get(name)
        if suffix in getattr(reader, "suffixes", ()) and (not compression or getattr(reader, "compressed", False)):
            return name
    return None


def suffixes_read() -> str:
    """Every suffix that a registered reader takes, for error messages."""
    plain, compressed = set(), set()
    for reader in map(READERS.get, READERS.names()):
        (compressed if getattr(reader, "compressed", False) else plain).update(getattr(reader, "suffixes", ()))
    first = sorted(compressed, key=lambda suffix: (suffix != ".txt", suffix))     # text is what most people have
    return ", ".join([*first[:-1], f"{first[-1]} (also .gz or .zst)", *sorted(plain - compressed)])
