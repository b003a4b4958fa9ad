"""Every registered kernel equals its reference: in each precision, for any shape, on any number of threads."""
import importlib
import json
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import cases  # noqa: F401  they are registered
import numba
import numpy as np
import pytest
from assembly import loops
from case_inputs import CASES, PANELS, WIDE, decoded, trits, unpaired

import ternary.kernels
from ternary.compiler.jit import KERNELS, OPTIONS
from ternary.compiler.layout import from_bf16, pad_to_tile, to_bf16
from ternary.kernels.gemm.lookup import CODE_DTYPES, CODES_PER_TILE
from ternary.kernels.gemm.pack import packed, unpack
from ternary.kernels.gemm.quant import pack_bits, row_scales, ternary_codes, unpack_bits

pytestmark = pytest.mark.usefixtures("all_cores")

for module in pkgutil.walk_packages(ternary.kernels.__path__, "ternary.kernels."):
    importlib.import_module(module.name)

ENCODE = {"fp32": np.ascontiguousarray, "bf16": to_bf16}


def as_float64(a, name=""):
    if not isinstance(a, np.ndarray):
        return float(a) if isinstance(a, np.floating) else a
    if a.dtype in (np.uint16, np.uint8):
        a = unpaired(a) if name in PANELS else a
        return from_bf16(a).astype(np.float64) if a.dtype == np.uint16 else a - 1.0
    if name in PANELS and a.dtype in CODE_DTYPES:
        return decoded(a)
    return a.astype(np.float64) if a.dtype == np.float32 else a


def expected(kernel, inputs):
    values = kernel.ref(*map(as_float64, inputs, kernel.inputs))
    return values if isinstance(values, tuple) else (values,)


def allocate(kernel, values, precision):
    """Outputs, poisoned: what is not written is seen."""
    for name, value in zip(kernel.outputs, values):
        if value.dtype.kind == "i" or name == "q":
            yield np.full(value.shape, -1, np.int8 if name == "q" else value.dtype)
            continue
        out = np.full(value.shape, np.nan, np.float32)
        yield out if name in WIDE[kernel.name] or precision == "fp32" else to_bf16(out)


def run(kernel, inputs, values, precision, add=False):
    """-> what the kernel wrote, decoded."""
    start = [float(np.abs(v).mean()) for v in values]         # what is added to: of the size of what is added
    if kernel.updates:
        inputs = [a.copy() if isinstance(a, np.ndarray) else a for a in inputs]
        kernel(*inputs)
        return [as_float64(inputs[kernel.inputs.index(name)]) for name in kernel.updates]
    outputs = list(allocate(kernel, values, precision))
    added = [name in kernel.sums or (add and k == 0) for k, name in enumerate(kernel.outputs)]
    for out, at, is_added in zip(outputs, start, added):
        if is_added:
            out[...] = at if out.dtype == np.float32 else to_bf16(np.float32(at))
    kernel(*inputs, *([add] if kernel.add else []), *outputs)
    return [as_float64(out, name) - (at if is_added else 0.0)
            for name, out, at, is_added in zip(kernel.outputs, outputs, start, added)]


def error(got, want):
    return np.linalg.norm(got - want) / (np.linalg.norm(want) + 1e-30)


def check_against_reference(precision, names=None):
    worst = {}
    for name in names or KERNELS:
        kernel = KERNELS[name]
        for inputs in CASES[name](np.random.default_rng(0), ENCODE[precision]):
            values = expected(kernel, inputs)
            for add in (False, True) if kernel.add else (False,):
                for got, want in zip(run(kernel, inputs, values, precision, add), values, strict=True):
                    worst[name] = max(worst.get(name, 0.0), error(got, want))
    return worst


LIMIT = {"fp32": 2e-6, "bf16": 6e-3}


def test_every_kernel_has_a_case():
    assert set(CASES) == set(KERNELS)


@pytest.mark.parametrize("name", sorted(CASES))
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_kernel_equals_reference(name, precision):
    kernel = KERNELS[name]
    for inputs in CASES[name](np.random.default_rng(1), ENCODE[precision]):
        values = expected(kernel, inputs)
        for add in (False, True) if kernel.add else (False,):
            for got, want in zip(run(kernel, inputs, values, precision, add), values, strict=True):
                assert error(got, want) <= LIMIT[precision], (name, [getattr(a, "shape", a) for a in inputs])


@pytest.mark.parametrize("name", sorted(CASES))
def test_float64_goes_through_the_reference(name):
    kernel = KERNELS[name]
    inputs = [as_float64(a) for a in next(iter(CASES[name](np.random.default_rng(2), ENCODE["fp32"])))]
    values = kernel.ref(*inputs)
    values = values if isinstance(values, tuple) else (values,)
    if kernel.updates:
        inputs = [a.copy() if isinstance(a, np.ndarray) else a for a in inputs]
        kernel(*inputs)
        got = [inputs[kernel.inputs.index(n)] for n in kernel.updates]
    else:
        got = [np.zeros_like(v) for v in values]
        kernel(*inputs, *([False] if kernel.add else []), *got)
    for a, b in zip(got, values, strict=True):
        assert error(a, b) < 1e-13


@pytest.mark.parametrize("name", sorted(CASES))
@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one core")
def test_same_bits_again_and_same_numbers_on_one_thread(name):
    kernel = KERNELS[name]
    inputs = list(CASES[name](np.random.default_rng(3), ENCODE["fp32"]))[-1]
    values = expected(kernel, inputs)
    first, again = (run(kernel, inputs, values, "fp32") for _ in range(2))
    numba.set_num_threads(1)
    alone = run(kernel, inputs, values, "fp32")
    for a, b, c in zip(first, again, alone, strict=True):
        np.testing.assert_array_equal(a, b)
        assert error(c, a) < 2e-6


@pytest.mark.parametrize("name", ["matmul", "matmul_dw", "rms_norm", "layer_norm", "glu", "relu2", "activation",
                                  "attention", "causal_conv", "gated_conv", "gated_conv8", "linear_attention",
                                  "token_shift", "gated_scan", "scan", "nll", "cross_entropy", "adamw"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_nan_is_seen(name, precision):
    kernel = KERNELS[name]
    for inputs in map(list, CASES[name](np.random.default_rng(4), ENCODE[precision])):
        inputs[0] = inputs[0].copy()
        inputs[0].flat[0] = np.nan if inputs[0].dtype == np.float32 else 0x7fc0
        values = expected(kernel, inputs)
        assert np.isnan(run(kernel, inputs, values, precision)[0]).any()


def test_weights_packed_as_bytes_are_the_codes_plus_one():
    rng = np.random.default_rng(0)
    for shape in ((64, 96), (32, 192)):
        w = rng.standard_normal(shape).astype(np.float32)
        alpha = np.abs(w).mean(keepdims=True).ravel()
        w_forward, w_backward = (np.full((a // 32, b * 32), 9, np.uint8) for a, b in (shape, shape[::-1]))
        KERNELS["pack_weight"](w, w.shape[1], alpha, w.size, w_forward, w_backward)
        for got, want in zip((w_forward, w_backward), KERNELS["pack_weight"].ref(w, w.shape[1], alpha, w.size)):
            np.testing.assert_array_equal(as_float64(got, "p"), want)


def test_codes_name_the_weights_for_both_ways():
    rng = np.random.default_rng(0)
    w = rng.standard_normal((64, 96)).astype(np.float32)
    alpha = np.abs(w).mean(keepdims=True).ravel()
    for kind in CODE_DTYPES:
        w_forward, w_backward = (np.full((a // 32, b * CODES_PER_TILE), -1, kind) for a, b in ((64, 96), (96, 64)))
        KERNELS["encode_weight"](w, alpha, w_forward, w_backward)
        q = ternary_codes(w, alpha, w.size)
        assert set(np.unique(q)) == {-1, 0, 1}
        np.testing.assert_array_equal(unpack(decoded(w_forward)), q.T)
        np.testing.assert_array_equal(unpack(decoded(w_backward)), q)


def test_operands_are_rounded_to_the_nearest_byte_of_the_largest_in_their_row():
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((50, 96)).astype(np.float32), trits(rng, 96, 64)
    x[7] = 0
    f = np.maximum(np.abs(x).max(-1, keepdims=True) / np.float32(127), np.float32(1e-30))
    y = np.empty((50, 64), np.float32)
    KERNELS["matmul"](x, w, np.float32(2), y[:0], False, y)
    want = 2 * (np.rint(x * (1 / f)) * f) @ unpack(as_float64(w, "p"))
    assert error(y, want) < 2e-6 and (y[7] == 0).all()


def head_gradients(noise, seed, precision="bf16"):
    inputs = list(next(iter(CASES["cross_entropy"](np.random.default_rng(5), ENCODE[precision]))))
    inputs[-2:] = np.float32(noise), seed
    return run(KERNELS["cross_entropy"], inputs, expected(KERNELS["cross_entropy"], inputs), precision)


def test_blocks_left_out_of_the_head_change_neither_loss_nor_mean_gradient():
    exact, draws = head_gradients(0, 0), [head_gradients(0.5, seed) for seed in range(64)]
    for draw in draws:
        np.testing.assert_array_equal(draw[0], exact[0])
    for k in (1, 2):                              # the error of the mean of n independent draws falls with sqrt(n)
        once, mean = error(draws[0][k], exact[k]), error(np.mean([d[k] for d in draws], 0), exact[k])
        assert once > 0.1 and mean < once / 4
    np.testing.assert_array_equal(head_gradients(0.5, 3)[2], draws[3][2])
    np.testing.assert_array_equal(head_gradients(0, 3)[2], exact[2])


def test_panels_and_bits_are_inverted():
    rng = np.random.default_rng(0)
    x, q = rng.standard_normal((64, 96)), rng.integers(-1, 2, (64, 50))
    np.testing.assert_array_equal(unpack(packed(x)), x)
    np.testing.assert_array_equal(unpack_bits(pack_bits(q)), pad_to_tile(q, (0, 1)))
    assert pack_bits(q[:, :32]).nbytes * 8 == 2 * q[:, :32].size


@pytest.mark.parametrize("quantizer", ["tensor", "row", "block256"])
def test_two_bit_product_equals_the_packed_weight(quantizer):
    """Decode and training see the same effective weight, whatever shares a scale."""
    from ternary.kernels.gemm.quant import block_size, mean_abs_ref, ternary_matmul
    rng = np.random.default_rng(0)
    for shape in ((64, 192), (32, 96), (96, 512), (48, 80), (48, 272)):
        w, x = rng.standard_normal(shape), rng.standard_normal((3, shape[1])).astype(np.float32)
        block = block_size(shape, quantizer)
        alpha = mean_abs_ref(w, *shape, block)
        q = ternary_codes(w, alpha, block)
        effective = q * np.repeat(alpha, block)[:w.size].reshape(shape)
        bits, lines = pack_bits(q), pad_to_tile(x, (-1,))
        y = np.empty((3, 32 * len(bits)), np.float32)
        ternary_matmul(lines, bits, row_scales(alpha, shape, quantizer).astype(np.float32), y)
        assert error(y[:, :shape[0]], x @ effective.T) < 1e-6
        assert not y[:, shape[0]:].any()


def test_ternary_matmul_multiplies_outside_its_inner_loop_only():
    """The machine code: the loop that adds and subtracts holds additions and no multiplication."""
    fresh = numba.njit(**OPTIONS)(KERNELS["ternary_matmul"].compiled.py_func)
    fresh(*next(iter(CASES["ternary_matmul"](np.random.default_rng(0), np.ascontiguousarray))),
          np.empty((5, 64), np.float32))
    asm = next(iter(fresh.inspect_asm().values()))
    adds, multiplies = r"\bv?(add|sub)ps\b|\bfadd\b|\bfsub\b", r"\bv?f?n?m(ul|add|sub)\d*[ps]s\b|\bfmul\b|\bfml[as]\b"
    inner = [body for body in loops(asm) if re.search(adds, body)]
    assert inner, "no loop with additions found"
    assert not any(re.search(multiplies, body) for body in inner)
    assert re.search(multiplies, asm), "the scale must be applied somewhere: the patterns are stale"


AVAILABLE = ternary.compiler.isa.AVAILABLE
PATHS = AVAILABLE[AVAILABLE.index(ternary.compiler.isa.ISA) + 1:]
WIDER = {"avx512bf16": "tmm", "avx512": "tmm|vdpbf16ps", "avxvnni": "tmm|vdpbf16ps", "avx2": "zmm",
         "generic": "zmm|ymm|sdot"}


def widest_registers():
    """The machine code of a kernel that was just run, compiled afresh."""
    fresh = numba.njit(**OPTIONS)(KERNELS["glu_bwd"].compiled.py_func)
    fresh(*(np.ones((4, 64), np.float32) for _ in range(3)), 0)
    return next(iter(fresh.inspect_asm().values()))


# together they use all of what differs between CPU paths: products, packing, rounding, exp2, transposition, windows
PORTRAIT = ("matmul", "matmul_dw", "pack_weight", "glu_bwd", "gated_conv8")
# these differ in their products from amx and avx2, and in nothing else
QUICK = {"avx512bf16": ("matmul",), "avxvnni": ("matmul",)}


@pytest.mark.parametrize("path, names", [
    *((path, QUICK.get(path, PORTRAIT)) for path in PATHS),
    *(pytest.param(path, None, marks=pytest.mark.slow) for path in PATHS)])
def test_every_cpu_path_equals_the_reference(path, names):
    """With the features of the CPU masked, in a process of its own; bf16 is emulated where the CPU has none."""
    code = (f"import test_kernels as t, json; worst = [t.check_against_reference(p, {names}) for p in t.LIMIT]\n"
            "from test_not_finite import check_not_finite, PANELS\n"
            f"[check_not_finite(name, p) for p in t.LIMIT for name in PANELS if name in {names or list(CASES)}]\n"
            "print(t.widest_registers()); print(json.dumps(worst))")
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    env = {**os.environ, "TERNARY_ISA": path, "PYTHONPATH": paths}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    asm, worst = done.stdout.rsplit("\n", 2)[:2]
    assert "mm" in asm and not re.search(WIDER[path], asm)
    for limit, errors in zip(LIMIT.values(), json.loads(worst), strict=True):
        assert set(errors) == set(names or KERNELS)
        assert max(errors.values()) <= limit, errors


def test_python_cannot_call_device_functions():
    from ternary.kernels.cross_entropy import uniform
    used = numba.njit(lambda seed: uniform(seed, 2, 3))
    assert 0 <= used(1) < 1
    with pytest.raises(TypeError, match="uniform is a device function"):
        uniform(1, 2, 3)
