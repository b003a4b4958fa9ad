"""Precompilation: the kernels of a run are traced in advance and compiled in other processes."""
import io
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
from ternary.training.plan import new_model, resolve
from ternary.training.precompile import calls_of_run


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


def test_a_process_compiles_into_the_cache(tmp_path):
    claims = tmp_path / "calls.1"
    claims.mkdir()
    subprocess.run([sys.executable, "-m", "ternary.compiler.precompile", claims], input=json.dumps([CALL]), text=True,
                   check=True, env={**os.environ, "TERNARY_CACHE": str(tmp_path)})
    assert list(tmp_path.rglob("*squared_norm*.nbi")) and (tmp_path / "calls.compiled").exists()


def test_a_kernel_is_compiled_by_the_process_that_claims_it(tmp_path, uncompiled):
    calls = json.loads(json.dumps([(__name__, "doubled", (("float32", 1), ("float32", 1)))]))
    (tmp_path / "0").touch()                       # claimed by another process
    compile_claimed(calls, tmp_path)
    assert not uncompiled.compiled.signatures
    (tmp_path / "0").unlink()
    compile_claimed(calls, tmp_path)
    assert uncompiled.compiled.signatures == [(types.float32[::1], types.float32[::1])]


def test_kernels_are_compiled_again_only_after_an_interruption(tmp_path, monkeypatch):
    def process(command, **_):
        return SimpleNamespace(command=command, stdin=io.StringIO(), kill=lambda: None)

    monkeypatch.setattr(precompile, "FOLDER", tmp_path)
    monkeypatch.setattr(precompile.subprocess, "Popen", process)
    one, two = compile_together([CALL], 2)
    claims = one.command[-1]
    assert two.command[-1] == claims
    (claims / "0").touch()                         # another process claimed it and was killed
    compile_claimed([CALL], claims)
    assert len(compile_together([CALL], 2)) == 2
    (claims / "0").unlink()
    compile_claimed([CALL], claims)
    assert compile_together([CALL], 2) == [] and len(compile_together([CALL, CALL], 1)) == 1
