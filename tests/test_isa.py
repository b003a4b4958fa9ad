"""Which CPU path is taken, and the code that it gives for CPUs other than this one."""
import os
import platform
import re
import subprocess
import sys

import pytest
from assembly import loops

from ternary.compiler import isa

LAPTOP = {"NUMBA_CPU_NAME": "alderlake",
          "NUMBA_CPU_FEATURES": "+avx,+avx2,+avxvnni,+bmi,+bmi2,+f16c,+fma,+popcnt,+sse4.2,-avx512f"}

HASWELL = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+bmi,+bmi2,+f16c,+fma,+popcnt,+sse4.2"}


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


def machine_code(kernel, types, features):
    """What `kernel` ("module.name") becomes on a CPU with these features: path, lanes and precision of it, assembly."""
    module, name = kernel.split(".")
    code = (f"from ternary.compiler import isa, jit\nfrom ternary.kernels.gemm import {module}\n"
            "from numba import boolean, float32, int8, njit, uint8, uint16\n"
            f"f = njit(parallel=True, **jit.OPTIONS)({module}.{name}.compiled.py_func)\n"
            f"f.compile(({types}))\n"
            "print(isa.ISA, isa.LANES, isa.PRECISIONS[0]); print(next(iter(f.inspect_asm().values())))")
    env = {name: value for name, value in os.environ.items() if name != "TERNARY_ISA"}
    done = subprocess.run([sys.executable, "-c", code], env=env | features, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.split("\n", 1)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the code of another kind of CPU")
def test_a_laptop_multiplies_bytes_by_one_instruction():
    """AVX-VNNI without AVX-512: compiled, but not run, since this CPU may have another encoding only."""
    types = "float32[:, ::1], uint8[:, ::1], float32, float32[:, ::1], boolean, float32[:, ::1]"
    path, asm = machine_code("blocks.matmul", types, LAPTOP)
    assert path == "avxvnni 8 int8"
    assert "vpdpbusd" in asm and "ymm" in asm and "zmm" not in asm and "vpmaddubsw" not in asm


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the code of another kind of CPU")
@pytest.mark.parametrize("like, multiplies", [("int8", "vpmaddubsw"), ("uint16", "vfmadd")])
def test_sums_of_products_stay_in_the_registers_of_avx2(like, multiplies):
    """On the stack they cross cache lines in some processes, and cost a half and more of the speed."""
    types = f"uint16[:, ::1], uint16[:, ::1], {like}[:, ::1], float32[:, ::1]"
    path, asm = machine_code("weight_grad.matmul_dw", types, HASWELL)
    assert path.startswith("avx2 8")
    inner = [body for body in loops(asm) if len(re.findall(multiplies, body)) >= 8]
    assert inner and not any(re.search(r"%ymm\d+, -?\d*\(%rsp\)", body) for body in inner)
