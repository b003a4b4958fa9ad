"""All names of Numba and llvmlite beyond `njit`, `prange` and `types`; the other files import them from here.

Most are not public API: a release of Numba or llvmlite that changes one breaks this file first. setup.cfg bounds the
releases.
"""
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import llvmlite.binding as llvm
from llvmlite import ir
from numba import njit, typeof
from numba.core import cgutils, config
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    IndexDataCacheFile,
    _CacheLocator,
    _SourceFileBackedLocatorMixin,
)
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.core.environment import lookup_environment
from numba.core.runtime.nrt import rtsys
from numba.extending import intrinsic, lower_builtin, models, overload, register_model, type_callable
from numba.np import arrayobj

__all__ = ["OPT_LEVEL", "arrayobj", "cached_njit", "cgutils", "config", "intrinsic", "ir", "llvm", "lower_builtin",
           "models", "num_threads_symbol", "overload", "refuse_python_calls", "register_model", "type_callable",
           "typeof"]

# Kernels are vectorised by hand: they are as fast as with level 3, and compile a third sooner.
OPT_LEVEL = type(config.OPT)(min(config.OPT, 1))
num_threads_symbol = "get_num_threads"            # a C function of Numba's threading layer


def cached_njit(f: Callable, folder: Path | None, entry: bool, **options) -> Callable:
    """numba.njit with a cache below `folder`, or without cache if it is None. entry: only Python calls it.

    njit(cache=True) takes the folder from numba.config.CACHE_DIR, which would also move the cache of the user's own
    functions.
    """
    dispatcher = njit(**options)(f)
    if folder:
        dispatcher._cache = _cache_below(folder, entry)(f)
    compile_function = dispatcher.compile

    def compile_kernel(signature):
        with _kernel_settings(dispatcher.targetctx):
            return compile_function(signature)
    dispatcher.compile = compile_kernel
    return dispatcher


@contextmanager
def _kernel_settings(context) -> Iterator[None]:
    """OPT_LEVEL and _OptimizedOnce. Code of the user compiles before or after it, with Numba's settings."""
    with global_compiler_lock:
        rtsys.initialize(context)                 # compiles the runtime, with Numba's settings
        codegen = context.codegen()
        before = config.OPT, codegen._library_class
        config.OPT, codegen._library_class = OPT_LEVEL, _OptimizedOnce
        try:
            yield
        finally:
            config.OPT, codegen._library_class = before


class _OptimizedOnce(JITCodeLibrary):
    """A module that is optimised, and emitted as machine code, when Python needs a pointer to a function in it.

    Numba does both for each function, and for a parallel loop up to four times: for its body, for two wrappers, and
    for the function it is in. Each is linked into the next, so only the code of the last one is ever called.
    """
    _compiled_object = None
    _emitted = False

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalized = True
        self._finalize_dynamic_globals()          # functions that have them are not cached
        if self._compiled_object:                 # from the cache
            self._emit()

    def _emit(self) -> None:
        self._emitted = True
        super()._finalize_final_module()
        for variable in self._final_module.global_variables:
            self.set_env(variable.name, lookup_environment(variable.name))

    def get_pointer_to_function(self, name: str) -> int:
        self._ensure_finalized()
        body_of_a_loop = self.name.startswith("__numba_parfor_gufunc")       # has a wrapper for Python nevertheless
        if not self._emitted and not body_of_a_loop and name in {f.name for f in self.get_defined_functions()}:
            super()._optimize_final_module()
            self._emit()
        return super().get_pointer_to_function(name)

    @property
    def codegen(self):
        """Of this property, Numba calls set_env only, for each function; before `_emit` there is no variable to set."""
        return self

    def set_env(self, name: str, env) -> None:
        if self._emitted and env is not None:
            self._codegen.set_env(name, env)

    def serialize_using_object_code(self) -> tuple:
        return super().serialize_using_object_code() if self._emitted else self.serialize_using_bitcode()


class _CheckedFile(IndexDataCacheFile):
    """Files that end with a checksum. One that is damaged counts as absent: the kernel compiles again."""

    @contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[io.BytesIO]:
        with super()._open_for_write(filepath) as file:
            yield (data := io.BytesIO())
            file.write(data.getvalue() + sha256(data.getvalue()).digest())

    def _load_index(self) -> dict:
        return super()._load_index() if _is_whole(self._index_path) else {}

    def _load_data(self, name: str) -> tuple:
        if not _is_whole(self._data_path(name)):
            raise FileNotFoundError(name)         # which `load` expects
        return super()._load_data(name)


def _is_whole(path: str) -> bool:
    with suppress(OSError):
        data = Path(path).read_bytes()
        return sha256(data[:-32]).digest() == data[-32:]
    return False


def _without_bitcode(library: tuple) -> tuple:
    """A library with its object code only. Reading the bitcode takes longer than the rest."""
    name, kind, (code, _) = library
    return name, kind, (code, llvm.parse_assembly("").as_bitcode())


def _cache_below(folder: Path, entry: bool) -> type[FunctionCache]:
    class Locator(_SourceFileBackedLocatorMixin, _CacheLocator):
        def __init__(self, py_func, py_file):
            self._py_file, self._lineno = py_file, py_func.__code__.co_firstlineno
            self._path = os.path.join(folder, self.get_suitable_cache_subpath(py_file))

        @classmethod
        def from_function(cls, py_func, py_file):             # also where it cannot be written: no other place is
            return cls(py_func, py_file) if os.path.exists(py_file) else None

        def get_cache_path(self):
            return self._path

    class Impl(CompileResultCacheImpl):
        _locator_classes = [Locator, *CompileResultCacheImpl._locator_classes]       # the others for notebook cells

        def reduce(self, cres):
            """What is saved. Other compiled code does not call an entry function, so its bitcode is left out."""
            library, function, *rest = super().reduce(cres)
            return (_without_bitcode(library) if entry else library), function, *rest

        def rebuild(self, target_context, payload):
            function = payload[1]
            target_context.codegen()._engine._defined_symbols |= {function.llvm_func_name,
                                                                  function.llvm_cpython_wrapper_name}
            return super().rebuild(target_context, payload)

    class Cache(FunctionCache):
        _impl_class = Impl

        def __init__(self, py_func):
            super().__init__(py_func)
            file = self._cache_file
            self._cache_file = _CheckedFile(self._cache_path, self._impl.filename_base, file._source_stamp)

        def load_overload(self, sig, target_context):
            """Without the rules for compiling, which take 0.15 s to load; cached code only needs the runtime."""
            with self._guard_against_spurious_io_errors():
                return self._load_overload(sig, target_context)

        @contextmanager
        def _guard_against_spurious_io_errors(self):          # around loading and saving
            with suppress(OSError):                           # a full disk, a folder that is gone: compile without
                yield

    return Cache


def refuse_python_calls(dispatcher: Callable, refuse: Callable) -> None:
    """Compiled code can call the dispatcher; a call from Python calls `refuse`.

    `_insert` would register compiled code for calls from Python, `_compile_for_args` is called when none is registered.
    """
    dispatcher._insert, dispatcher._compile_for_args = lambda *args: None, refuse
