"""A model in one small file: ternary matrices in 2 bits. What training needs is left out.

A safetensors file. Its tensors are those of the model, but

    NAME.codes, NAME.scales     of a ternary matrix: four codes q + 1 per byte, row by row; scales of its blocks
    NAME.bf16                   of a table (V, C): bf16 as uint16
    NAME.int8, NAME.rows        of a table: whole numbers, and the scale of each row

and its metadata has `ternary` (the version), `config`, `tokenizer` and `state`, as JSON.
"""
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ternary.checkpoint.format import Checkpoint
from ternary.compiler.layout import from_bf16, to_bf16
from ternary.errors import ModelFileError
from ternary.kernels.gemm.quant import quantized
from ternary.models.lm import LM

VERSION = "packed-1"
TABLES = ("float32", "bf16", "int8")
SHIFTS = np.arange(0, 8, 2, dtype=np.uint8)
STATE = ("step", "tokens", "val_bpc")             # what is kept of the state of a checkpoint


def pack(path: Path, model: LM, config: dict[str, Any], tokenizer: str, state: dict[str, Any], table: str) -> None:
    """Write the file. config: as in config.json; table: how the tables of embedding and head are stored, of TABLES."""
    quantizers = {f"{name}.weight": getattr(module, "quantizer", None) for name, module in model.named_modules()}
    tensors: dict[str, np.ndarray] = {}
    for name, p in model.parameters().items():
        w = np.ascontiguousarray(p.values)
        if quantizer := quantizers.get(name):
            codes, tensors[f"{name}.scales"] = quantized(w, quantizer)
            fours = (codes + 1).astype(np.uint8).reshape(len(w), -1, 4)          # inputs are a multiple of 16
            tensors[f"{name}.codes"] = np.bitwise_or.reduce(fours << SHIFTS, -1)
        elif len(w) == model.config.vocab_size and w.ndim == 2 and table == "bf16":
            tensors[f"{name}.bf16"] = to_bf16(w)
        elif len(w) == model.config.vocab_size and w.ndim == 2 and table == "int8":
            rows = np.maximum(np.abs(w).max(1), np.float32(1e-30)) / 127
            tensors[f"{name}.int8"], tensors[f"{name}.rows"] = np.rint(w / rows[:, None]).astype(np.int8), rows
        else:
            tensors[name] = w
    kept = {key: state[key] for key in STATE if key in state}
    save_file(tensors, path, {"ternary": VERSION, "config": json.dumps(config), "tokenizer": tokenizer,
                              "state": json.dumps(kept)})


def is_packed(path: Path) -> bool:
    return path.is_file() and path.suffix == ".safetensors"


def unpack(path: Path) -> Checkpoint:
    """ModelFileError if the file is damaged or of another kind. Ternary matrices are such that they quantise again to
    the same codes and scales."""
    try:
        with safe_open(path, "np") as file:
            about = file.metadata() or {}
            if about.get("ternary") != VERSION:
                raise ModelFileError(f"{path} is not a packed model of ternary; `ternary export --to packed` makes one")
            config, state = json.loads(about["config"]), json.loads(about["state"])
            stored = {name: file.get_tensor(name) for name in file.keys()}
            weights = dict(restored(stored))
            return Checkpoint(path, weights, None, config, about["tokenizer"], state)
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror or error}") from None
    except (SafetensorError, KeyError, ValueError, IndexError, TypeError) as error:
        raise ModelFileError(f"{path} is a damaged packed model ({error}); export it again") from None


def restored(stored: dict[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """Names and float32 arrays of the tensors of a model."""
    for key, a in stored.items():
        name, _, kind = key.rpartition(".")
        if kind == "codes":
            yield name, ternary_matrix(a, stored[f"{name}.scales"])
        elif kind == "bf16":
            yield name, from_bf16(a)
        elif kind == "int8":
            yield name, a * stored[f"{name}.rows"][:, None]
        elif kind not in ("scales", "rows"):
            yield key, a


def ternary_matrix(packed: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Float weights that quantise to these codes and scales.

    A scale is the mean of |w| in its block: the weights that are not 0 are larger than it, by as much as others are 0.
    """
    codes = (packed[..., None] >> SHIFTS & 3).reshape(len(packed), -1).astype(np.float32) - 1
    block = {1: codes.size, len(codes): codes.shape[1]}.get(len(scales), 256)
    blocks = np.pad(codes.ravel(), (0, -codes.size % block)).reshape(len(scales), block)
    size = scales * block / np.maximum(np.abs(blocks).sum(1), 1)
    return (blocks * size[:, None].astype(np.float32)).ravel()[:codes.size].reshape(codes.shape)
