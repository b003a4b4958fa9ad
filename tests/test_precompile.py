"""Precompilation: the kernels of a run are traced in advance and compiled in other processes."""
import os
import subprocess
import sys

import numba
import numpy as np
import pytest
from tiny import TINY, stories

from ternary.compiler.backend import Trace, run, use_backend
from ternary.compiler.compat import OPT_LEVEL, cached_njit, config
from ternary.compiler.isa import PRECISIONS
from ternary.compiler.jit import INNER
from ternary.config import TrainConfig
from ternary.training.callbacks.evaluation import PROMPT
from ternary.training.plan import new_model, resolve
from ternary.training.precompile import calls_of_run


@pytest.mark.parametrize("batch_size", [2, 80])               # one micro-batch, or two, whose gradients are added
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_run_calls_exactly_the_traced_kernels(here, tmp_path, precision, batch_size):
    called, corpus = Trace(), tmp_path / "corpus.txt"            # whose words are those of the prompt of samples
    corpus.write_text("\n\n".join(f"{PROMPT} {story}" for story in stories()), encoding="utf-8")

    def spy(kernel, args):
        if not any(isinstance(a, np.ndarray) and a.dtype == np.float64 for a in args):        # a reference
            called(kernel, args)
        run(kernel, args)

    flags = [*TINY, "--steps", 2, "--batch", batch_size, "--precision", precision, "--save-dir", tmp_path / "run"]
    with use_backend(spy):
        assert here("train", "--data", corpus, *flags).code == 0
    config = resolve(TrainConfig(precision=precision, batch_size=batch_size, seq_len=32))
    step, evaluation = calls_of_run(new_model(config), config)
    assert set(called.calls) == {*step, *evaluation}


CALL = "ternary.kernels.adamw", "squared_norm", (("float32", 1), ("float32", 1))


PRELUDE = f"""
import os, sys
from ternary.compiler import precompile
from ternary.compiler.jit import FOLDER, KERNELS
from ternary.compiler.precompile import compile_claimed, compile_together, prepare

CALL = {CALL!r}
compiled = lambda: len(list(FOLDER.rglob("*squared_norm*.nbi")))
"""


def in_a_process(cache, code, **env):
    """The lines that the code prints in a process that has its own cache for compiled kernels."""
    done = subprocess.run([sys.executable, "-c", PRELUDE + code], text=True, capture_output=True,
                          env={**os.environ, "TERNARY_CACHE": str(cache), "NUMBA_NUM_THREADS": "1", **env})
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def compiling():
    """compiling(cache) -> how often the kernel CALL was loaded and compiled, and what it computes."""
    code = ("import numpy as np; prepare(*CALL); kernel = KERNELS['squared_norm']; y = np.zeros(1, np.float32)\n"
            "kernel(np.full(64, 2, np.float32), y); stats = kernel.compiled.stats\n"
            "print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()), float(y[0]))")

    def run(cache):
        hits, misses, value = in_a_process(cache, code)[0].split()
        return int(hits), int(misses), float(value)
    return run


def damage(path, how):
    data = path.read_bytes()
    path.write_bytes({"empty": b"", "cut": data[:len(data) // 2], "longer": data + b"x",
                      "changed": data[:-60] + bytes([data[-60] ^ 1]) + data[-59:]}[how])


def test_a_damaged_file_in_the_cache_is_compiled_again(tmp_path, compiling):
    assert compiling(tmp_path) == (0, 1, 256.0)
    for suffix, how in (("nbi", "empty"), ("nbi", "changed"), ("nbc", "cut"), ("nbc", "longer")):
        found = list(tmp_path.rglob(f"*.{suffix}"))
        assert found
        for path in found:
            damage(path, how)
        _, misses, value = compiling(tmp_path)
        assert misses == 1 and value == 256.0, how
    assert compiling(tmp_path) == (1, 0, 256.0)


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


def test_a_loaded_kernel_needs_no_compiler_and_another_one_compiles_after_it(tmp_path, compiling):
    assert compiling(tmp_path) == (0, 1, 256.0)
    lines = in_a_process(tmp_path, """
import numpy as np
from ternary.kernels.elementwise import multiply
prepare(*CALL)
print('numba.typed.typeddict' in sys.modules)                # one of the modules with rules for compiling
a, b, y = (np.full((4, 32), value, np.float32) for value in (2, 3, 0))
multiply(a, b, False, y)
print(sum(multiply.compiled.stats.cache_misses.values()), y[0, 0])
""")
    assert lines == ["False", "1 6.0"]


def test_without_compilation_there_are_no_kernels():
    done = subprocess.run([sys.executable, "-m", "ternary", "doctor"], env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
                          text=True, capture_output=True)
    assert done.returncode == 2 and done.stderr.startswith("Error: NUMBA_DISABLE_JIT is set")


def test_kernels_compile_at_our_level_and_code_of_the_user_at_numbas():
    seen, before = [], config.OPT

    def level(x): raise TypeError("only in compiled code")

    @numba.extending.overload(level)
    def _(x):
        seen.append(int(config.OPT))
        return lambda x: x
    assert cached_njit(lambda: level(1), None, entry=True)() + numba.njit(lambda: level(2.0))() == 3
    assert seen == [OPT_LEVEL, before] and config.OPT == before


def test_only_functions_that_python_calls_become_machine_code():
    inner = cached_njit(lambda x: x + 1, None, entry=False, **INNER)
    outer = cached_njit(lambda x: inner(x), None, entry=True)
    assert outer(1) == 2
    (called,), (linked,) = outer.overloads.values(), inner.overloads.values()
    defined = called.target_context.codegen()._engine.is_symbol_defined
    assert defined(called.fndesc.llvm_func_name) and not defined(linked.fndesc.llvm_func_name)


OUTSIDE = """
import sys

import numba
import numpy as np
from ternary.compiler.jit import device, kernel

@device
def twice(x):
    if x > 3:
        raise ValueError("too large")
    print("twice", x)
    return 2 * x

@kernel(ref=lambda x: 2 * x, parallel=False)
def twice_all(x, out):
    for i in range(len(x)):
        out[i] = twice(x[i])

@numba.njit
def of_the_user(x):
    return np.sort(x)[0]

x, out = np.full(3, 2, np.float32), np.zeros(3, np.float32)
twice_all(x, out)
print(out.sum(), sum(twice_all.compiled.stats.cache_hits.values()), of_the_user(out))
if "raise" in sys.argv:
    twice_all(2 * x, out)
"""


def test_device_functions_print_and_raise_in_compiled_and_loaded_kernels(tmp_path):
    """Both need Python objects, which the compiled code finds by variables that are set after it is loaded."""
    (tmp_path / "outside.py").write_text(OUTSIDE)

    def run(*args):
        done = subprocess.run([sys.executable, "outside.py", *args], cwd=tmp_path, text=True, capture_output=True,
                              env={**os.environ, "TERNARY_CACHE": str(tmp_path), "NUMBA_NUM_THREADS": "1"})
        return done.stdout.splitlines(), done.stderr
    for hits in (0, 1):
        assert run() == ([*["twice 2.0"] * 3, f"12.0 {hits} 4.0"], "")
    assert "ValueError: too large" in run("raise")[1]


def test_processes_compile_into_the_cache(tmp_path):
    """What another process has claimed is left to it; if that one is killed, the set counts as not compiled."""
    lines = in_a_process(tmp_path, """
claims = FOLDER / "claims"
claims.mkdir()
(claims / "0").touch()                            # by another process
compile_claimed([CALL], claims)
print(compiled())

killed = compile_together([CALL], 2)
for process in killed.running.values():
    process.kill()
killed.wait()
(killed.claims / "0").touch()                     # as if after its claim
again = compile_together([CALL], 2)
again.wait()
print(again, compiled())

(again.claims / "0").unlink()
last = compile_together([CALL], 1)
last.wait()
print(last, compiled(), compile_together([CALL], 1))
print(len(compile_together([CALL, CALL], 1).running))
""")
    assert lines == ["0", "compiling kernels: 0 of 1 0", "compiling kernels: 1 of 1 1 None", "1"]


def test_a_process_that_does_not_begin_is_given_up(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import os, time\ntime.sleep(60 * ('HANG' in os.environ))")
    lines = in_a_process(tmp_path, """
os.environ["HANG"], precompile.START_SECONDS = "1", 0.1
compilation = compile_together([CALL], 2)
print(len(compilation.running))
compilation.wait()
print(compilation)
""", PYTHONPATH=str(tmp_path))
    assert lines == ["2", "compiling kernels: 0 of 1"]


def test_kernels_that_no_process_compiled_are_compiled_here(environment):
    """As on a single core."""
    lines = in_a_process(environment["TERNARY_CACHE"], """
os.sched_getaffinity = lambda pid: {0}
from ternary.compiler.compat import typeof
from ternary.config import TrainConfig
from ternary.training.callbacks.evaluation import PROMPT
from ternary.training.plan import new_model, resolve
from ternary.training.precompile import calls_of_run, start_compiling

config = resolve(TrainConfig(threads=1))
model = new_model(config)
wait = start_compiling(model, config)
wait()
for module, name, keys in sum(calls_of_run(model, config), []):
    signature = tuple(typeof(precompile.example(key)) for key in keys)
    assert signature in KERNELS[name].compiled.overloads, name
print("all")
""")
    assert lines == ["all"]
