"""Which files of a folder are data, which are another program's, and which belong to a split."""

import os
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from ternary.errors import DataError
from ternary.text.readers import kind_of, reader_of
from ternary.text.readers.files import DataFile
from ternary.text.story import say

SPLITS = {"train": "train", "training": "train", "valid": "validation", "validation": "validation", "val": "validation",
          "dev": "validation", "test": "test", "eval": "test"}
WORD = re.compile(r"[^a-z]+")
ABOUT = re.compile(r"(readme|licen[cs]e|changelog|citation|requirements)\b", re.IGNORECASE)
POINTER = b"version https://git-lfs.github.com/spec/"
PAGE = re.compile(rb"\s*<(!doctype\s+html|html)\b", re.IGNORECASE)
# Files that begin so: what they are, and what to do with them.
STARTS = {
    b"\0\x05\x16\x07": "a resource fork of macOS", b"\0\x05\x16\0": "a resource fork of macOS",
    b"PK\3\4": "a zip archive or an office document; unpack it, or save it as .txt or .csv",
    b"\xd0\xcf\x11\xe0": "an office document; save it as .txt or .csv", b"\x1f\x8b": "a gzip file; unpack it",
    b"BZh": "a bzip2 file; unpack it", b"\xfd7zXZ\0": "an xz file; unpack it",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it", b"Rar!\x1a\x07": "a rar archive; unpack it",
    b"%PDF-": "a PDF; convert it to text, e.g. with pdftotext",
    b"{\\rtf": "a rich text document; save it as plain text",
    b"SQLite format 3": "an SQLite database; export a table as .csv",
    b"<?xml": "an XML file; extract its text, or read it as it is by the name text:{label}",
}
ARCHIVES = (".zip", ".tar", ".bz2", ".xz", ".7z", ".rar")    # of a folder they are named, as they may hold the data
TAR = slice(257, 262)
SHOWN = 5


def files_in(folder: Path) -> list[Path]:
    """The files of a folder and its subfolders, linked ones too, that a registered reader takes, by name.

    What is hidden, or not data, is left out, and a line says so.
    """
    find = cache(reader_of)
    found = [path for path in _walk(folder)
             if (find(*kind_of(path)) or is_about(path) or kind_of(path)[0] in ARCHIVES) and path.is_file()]
    good = kept(str(folder), folder, sorted(found, key=lambda path: path.relative_to(folder).parts))
    return [path for path in good if find(*kind_of(path))]


def kept(name: str, root: Path | None, paths: Iterable[Path]) -> list[Path]:
    """Those that are data; a line says which are not. Raises DataError for one that stands for data."""
    good: list[Path] = []
    foreign: list[str] = []
    about: list[Path] = []
    for path in paths:
        label = path.relative_to(root) if root else path
        named = label.parts if root else (path.name,)             # a pattern may lead into a hidden folder
        if any(part.startswith(".") for part in named) or "__MACOSX" in label.parts:
            foreign.append(f"{label} (hidden)")
        elif why := foreign_content(path, str(label)):
            foreign.append(f"{label} ({why.partition('; ')[0]})")
        elif is_about(path):
            about.append(path)
        else:
            good.append(path)
    if good:
        foreign += [f"{path.relative_to(root) if root else path} (about the data)" for path in about]
    if foreign:
        more = f" and {len(foreign) - SHOWN} more" if len(foreign) > SHOWN else ""
        say(f"{name}: skipped {len(foreign)} hidden or foreign files: {', '.join(foreign[:SHOWN])}{more}")
    return good or about


def is_about(path: Path) -> bool:
    """Whether a file is about the data rather than data, by its name."""
    return ABOUT.match(path.name) is not None or path.suffix.lower() == ".md"


def foreign_content(path: Path, label: str) -> str | None:
    """What a file is that is no text of its own, and what to do; DataError if it stands for data that is missing."""
    try:
        start = DataFile(path, label).start(512)
    except OSError as e:
        raise DataError(f"cannot read {label}: {e.strerror}") from None
    except DataError:                             # damaged: its reader says so
        return None
    if start.startswith(POINTER):
        raise DataError(f"{label} is a pointer of Git LFS, not the data itself; fetch the data with git lfs pull")
    for begin, what in STARTS.items():
        if start.removeprefix(b"\xef\xbb\xbf").startswith(begin):
            return what.format(label=label)
    if start[TAR] == b"ustar":
        return "a tar archive; unpack it"
    return "an HTML page; fetch the text itself" if PAGE.match(start.removeprefix(b"\xef\xbb\xbf")) else None


def split_of(label: Path) -> str | None:
    """"train", "validation" or "test", if the name of a file or of a folder above it says so."""
    for part in (label.name.partition(".gz")[0], *reversed(label.parts[:-1])):
        for word in WORD.split(part.lower()):
            if word in SPLITS:
                return SPLITS[word]
    return None


def splits(root: Path | None, paths: Iterable[Path]) -> dict[str, list[Path]]:
    """The files of "train" and "validation"; of "test" too, if there are three kinds. Empty if there are no such files.

    Without files for validation those for testing stand for them.
    """
    found: dict[str, list[Path]] = {}
    paths = list(paths)
    root = root or Path(os.path.commonpath([path.parent for path in paths] or [""]))
    for path in paths:
        if split := split_of(path.relative_to(root)):
            found.setdefault(split, []).append(path)
    if "train" not in found or len(found) < 2:
        return {}
    return found if "validation" in found else {**found, "validation": found["test"]}


def _walk(folder: Path, above: tuple[str, ...] = ()) -> Iterator[Path]:
    """Files below a folder; a link to a folder that it is in is not followed."""
    real = os.path.realpath(folder)
    if real in above:
        return
    try:
        names = sorted(os.listdir(folder))
    except OSError as e:
        raise DataError(f"cannot read {folder}: {e.strerror}") from None
    for name in names:
        path = folder / name
        if path.is_dir():
            yield from _walk(path, (*above, real))
        else:
            yield path
