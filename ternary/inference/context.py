"""The decoding state of a text, to continue it later: in memory, or in a safetensors file."""
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ternary.errors import ModelFileError, ResourceError
from ternary.inference.compiled import CompiledDecoder, State


@dataclass
class Context:
    """ids: the tokens of a text; state: of the decoder after all of them but the last."""
    ids: list[int]
    state: State

    def copy(self) -> "Context":
        return Context(list(self.ids), self.state.copy())

    def save(self, path: Path, decoder: CompiledDecoder) -> None:
        """Write the file, or leave the one that is there. ResourceError if it cannot be written."""
        s = self.state
        tensors = {"ids": np.array(self.ids, np.int64), "positions": s.positions, "numbers": s.numbers,
                   "cache": s.cache, "room": np.array([s.room])}
        fresh = path.with_name(path.name + ".new")
        try:
            fresh.write_bytes(save(tensors, {"ternary": "context-1", "model": fingerprint(decoder)}))
            os.replace(fresh, path)
        except OSError as error:
            raise ResourceError(f"cannot write {path}: {error.strerror or error}; choose a folder that can be written"
                                ) from None


def load_context(path: Path, decoder: CompiledDecoder) -> Context:
    """ModelFileError if the file is damaged, or of another model."""
    try:
        data = path.read_bytes()
        tensors = load(data)
        ids, positions, numbers, cache, room = (tensors[name] for name in
                                                ("ids", "positions", "numbers", "cache", "room"))
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror or error}") from None
    except (SafetensorError, KeyError, ValueError) as error:
        raise ModelFileError(f"{path} is no saved state ({error}); make one with --save-state") from None
    if fingerprint(decoder).encode() not in data[:1024]:
        raise ModelFileError(f"{path} was saved with another model, or one of the two with --approximate; make one of "
                             "this model with --save-state")
    state = State(positions, numbers, cache, int(room[0]))
    blank = decoder.init_state()
    whole = (len(ids) and positions.tolist() == [len(ids) - 1] and numbers.shape == blank.numbers.shape
             and cache.shape == (decoder.cache_size(state.room),) and 0 <= ids.min() and ids.max() < decoder.head.vocab
             and numbers.dtype == np.float32 and cache.dtype == decoder.cache_type and state.room >= blank.room
             and (not state.room or state.room >= len(ids) - 1))
    if not whole:
        raise ModelFileError(f"{path} is damaged: its parts do not fit each other; make it again with --save-state")
    return Context(ids.tolist(), state)


def fingerprint(decoder: CompiledDecoder) -> str:
    """Of the packed weights."""
    digest = hashlib.sha256()
    for a in (decoder.code, decoder.codes, decoder.words, decoder.floats, decoder.table):
        digest.update(np.ascontiguousarray(a).view(np.uint8).data)
    return digest.hexdigest()
