"""Whose folder is it? A run writes into its own, and over nothing that another program wrote."""
import os
from pathlib import Path

from ternary.checkpoint.layout import POINTERS, STEP, pointed, step_folder, step_of
from ternary.errors import UsageError
from ternary.report.page import is_report
from ternary.training.logbook import is_log


def run_of(checkpoint: Path, step: int, named: Path) -> Path | None:
    """The folder of the run that a checkpoint of this step belongs to, which a user named; None for a copy elsewhere.

    A folder with a step is that of a run if it was named itself, or has the log or a pointer of a run.
    """
    folder, log = checkpoint.parent, checkpoint.parent / "log.jsonl"
    if checkpoint.name not in (step_folder(folder, step).name, *POINTERS):
        return None
    logged = log.is_file() and log.stat().st_size > 0 and is_log(log)
    if logged or any(pointed(folder / name) for name in POINTERS):
        return folder
    return folder if named.resolve() == folder.resolve() else None


def refuse_foreign(folder: Path) -> None:
    """UsageError if a run in `folder` would overwrite what no run wrote."""
    checks = {"log.jsonl": is_log, "report.html": is_report, **dict.fromkeys(POINTERS, is_pointer)}
    for name, is_ours in checks.items():
        path = folder / name
        try:
            if os.path.lexists(path) and not is_ours(path):
                raise UsageError(f"{path} was not written by a run, and a run here would overwrite it; choose another "
                                 "--save-dir, or move it away")
        except OSError as error:
            raise UsageError(f"{path} cannot be read ({error.strerror}); choose another --save-dir, or move it "
                             "away") from None


def is_pointer(path: Path) -> bool:
    """A pointer to a step, or the copy of one that a program made of it."""
    target = pointed(path)
    return STEP.fullmatch(target.name) is not None if target else path.is_dir() and step_of(path) is not None
