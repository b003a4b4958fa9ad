"""Precompilation: the kernels of a run are traced in advance and compiled in other processes."""
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from numba import types
from tiny import TINY

from ternary.compiler import precompile
from ternary.compiler.backend import Trace, run, use_backend
from ternary.compiler.isa import PRECISIONS
from ternary.compiler.jit import KERNELS, Kernel
from ternary.compiler.precompile import compile_claimed, compile_together
from ternary.config import TrainConfig
from ternary.training import precompile as training
from ternary.training.plan import new_model, resolve
from ternary.training.precompile import calls_of_run, start_compiling


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_run_calls_exactly_the_traced_kernels(here, corpus, tmp_path, precision):
    called = Trace()

    def spy(kernel, args):
        if not any(isinstance(a, np.ndarray) and a.dtype == np.float64 for a in args):        # a reference
            called(kernel, args)
        run(kernel, args)

    flags = [*TINY, "--steps", 2, "--precision", precision, "--save-dir", tmp_path / "run"]
    with use_backend(spy):
        assert here("train", "--data", corpus, *flags).code == 0
    config = resolve(TrainConfig(precision=precision))
    step, evaluation = calls_of_run(new_model(config), config)
    assert set(called.calls) == {*step, *evaluation}


CALL = "ternary.kernels.adamw", "squared_norm", (("float32", 1), ("float32", 1))


@pytest.fixture
def uncompiled(monkeypatch):
    """A kernel that is compiled for no types yet."""
    def doubled(x, y):
        for i in range(x.shape[0]):
            y[i] = 2 * x[i]

    new = Kernel(doubled, lambda x: 2 * x, (), (), parallel=False)
    monkeypatch.setitem(KERNELS, new.name, new)
    return new


@pytest.fixture
def compiling():
    """compiling(cache) -> how often the kernel CALL was loaded and compiled, and what it computes."""
    code = ("import numpy as np; from ternary.compiler.precompile import prepare; from ternary.compiler.jit import "
            f"KERNELS; prepare(*{CALL!r}); kernel = KERNELS['squared_norm']; y = np.zeros(1, np.float32); "
            "kernel(np.full(64, 2, np.float32), y); stats = kernel.compiled.stats; "
            "print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()), float(y[0]))")

    def run(cache):
        done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True,
                              env={**os.environ, "TERNARY_CACHE": str(cache), "NUMBA_NUM_THREADS": "1"})
        assert done.returncode == 0, done.stderr
        hits, misses, value = done.stdout.split()
        return int(hits), int(misses), float(value)
    return run


def damage(path, how):
    data = path.read_bytes()
    path.write_bytes({"empty": b"", "cut": data[:len(data) // 2], "longer": data + b"x",
                      "changed": data[:-60] + bytes([data[-60] ^ 1]) + data[-59:]}[how])


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
def test_a_damaged_file_in_the_cache_is_compiled_again(tmp_path, compiling, suffix):
    assert compiling(tmp_path) == (0, 1, 256.0)
    assert compiling(tmp_path) == (1, 0, 256.0)
    for how in "empty", "cut", "longer", "changed":
        for path in tmp_path.rglob(f"*.{suffix}"):
            damage(path, how)
        _, misses, value = compiling(tmp_path)
        assert misses == 1 and value == 256.0, how
        assert compiling(tmp_path) == (1, 0, 256.0), how


def test_a_cache_that_cannot_be_written(tmp_path, compiling, monkeypatch):
    """A file is in the place of the folder; a disk that is full, from the middle of a file on."""
    (tmp_path / "file").write_text("")
    hits, _, value = compiling(tmp_path / "file")
    assert hits == 0 and value == 256.0
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import io\ndef full(self, data): raise OSError(28, 'No space left on device')\n"
        "import builtins; real = builtins.open\n"
        "class Full(io.BytesIO):\n    write = full\n"
        "builtins.open = lambda path, *a, **k: Full() if 'nbc.tmp' in str(path) else real(path, *a, **k)")
    monkeypatch.setenv("PYTHONPATH", str(site))
    assert compiling(tmp_path / "full") == (0, 1, 256.0)
    assert list((tmp_path / "full").rglob("*.nbi")) and not list((tmp_path / "full").rglob("*.nbc"))


def test_a_cache_that_can_only_be_read_is_read(tmp_path, compiling, monkeypatch):
    assert compiling(tmp_path) == (0, 1, 256.0)
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import pathlib\ndef refuse(*_, **__): raise PermissionError(30, 'Read-only file system')\n"
        "pathlib.Path.touch = pathlib.Path.mkdir = refuse")
    monkeypatch.setenv("PYTHONPATH", str(site))
    assert compiling(tmp_path) == (1, 0, 256.0)


def test_without_compilation_there_are_no_kernels():
    done = subprocess.run([sys.executable, "-m", "ternary", "doctor"], env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
                          text=True, capture_output=True)
    assert done.returncode == 2 and done.stderr.startswith("Error: NUMBA_DISABLE_JIT is set")


def test_a_process_compiles_into_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TERNARY_CACHE", str(tmp_path))
    monkeypatch.setattr(precompile, "FOLDER", tmp_path)
    compilation = compile_together([CALL], 1)
    compilation.wait()
    assert str(compilation) == "compiling kernels: 1 of 1"
    assert list(tmp_path.rglob("*squared_norm*.nbi")) and compile_together([CALL], 1) is None


def test_a_process_that_does_not_begin_is_given_up(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("import time; time.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(precompile, "FOLDER", tmp_path)
    monkeypatch.setattr(precompile, "START_SECONDS", 0.1)
    compilation = compile_together([CALL], 2)
    assert len(compilation.running) == 2
    compilation.wait()
    assert str(compilation) == "compiling kernels: 0 of 1"


def test_kernels_that_no_process_compiled_are_compiled_here(monkeypatch):
    prepared = []
    monkeypatch.setattr(training, "compile_together", lambda calls, processes: None)
    monkeypatch.setattr(training, "prepare", lambda *call: prepared.append(call))
    config = resolve(TrainConfig(threads=1))
    model = new_model(config)
    step, evaluation = calls_of_run(model, config)
    for cores, wanted in ((1, [*step, *evaluation]), (2, step)):
        monkeypatch.setattr(training, "usable_cores", lambda cores=cores: (cores, "all"))
        prepared.clear()
        start_compiling(model, config)()
        assert prepared == wanted


def test_a_kernel_is_compiled_by_the_process_that_claims_it(tmp_path, uncompiled):
    calls = json.loads(json.dumps([(__name__, "doubled", (("float32", 1), ("float32", 1)))]))
    (tmp_path / "0").touch()                       # claimed by another process
    compile_claimed(calls, tmp_path)
    assert not uncompiled.compiled.signatures
    (tmp_path / "0").unlink()
    compile_claimed(calls, tmp_path)
    assert uncompiled.compiled.signatures == [(types.float32[::1], types.float32[::1])]


def test_kernels_are_compiled_again_only_after_an_interruption(tmp_path, monkeypatch):
    commands = []

    def start(*command, **_):
        commands.append(command)
        return SimpleNamespace(kill=lambda: None)

    monkeypatch.setattr(precompile, "FOLDER", tmp_path)
    monkeypatch.setattr(precompile.helpers, "start", start)
    compilation = compile_together([CALL], 2)
    claims = compilation.claims
    assert [command[1] for command in commands] == [str(claims)] * 2
    (claims / "0").touch()                         # another process claimed it and was killed
    compile_claimed([CALL], claims)
    assert len(compile_together([CALL], 2).running) == 2
    (claims / "0").unlink()
    compile_claimed([CALL], claims)
    assert compile_together([CALL], 2) is None and len(compile_together([CALL, CALL], 1).running) == 1
