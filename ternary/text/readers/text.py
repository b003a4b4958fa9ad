"""Plain text: stories between lines `<|endoftext|>`, or else between blank lines."""

import re
from collections.abc import Iterator
from functools import lru_cache

from ternary.errors import DataError
from ternary.text.readers import READERS, files, reads
from ternary.text.readers.files import BLOCK, BOM, DataFile

SEPARATOR = b"<|endoftext|>"
SEPARATOR_LINE = re.compile(rb"\n(?:\xef\xbb\xbf)?[ \t]*<\|endoftext\|>[ \t]*\r?\n")


@READERS.register("text")
@reads(".txt", compressed=True, columns=False)
def read_text(file: DataFile) -> Iterator[str]:
    separated = has_separator(file, file.stamp())
    story, size, offset, first = [], 0, 0, 1
    for number, line in enumerate(file.byte_lines(), 1):
        if number == 1 and line.startswith(BOM):
            line, offset = line[len(BOM) :], len(BOM)
        if line.strip() == SEPARATOR if separated else line.isspace():
            yield file.decode(b"".join(story), offset, first)
            offset, first = offset + size + len(line), number + 1
            story, size = [], 0
            continue
        story.append(line)
        size += len(line)
        if size > files.MAX_STORY:
            raise DataError(f"{file.label}, line {first}: a story over {files.MAX_STORY >> 20} MiB; separate its parts")
    yield file.decode(b"".join(story), offset, first)


@lru_cache(maxsize=1024)
def has_separator(file: DataFile, stamp: tuple[int, int]) -> bool:
    """Whether the file, last changed at `stamp`, has a line `<|endoftext|>`."""
    tail, unbroken = b"\n", 0
    with file.open() as f:
        while unbroken <= files.MAX_STORY and (block := f.read(BLOCK)):   # read_text refuses a longer line
            window = tail + block
            if SEPARATOR in window and SEPARATOR_LINE.search(window):
                return True
            tail, unbroken = window[-64:], 0 if b"\n" in block else unbroken + len(block)
    return SEPARATOR_LINE.search(tail + b"\n") is not None
