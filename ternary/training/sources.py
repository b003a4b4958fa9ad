"""The text of a run that goes on, wherever it is now: its content identifies it, paths are hints."""
import glob
import os
import sys
from contextlib import suppress
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from ternary.config import TEXTS, TrainConfig, flag_of
from ternary.errors import DataError, ModelFileError, UsageError
from ternary.text.corpus import Corpus, joined
from ternary.training.plan import corpora, refuse_outside_code

PIPED = ("this run was started with text from standard input; give the same text again, as --data FILE or with < FILE "
         "behind the command")


def places(config: TrainConfig, folder: Path) -> dict[str, Any]:
    """For the checkpoints of the run in `folder`: where that is and where its texts are, paths made absolute."""
    texts = {name: getattr(config, name) for name in TEXTS}
    return {"folder": os.path.abspath(folder),
            "sources": {name: list(map(absolute, parts(source))) for name, source in texts.items() if source}}


def parts(source: str) -> list[str]:
    return [source] if os.path.exists(source) else source.split(",")


def absolute(part: str) -> str:
    """A file, folder or glob by its absolute path; fables, hub data, - and readers as they are."""
    return os.path.abspath(part) if is_there(part) else part


def is_there(path: str) -> bool:
    return os.path.exists(path) or (glob.has_magic(path) and any(True for _ in glob.iglob(path, recursive=True)))


def hints(source: str, was: list[str], folder_was: str, folder: Path) -> list[str]:
    """What `source` may be called now: as before; by its absolute path; by that which it has if it was moved together
    with the folder of the run. Only what exists, unless nothing does."""
    moved = [moved_with(part, folder_was, folder) for part in was]
    options = [option for option in (moved, was, parts(source)) if len(option) == len(was) and
               all(is_there(part) for part, path in zip(option, was) if os.path.isabs(path))]
    different = {tuple(map(absolute, option)): ",".join(option) for option in options}
    return list(reversed(different.values())) or [source]


def moved_with(part: str, folder_was: str, folder: Path) -> str:
    with suppress(ValueError):                        # two drives of Windows
        if os.path.isabs(part):
            return os.path.normpath(os.path.join(folder.absolute(), os.path.relpath(part, folder_was)))
    return part


def open_again(config: TrainConfig, state: dict[str, Any], folder: Path) -> tuple[TrainConfig, list[Corpus], Corpus]:
    """The texts of the run whose checkpoint has `state`, which goes on in `folder` -> its config, with where they are
    now, and the corpora for training and for validation.

    DataError if they are not there, ModelFileError if they are others.
    """
    names = [getattr(config, name) for name in TEXTS]
    if "-" in names and (sys.stdin is None or sys.stdin.closed or sys.stdin.isatty()):
        raise DataError(f"there is no standard input; {PIPED}")
    sources, folder_was = state.get("sources", {}), state.get("folder", "")
    options = [hints(source, sources[name], folder_was, folder)
               if name in sources and source == state["settings"].get(name) else [source]
               for name, source in zip(TEXTS, names)]
    problems: list[DataError | ModelFileError] = []
    for data, val_data in product(*options):
        found = replace(config, data=data, val_data=val_data)
        try:
            train, val = corpora(found)
        except DataError as error:
            problems.append(missing(found, error))
            continue
        if joined(train).fingerprint != state["source_hash"]:
            problems.append(other("data", data))
        elif val.fingerprint != state.get("val_source_hash", val.fingerprint):
            problems.append(other("val_data", val_data or data))
        else:
            return found, train, val
    raise min(problems, key=lambda problem: isinstance(problem, DataError))


def validation_of(state: dict[str, Any], folder: Path) -> tuple[Corpus, str]:
    """The validation text of the run in `folder`, one of whose checkpoints has `state`, and its --data.

    DataError if it is not there, UsageError if it needs code outside of ternary.
    """
    if not state.get("settings") or "source_hash" not in state:
        raise UsageError("an exported model does not know the text of its run; name text with --data")
    config = TrainConfig.from_json(state["settings"])
    refuse_outside_code({"data": config.data, "val_data": config.val_data}, {}, "the text of this run")
    try:
        config, _, val = open_again(config, state, folder)
    except (DataError, ModelFileError) as error:
        raise DataError(f"the validation text of this run cannot be opened ({error}); name text with --data") from None
    return val, config.val_data or config.data


def missing(config: TrainConfig, error: DataError) -> DataError:
    named = {flag_of(name): source for name in TEXTS if (source := getattr(config, name))}
    if "-" in named.values():
        return DataError(f"{error}; {PIPED}")
    lost = [flag for flag, source in named.items() if not all(map(is_there, parts(source)))] or list(named)[:1]
    return DataError(f"{error}; if the text of this run was moved, add {' and '.join(lost)} with its new place")


def other(name: str, source: str) -> ModelFileError:
    return ModelFileError(f"the text of {flag_of(name)} {source} is not the one this run was started with; "
                          "give it back, or start a new run")
