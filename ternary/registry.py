"""Names of one kind of thing (readers, models, optimizers ...) and what they stand for."""

import difflib
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Generic, TypeVar

from ternary.errors import UsageError, line_of_user

T = TypeVar("T")


class Registry(Generic[T]):
    """Names of one kind of thing -> what they stand for. Entries come from this package, entry points, or
    `module:Name` / `file.py:Name`.

    kind: "reader", for messages and for the entry point group "ternary.readers".
    option: "--data", for messages.
    package: "ternary.text.readers". It and its modules register their entries when they are imported, on first use.
    base: the class that every entry is derived from; None: entries are any objects.
    """

    def __init__(self, kind: str, option: str, package: str, base: type | None = None):
        self.kind, self.option, self.package, self.base = kind, option, package, base
        self._entries: dict[str, T] = {}
        self._imported = False

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator: the decorated class or function becomes entry `name`."""

        def add(entry: T) -> T:
            if name in self._entries:
                raise ValueError(f"{self.kind} {name!r} is registered twice; choose another name")
            self._entries[name] = entry
            return entry

        return add

    def get(self, spec: str) -> T:
        """The entry of a name, of `pkg.module:Name` or of `path/to/file.py:Name`.

        Raises UsageError for an unknown name and for outside code that cannot be imported.
        """
        self._import_package()
        if spec in self._entries:
            return self._entries[spec]
        points = self._entry_points()
        if spec in points:
            return self._checked(spec, self._outside(spec, points[spec].load))
        if ":" in spec:
            place, _, name = spec.rpartition(":")
            module = self._outside(spec, lambda: _load(place))
            if hasattr(module, name):
                return self._checked(spec, getattr(module, name))
            public = [other for other in vars(module) if not other.startswith("_")]
            raise UsageError(f"{self.option} {spec}: {place} has no {name!r}; {_suggest(name, public)}")
        raise UsageError(f"{self.option}: no {self.kind} is called {spec!r}; {_suggest(spec, self.names())}; "
                         "or one of your own, as file.py:Name or module:Name")

    def _checked(self, spec: str, entry: T) -> T:
        if self.base and not (isinstance(entry, type) and issubclass(entry, self.base)):
            raise UsageError(f"{self.option} {spec}: that is no {self.kind}; derive the class from "
                             f"{self.base.__module__}.{self.base.__name__}")
        return entry

    def names(self) -> list[str]:
        """Those of this package, then those of entry points."""
        return [*self.own_names(), *(name for name in self._entry_points() if name not in self._entries)]

    def own_names(self) -> list[str]:
        """Those of this package."""
        self._import_package()
        return list(self._entries)

    def _import_package(self) -> None:
        if not self._imported:
            self._imported = True
            for module in pkgutil.iter_modules(getattr(importlib.import_module(self.package), "__path__", [])):
                importlib.import_module(f"{self.package}.{module.name}")

    def _entry_points(self) -> dict[str, Any]:
        from importlib.metadata import entry_points  # 20 ms, which most commands do not need
        return {point.name: point for point in entry_points(group=f"ternary.{self.kind}s")}

    def _outside(self, spec: str, load: Callable[[], Any]) -> Any:
        try:
            return load()
        except Exception as error:
            at = f"{line}: " if (line := line_of_user(error)) else ""
            raise UsageError(f"{self.option} {spec}: it cannot be imported ({at}{type(error).__name__}: {error}); "
                             f"built in are {', '.join(self._entries)}") from error


def file_names(package: str, but: tuple[str, ...] = ("base",)) -> list[str]:
    """The names that a package registers, one in each file but some, without importing it: for help texts."""
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    return sorted(module.name for module in pkgutil.iter_modules(folders or []) if module.name not in but)


def _load(place: str) -> ModuleType:
    if not place.endswith(".py"):
        return importlib.import_module(place)
    path = Path(place).resolve()
    return _load_file(path, path.stat().st_mtime_ns)


class SourceLoader(SourceFileLoader):
    """Compiles the file as it is: bytecode of another version of the same second and length would pass for its own."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


@cache
def _load_file(path: Path, modified: int) -> ModuleType:
    """Loaded once; anew only after the file has changed. While it is loaded, it may import others of its folder."""
    name = f"ternary_outside.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, loader=SourceLoader(name, str(path)))
    assert spec and spec.loader           # as for every file that is called *.py
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    added = [folder for folder in [str(path.parent)] if folder not in sys.path]
    sys.path += added                     # last: a file there hides no installed package
    try:
        spec.loader.exec_module(module)
    finally:
        for folder in added:
            sys.path.remove(folder)
    return module


def _suggest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3)
    return (f"did you mean {' or '.join(near)}? " if near else "") + f"Known: {', '.join(known) or 'none'}"
