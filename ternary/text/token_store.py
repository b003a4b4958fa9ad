"""The token store: a corpus as one file of uint16 ids, mapped read-only and shared by later runs (see prepare.py).

Layout of a `.tok` file, all little-endian: 8 bytes of magic, the length of the header as int64, the header
(JSON padded with spaces up to a multiple of 64), the ids as uint16, zeros up to a multiple of 64, the offsets
of the stories as int64 (stories + 1 of them), and the hash of each story as uint64 (see seen.py). Every story
ends with the id EOS.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ternary.errors import DataError, ResourceError

MAGIC = b"TERNTOK2"
MAX_HEADER = 1 << 16
COUNTS = ("vocab_size", "stories", "tokens", "chars", "bytes")
HASHES = ("tokenizer_hash", "source_hash")
CHUNK = 1 << 22  # elements looked at together when a store is checked


@dataclass(frozen=True)
class TokenStore:
    """tokens (n,) uint16, offsets (stories + 1,) int64 and story_hashes (stories,) uint64, all mapped read-only.

    Story i is tokens[offsets[i] : offsets[i + 1]], its last id is EOS. The header has `tokenizer_hash`,
    `source_hash`, `source`, `vocab_size`, `stories`, `tokens`, and the `chars` and UTF-8 `bytes` of the text.
    """

    path: Path
    tokens: np.ndarray
    offsets: np.ndarray
    story_hashes: np.ndarray
    header: dict


def cache_folder(cache_dir: Path | None = None) -> Path:
    """`cache_dir`, or $TERNARY_CACHE, or `ternary` in the user's cache folder; made if it is missing. A ~ in it is the
    home folder, which no shell expands in quotes or in a notebook."""
    default = os.environ.get("TERNARY_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "ternary")
    folder = Path(os.path.expanduser(cache_dir or default))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise unwritable(folder, e) from None
    return folder


def open_store(path: Path) -> TokenStore:
    """Map a `.tok` file and check all of it but the sense of the text. Raises DataError."""
    path = Path(path)
    try:
        with open(path, "rb") as f:
            size = os.fstat(f.fileno()).st_size
            start = f.read(16)
            if start[:8] != MAGIC or len(start) < 16:
                raise _broken(path, f"it begins with {start[:8]!r}, want {MAGIC!r}")
            length = int.from_bytes(start[8:], "little")
            if not 0 < length <= min(MAX_HEADER, size - 16):
                raise _broken(path, f"its header claims {length:,} bytes, want at most {MAX_HEADER:,}")
            header = _header(path, f.read(length))
    except OSError as e:
        raise DataError(f"cannot read token store {path}: {e.strerror}") from None
    n, stories, first = header["tokens"], header["stories"], align(16 + length)
    last = align(first + 2 * n)
    end = last + 8 * (stories + 1)
    if size != end + 8 * stories:
        raise _broken(path, f"it has {size:,} bytes, its header counts {end + 8 * stories:,}")
    if not 0 < stories <= n:
        raise _broken(path, f"its header counts {stories:,} stories and {n:,} tokens")
    try:
        tokens = np.memmap(path, np.dtype("<u2"), "r", first, (n,))
        offsets = np.memmap(path, np.dtype("<i8"), "r", last, (stories + 1,))
        hashes = np.memmap(path, np.dtype("<u8"), "r", end, (stories,))
    except (OSError, ValueError) as e:
        raise _broken(path, f"it cannot be mapped ({e})") from None
    _check(path, tokens, offsets, header["vocab_size"])
    return TokenStore(path, tokens, offsets, hashes, header)


def _header(path: Path, raw: bytes) -> dict:
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError):
        raise _broken(path, "its header is not JSON") from None
    if not isinstance(header, dict):
        raise _broken(path, "its header is not a JSON object")
    for key in COUNTS:
        if type(header.get(key)) is not int or not 0 <= header[key] < 2**48:
            raise _broken(path, f"its header has {key} {str(header.get(key))[:40]!r}, want a count")
    for key in (*HASHES, "source"):
        if not isinstance(header.get(key), str):
            raise _broken(path, f"its header has {key} {str(header.get(key))[:40]!r}, want a string")
    return header


def _check(path: Path, tokens: np.ndarray, offsets: np.ndarray, vocab_size: int) -> None:
    """Kernels index tables with these numbers unchecked, so no bad one may pass."""
    if offsets[0] != 0 or offsets[-1] != len(tokens):
        raise _broken(path, f"its stories span {offsets[0]} to {offsets[-1]}, want 0 to {len(tokens)}")
    for i in range(0, len(offsets), CHUNK):
        part = offsets[i : i + CHUNK + 1]
        if not (part[:-1] < part[1:]).all():
            raise _broken(path, "its story offsets do not increase")
    for i in range(0, len(tokens), CHUNK):
        if (top := int(tokens[i : i + CHUNK].max())) >= vocab_size:
            raise _broken(path, f"it holds id {top}, its vocabulary has {vocab_size}")


def head(header: dict, length: int) -> bytes:
    """The first `length` bytes of a store."""
    return MAGIC + (length - 16).to_bytes(8, "little") + json.dumps(header).encode().ljust(length - 16)


def align(n: int) -> int:
    return -(-n // 64) * 64


def _broken(path: Path, why: str) -> DataError:
    return DataError(f"{path} is not a whole token store: {why}; delete it and prepare the data again")


def unwritable(folder: Path, e: Exception) -> ResourceError:
    why = getattr(e, "strerror", None) or e
    return ResourceError(f"cannot write to the cache {folder} ({why}); set TERNARY_CACHE to another folder")
