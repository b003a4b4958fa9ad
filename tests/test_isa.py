"""Which CPU path is taken, and the code that it gives for CPUs other than this one."""
import os
import platform
import subprocess
import sys

import pytest

from ternary.kernels import isa

LAPTOP = {"NUMBA_CPU_NAME": "alderlake",
          "NUMBA_CPU_FEATURES": "+avx,+avx2,+avxvnni,+bmi,+bmi2,+f16c,+fma,+popcnt,+sse4.2,-avx512f"}


@pytest.mark.parametrize("features, best", [
    ("avx512bf16 avx512f avx512bw avx512vl avx512vnni avx2 fma", "avx512bf16"), ("avx512f avx512bw avx2 fma", "avx512"),
    ("avx512f avx2 fma", "avx2"), ("avxvnni avx2 fma", "avxvnni"), ("avx2 fma", "avx2"), ("avx2", "generic"),
    ("neon dotprod", "dotprod"), ("neon", "generic"), ("", "generic")])
def test_the_best_path_follows_from_the_features(features, best, monkeypatch):
    monkeypatch.setattr(isa, "ARM", "neon" in features)
    assert isa._available(dict.fromkeys(features.split(), True))[0] == best


def test_a_path_needs_all_of_its_features(monkeypatch):
    monkeypatch.setattr(isa, "ARM", False)
    assert isa._available(dict.fromkeys("avx512f avx512bw avx2 fma".split(), True)) == ["avx512", "avx2", "generic"]
    assert isa._available(dict.fromkeys("avx512f avx512bw avx512vl avx512vnni avx2 fma".split(), True)) == [
        "avx512", "avxvnni", "avx2", "generic"]


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the code of another kind of CPU")
def test_a_laptop_multiplies_bytes_by_one_instruction():
    """AVX-VNNI without AVX-512: compiled, but not run, since this CPU may have another encoding only."""
    code = ("from ternary.kernels import gemm, isa, jit; from numba import boolean, float32, njit, uint8\n"
            "f = njit(parallel=True, **{**jit.OPTIONS, 'cache': False})(gemm.matmul.compiled.py_func)\n"
            "f.compile((float32[:, ::1], uint8[:, ::1], float32, float32[:, ::1], boolean, float32[:, ::1]))\n"
            "print(isa.ISA, isa.LANES, isa.PRECISIONS[0]); print(next(iter(f.inspect_asm().values())))")
    env = {name: value for name, value in os.environ.items() if name != "TERNARY_ISA"}
    done = subprocess.run([sys.executable, "-c", code], env=env | LAPTOP, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    path, asm = done.stdout.split("\n", 1)
    assert path == "avxvnni 8 int8"
    assert "vpdpbusd" in asm and "ymm" in asm and "zmm" not in asm and "vpmaddubsw" not in asm
