"""The story in a row of a table, an object of JSON or a chat."""

from collections.abc import Iterable
from typing import Any

from ternary.errors import DataError
from ternary.text.story import TextOptions

TEXT_KEYS = ("text", "story")
CHAT_KEYS = ("messages", "conversations", "conversation")
MESSAGE_KEYS = (("role", "content"), ("from", "value"))
TEMPLATE = "{role}: {content}"


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
        return story_text(row[found], options, where)
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
    return story_text(value, options, where)


def story_text(value: object, options: TextOptions, where: str) -> str:
    """A string that UTF-8 can hold; a missing value is an empty story, a list of chat messages one story."""
    if value is None:
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
    """Whether it is a list of messages."""
    return isinstance(value, list) and bool(value) and all(
        isinstance(m, dict) and any(role in m and content in m for role, content in MESSAGE_KEYS) for m in value)


def _message(message: dict[str, Any], options: TextOptions, where: str) -> str:
    role, content = next((message[a], message[b]) for a, b in MESSAGE_KEYS if a in message and b in message)
    if isinstance(content, list):                 # parts, of which some may be pictures
        content = "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    if not isinstance(content, str | None):
        raise DataError(f"{where}: the content of a message is {type(content).__name__}; want a string")
    template = (options.template or TEMPLATE).replace("\\n", "\n").replace("\\t", "\t")
    before, _, after = template.partition("{content}")            # the text itself may hold {role}
    return before.replace("{role}", str(role)) + (content or "") + after.replace("{role}", str(role))


def _nested(row: dict[str, Any]) -> str:
    """A path to a usual key, one level down."""
    for name, value in row.items():
        if isinstance(value, dict) and (key := next((k for k in (*TEXT_KEYS, *CHAT_KEYS) if k in value), None)):
            return f", e.g. --field {name}.{key}"
    return ""


def _missing(names: Iterable[str], key: str | None, where: str, hint: str = "") -> DataError:
    names = list(names)
    found = ", ".join(repr(name[:40]) for name in names[:20]) or "nothing"
    return DataError(f"{where}: no {key or ' or '.join(TEXT_KEYS)}; found {found}; choose one with --field{hint}")
