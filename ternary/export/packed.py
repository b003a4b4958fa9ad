"""One small file for `ternary` itself: see checkpoint/packed.py."""
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ternary.checkpoint.load import Restored
from ternary.checkpoint.packed import TABLES, pack
from ternary.errors import UsageError
from ternary.export.base import EXPORTS, Target
from ternary.graph import Graph
from ternary.models import to_json
from ternary.schema import Config, setting


@dataclass(frozen=True)
class PackedConfig(Config):
    table: str = setting("bf16", "how the tables of embedding and head are stored", choices=TABLES)


@EXPORTS.register("packed")
class Packed(Target):
    """Any model; --checkpoint and ternary.load take the file in place of a run."""
    config_type, suffix = PackedConfig, ".safetensors"

    def check(self, graph: Graph) -> None:
        """Every model is fine."""

    def export(self, restored: Restored, path: Path) -> dict[str, Any]:
        if path.suffix != self.suffix:
            raise UsageError(f"--out {path}: a packed model is known by its suffix; wanted {path.name}{self.suffix}")
        return super().export(restored, path)

    def write(self, restored: Restored, graph: Graph, path: Path) -> dict[str, Any]:
        model = restored.model
        pack(path, model, to_json(restored.name, model.config), restored.tokenizer.to_json(), restored.state,
             self.config.table)
        return {"run": 'ternary generate "Once upon a time" --checkpoint {path}{model}'}
