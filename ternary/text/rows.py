"""The story in a row of a table, an object of JSON or a chat."""

import ast
import json
from collections.abc import Iterable
from typing import Any

from ternary.errors import DataError
from ternary.text.story import TextOptions

TEXT_KEYS = ("text", "story")
CHAT_KEYS = ("messages", "conversations", "conversation")
MESSAGE_KEYS = (("role", "content"), ("from", "value"))
TEMPLATE = "{role}: {content}"
CHAT_IN_TEXT = r"""\[\s*\{\s*(?:\\?"|"")?['"]?(?:role|from)\b"""         # messages that are a string


def story_column(names: Iterable[str], key: str | None, where: str) -> str:
    """The name of the column that holds the stories; that of `a.b` may be a."""
    names = list(names)
    for wanted in (key, key.partition(".")[0]) if key else (*TEXT_KEYS, *CHAT_KEYS):
        if wanted in names:
            return wanted
    raise _missing(names, key, where)


def story_of(row: dict[str, Any], options: TextOptions, where: str) -> str:
    """The story of an object or row: the value of --field, perhaps a path such as a.b or a.0, or of a usual key."""
    if not options.field:
        found = next((key for key in (*TEXT_KEYS, *CHAT_KEYS) if key in row), None)
        if found is None:
            raise _missing(row, None, where, _nested(row))
        return cell_text(row[found], found, options, where)
    value: Any = row
    for name in [options.field] if options.field in row else options.field.split("."):
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        elif value is None:
            return ""
        else:
            raise _missing(value if isinstance(value, dict) else row, options.field, where)
    return cell_text(value, options.field, options, where)


def cell_text(value: object, column: str, options: TextOptions, where: str) -> str:
    """The story in a column of that name; messages may be one string, JSON or as Python prints a list."""
    if column.rpartition(".")[2] in CHAT_KEYS and isinstance(value, str) and value.lstrip().startswith("["):
        for parse in json.loads, ast.literal_eval:
            try:
                messages = parse(value)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
            if messages == [] or is_chat(messages):
                return story_text(messages, options, where)
    if isinstance(value, dict | list) and value and not is_chat(value):
        inner = value[0] if isinstance(value, list) else value
        what = f"an object with {_names(inner)}" if isinstance(inner, dict) else type(inner).__name__
        path = f"{column}.{'0' if isinstance(value, list) else next(iter(value))}"
        what = f"a list whose first is {what}" if isinstance(value, list) else what
        raise DataError(f"{where}: {column} is {what}; want a string, or messages with role and content; choose "
                        f"one, e.g. --field {path}{_rows(column)}")
    return story_text(value, options, where)


def _rows(path: str) -> str:
    """What to do if the value at a path holds all rows at once."""
    return f"; if {path!r} holds all rows, write them one a line, e.g. with jq -c '.{path}[]'"


def story_text(value: object, options: TextOptions, where: str) -> str:
    """A string that UTF-8 can hold; a missing value is an empty story, a list of chat messages one story."""
    if value is None or (isinstance(value, list) and not value):
        return ""
    if isinstance(value, bytes):
        try:
            value = value.decode(options.encoding or "utf-8")
        except UnicodeDecodeError as e:
            raise DataError(f"{where}: bytes that are not {e.encoding} text; name their encoding, "
                            "e.g. --encoding latin-1") from None
    if is_chat(value):
        value = "\n".join(_message(message, options, where) for message in value)
    if not isinstance(value, str):
        raise DataError(f"{where}: the story is {type(value).__name__}; want a string")
    try:
        value.encode()
    except UnicodeEncodeError as e:
        if "\udc80" <= value[e.start] <= "\udcff":                # what decoding left behind, see DataFile.blocks
            raise DataError(f"{where}: byte 0x{ord(value[e.start]) - 0xdc00:02x} is not UTF-8") from None
        raise DataError(f"{where}: half of a surrogate pair at character {e.start}; mend the text") from None
    return value


def is_chat(value: object) -> bool:
    """Whether it is a list of messages, of which some, such as calls of tools, may have no content."""
    return isinstance(value, list) and all(isinstance(m, dict) for m in value) and any(
        all(role in m for m in value) and any(content in m for m in value) for role, content in MESSAGE_KEYS)


def _message(message: dict[str, Any], options: TextOptions, where: str) -> str:
    role, content = next((message[a], message.get(b)) for a, b in MESSAGE_KEYS if a in message)
    if isinstance(content, list):                 # parts, of which some may be pictures
        content = "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    if not isinstance(content, str | None):
        raise DataError(f"{where}: the content of a message is {type(content).__name__}; want a string")
    template = (options.template or TEMPLATE).replace("\\n", "\n").replace("\\t", "\t")
    before, _, after = template.partition("{content}")            # the text itself may hold {role}
    return before.replace("{role}", str(role)) + (content or "") + after.replace("{role}", str(role))


def _nested(row: dict[str, Any]) -> str:
    """A path to a usual key, one level down, or a list that may hold the rows."""
    for name, value in row.items():
        if isinstance(value, list) and value and isinstance(value[0], dict | list):
            return _rows(name)
        if isinstance(value, dict) and (key := next((k for k in (*TEXT_KEYS, *CHAT_KEYS) if k in value), None)):
            return f", e.g. --field {name}.{key}"
    return ""


def _names(names: Iterable[str]) -> str:
    return ", ".join(repr(str(name)[:40]) for name in list(names)[:20]) or "nothing"


def _missing(names: Iterable[str], key: str | None, where: str, hint: str = "") -> DataError:
    return DataError(f"{where}: no {key or ' or '.join(TEXT_KEYS)}; found {_names(names)}; "
                     f"choose one with --field{hint}")
