import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.kernels.norm import rms_norm_ref
from ternary.nn.module import Module, Parameter


class RMSNorm(Module):
    """y = x / sqrt(mean(x^2) + 1e-6) * weight, over the last axis."""

    def __init__(self, dim: int):
        self.weight = Parameter(np.ones(dim, np.float32))

    def __call__(self, x: Tensor) -> Tensor:
        return ops.rms_norm(x, self.weight)

    def step(self, x: np.ndarray) -> np.ndarray:
        return rms_norm_ref(x, self.weight.data)[0]
