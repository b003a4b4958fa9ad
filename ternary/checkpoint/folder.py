"""The folder of a run: whether it can be written, where best and last point, and which steps are kept."""
import errno
import filecmp
import os
import shutil
from pathlib import Path

from ternary.checkpoint.format import load, writing
from ternary.checkpoint.layout import (
    POINTERS,
    TEMPORARY,
    make_pointer,
    mend,
    pointed,
    step_folder,
    step_of,
    steps,
    swap_in,
)
from ternary.errors import ModelFileError, ResourceError
from ternary.machine.files import sync_folder


def point(run_dir: Path, name: str, step: int) -> None:
    """Let `RUN/best` or `RUN/last` point to the folder of `step`: a relative link, or, where there are no links, a file
    with its name; replaced atomically."""
    if name not in POINTERS:
        raise ValueError(f"[checkpoint] pointer {name!r}; wanted one of {POINTERS}")
    link = Path(run_dir) / name
    fresh = link.with_name(name + TEMPORARY)
    with writing(link):
        _undo_copy(link)
        fresh.unlink(missing_ok=True)
        make_pointer(fresh, step_folder(link.parent, step).name)
        os.replace(fresh, link)
        sync_folder(link.parent)


def check_folder(run_dir: Path) -> None:
    """Raise ResourceError unless a run can be written to `run_dir`, which need not exist; writes nothing."""
    run_dir = Path(run_dir)
    with writing(run_dir):
        there = next(p for p in (run_dir.absolute(), *run_dir.absolute().parents) if p.exists())
        if not there.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{there} is a file")
        if not os.access(there, os.W_OK | os.X_OK):
            if steps(run_dir):
                raise ResourceError(f"no permission to write to {run_dir}; copy the run to a folder that can be "
                                    "written")
            raise PermissionError(errno.EACCES, f"no permission to write to {there}")


def try_folder(run_dir: Path) -> list[str]:
    """Write and remove a pointer in `run_dir` -> what its file system lacks for a run, as warnings.

    ResourceError if that cannot be written.
    """
    run_dir, lacks = Path(run_dir), []
    trial = run_dir / (POINTERS[-1] + TEMPORARY)
    with writing(trial):
        trial.unlink(missing_ok=True)
        if not make_pointer(trial, step_folder(run_dir, 0).name):
            lacks.append("links, so best and last are files that hold the name of a step")
        trial.unlink()
        if os.name == "posix" and not sync_folder(run_dir):
            lacks.append("syncing of folders, so a power failure may cost the newest checkpoint")
    return [f"warning: the file system of {run_dir} has no {what}" for what in lacks]


def prune(run_dir: Path, keep: int = 3) -> None:
    """Remove what killed runs left, and all but the newest `keep` steps and the targets of best and last."""
    run_dir = Path(run_dir)
    with writing(run_dir):
        mend(run_dir)
        for name in POINTERS:
            _undo_copy(run_dir / name)
        kept = {target.name for name in POINTERS if (target := pointed(run_dir / name))}
        present = steps(run_dir)
        for folder in present[: max(0, len(present) - keep)]:
            if folder.name not in kept:
                # renamed first: a kill in the middle must not leave half a checkpoint under a valid name
                doomed = folder.with_name(folder.name + TEMPORARY)
                folder.rename(doomed)
                shutil.rmtree(doomed)


def _undo_copy(pointer: Path) -> None:
    """Programs that follow links make best and last whole folders. Such a copy of a step goes; if the step itself is
    missing or differs, a sound copy takes its place. Other folders stay."""
    if pointer.is_symlink() or not pointer.is_dir() or (step := step_of(pointer)) is None:
        return
    final = step_folder(pointer.parent, step)
    if final.is_dir() and (_same(pointer, final) or not _sound(pointer)):
        shutil.rmtree(pointer)
    elif _sound(pointer):
        swap_in(pointer, final)


def _same(folder: Path, other: Path) -> bool:
    names = {p.name for p in folder.iterdir()}
    return not any(filecmp.cmpfiles(folder, other, names, shallow=False)[1:])


def _sound(folder: Path) -> bool:
    try:
        load(folder, optimizer=True)
    except ModelFileError:
        return False
    return True
