"""What is wrong with a checkpoint, in words, and what to use instead."""

import difflib
import json
import os
from pathlib import Path

from ternary.checkpoint.layout import FILES, pointed, steps
from ternary.errors import ModelFileError

WANTED = "want the folder of a run, the --save-dir of ternary train"


def broken(folder: Path, name: str, what: str) -> ModelFileError:
    """The error for file `name` of a step folder; it advises a step of the same run, an older one if there is."""
    others = [step for step in steps(folder.resolve().parent) if step.name != folder.resolve().name]
    older = [step for step in others if step.name < folder.resolve().name]
    advice = f"use {(older or others)[-1]} instead" if others else "copy the checkpoint again or train anew"
    return ModelFileError(f"{folder / name}: {what}; {advice}")


def contents(name: str, data: bytes) -> str:
    """What is wrong with contents that do not match their checksum."""
    if other := foreign(data):
        return other
    try:
        if name.endswith(".json"):
            json.loads(data.decode())
        else:
            length = int.from_bytes(data[:8], "little")
            header = json.loads(data[8 : 8 + length].decode())
            ends = [entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"]
            wanted = 8 + length + max(ends, default=0)
            if len(data) < wanted:
                return f"truncated, {len(data)} of {wanted} bytes"
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        if name.endswith(".json"):
            return "checksum mismatch, damaged JSON" if data.rstrip().endswith(b"}") else "truncated JSON"
        return "truncated" if 8 + length > len(data) and length < 100 << 20 else "bad safetensors header"
    return "checksum mismatch, the file was changed or damaged"


def foreign(data: bytes) -> str | None:
    """What `data` is if it is no file of a checkpoint at all, by its first 256 bytes."""
    start = data[:256].lstrip().lower()
    if start.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, not the file itself (fetch it with `git lfs pull`)"
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "a web page saved in place of the file (download the file itself)"
    # a safetensors header of 640 bytes also starts with 80 02, but its JSON starts at byte 8
    if data.startswith(b"PK\3\4") or (data[:1] == b"\x80" and 2 <= data[1] <= 5 and data[8:9] != b"{"):
        return "a pickle (.pt), which could run code and is never loaded"
    return None


def plain_file(path: Path) -> str:
    """The rest of a message that `path` is a file and no folder."""
    if path.name in FILES:
        return f"; pass its folder {path.parent}"
    with open(path, "rb") as file:
        other = foreign(file.read(256).ljust(2))
    return f"; it is {other}" if other else ""


def absent(path: Path) -> str:
    """The message that `path`, or what it points to, is not there."""
    if target := pointed(path):
        return f"{path} points to {os.path.relpath(target, path.parent)}, which does not exist{candidates(path.parent)}"
    parent = path.parent
    if not parent.is_dir():
        return f"{path} does not exist, nor does the folder {parent}; {WANTED}"
    near = difflib.get_close_matches(path.name, [p.name for p in parent.iterdir() if p.is_dir()], 3, 0.5)
    return f"{path} does not exist" + (f"; near: {', '.join(near)}" if near else candidates(parent))


def candidates(folder: Path) -> str:
    """The rest of a message that `folder` holds no checkpoint: the newest ones in it and in its folders."""
    inside = [folder, *sorted(p for p in folder.iterdir() if p.is_dir() and not p.is_symlink())]
    names = [str(p) for run in inside for p in steps(run)[-1:]]
    return f"; candidates: {', '.join(names[:5])}" if names else f"; {WANTED}"
