"""Which step folder a path means."""
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ternary.checkpoint import diagnose
from ternary.checkpoint.layout import FILES, HUB, POINTERS, STATE, STEP, WEIGHTS, pointed, step_of, steps
from ternary.errors import ModelFileError


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn an OSError into a ModelFileError that names `path`."""
    try:
        yield
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror or error}") from error


def find(path: Path, prefer: tuple[str, ...] = POINTERS) -> Path:
    """The step folder meant by `path`: itself, what it links to, or the preferred, else newest step of a run.

    Raises ModelFileError naming near names or candidates.
    """
    path = Path(path)
    with reading(path):
        target = pointed(path)                    # followed now: a pointer that is moved meanwhile changes nothing
        if not (target or path).exists():
            raise ModelFileError(diagnose.absent(path))
        path = target or path
        if not path.is_dir():
            raise ModelFileError(
                f"{path} is a file; wanted a checkpoint folder that holds {WEIGHTS}{diagnose.plain_file(path)}"
            )
        if (path / HUB / STATE).exists():         # an export whose other files are for other libraries
            return path / HUB
        if STEP.fullmatch(path.name) or any((path / name).exists() for name in FILES):
            return path
        for name in prefer:
            found = pointed(path / name) or path / name
            if found.is_dir() and (found.name != name or step_of(found) is not None):   # or a copy of a step
                return found
        present = steps(path)
        if not present:
            raise ModelFileError(f"{path} holds no checkpoint (no step_0001000 folder){diagnose.candidates(path)}")
        return present[-1]
