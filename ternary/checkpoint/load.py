"""A model from a checkpoint."""
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ternary.checkpoint import format as checkpoint
from ternary.checkpoint.find import find
from ternary.checkpoint.packed import is_packed, unpack
from ternary.errors import ModelFileError
from ternary.models import from_json
from ternary.models.lm import LM
from ternary.text.tokenizer import Tokenizer

MIXED = "these files are of two runs, restore them from a copy"

SIZES = {"vocab_size", "dim", "layers", "hidden"}             # what takes memory


@dataclass
class Restored:
    path: Path
    name: str
    model: LM
    tokenizer: Tokenizer
    optimizer: dict[str, np.ndarray] | None
    state: dict
    stories: dict[str, np.ndarray] | None = None


OptimizerShapes = Callable[[Any, LM], dict[str, tuple[int, ...]]]


def restore(path: Path | str, optimizer_shapes: OptimizerShapes | None = None,
            prefer: tuple[str, ...] = ("best", "last"), model: str | None = None, stories: bool = False) -> Restored:
    """The trained model in a step folder, a run folder or a packed file. ModelFileError if files do not fit each other.

    optimizer_shapes: also load the optimizer's state; gives the shapes of its tensors from the run's settings and the
    model. model: needed if the model is code outside of ternary: what `--model` was in training.
    stories: also which stories were for training ("train") and validation ("val"), as sorted hashes.
    """
    if is_packed(Path(path)) and not optimizer_shapes:
        loaded = unpack(Path(path))
    else:
        folder = find(Path(path), prefer)
        loaded = checkpoint.load(folder, optimizer=optimizer_shapes is not None, stories=stories)
    sizes = [len(loaded.weights), *(n for a in loaded.weights.values() for n in a.shape)]
    for key in SIZES & loaded.config.keys():
        value = loaded.config[key]
        if isinstance(value, int) and value > max(sizes):         # before memory is taken for it
            raise ModelFileError(f"{loaded.path}: config.json has {key} {value}, but no tensor is so long; {MIXED}")
    try:
        name, untrained = from_json(loaded.config, model)
        tokenizer = Tokenizer.from_json(loaded.tokenizer)
    except ModelFileError as error:
        raise ModelFileError(f"{loaded.path}: {error}") from None
    if tokenizer.vocab_size != untrained.config.vocab_size:
        raise ModelFileError(f"{loaded.path}: the tokenizer has {tokenizer.vocab_size} tokens, the model "
                             f"{untrained.config.vocab_size}; {MIXED}")
    parameters = untrained.parameters()
    shapes = {key: p.shape for key, p in parameters.items()}
    fit(loaded.path, "model.safetensors", loaded.weights, shapes, name)
    if optimizer_shapes and loaded.optimizer is not None:
        wanted = optimizer_shapes(loaded.state.get("settings"), untrained)
        fit(loaded.path, "optimizer.safetensors", loaded.optimizer, wanted, name)
    for key, p in parameters.items():
        p.values[...] = loaded.weights[key]
    return Restored(loaded.path, name, untrained, tokenizer, loaded.optimizer, loaded.state,
                    hashes(loaded.path, loaded.stories))


def hashes(path: Path, stories: dict[str, np.ndarray] | None) -> dict[str, np.ndarray] | None:
    """Sorted, as `text.seen` wants them."""
    if stories is not None and not all(name in stories and stories[name].dtype == np.uint64
                                       for name in ("train", "val")):
        raise ModelFileError(f"{path}: stories.safetensors does not hold train and val as uint64; {MIXED}")
    return stories and {name: np.sort(a.ravel()) for name, a in stories.items()}


def fit(path: Path, file: str, arrays: dict[str, np.ndarray], shapes: dict[str, tuple], name: str) -> None:
    """Raise ModelFileError unless `arrays` are finite float32 of exactly these names and shapes."""
    for problem, keys in (("misses", set(shapes) - set(arrays)), ("has an extra", set(arrays) - set(shapes))):
        if keys:
            raise ModelFileError(f"{path}: {file} {problem} tensor {min(keys)!r}; {name} has other ones; {MIXED}")
    for key, shape in shapes.items():
        a = arrays[key]
        if a.shape != shape or a.dtype != np.float32:
            raise ModelFileError(f"{path}: {file} has {key} as {a.dtype} {a.shape}, "
                                 f"{name} wants float32 {shape}; {MIXED}")
        if not np.isfinite(a).all():
            raise ModelFileError(f"{path}: {file} has a value in {key} that is not finite; use an earlier step")
