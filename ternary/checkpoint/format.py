"""Checkpoints: folders `RUN/step_0005000/`, complete or absent, verified when read, and never a pickle.

A folder is written under a temporary name, synced and renamed, so a kill leaves the old set valid.
"""

import errno
import hashlib
import json
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as parse_tensors
from safetensors.numpy import save as format_tensors

from ternary.checkpoint import diagnose
from ternary.checkpoint.find import find, reading
from ternary.checkpoint.layout import (
    CONFIG,
    OPTIMIZER,
    STATE,
    STORIES,
    TEMPORARY,
    TOKENIZER,
    WEIGHTS,
    mend,
    step_folder,
    swap_in,
)
from ternary.errors import ResourceError
from ternary.machine.files import sync, sync_folder
from ternary.machine.hardware import memory_limit

_JSON_LIMIT = 64 << 20
_MARGIN = 1 << 20


@dataclass
class Checkpoint:
    """What a step folder holds; `tokenizer` is JSON text, `optimizer` and `stories` are None unless asked for."""

    path: Path
    weights: dict[str, np.ndarray]
    optimizer: dict[str, np.ndarray] | None
    config: dict
    tokenizer: str
    state: dict
    stories: dict[str, np.ndarray] | None = None


def save(
    run_dir: Path,
    step: int,
    *,
    weights: dict[str, np.ndarray],
    optimizer: dict[str, np.ndarray],
    config: dict,
    tokenizer: str,
    state: dict,
    stories: dict[str, np.ndarray] | None = None,
) -> Path:
    """Write `RUN/step_{step:07d}`, replacing one of the same step, and return its path.

    `stories`: hashes of those for training and validation (text.seen).
    `config` and `state` hold plain JSON values, all numbers finite (ValueError otherwise). Raises
    ResourceError if the disk is full or the folder cannot be written; older checkpoints are untouched then.
    """
    run_dir = Path(run_dir)
    # through JSON and back: what is hashed is what a reader will see (keys as text, tuples as lists)
    state = json.loads(_dump({**state, "step": step}))
    state.pop("checksums", None)
    json.loads(tokenizer)  # refused here rather than at every later load
    tensor_files = {WEIGHTS: weights, OPTIMIZER: optimizer, **({STORIES: stories} if stories else {})}
    texts = {CONFIG: _dump(config).encode(), TOKENIZER: tokenizer.encode()}
    final = step_folder(run_dir, step)
    temporary = final.with_name(final.name + TEMPORARY)
    with writing(final):
        run_dir.mkdir(parents=True, exist_ok=True)
        mend(run_dir)
        arrays = [a for tensors in tensor_files.values() for a in tensors.values()]
        check_space(run_dir, sum(a.nbytes for a in arrays) + sum(map(len, texts.values())))
        try:
            temporary.mkdir()
            _write_all(temporary, tensor_files, texts, state)
            sync_folder(temporary)
            swap_in(temporary, final)
        except BaseException:
            with suppress(OSError):
                mend(run_dir)
            raise
    return final


def check_space(folder: Path, wanted: int) -> None:
    """Raise ResourceError unless the disk of `folder` has room for a checkpoint of so many bytes."""
    free = shutil.disk_usage(folder).free
    if free < wanted + _MARGIN:
        raise ResourceError(
            f"cannot write a checkpoint to {folder}: it takes {wanted / 1e6:.1f} MB, the disk has "
            f"{free / 1e6:.1f} MB left; free disk space or choose another folder"
        )


def load(path: Path, *, optimizer: bool = False, stories: bool = False) -> Checkpoint:
    """Read and verify the step folder that `path` names (see `find`). Raises ModelFileError on any damage.

    optimizer, stories: these files too; a checkpoint of version 0.1 has no stories.
    """
    folder = find(path)
    with reading(folder):
        state = _parse(folder, STATE, _read(folder, STATE))
        checksums = state.pop("checksums", None)
        own = checksums.pop(STATE, None) if isinstance(checksums, dict) else None
        if own is None or own != _state_digest(state, checksums):
            raise diagnose.broken(folder, STATE, "checksum mismatch, the file was changed or damaged")

        def verified(name: str) -> bytes:
            data = _read(folder, name)
            if checksums.get(name) != _digest(data):
                raise diagnose.broken(folder, name, diagnose.contents(name, data))
            return data

        return Checkpoint(
            path=folder,
            weights=_tensors(folder, WEIGHTS, verified(WEIGHTS)),
            optimizer=_tensors(folder, OPTIMIZER, verified(OPTIMIZER)) if optimizer else None,
            config=_parse(folder, CONFIG, verified(CONFIG)),
            tokenizer=_checked_text(folder, TOKENIZER, verified(TOKENIZER)),
            state=state,
            stories=_tensors(folder, STORIES, verified(STORIES)) if stories and STORIES in checksums else None,
        )


def save_model(folder: Path, *, weights: dict[str, np.ndarray], config: dict, tokenizer: str, state: dict) -> None:
    """Write a checkpoint without what only training needs into a folder, which is made; `load` reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_all(folder, {WEIGHTS: weights}, {CONFIG: _dump(config).encode(), TOKENIZER: tokenizer.encode()},
               json.loads(_dump(state)))


# --- writing


def _write_all(folder: Path, tensor_files: dict[str, dict], texts: dict[str, bytes], state: dict) -> None:
    """The files, and state.json with the checksums of all."""
    checksums = {}
    for name, tensors in tensor_files.items():
        # the format writer takes the address of each array: strided ones would be saved scrambled
        data = format_tensors({key: np.ascontiguousarray(a).reshape(a.shape) for key, a in tensors.items()})
        checksums[name] = _write(folder / name, data)
    for name, text in texts.items():
        checksums[name] = _write(folder / name, text)
    checksums[STATE] = _state_digest(state, checksums)
    _write(folder / STATE, _dump(state | {"checksums": checksums}).encode())


def _write(path: Path, data: bytes) -> str:
    """Write a new file through to the disk; the sha256 of its contents."""
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        sync(file.fileno())
    return _digest(data)


def _state_digest(state: dict, checksums: dict[str, str]) -> str:
    """The checksum in state.json of itself: over its values and the checksums of the other files."""
    return _digest(_dump(state | {"checksums": checksums}).encode())


@contextmanager
def writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "free disk space or choose another folder" if full else "choose a folder that can be written"
        raise ResourceError(f"cannot write {path}: {error.strerror or error}; {hint}") from error


# --- reading


def _read(folder: Path, name: str) -> bytes:
    path = folder / name
    try:
        info = path.stat()
    except FileNotFoundError:
        raise diagnose.broken(folder, name, "the file is missing") from None
    if not stat.S_ISREG(info.st_mode):
        raise diagnose.broken(folder, name, "not a regular file")
    if name.endswith(".json") and info.st_size > _JSON_LIMIT:
        raise diagnose.broken(folder, name, f"{info.st_size} bytes, more than the {_JSON_LIMIT} any such file needs")
    # the bytes and the arrays made from them exist at the same time
    if 2 * info.st_size > memory_limit() + _MARGIN:
        raise ResourceError(
            f"{path} has {info.st_size / 1e6:.0f} MB; reading it takes twice that and "
            f"{memory_limit() / 1e6:.0f} MB of memory are available; use a machine with more memory"
        )
    data = path.read_bytes()
    if not data.strip(b"\0"):
        raise diagnose.broken(folder, name, "empty or only zero bytes")
    return data


def _tensors(folder: Path, name: str, data: bytes) -> dict[str, np.ndarray]:
    try:
        return parse_tensors(data)
    except (SafetensorError, KeyError, ValueError) as error:
        raise diagnose.broken(folder, name, f"bad safetensors header ({error})") from error


def _parse(folder: Path, name: str, data: bytes) -> dict:
    try:
        value = json.loads(data.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise diagnose.broken(folder, name, diagnose.contents(name, data)) from None
    if not isinstance(value, dict):
        raise diagnose.broken(folder, name, f"holds a JSON {type(value).__name__}, wanted an object")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _checked_text(folder: Path, name: str, data: bytes) -> str:
    _parse(folder, name, data)
    return data.decode()


def _dump(value: dict) -> str:
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
