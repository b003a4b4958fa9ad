from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.errors import UsageError
from ternary.nn.module import Module, Parameter
from ternary.nn.norm import RMSNorm


class Linear(Module):
    """y = x @ weight.T, weight (outputs, inputs); with `bias`, plus a row that begins with zeros.

    quantizer: None, or how ternary weights share scales ("tensor", "tensor_fp16", "row", "block256"); inputs are then
    a multiple of 16. inner_norm: an RMSNorm of the input. Initialised N(0, std^2), by default with std^2 = 2 / outputs.
    """
    fuses_residual = True

    def __init__(self, inputs: int, outputs: int, rng: np.random.Generator, quantizer: str | None = None,
                 inner_norm: bool = False, std: float | None = None, bias: bool = False):
        if quantizer and inputs % 16:
            raise UsageError(f"[Linear] {inputs} inputs; a map with ternary weights has a multiple of 16, such as "
                             f"{-(-inputs // 16) * 16}")
        std = (2 / outputs) ** 0.5 if std is None else std
        self.weight = Parameter(rng.standard_normal((outputs, inputs), np.float32) * np.float32(std), matrix=True)
        self.quantizer = quantizer
        self.norm = RMSNorm(inputs) if inner_norm else None
        self.bias = Parameter(np.zeros(outputs, np.float32)) if bias else None

    def normalized(self, x: Tensor) -> Tensor:
        """What is multiplied by the weight."""
        return self.norm(x) if self.norm else x

    def __call__(self, x: Tensor, state: Any = None, residual: Tensor | None = None) -> Tensor:
        """x (B, T, inputs), residual (B, T, outputs) -> (B, T, outputs)"""
        y = ops.linear(self.normalized(x), self.weight, residual, self.quantizer)
        return ops.add(y, self.bias) if self.bias else y

    def codes(self) -> tuple[np.ndarray, np.ndarray]:
        """-> the ternary weights -1, 0, +1 (outputs, inputs), and the scales of their blocks"""
        assert self.quantizer, "the weights of this map are not ternary"
        return ops.quantized(self.weight.values, self.quantizer)
