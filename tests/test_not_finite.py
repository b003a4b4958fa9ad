"""One NaN, whatever its sign and payload, or one infinity shows in a whole row of an int8 product, and in no other."""
import cases  # noqa: F401  they are registered
import numpy as np
import pytest
from case_inputs import CASES, normal
from test_kernels import ENCODE, KERNELS, LIMIT, expected, run

from ternary.compiler.layout import from_bf16

pytestmark = pytest.mark.usefixtures("all_cores")

PANELS = {"matmul": 1, "glu": 2, "matmul_dw": 2}               # which argument is the packed operand
NOT_FINITE = np.array([0x7fc0, 0x7f81, 0xffff, 0x7f80, 0xff80], np.uint16)


def check_not_finite(name, precision):
    kernel, at = KERNELS[name], PANELS[name]
    of_bytes = [c for c in CASES[name](np.random.default_rng(5), ENCODE[precision])
                if c[at].dtype in (np.uint8, np.int8, np.int16)]
    assert of_bytes
    for first, *others in of_bytes:
        values, (i, j) = expected(kernel, (first, *others)), (n // 2 for n in first.shape)
        row = j if name == "matmul_dw" else i                  # of the result
        for bits in NOT_FINITE:
            x = first.copy()
            x[i, j] = bits if x.dtype == np.uint16 else from_bf16(bits)
            bad = ~np.isfinite(run(kernel, (x, *others), values, precision)[0])
            assert bad[row].all() and not np.delete(bad, row, 0).any(), (name, hex(bits))


@pytest.mark.parametrize("name", PANELS)
@pytest.mark.parametrize("precision", LIMIT)
def test_a_row_of_bytes_shows_what_is_not_finite(name, precision):
    check_not_finite(name, precision)


@pytest.mark.parametrize("bits", NOT_FINITE)
@pytest.mark.parametrize("precision", LIMIT)
def test_the_correction_of_a_quantized_row_is_nan(bits, precision):
    table = np.repeat(normal(np.random.default_rng(6), 1, 96), 32, 0)
    table[1, 40] = from_bf16(bits)
    channels = ENCODE[precision](np.zeros(table.T.shape, np.float32))
    q, factors = np.zeros(table.shape, np.int8), np.zeros((2, 32), np.float32)
    KERNELS["quantize_table"](table, q, factors, channels)
    np.testing.assert_array_equal(np.isnan(factors[1]), np.arange(32) == 1)
    assert (q[0] == q[2:]).all() and (factors[:, :1] == factors[:, 2:]).all()
