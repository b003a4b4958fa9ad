"""Tables separated by commas or tabs: the first line names the columns; tabs separate them if it has one."""

import csv
from collections.abc import Iterator

from ternary.errors import DataError
from ternary.text.readers import READERS, files, reads
from ternary.text.readers.files import DataFile
from ternary.text.story import story_column, story_text


@READERS.register("csv")
@reads(".csv", ".tsv", compressed=True)
def read_csv(file: DataFile) -> Iterator[str]:
    lines = file.lines()
    header = next(lines, "")
    dialect = {"delimiter": "\t" if "\t" in header else ",", "strict": True}
    csv.field_size_limit(files.MAX_STORY)
    rows = csv.reader(lines, **dialect)
    try:
        names = next(csv.reader([header], **dialect), [])
        column = names.index(story_column(names, file.field, file.label))
        for row in rows:
            where = f"{file.label}, line {rows.line_num + 1}"
            if row and len(row) != len(names):
                raise DataError(f"{where}: {len(row)} columns; line 1 names {len(names)}")
            if row:
                yield story_text(row[column], where)
    except csv.Error as e:
        raise DataError(f"{file.label}, line {rows.line_num + 1}: {e}") from None
