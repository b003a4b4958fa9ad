"""The data files of the fables: rules, slots and lists of words.

All have one format. A line `@name` opens a section; the text before the first section is a comment. A section is
either a rule in the markup of grammar.py or a list of words separated by commas.
"""

import re
from functools import lru_cache
from importlib.resources import files


def sections(*names: str) -> dict[str, str]:
    """Section name -> its text, from the files `data/NAME.txt`, in order. A section must not occur twice."""
    found: dict[str, str] = {}
    for name in names:
        text = files("ternary.fables").joinpath("data", f"{name}.txt").read_text(encoding="utf-8")
        for section in text.split("\n@")[1:]:
            title, _, body = section.partition("\n")
            if title in found:
                raise ValueError(f"[fables] {name}.txt: section {title} is there twice; rename one of them")
            found[title] = body.strip("\n")
    return found


def lists(*names: str) -> dict[str, list[str]]:
    """Section name -> its items, which are separated by commas."""
    return {title: [" ".join(item.split()) for item in body.split(",")] for title, body in sections(*names).items()}


def rules() -> dict[str, str]:
    """Rule name -> markup. An indented line continues the line above it."""
    return {name: re.sub(r"\n +", " ", body) for name, body in sections("story", "friends", "lessons").items()}


def slots() -> dict[str, str]:
    """Slot -> the category that it draws from."""
    return {slot: category for category, drawn in lists("slots").items() for slot in drawn}


@lru_cache(maxsize=1)
def irregular_verbs() -> dict[str, tuple[str, str]]:
    """Infinitive -> past tense and gerund."""
    return {verb: (past, gerund) for verb, past, gerund in map(str.split, lists("verb_forms")["irregular"])}


@lru_cache(maxsize=1)
def doubled_verbs() -> frozenset[str]:
    """Regular verbs that double their last letter: hop, hopped, hopping."""
    return frozenset(lists("verb_forms")["doubled"])
