"""Plain text: stories between markers `<|endoftext|>`, or else between blank lines."""

import re
from collections.abc import Iterator
from functools import lru_cache

from ternary.errors import DataError
from ternary.text.readers import READERS, files, reads
from ternary.text.readers.files import DataFile
from ternary.text.rows import story_text
from ternary.text.story import MARKER, SEPARATOR

# What older versions read otherwise: a marker that is not alone on its line, an indented first line of a story,
# a blank line of other spaces than ASCII has.
INDENTED = r"(?: [ \t]|\t)[ \t]*\S"
NEW_MARKED = re.compile(rf"(?<=[^\n]){MARKER.pattern}|{MARKER.pattern}(?:[ \t]*[^\n \t]|\s*\n{INDENTED})"
                        rf"|<\|(?!endoftext)(?i:endoftext)\|>")
NEW_PLAIN = re.compile(rf"\n[ \t]*\n{INDENTED}|\n[ \t\v\f\r]*[^\S \t\v\f\r\n][^\S\n]*\n")


def changed(file: DataFile) -> bool:
    if has_separator(file, file.stamp(), file.options.encoding):
        return file.finds(NEW_MARKED, f"\n{SEPARATOR}\n")
    return file.finds(NEW_PLAIN, "\n\n")


@READERS.register("text")
@reads(".txt", compressed=True, columns=False, changed=changed)
def read_text(file: DataFile) -> Iterator[str]:
    separated = has_separator(file, file.stamp(), file.options.encoding)
    file.found["stories end"] = f"at {SEPARATOR} (the file has it)" if separated else "at blank lines"
    story, size, first = [], 0, 1

    def told() -> str:
        try:
            return story_text("".join(story), file.options, f"{file.label}, line {first}")
        except DataError as error:
            file.bad.add(error)
            return ""

    for number, line in enumerate(file.lines(), 1):
        if separated:
            *ended, line = MARKER.split(line) if "<|" in line else (line,)
        else:
            ended = () if line.strip() else ("",)
        for part in ended:
            story.append(part)
            yield told()
            story, size, first = [], 0, number if separated and line.strip() else number + 1
        story.append(line)
        size += len(line)
        if size > files.MAX_STORY:
            raise DataError(f"{file.label}, line {first}: a story over {files.MAX_STORY >> 20} MiB; separate its parts")
    yield told()


@lru_cache(maxsize=1024)
def has_separator(file: DataFile, stamp: tuple[int, int], encoding: str | None = None) -> bool:
    """Whether the file, last changed at `stamp`, has a marker `<|endoftext|>`."""
    return file.finds(MARKER)
