"""What standard input is: it has no name that says so."""

import json
import re
from pathlib import Path

from ternary.text.readers.csv import cells
from ternary.text.readers.files import MAGIC, DataFile
from ternary.text.rows import CHAT_KEYS, TEXT_KEYS, is_chat
from ternary.text.story import TextOptions

ARRAY = re.compile(r'\[\s*(?=[\[{"])')


def named_by_content(path: Path, label: str, options: TextOptions) -> Path:
    """The file, renamed to have the suffixes of its format and compression. Raises DataError if it is no text."""
    with open(path, "rb") as f:
        start = f.read(4)
    if start == b"PAR1":
        return path.rename(path.with_suffix(".parquet"))
    packed = next((suffix for suffix, magic in MAGIC.items() if start.startswith(magic)), "")
    path = path.rename(path.with_name(f"{path.stem}.txt{packed}"))
    text = next(DataFile(path, label, options).blocks(), "")
    return path.rename(path.with_name(path.name.replace(".txt", _suffix(text, options))))


def _suffix(text: str, options: TextOptions) -> str:
    """Of a file that begins with `text`."""
    start = text.lstrip()
    if start.startswith("{") or ARRAY.match(start):
        value = _first_value(start)
        if isinstance(value, dict | str) or (isinstance(value, list) and (is_chat(value) or all(
                isinstance(row, dict | str | list) for row in value))):
            return ".jsonl"
    wanted = {options.field} if options.field else {*TEXT_KEYS, *CHAT_KEYS}
    first, _, rest = start.partition("\n")
    if first.strip().strip('"') in wanted and rest.lstrip().startswith('"'):         # one column
        return ".csv"
    for delimiter in "\t,;|" if rest else "":
        names = cells(first, delimiter)
        if len(names) > 1 and wanted & set(names) and all(len(name.split()) < 4 for name in names):
            return ".tsv" if delimiter == "\t" else ".csv"
    return ".txt"


def _first_value(text: str):
    """The first JSON value, or of a long array its first element; None if it is no JSON."""
    inside = ARRAY.match(text)
    for at in (0, inside.end()) if inside else (0,):
        try:
            return json.JSONDecoder().raw_decode(text, at)[0]
        except (ValueError, RecursionError):
            continue
    return None
