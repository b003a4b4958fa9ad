"""Files of this machine as a corpus."""

from collections.abc import Iterable, Iterator
from functools import cache, partial
from itertools import chain, islice
from pathlib import Path

from ternary.errors import DataError
from ternary.text.outside import checked_stories, code_identity, is_outside, sample
from ternary.text.readers import READERS, DataFile, Reader, kind_of, reader_of, suffixes_read
from ternary.text.story import RULES, BadRows, Corpus, TextOptions, fingerprint, say, stories_in

DESCRIBED = 10                                    # files whose reading is described
Labelled = Iterable[tuple[str, Path]]


def open_files(name: str, paths: Labelled, options: TextOptions, reader: str | None = None) -> Corpus:
    """The stories of files, each with its name in messages, in order.

    reader: what READERS.get takes, for all files; None: the one of each suffix. Raises DataError.
    """
    identities, sources, sizes, outside, find = [], [], [], False, cache(reader_of)
    for label, path in paths:
        chosen = reader or find(*kind_of(path))
        if chosen is None:
            raise DataError(f"{label} has suffix {path.suffix.lower()!r}; want {suffixes_read()}; to read it as text, "
                            f"give text:{path}")
        entry, file = READERS.get(chosen), DataFile(path, label, options, BadRows(options.skip_bad))
        try:
            stamp = file.stamp()
            if is_outside(entry):
                outside = True
                identities.append((*code_identity(chosen, entry), path.name, file.digest(), options.field, RULES))
            else:
                identities.append(_identity(entry, file))
            sizes.append(file.text_bytes())
        except OSError as e:
            raise DataError(f"cannot read {label}: {e.strerror}") from None
        sources.append((file, stamp, chosen, entry))
    if not sources:
        raise DataError(f"{name} holds no {suffixes_read()} file")
    _warn(name, options, [entry for *_, entry in sources])
    facts: dict = {"files": len(sources)}
    described: dict[str, str] = {}

    def read() -> Iterator[str]:
        bad = BadRows(options.skip_bad)
        for opened, stamp, chosen, entry in sources:
            file = DataFile(opened, opened.label, options, bad)
            try:
                changed = file.stamp() != stamp
            except OSError:
                changed = True
            if changed:
                raise DataError(f"{file.label} changed after it was opened; run again")
            stories = partial(checked_stories, entry, file, file.label) if is_outside(entry) else partial(entry, file)
            try:
                yield from chain.from_iterable(map(stories_in, stories()))
            except OSError as e:
                raise DataError(f"cannot read {file.label}: {e.strerror}") from None
            finally:
                if file.label in described or len(described) < DESCRIBED:
                    described[file.label] = _described(chosen, file)
                    facts["read_as"] = list(described.values())
        if bad.count:
            facts["skipped_rows"] = bad.count
            say(f"{name}: skipped {bad.count} bad rows (--skip-bad {bad.limit}); the first: {bad.first}")

    if outside:
        identities.append(sample(read, name))
    elif not list(islice(read(), 1)):
        raise DataError(f"{name} holds no story; want some text")
    return Corpus(name, fingerprint(*identities), read, None if None in sizes else sum(sizes), facts)


def _identity(entry: Reader, file: DataFile) -> tuple:
    """What decides about the stories of a file. Of text that version 0.1 read alike it is what it was there."""
    suffix, compression = kind_of(file.path)
    options, columns = file.options, getattr(entry, "columns", True)
    text = entry.changed if not compression else None             # decompressing all of it would take too long
    more = {"read": RULES} if text is None or text(file) else {}
    if options.encoding and not text:
        more["encoding"] = options.encoding
    if options.template and columns:
        more["template"] = options.template
    kind = suffix if suffix in entry.suffixes else entry.suffixes[0]
    return (kind, file.text_digest() if text else file.digest(), options.field if columns else None,
            *([more] if more else []))


def _warn(name: str, options: TextOptions, entries: list[Reader]) -> None:
    """A line for an option that nothing here heeds; other sources of the run may need it."""
    for flag, value in (("--field", options.field), ("--template", options.template)):
        if value and not any(getattr(entry, "columns", True) for entry in entries):
            say(f"{flag} {value} does nothing for {name}: it is plain text, without columns")


def _described(reader: str, file: DataFile) -> str:
    found = {"encoding": "utf-8"} if file.found.keys() - {"column"} and "encoding" not in file.found else {}
    return f"{file.label}: " + ", ".join([reader, *(f"{what} {why}" for what, why in {**found, **file.found}.items())])
