"""A folder of text as people have it, for the tests of what is read from it."""
import json
import os

from ternary.text.corpus import open_corpus

ROWS = [{"text": "one\ntwo"}, {"text": "three"}]
CHAT = [{"role": "user", "content": "Hello {role}"}, {"role": "assistant", "content": "Hi"}]


def write(name, content):
    if folder := os.path.dirname(name):
        os.makedirs(folder, exist_ok=True)
    with open(name, "wb") as f:
        f.write(content if isinstance(content, bytes) else content.encode())
    return name


def read(source, split="train", **options):
    return list(open_corpus(source, split, **options).stories())


def lines(*values):
    return "".join(json.dumps(value) + "\n" for value in values)
