"""Named settings of a run, one JSON file each: as a model was published, and ours at the same budget.

published, ours: options of `ternary train`; models that are ours have no other. published_run: what is known of the
run; not_as_published: what of it has no option here. Where that was TinyStoriesV2-GPT4 (versions 5 to 9), the data is
that of `--data tinystories`, the first version.
"""
import difflib
import json
from pathlib import Path
from typing import Any

from ternary.errors import UsageError

KINDS = ("ours", "published")


def names() -> list[str]:
    return sorted(path.stem for path in Path(__file__).parent.glob("*.json"))


def kinds(name: str) -> dict[str, dict[str, Any]]:
    """The options of each of KINDS that the recipe `name` has."""
    saved = json.loads((Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8"))
    return {kind: saved[kind] for kind in KINDS if kind in saved}


def recipe(spec: str) -> dict[str, Any]:
    """The options of "NAME", which is ours, or of "NAME:published"; UsageError if there is none."""
    name, _, kind = spec.partition(":")
    if name not in names() or (kind or "ours") not in KINDS:
        near = difflib.get_close_matches(name, names(), n=3)
        hint = f"did you mean {' or '.join(near)}? " if near and name not in names() else ""
        raise UsageError(f"--recipe {spec}: wanted NAME or NAME:published; {hint}Known: {', '.join(names())}")
    if (found := kinds(name).get(kind or "ours")) is None:
        raise UsageError(f"--recipe {spec}: {name} was never published, it is a model of ours; use --recipe {name}")
    return found
