"""Compiling ahead: what a run will call is known before, and a process of its own compiles it."""
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

from ternary.compiler import precompile as ahead
from ternary.compiler.isa import PRECISIONS
from ternary.compiler.jit import Kernel
from ternary.compiler.precompile import compile_claimed, compile_together, trace_calls, type_key
from ternary.config import TrainConfig
from ternary.kernels.adamw import squared_norm
from ternary.training.plan import resolve
from ternary.training.precompile import calls_of_run


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_run_calls_only_what_was_foreseen(here, corpus, tmp_path, monkeypatch, precision):
    called, run = set(), Kernel.__call__

    def spy(kernel, *args):
        if not any(isinstance(a, np.ndarray) and a.dtype == np.float64 for a in args):        # a reference
            called.add((kernel.compiled.py_func.__module__, kernel.name, tuple(map(type_key, args))))
        return run(kernel, *args)

    monkeypatch.setattr(Kernel, "__call__", spy)
    flags = [*TINY, "--steps", 2, "--precision", precision, "--save-dir", tmp_path / "run"]
    assert here("train", "--data", corpus, *flags).code == 0
    step, evaluation = calls_of_run(resolve(TrainConfig(precision=precision)))
    assert called == {*step, *evaluation}


CALL = "ternary.kernels.adamw", "squared_norm", (("float32", 1), ("float32", 1))


def test_while_calls_are_noted_kernels_do_not_run():
    parts = np.full(1, 7, np.float32)
    with trace_calls() as calls:
        squared_norm(np.ones(1024, np.float32), parts)
    assert parts[0] == 7
    assert list(calls) == [CALL]


def test_a_helper_compiles_into_the_cache(tmp_path):
    claims = tmp_path / "calls.1"
    claims.mkdir()
    subprocess.run([sys.executable, "-m", "ternary.compiler.precompile", claims], input=json.dumps([CALL]), text=True,
                   check=True, env={**os.environ, "TERNARY_CACHE": str(tmp_path)})
    assert list(tmp_path.rglob("*squared_norm*.nbi")) and (tmp_path / "calls.compiled").exists()


def test_a_kernel_is_compiled_by_one_process(tmp_path, monkeypatch):
    compiled = []
    monkeypatch.setattr(squared_norm, "compiled", SimpleNamespace(compile=compiled.append))
    compile_claimed(json.loads(json.dumps([CALL])), tmp_path)
    compile_claimed(json.loads(json.dumps([CALL])), tmp_path)
    assert compiled == [(types.float32[::1], types.float32[::1])]


def test_what_was_compiled_together_is_not_again_unless_it_was_interrupted(tmp_path, monkeypatch):
    def process(command, **_):
        return SimpleNamespace(command=command, stdin=io.StringIO(), kill=lambda: None)

    monkeypatch.setattr(ahead, "FOLDER", tmp_path)
    monkeypatch.setattr(ahead.subprocess, "Popen", process)
    monkeypatch.setattr(squared_norm, "compiled", SimpleNamespace(compile=lambda types: None))
    one, two = compile_together([CALL], 2)
    claims = one.command[-1]
    assert two.command[-1] == claims
    (claims / "0").touch()                         # another process began with it, and was killed
    compile_claimed([CALL], claims)
    assert len(compile_together([CALL], 2)) == 2
    (claims / "0").unlink()
    compile_claimed([CALL], claims)
    assert compile_together([CALL], 2) == [] and len(compile_together([CALL, CALL], 1)) == 1
