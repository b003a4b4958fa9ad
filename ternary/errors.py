"""Errors for people: each names what came, what was wanted and what to do, in one line.

The class fixes the exit code of the command line and the `code` of `--json` errors.
"""
import sys
import sysconfig
import traceback
from pathlib import Path


class TernaryError(Exception):
    """Base of every error that is the user's to mend. Shown without a traceback."""

    code = "error"
    exit_code = 1


class UsageError(TernaryError):
    """A flag or an argument out of range."""

    code = "usage"
    exit_code = 2


class DataError(TernaryError):
    """Text, files or corpora that cannot be read or are too small."""

    code = "data"
    exit_code = 3


class ModelFileError(TernaryError):
    """A checkpoint, tokenizer or config that is broken or belongs to something else."""

    code = "model_file"
    exit_code = 4


class ResourceError(TernaryError):
    """Not enough memory or disk, or a folder that cannot be written."""

    code = "resource"
    exit_code = 5


class NumericError(TernaryError):
    """A loss or gradient that is not finite."""

    code = "numeric"
    exit_code = 6


class NetworkError(TernaryError):
    """A hub that cannot be reached."""

    code = "network"
    exit_code = 7


def line_of_user(error: BaseException) -> str | None:
    """The last line of a traceback that is not of this package, of Python or of an installed package, as
    "my.py, line 12"; None if there is no such line."""
    installed = tuple(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    found = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        file, package = frame.f_code.co_filename, frame.f_globals.get("__name__", "").partition(".")[0]
        if not (package == "ternary" or package in sys.stdlib_module_names or file.startswith(("<", *installed))):
            found = f"{Path(file).name}, line {line}"
    return found
