"""Errors for people: each names what came, what was wanted and what to do, in one line.

The class fixes the exit code of the command line and the `code` of `--json` errors.
"""


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
