"""Selects the CPU path of the kernels: the best one of the host, or the one named by TERNARY_ISA.

TERNARY_ISA also masks the CPU features that LLVM may use, for all code that Numba compiles in this process: LLVM has
one target per process. So a CPU with AVX-512 can run the code for a CPU without. NUMBA_CPU_NAME and NUMBA_CPU_FEATURES
are respected. Import this module before anything is compiled.
"""
import ctypes
import os
import platform

from ternary.compiler.compat import config, llvm
from ternary.errors import UsageError

# avxvnni: AVX2 with byte dot products (laptops); dotprod: NEON with byte dot products; generic: SSE2, or plain NEON
PATHS = ("amx", "avx512bf16", "avx512", "avxvnni", "avx2", "dotprod", "generic")
ARM = platform.machine() in ("aarch64", "arm64")


def _without(features: dict, *prefixes: str) -> dict:
    return {name: on and not name.startswith(prefixes) for name, on in features.items()}


def _mask(path: str, features: dict) -> dict:
    if path == "avx512bf16":
        return _without(features, "amx")
    if path == "avx512":
        return _without(features, "amx", "avx512bf16", "avx512fp16", "avx10")
    if path == "avxvnni":         # a CPU that has the instruction only in AVX-512 keeps AVX-512 and emulates a laptop
        return _without(features, "amx", "avx10", *(["avx512"] if features.get("avxvnni") else []))
    if path == "avx2":
        return _without(features, "amx", "avx512", "avx10", "avxvnni", "avxifma", "avxneconvert")
    if path == "generic":
        return _without(features, "amx", "avx", "fma", "f16c", "vaes", "vpclmul", "dotprod")
    return features


def _amx_granted() -> bool:
    """Request the tile registers: Linux grants them per process (arch_prctl ARCH_REQ_XCOMP_PERM)."""
    if platform.system() != "Linux":
        return False
    return ctypes.CDLL(None).syscall(158, 0x1023, 18) == 0


def _available(features: dict) -> list[str]:
    """The PATHS that a CPU with these features supports, best first."""
    has = features.get
    avx2, wide_dot = has("avx2") and has("fma"), has("avx512vnni") and has("avx512vl")
    needs = {"amx": has("avx512bf16") and has("amx-bf16") and _amx_granted(), "avx512bf16": has("avx512bf16"),
             "avx512": has("avx512f") and has("avx512bw"), "avxvnni": avx2 and (has("avxvnni") or wide_dot),
             "avx2": avx2, "dotprod": ARM and has("dotprod"), "generic": True}
    return [path for path in PATHS if needs[path]]


def _choose() -> tuple[str, dict, list[str]]:
    """-> the path, the CPU features it may use, the available paths"""
    if config.CPU_NAME:
        given = (config.CPU_FEATURES or "").split(",")
        features = {f[1:]: f[0] == "+" for f in given if f}
    else:
        features = dict(llvm.get_host_cpu_features())
    available, wanted = _available(features), os.environ.get("TERNARY_ISA") or None
    best = available[0]
    if wanted is None or wanted == best:
        return best, features, available
    if wanted not in PATHS:
        raise UsageError(f"[TERNARY_ISA] unknown CPU path {wanted!r}; use one of {', '.join(PATHS)}")
    if wanted not in available:
        raise UsageError(f"[TERNARY_ISA] this CPU has no {wanted}; its best path is {best}; unset TERNARY_ISA")
    features = _mask(wanted, features)
    config.CPU_NAME = config.CPU_NAME or llvm.get_host_cpu_name()
    config.CPU_FEATURES = ",".join(("+" if on else "-") + name for name, on in sorted(features.items()))
    return wanted, features, available


ISA, FEATURES, AVAILABLE = _choose()
AMX = ISA == "amx"
AMX_BYTES = AMX and bool(FEATURES.get("amx-int8"))
AVX512 = ISA in ("amx", "avx512bf16", "avx512")
BF16_DOT = ISA in ("amx", "avx512bf16")
# byte dot products in one instruction: u8 x s8, or s8 x s8
VNNI, SDOT = ISA == "avxvnni" or (AVX512 and bool(FEATURES.get("avx512vnni"))), ISA == "dotprod"
FMA = ARM or bool(FEATURES.get("fma"))            # without it llvm.fma calls libm
# what one core reads of the shared cache, bytes per second: 80 G and more on AMD, 30 G on Intel
FAST_SHARED_CACHE = (config.CPU_NAME or llvm.get_host_cpu_name()).startswith("znver")
LANES = 16 if AVX512 else 8 if ISA in ("avxvnni", "avx2") else 4
# fastest first; bf16 on the matrix unit is faster than int8 on the vector units
PRECISIONS = (*(["int8"] if (LANES > 4 or SDOT) and not AMX else []), *(["bf16"] if BF16_DOT else []), "fp32")
