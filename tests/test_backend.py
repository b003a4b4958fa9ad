"""Backends: what a kernel call does inside `use_backend`."""
from threading import Thread

import numpy as np
import pytest

from ternary.bench.profile import Profile
from ternary.compiler.backend import Trace, current_backend, reference, run, use_backend
from ternary.kernels.adamw import squared_norm
from ternary.kernels.gemm.blocks import matmul
from ternary.kernels.norm import rms_norm

CALL = "ternary.kernels.adamw", "squared_norm", (("float32", 1), ("float32", 1))


def norm(g):
    parts = np.full(1, 7, g.dtype)
    squared_norm(g, parts)
    return parts[0]


def test_trace_records_calls_and_runs_nothing():
    with use_backend(Trace()) as trace:
        assert norm(np.ones(1024, np.float32)) == 7 and norm(np.ones(64, np.float32)) == 7
    assert list(trace.calls) == [CALL]
    assert norm(np.ones(1024, np.float32)) == 1024 and list(trace.calls) == [CALL]


def test_a_profile_times_only_the_calls_inside_the_block():
    with pytest.raises(KeyError), use_backend(Profile()) as profile:
        assert norm(np.ones(1024, np.float32)) == 1024
        raise KeyError
    norm(np.ones(1024, np.float32))
    assert current_backend() is run
    assert set(profile.spent) == {"squared_norm"}
    assert profile.spent["squared_norm"].calls == 1 and profile.spent["squared_norm"].seconds > 0


def test_the_reference_backend_runs_no_compiled_code():
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((5, 64), np.float32), np.ones(64, np.float32)
    y, r = np.empty_like(x), np.empty(5, np.float32)
    with use_backend(reference):
        rms_norm(x, w, 64, y, r)
    for got, want in zip((y, r), rms_norm.ref(x, w, 64), strict=True):
        np.testing.assert_array_equal(got, want)
    rms_norm(x, w, 64, y, r)
    np.testing.assert_allclose(y, rms_norm.ref(x, w, 64)[0], rtol=1e-5)


@pytest.mark.parametrize("packed", [np.uint8, np.uint16, np.int32])
def test_the_reference_backend_refuses_packed_operands(packed):
    x, y = np.ones((32, 32), np.float32), np.empty((32, 32), np.float32)
    with use_backend(reference), pytest.raises(TypeError, match="matmul: argument p is a packed operand"):
        matmul(x, np.ones((1, 32 * 32), packed), np.float32(1), x[:0], False, y)


def test_backends_nest_and_belong_to_one_thread():
    seen = []
    with use_backend(Trace()) as outer:
        with use_backend(run):
            assert norm(np.ones(64, np.float32)) == 64
        other = Thread(target=lambda: seen.append(current_backend()))
        other.start()
        other.join()
        assert current_backend() is outer
    assert seen == [run] and not outer.calls
