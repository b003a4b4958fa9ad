"""Matrix products of a few rows, as decoding makes them: panels of 32 rows would be nearly all padding."""
import numpy as np

from ternary.autograd.tape import Tensor, current_tape
from ternary.kernels.gemm import quant
from ternary.ops.packing import cached_on_tape

FEW_ROWS = 4                      # above, the packed products are faster (measured with bolt-small)


def is_few(x: Tensor) -> bool:
    """Whether products of x (B, T, K) go through this file: without gradients, in fp32, for at most FEW_ROWS tokens."""
    tape = current_tape()
    return not tape.record and tape.precision == "fp32" and tape.packed is not None and len(x.data) <= FEW_ROWS


def product(x: Tensor, weight: Tensor, quantizer: str | None) -> np.ndarray:
    """x (B, T, K), weight (M, K) -> rows (B * T, M') of x @ weight.T; additions and subtractions only if ternary"""
    if not quantizer:
        return x.data @ weight.data.T
    bits, scales = packed_bits(weight, quantizer)
    y = np.empty((len(x.data), len(weight.data)), np.float32)
    quant.ternary_matmul(x.data, bits, scales, y)
    return y


@cached_on_tape
def packed_bits(weight: Tensor, quantizer: str) -> tuple[np.ndarray, np.ndarray]:
    """weight (M, K) -> its ternary weights as bits, and their scales: operands of ternary_matmul"""
    codes, alpha = quant.quantized(weight.data[:weight.shape[0], :weight.shape[1]], quantizer)
    return quant.pack_bits(codes), quant.row_scales(alpha, codes.shape, quantizer)
