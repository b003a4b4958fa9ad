"""JSON: one value a line, an array, or values one after the other: objects, strings, chats or arrays of these."""

import json
import re
from collections.abc import Iterator
from typing import Any

from ternary.errors import DataError
from ternary.text.readers import READERS, files, reads
from ternary.text.readers.files import DataFile
from ternary.text.rows import CHAT_IN_TEXT, is_chat, story_of, story_text
from ternary.text.story import MARKER

NEW = re.compile(rf'{MARKER.pattern}|\\r|:\s*"(?: |\\n)*(?:  |\\t)|{CHAT_IN_TEXT}', re.IGNORECASE)
GAP = re.compile(r"[\s,]*")
NEXT = re.compile(r"\n[ \t]*(?=\{)")              # where reading may go on after something broken
KINDS = {str: "string", list: "array", int: "number", float: "number", bool: "boolean", type(None): "null"}


@READERS.register("jsonl")
@reads(".jsonl", ".json", ".ndjson", compressed=True, changed=lambda file: file.finds(NEW))
def read_jsonl(file: DataFile) -> Iterator[str]:
    lines = _is_lines(file)
    file.found["JSON"] = "one value a line" if lines else "an array, or values one after the other"
    for line, value in _by_line(file) if lines else _by_value(file):
        where = f"{file.label}, line {line}"
        for row in value if isinstance(value, list) and not is_chat(value) else [value]:
            try:
                if isinstance(row, DataError):
                    raise row
                story = _story(row, file, where)
            except DataError as error:
                file.bad.add(error)
                continue
            yield story


def _story(row: Any, file: DataFile, where: str) -> str:
    if isinstance(row, dict):
        return story_of(row, file.options, where)
    if is_chat(row) or (isinstance(row, str) and not file.options.field):
        return story_text(row, file.options, where)
    raise DataError(f"{where}: a JSON {KINDS[type(row)]}; want an object with {file.options.field or 'text'}")


def _is_lines(file: DataFile) -> bool:
    """Whether the first line is a whole value, or nothing else that can be read begins there."""
    lines = (line for line in file.lines() if line.strip())
    try:
        first = next(lines, "")
    except DataError:                             # a long line: perhaps an array
        return False
    if _value(first) is not None or first.lstrip()[:1] not in ("{", "["):
        return True
    if first.lstrip().startswith("["):
        return False
    parts, size = [first], len(first)
    for line in lines:
        parts.append(line)
        size += len(line)
        if size > files.MAX_STORY:
            break
    try:
        json.JSONDecoder().raw_decode("".join(parts).lstrip())
    except (ValueError, RecursionError):
        return True
    return False


def _value(text: str) -> Any:
    """Of a text that is one JSON value; None if it is not."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _by_line(file: DataFile) -> Iterator[tuple[int, Any]]:
    """(line, value or DataError)"""
    for number, line in enumerate(file.lines(), 1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError) as e:
            yield number, DataError(f"{file.label}, line {number}: not JSON ({e}); want one object a line")


def _by_value(file: DataFile) -> Iterator[tuple[int, Any]]:
    """(line, value or DataError): arrays are taken apart, as they may be longer than memory."""
    decoder, blocks = json.JSONDecoder(), file.blocks()
    text, at, line, inside, ended = "", 0, 1, False, False
    while True:
        gap = GAP.match(text, at).end()
        line, at = line + text.count("\n", at, gap), gap
        wanted = at == len(text)
        if not wanted and text[at] in "[]" and inside == (text[at] == "]"):
            inside, at = not inside, at + 1
            continue
        if not wanted:
            try:
                value, end = decoder.raw_decode(text, at)
                yield line, value
                line, at = line + text.count("\n", at, end), end
                continue
            except RecursionError:
                raise DataError(f"{file.label}, line {line}: not JSON (too deep)") from None
            except ValueError as e:
                what = getattr(e, "msg", str(e))
        if not ended and len(text) - at <= files.MAX_STORY:
            block = next(blocks, None)
            ended, text, at = block is None, text[at:] + (block or ""), 0
            continue
        if wanted and not inside:
            return
        where, not_json = f"{file.label}, line {line}", f"not JSON ({what})" if not wanted else "the array has no end"
        long = "" if ended else (f" in {files.MAX_STORY >> 20} MiB; if it is one long value, break it into stories or "
                                 "rows, one a line")
        broken = DataError(f"{where}: {not_json}{long}")
        further = NEXT.search(text, at)
        if not (further or ended):
            raise broken
        yield line, broken
        if not further:
            return
        line, at = line + text.count("\n", at, further.end()), further.end()
