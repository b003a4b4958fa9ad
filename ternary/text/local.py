"""Files of this machine as a corpus."""

from collections.abc import Iterator
from functools import cache, partial
from itertools import islice
from pathlib import Path

from ternary.errors import DataError
from ternary.text.outside import checked_stories, code_identity, is_outside, sample
from ternary.text.readers import READERS, DataFile, kind_of, reader_of, suffixes_read
from ternary.text.story import Corpus, fingerprint


def files_in(folder: Path) -> list[Path]:
    """The files of a folder and its subfolders that a registered reader takes, in order of their names."""
    find = cache(reader_of)
    found = [path for path in folder.rglob("*") if find(*kind_of(path)) and path.is_file()]
    return sorted(found, key=lambda path: path.relative_to(folder).parts)


def open_files(name: str, root: Path | None, paths: list[Path], field: str | None, reader: str | None = None) -> Corpus:
    """The stories of `paths`, in order. Messages name a file relative to `root`, if there is one.

    reader: what READERS.get takes, for all files; None: the one of each suffix. Raises DataError.
    """
    if not paths:
        raise DataError(f"{name} holds no {suffixes_read()} file")
    identities, sources, sizes, outside, find = [], [], [], False, cache(reader_of)
    for path in paths:
        label = str(path.relative_to(root) if root else path) if len(paths) > 1 else name
        chosen = reader or find(*kind_of(path))
        if chosen is None:
            raise DataError(f"{name} has suffix {path.suffix.lower()!r}; want {suffixes_read()}")
        entry, file = READERS.get(chosen), DataFile(path, label, field)
        try:
            stamp, digest = file.stamp(), file.digest()
            sizes.append(file.text_bytes())
        except OSError as e:
            raise DataError(f"cannot read {label}: {e.strerror}") from None
        if is_outside(entry):
            outside = True
            identities.append((*code_identity(chosen, entry), path.name, digest, field))
            sources.append((file, stamp, partial(checked_stories, entry, file, label)))
        else:
            kind = kind_of(path)[0]
            identities.append((kind if kind in entry.suffixes else entry.suffixes[0], digest,
                               field if entry.columns else None))
            sources.append((file, stamp, partial(entry, file)))

    def read() -> Iterator[str]:
        for file, stamp, stories in sources:
            try:
                changed = file.stamp() != stamp
            except OSError:
                changed = True
            if changed:
                raise DataError(f"{file.label} changed after it was opened; run again")
            try:
                yield from filter(None, (text.strip() for text in stories()))
            except OSError as e:
                raise DataError(f"cannot read {file.label}: {e.strerror}") from None

    if outside:
        identities.append(sample(read, name))
    elif not list(islice(read(), 1)):
        raise DataError(f"{name} holds no story; want some text")
    return Corpus(name, fingerprint(*identities), read, None if None in sizes else sum(sizes))
