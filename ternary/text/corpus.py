"""A corpus is a named, fingerprinted, repeatable stream of stories, read in constant memory."""

import atexit
import difflib
import glob
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from ternary.errors import DataError, ResourceError
from ternary.machine.heartbeat import heartbeat
from ternary.text.folder import files_in, foreign_content, kept, splits
from ternary.text.hub import open_hub
from ternary.text.local import open_files
from ternary.text.outside import open_reader, reader_call
from ternary.text.readers import READERS, kind_of, reader_of
from ternary.text.readers.files import BLOCK
from ternary.text.sniff import named_by_content
from ternary.text.split import split_corpus
from ternary.text.story import Corpus, TextOptions, fingerprint, say

__all__ = ["Corpus", "has_splits", "joined", "open_corpus", "open_for_training", "split_corpus"]

ALIASES = {"tinystories": "roneneldan/TinyStories"}
ADDRESS = re.compile(r"[a-z][a-z0-9+]+://(?P<path>.*)", re.IGNORECASE | re.DOTALL)
HUB_NAME = re.compile(r"(?P<name>\w[\w.-]*/\w[\w.-]*)(@(?P<revision>[\w./-]+))?(:(?P<split>\w+))?")
FABLES_BLOCK = 1000   # stories that are kept together
LONG = 300            # characters of a name that errors show
FOREIGN = (".json", ".gz", ".zst", ".zip", ".md", ".tok")


def open_corpus(source: str, split: str = "train", field: str | None = None, *, encoding: str | None = None,
                template: str | None = None, skip_bad: int = 0) -> Corpus:
    """Open `fables`, `-` (standard input), a file, a folder, a glob, `tinystories`, a hub data set `owner/name` or a
    reader `file.py:Name[:argument]` (see readers/); or several of them, separated by commas, one after the other.

    A path that exists is local. `split` is for fables, the hub, and folders with files of several splits, such as
    train.txt and valid.txt; anything else has no splits. A hub name may continue with @revision and :split, which
    overrides `split`. `field` names the column of stories, or a path a.b inside of it; `encoding` is that of files
    without a mark, `template` that of chat messages, and up to `skip_bad` rows that cannot be read are skipped.
    Raises DataError, UsageError for an unknown reader, or NetworkError if the hub is needed and cannot be reached.
    """
    return _open(source, split, TextOptions(field, encoding, template, skip_bad))


def open_for_training(source: str, val_source: str | None = None, field: str | None = None,
                      **how: Any) -> tuple[Corpus, Corpus]:
    """(train, validation): `val_source`, or the validation split that comes with the source, or 2 % of its stories.

    how: further arguments of open_corpus.
    """
    train = open_corpus(source, "train", field, **how)
    if val_source or has_splits(source):
        return train, open_corpus(val_source or source, "validation", field, **how)
    return split_corpus(train)


def has_splits(source: str) -> bool:
    """Whether validation text comes with the source: fables, or folders with files of several splits."""
    parts = _parts(source)
    if len(parts) > 1:
        return all(map(has_splits, parts))
    source = _home(source)
    return source == "fables" or bool(splits(*(_folder(source) or (None, []))))


def _open(source: str, split: str, options: TextOptions) -> Corpus:
    if len(parts := _parts(source)) > 1:
        if not all(parts):
            raise DataError(f"{source!r} has a comma too many; name the sources with one comma between two")
        return joined([_open(part, split, options) for part in parts])
    source = _home(source)
    if source == "fables":
        return _fables(split, options)
    if source == "-":
        return _standard_input(options)
    if not os.path.exists(source) and (address := ADDRESS.fullmatch(source)):
        raise DataError(f"{source} is an address, and addresses are not read; {_instead(address['path'])}")
    if not os.path.exists(source) and (call := reader_call(source)):
        return _read_by(source, *call, options)
    if found := _folder(source):
        return _open_folder(source, *found, split, options)
    if os.path.isfile(source):
        return _open_file(source, options)
    if os.path.exists(source):
        raise DataError(f"{source} is neither a file nor a folder; pipe the text in, and name it -")
    if os.path.islink(source):
        raise DataError(f"{source} is a link that leads nowhere; mend it, or name what it stood for")
    named, near = HUB_NAME.fullmatch(ALIASES.get(source, source)), _near(Path(source))
    if named and (source in ALIASES or named["revision"] or not (near or _looks_local(Path(source)))):
        return open_hub(named["name"], named["split"] or split, options, named["revision"])
    hint = f"did you mean {', '.join(near)}?" if near else "want a file, a folder, fables, tinystories or -"
    if named and not reader_of(*kind_of(Path(source))):
        hint += f"; for the data set of the hub: {source}@main"
    shown = source if len(source) < LONG else source[:LONG] + "..."         # perhaps the text itself
    raise DataError(f"no file or folder {shown!r}; {hint}")


def _parts(source: str) -> list[str]:
    """Of a list with commas, unless a file has that name."""
    if "," not in source or os.path.exists(source):
        return [source]
    return [part if os.path.exists(part) else part.strip() for part in source.split(",")]


def _home(source: str) -> str:
    return os.path.expanduser(source) if source.startswith("~") else source


def _folder(source: str) -> tuple[Path | None, list[Path]] | None:
    """(what names are relative to, files) of a folder or a glob."""
    if os.path.isdir(source):
        return Path(source), files_in(Path(source))
    if not any(c in source for c in "*?[") or os.path.exists(source) or reader_call(source):
        return None
    found = sorted(Path(p) for p in glob.iglob(source, recursive=True) if not os.path.isdir(p))
    if not found:
        raise DataError(f"no file matches {source!r}; look at its folder with ls, and quote the pattern")
    return None, kept(source, None, found)


def _open_folder(source: str, root: Path | None, paths: list[Path], split: str, options: TextOptions) -> Corpus:
    label = {path: str(path.relative_to(root) if root else path) for path in paths}
    name = source
    if found := splits(root, paths):
        if split not in found:
            raise DataError(f"{source} has no split {split!r}; it has {', '.join(sorted(found))}")
        name, paths = f"{source} ({split})", found[split]
        others = "; ".join(f"{kind}: {_few([label[path] for path in found[kind]])}"
                           for kind in sorted(found) if kind != split)
        rest = [label[path] for path in label if not any(path in files for files in found.values())]
        say(f"{source}: {split} split is {_few([label[path] for path in paths])} ({others}"
            + (f"; not used: {_few(rest)}" if rest else "") + ")")
    corpus = open_files(name, [(label[path], path) for path in paths], options)
    if found:
        corpus.facts["split"] = split
    return corpus


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _open_file(source: str, options: TextOptions, reader: str | None = None) -> Corpus:
    if what := foreign_content(Path(source), source):
        raise DataError(f"{source} is no text: it looks like {what}")
    return open_files(source, [(source, Path(source))], options, reader)


def _instead(path: str) -> str:
    """What to give for the address of a file or of a data set on the hub."""
    if found := re.match(r"(?:.*/)?datasets/(\w[\w.-]*/\w[\w.-]*)", path):
        return f"for the data set of the hub give {found[1]}"
    return f"give {path}" if os.path.exists(path) else "download the file, e.g. with curl -LO, and give its path"


def _looks_local(path: Path) -> bool:
    """Whether a name like owner/name is rather that of a file that is missing."""
    return path.suffix.lower() in FOREIGN or bool(reader_of(*kind_of(path))) or path.parent.is_dir()


def _near(path: Path) -> list[str]:
    """Names beside it, or below a folder with a similar name, that differ little."""
    folder = path.parent
    if not os.path.isdir(folder) and folder.name:
        folders = difflib.get_close_matches(folder.name, _names_in(folder.parent), n=1, cutoff=0.7)
        folder = folder.parent / folders[0] if folders else folder
    return [str(folder / name) for name in difflib.get_close_matches(path.name, _names_in(folder), n=3, cutoff=0.5)]


def _names_in(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except (OSError, ValueError):
        return []


def _fables(split: str, options: TextOptions) -> Corpus:
    from ternary import fables

    if options.field:
        say(f"--field {options.field} does nothing for fables, which has no columns")
    if split not in fables.SPLITS:
        raise DataError(f"fables has no split {split!r}; want {' or '.join(fables.SPLITS)}")
    seed, size = fables.SPLITS[split]
    # The sample notices a changed text even if nobody raised VERSION.
    digest = fingerprint("fables", fables.VERSION, seed, 0, size, *fables.stories(seed, 0, 50))
    written: list[bytes] = []

    def read() -> Iterator[str]:
        """Once written, stories (27 MB) are kept: writing them takes as long as tokenizing. In large blocks, as the
        memory of those goes back to the system."""
        for first in range(0, size, FABLES_BLOCK):
            if first == len(written) * FABLES_BLOCK:
                written.append("\0".join(fables.stories(seed, first, min(first + FABLES_BLOCK, size))).encode())
            yield from written[first // FABLES_BLOCK].decode().split("\0")

    return Corpus(f"fables ({split})", digest, read, None, {"split": split})


def _read_by(source: str, reader: str, argument: str | None, options: TextOptions) -> Corpus:
    READERS.get(reader)                           # an unknown reader is worse than an unknown file
    if argument == "-" and ":" not in reader:
        return _standard_input(options, reader)
    if argument is not None and os.path.isfile(argument):
        return open_files(source, [(source, Path(argument))], options, reader)
    return open_reader(source, reader, argument)


def joined(parts: list[Corpus]) -> Corpus:
    """The stories of several corpora, one after the other."""
    if len(parts) == 1:
        return parts[0]
    sizes, facts = [part.size for part in parts], _facts_of(parts)

    def read() -> Iterator[str]:
        yield from chain.from_iterable(part.stories() for part in parts)
        facts.update(_facts_of(parts))

    return Corpus(" + ".join(part.name for part in parts), fingerprint(*(part.fingerprint for part in parts)), read,
                  None if None in sizes else sum(sizes), facts)


def _facts_of(parts: list[Corpus]) -> dict:
    found = {"read_as": [line for part in parts for line in part.facts.get("read_as", [])]}
    splits = [part.facts["split"] for part in parts if "split" in part.facts]
    found |= {"split": splits[-1]} if splits else {}
    skipped = sum(part.facts.get("skipped_rows", 0) for part in parts)
    return {**found, **({"skipped_rows": skipped} if skipped else {})}


def _standard_input(options: TextOptions, reader: str | None = None) -> Corpus:
    """Read once into a temporary file, which lives as long as the process, with a suffix by its content."""
    folder = Path(tempfile.mkdtemp(prefix="ternary-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "stdin"
    try:
        with heartbeat("" if sys.stdin.isatty() else "reading standard input"), open(path, "wb") as f:
            shutil.copyfileobj(sys.stdin.buffer, f, BLOCK)
    except OSError as e:
        raise ResourceError(f"cannot copy standard input to {path} ({e.strerror}); set TMPDIR") from None
    if not reader and (what := foreign_content(path, "-")):
        raise DataError(f"standard input is no text: it looks like {what}")
    path = named_by_content(path, "standard input", options)
    if not reader and (what := foreign_content(path, "-")):       # once it is unpacked
        raise DataError(f"standard input is no text: it looks like {what}")
    return open_files("standard input", [("standard input", path)], options, reader)
