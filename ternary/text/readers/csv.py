"""Tables: the delimiter, quoting and header are found by looking at the file."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from ternary.errors import DataError
from ternary.text.readers import READERS, files, reads
from ternary.text.readers.files import DataFile, kind_of
from ternary.text.rows import CHAT_IN_TEXT, CHAT_KEYS, TEXT_KEYS, cell_text, story_column
from ternary.text.story import MARKER, TextOptions

NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)           # of spreadsheet programs
QUOTED = {"strict": True}
ESCAPED = {"strict": True, "escapechar": "\\", "doublequote": False}
PLAIN = {"quoting": csv.QUOTE_NONE}
WHOLE = re.compile(r'"(?:[^"]|"")*"')             # a quoted cell
NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")
NEW = re.compile(rf'{MARKER.pattern}|(?:^|[,\t])"\s*(?:  |\t)\S|,  +\S|{CHAT_IN_TEXT}', re.IGNORECASE | re.MULTILINE)
LOOKED_AT = 100                                   # rows that tell which column is text
TRIED = 100_000                                   # rows that tell how commas are quoted


@dataclass(frozen=True)
class Layout:
    """skip: lines before the first row; dialect: for csv.reader, None if each line is one cell; why: for people."""

    skip: int
    dialect: dict | None
    names: list[str]
    column: int
    header: bool
    why: dict[str, str]


@READERS.register("csv")
@reads(".csv", ".tsv", compressed=True, changed=lambda file: file.finds(NEW))
def read_csv(file: DataFile) -> Iterator[str]:
    layout = layout_of(file, file.stamp(), file.options)
    file.found.update(layout.why)
    for number, (line, row) in enumerate(rows(file, layout.skip, layout.dialect)):
        where = f"{file.label}, line {line}"
        if number == 0 and layout.header:
            continue
        try:
            if isinstance(row, csv.Error):
                raise DataError(f"{where}: {row}")
            if len(row) != len(layout.names):
                verb = "names" if layout.header else "has"
                raise DataError(f"{where}: {len(row)} columns; line {layout.skip + 1} {verb} {len(layout.names)}")
            column = layout.names[layout.column].strip() if layout.header else ""
            story = cell_text(row[layout.column], column, file.options, where)
        except DataError as error:
            file.bad.add(error)
            continue
        yield story


def rows(file: DataFile, skip: int, dialect: dict | None) -> Iterator[tuple[int, list[str] | csv.Error]]:
    """(line, cells, or what is wrong) of each row that is not empty."""
    lines = islice(file.lines(), skip, None)
    if dialect is None:
        for number, line in enumerate(lines, skip + 1):
            if line.strip():
                yield number, [line]
        return
    csv.field_size_limit(files.MAX_STORY)
    reader = csv.reader(lines, **dialect)
    row: list[str] | csv.Error | None = []
    while row is not None:
        if row:
            yield skip + reader.line_num, row
        first = skip + reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            row = error
            if str(error).startswith(("field larger", "unexpected end")):
                row = csv.Error(f"a cell of the row in line {first} has no end or is over {files.MAX_STORY >> 20} MiB; "
                                "look for a quote without its partner")


@lru_cache(maxsize=1024)
def layout_of(file: DataFile, stamp: tuple[int, int], options: TextOptions) -> Layout:
    """How to read the file, last changed at `stamp`."""
    lines = ((number, line) for number, line in enumerate(file.lines()) if line.strip())
    skip, first = next(lines, (0, ""))
    if named := SEP_LINE.fullmatch(first):
        skip, first = next(lines, (1, ""))
    wanted = (options.field,) if options.field else (*TEXT_KEYS, *CHAT_KEYS)
    delimiter, why = (named[1], "its sep= line") if named else _delimiter(first, wanted, kind_of(file.path)[0])
    dialect, quotes = (_of_tabs if delimiter == "\t" else _of_others)(file, skip, delimiter)
    names = next((row for _, row in rows(file, skip, dialect) if isinstance(row, list)), [])
    column, header = _column(file, skip, dialect, [name.strip() for name in names])
    shown = repr(names[column].strip()) if header else f"{column + 1} (line {skip + 1} is a row, no header)"
    return Layout(skip, dialect, names, column, header, {
        "delimiter": f"{NAMES.get(delimiter, repr(delimiter))} ({why})" if dialect else "none (one column)",
        "quoting": quotes, "column": shown})


def cells(line: str, delimiter: str) -> list[str]:
    """Of the first row of a table; none if it cannot be one."""
    csv.field_size_limit(files.MAX_STORY)
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return []


def _delimiter(first: str, wanted: tuple[str, ...], suffix: str) -> tuple[str, str]:
    order = "\t,;|" if "\t" in first or suffix == ".tsv" else ",;|"
    for delimiter in order:
        names = cells(first, delimiter)
        if len(names) > 1 and set(wanted) & set(names):
            return delimiter, "the header is parted by it"
    if suffix == ".tsv":
        return "\t", "its name ends in .tsv"
    outside = re.sub(r'"[^"]*(?:"|$)', "", first)
    best = max(order, key=outside.count)
    return (best, "the most frequent in the first line") if best in outside else (",", "usual")


def _of_tabs(file: DataFile, skip: int, delimiter: str) -> tuple[dict, str]:
    """Tables with tabs are usually written without quoting: a cell may begin with a quote that nothing ends."""
    plain, quoted = {"delimiter": delimiter, **PLAIN}, {"delimiter": delimiter, **QUOTED}
    columns = uneven = begun = whole = 0
    for _, row in rows(file, skip, plain):
        if isinstance(row, csv.Error):
            continue
        columns = columns or len(row)
        uneven += len(row) != columns
        cells = [cell for cell in row if cell.startswith('"')]
        begun, whole = begun + len(cells), whole + sum(WHOLE.fullmatch(cell) is not None for cell in cells)
    if not begun:
        return plain, "none"
    if begun == whole and not uneven:
        return quoted, "cells in quotes"
    if (uneven > file.options.skip_bad or columns == 1) and sum(_faults(file, skip, quoted)) <= file.options.skip_bad:
        return quoted, "cells in quotes"
    return plain, "none (a cell begins with a quote and does not end with it)"


def _of_others(file: DataFile, skip: int, delimiter: str) -> tuple[dict | None, str]:
    quoted, escaped = {"delimiter": delimiter, **QUOTED}, {"delimiter": delimiter, **ESCAPED}
    errors, uneven = _faults(file, skip, quoted)
    if errors + uneven <= file.options.skip_bad:
        return quoted, "cells in quotes"
    if sum(_faults(file, skip, escaped)) <= file.options.skip_bad:
        return escaped, "cells in quotes, backslash before a quote"
    one = next((row for _, row in rows(file, skip, quoted)), [])
    return (None, "none") if not errors and len(one) == 1 else (quoted, "cells in quotes")


def _faults(file: DataFile, skip: int, dialect: dict) -> tuple[int, int]:
    """(errors, rows that are shorter or longer than the first), counted until they are too many."""
    columns = errors = uneven = 0
    for _, row in islice(rows(file, skip, dialect), TRIED):
        if isinstance(row, csv.Error):
            errors += 1
        else:
            columns = columns or len(row)
            uneven += len(row) != columns
        if errors + uneven > file.options.skip_bad:
            break
    return errors, uneven


def _column(file: DataFile, skip: int, dialect: dict | None, names: list[str]) -> tuple[int, bool]:
    """The column of the text, and whether `names` are those of a header. Raises DataError."""
    field = file.options.field
    try:
        return names.index(story_column(names, field, file.label)), True
    except DataError as error:
        if field and field.isdecimal() and 0 < int(field) <= len(names):
            return int(field) - 1, False
        if field or not any(map(_is_text, names)):
            raise DataError(f"{error}, by name, or by number if line {skip + 1} is a row and no header") from None
    sizes = [0] * len(names)
    for _, row in islice(rows(file, skip, dialect), LOOKED_AT):
        if not isinstance(row, csv.Error) and len(row) == len(names):
            sizes = [size + len(cell) for size, cell in zip(sizes, row)]
    return sizes.index(max(sizes)), False


def _is_text(cell: str) -> bool:
    """Whether no column has such a name."""
    words = len(cell.split())
    return NUMBER.fullmatch(cell) is not None or words > 3 or (words > 1 and cell.endswith((".", "!", "?", '"')))
