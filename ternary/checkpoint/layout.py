"""The folder of a run: the names in it, and how it stays whole when a run is killed."""

import os
import re
import shutil
from pathlib import Path

WEIGHTS, OPTIMIZER = "model.safetensors", "optimizer.safetensors"
CONFIG, TOKENIZER, STATE = "config.json", "tokenizer.json", "state.json"
STORIES = "stories.safetensors"    # which stories were trained on; checkpoints of version 0.1 have none
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


def sync_folder(path: Path) -> None:
    """Have the names in a folder on the disk."""
    if os.name == "posix":  # elsewhere a folder cannot be opened
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


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
        elif entry.suffix == TEMPORARY and entry.stem in POINTERS and entry.is_symlink():
            entry.unlink()
