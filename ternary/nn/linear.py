import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.kernels.gemm import quant
from ternary.nn.module import Module, Parameter
from ternary.nn.norm import RMSNorm


class Linear(Module):
    """y = x @ weight.T without bias, weight (outputs, inputs), both multiples of 16.

    quantizer: None, or how ternary weights share scales ("tensor", "row", "block256"). inner_norm puts an RMSNorm
    on the input (spec section 6). Initialised N(0, std^2), by default 2 / outputs (spec section 1.2).
    """

    def __init__(self, inputs: int, outputs: int, rng: np.random.Generator, quantizer: str | None = None,
                 inner_norm: bool = False, std: float | None = None):
        std = std or (2 / outputs) ** 0.5
        self.weight = Parameter(rng.standard_normal((outputs, inputs), np.float32) * np.float32(std), matrix=True)
        self.quantizer = quantizer
        self.norm = RMSNorm(inputs) if inner_norm else None

    def pack_own(self) -> None:
        self.packed = ops.packed_linear(self.weight, self.quantizer)

    def normed(self, x: Tensor) -> Tensor:
        return self.norm(x) if self.norm else x

    def __call__(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        return ops.linear(self.normed(x), self.packed, residual)

    def codes(self) -> tuple[np.ndarray, np.ndarray]:
        """-> the ternary weights -1, 0, +1 (outputs, inputs), their scales by blocks"""
        w = self.weight.values
        block = quant.block_size(w.shape, self.quantizer)
        alpha = quant.mean_abs_ref(w, *w.shape, block)
        return quant.ternary_codes(w, alpha, block), alpha

    def freeze_own(self) -> None:
        if not self.quantizer:
            return
        codes, alpha = self.codes()
        self.bits = quant.pack_bits(codes)
        self.scales = quant.row_scales(alpha, codes.shape, self.quantizer)

    def step(self, x: np.ndarray) -> np.ndarray:
        """x (B, inputs) -> (B, outputs), float32, by additions and subtractions if ternary."""
        x = self.norm.step(x) if self.norm else x
        if not self.quantizer:
            return x @ self.weight.data.T
        y = np.empty((len(x), len(self.weight.data)), np.float32)
        quant.ternary_matmul(np.ascontiguousarray(x), self.bits, self.scales, y)
        return y
