"""The interface of export targets."""
import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from ternary.checkpoint.load import Restored
from ternary.errors import ResourceError, UsageError
from ternary.graph import Graph, Node, trace
from ternary.models import MODELS
from ternary.models.twin import short_twin
from ternary.registry import Registry
from ternary.schema import Config


class Target:
    """One format. A subclass says which ops it can express, and writes the files.

    ops: of the graph (see ternary.graph.nodes). suffix: of the file, or "" for a folder. config_type: what can be set,
    as `--set FIELD=VALUE`; the values are in `self.config`.
    """
    config_type: type[Config] = Config
    ops: frozenset[str] = frozenset()
    suffix = ""

    def __init__(self, **fields: Any):
        self.config: Any = self.config_type(**fields)

    @property
    def name(self) -> str:
        return next((name for name in EXPORTS.names() if EXPORTS.get(name) is type(self)), type(self).__name__)

    def check(self, graph: Graph) -> None:
        """UsageError if the format cannot express a part of the model."""
        for node in graph.nodes:
            if node.op not in self.ops:
                self.refuse(node)

    def refuse(self, node: Node) -> NoReturn:
        raise UsageError(f"{node.place}: {self.name} cannot express its {node.op}")

    def write(self, restored: Restored, graph: Graph, path: Path) -> dict[str, Any]:
        """Write the file or the folder `path`, which does not exist yet -> facts to show; of "run", how to run it,
        {path}, {string} and {model} are filled in: where it is, for a shell or for Python, and the --model that code
        from outside of ternary needs."""
        raise TypeError(f"[{type(self).__name__}] a target defines write(restored, graph, path)")

    def export(self, restored: Restored, path: Path) -> dict[str, Any]:
        """Check and write; nothing is left at `path` if it fails. UsageError names a block that cannot be expressed,
        and the models that can be."""
        if path.exists():
            raise UsageError(f"{path} exists; choose another --out, or remove it")
        graph = trace(restored.model)
        try:
            self.check(graph)
        except UsageError as error:
            raise UsageError(f"{error}; --to {self.name} can express "
                             f"{', '.join(self.models()) or 'none of the models'}") from None
        with staged(path) as place:
            facts = self.write(restored, graph, place)
        if "run" in facts:
            model = f" --model {shlex.quote(restored.name)}" if ":" in restored.name else ""
            filled = {"{path}": shlex.quote(str(path)), "{string}": repr(str(path)), "{model}": model}
            for name, value in filled.items():        # other braces may be those of a shell
                facts["run"] = facts["run"].replace(name, value)
        size = sum(p.stat().st_size for p in ([path] if path.is_file() else path.rglob("*")) if p.is_file())
        return {"path": str(path), "bytes": size, **facts}

    def models(self) -> list[str]:
        """The names of the models that it can express."""
        found = []
        for name in MODELS.names():
            model_type = MODELS.get(name)
            try:
                self.check(trace(short_twin(model_type(replace(model_type.config_type(), vocab_size=64)))))
            except UsageError:
                continue
            found.append(name)
        return found


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """A place beside `path` to write to, which becomes `path` if all goes well and disappears otherwise."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            yield folder / path.name
            os.replace(folder / path.name, path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise ResourceError(f"{path} cannot be written: {error.strerror or error}; choose another --out, or free "
                            "space") from None


EXPORTS: Registry[type[Target]] = Registry("export", "--to", "ternary.export", base=Target)
