"""JSON lines: one object a line, one of its keys holds the story."""

import json
from collections.abc import Iterator

from ternary.errors import DataError
from ternary.text.readers import READERS, reads
from ternary.text.readers.files import DataFile
from ternary.text.story import story_column, story_text


@READERS.register("jsonl")
@reads(".jsonl", compressed=True)
def read_jsonl(file: DataFile) -> Iterator[str]:
    for number, line in enumerate(file.lines(), 1):
        if not line.strip():
            continue
        where = f"{file.label}, line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as e:
            raise DataError(f"{where}: not JSON ({e}); want one object a line") from None
        if not isinstance(row, dict):
            raise DataError(f"{where}: a JSON {type(row).__name__}; want an object with text")
        yield story_text(row[story_column(row, file.field, where)], where)
