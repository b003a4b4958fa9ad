"""The folder of a run: the names in it, and how it stays whole when a run is killed."""

import json
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from ternary.machine.files import sync_folder

WEIGHTS, OPTIMIZER = "model.safetensors", "optimizer.safetensors"
CONFIG, TOKENIZER, STATE = "config.json", "tokenizer.json", "state.json"
STORIES = "stories.safetensors"    # which stories were trained on; checkpoints of version 0.1 have none
HUB = "ternary"                    # folder of the checkpoint in a hub folder whose own files transformers reads
FILES = (WEIGHTS, OPTIMIZER, CONFIG, TOKENIZER, STATE)
POINTERS = ("best", "last")

STEP = re.compile(r"step_(\d{7,})")
TEMPORARY, REPLACED = ".tmp", ".replaced"


def step_folder(run_dir: Path, step: int) -> Path:
    """Where the checkpoint of a step is, or would be."""
    return run_dir / f"step_{step:07d}"


def steps(run_dir: Path) -> list[Path]:
    """Step folders in the order of their steps; one that was set aside counts if its successor never came."""
    found = {}
    for entry in run_dir.iterdir() if run_dir.is_dir() else ():
        name = entry.name.removesuffix(REPLACED)
        if (match := STEP.fullmatch(name)) and entry.is_dir():
            if entry.name == name or int(match[1]) not in found:
                found[int(match[1])] = entry
    return [found[step] for step in sorted(found)]


def has_checkpoint(run_dir: Path) -> bool:
    """Whether a run can go on: there is a step, or a copy of one that a program made of best or last."""
    return bool(steps(run_dir)) or any(step_of(run_dir / name) is not None for name in POINTERS)


def pointed(path: Path) -> Path | None:
    """What `path` stands for: a link, or a best or last that is a file with the name of a step folder; else None."""
    if path.is_symlink():
        return path.parent / os.readlink(path)
    with suppress(OSError, ValueError):
        if path.name in POINTERS and path.is_file() and path.stat().st_size < 100:
            name = path.read_text(encoding="utf-8").strip()
            return path.parent / name if STEP.fullmatch(name) else None
    return None


def make_pointer(path: Path, name: str) -> bool:
    """Let `path`, which is not there, stand for the step folder `name` -> whether by a link. A file holds the name
    where the file system has no links, or makes something else of them."""
    try:
        path.symlink_to(name, target_is_directory=True)
        if os.readlink(path) == name:
            return True
    except (OSError, NotImplementedError):
        pass
    path.unlink(missing_ok=True)
    path.write_text(name + "\n", encoding="utf-8")
    return False


def step_of(folder: Path) -> int | None:
    """The step that a folder with a checkpoint's files says it is of."""
    with suppress(OSError, ValueError):
        state = json.loads((folder / STATE).read_bytes())
        if isinstance(state, dict) and isinstance(state.get("step"), int):
            return state["step"]
    return None


def swap_in(temporary: Path, final: Path) -> None:
    """Rename `temporary` to `final`; one that exists is first set aside, where `steps` and `mend` look."""
    aside = final.with_name(final.name + REPLACED)
    if final.exists():
        final.rename(aside)
    temporary.rename(final)
    sync_folder(final.parent)
    shutil.rmtree(aside, ignore_errors=True)


def mend(run_dir: Path) -> None:
    """Clear what a killed run left: unfinished folders go, one set aside without a successor comes back."""
    for entry in list(run_dir.iterdir()):
        step = STEP.fullmatch(entry.stem)
        if step and entry.suffix == REPLACED and not entry.with_suffix("").exists():
            entry.rename(entry.with_suffix(""))
        elif step and entry.suffix in (TEMPORARY, REPLACED):
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.suffix == TEMPORARY and entry.stem in POINTERS and (entry.is_symlink() or entry.is_file()):
            entry.unlink()
