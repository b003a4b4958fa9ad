from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.nn.module import Module, Parameter


class RMSNorm(Module):
    """y = x / sqrt(mean(x^2) + 1e-6) * weight, over channels, or over each head of `dim` channels."""

    def __init__(self, dim: int):
        self.weight = Parameter(np.ones(dim, np.float32))

    def __call__(self, x: Tensor, state: Any = None) -> Tensor:
        return ops.rms_norm(x, self.weight)


class LayerNorm(Module):
    """y = (x - mean(x)) / sqrt(var(x) + 1e-5) * weight + bias, over channels.

    With `groups`, mean and variance are those of each token and group of channels (group norm, Wu and He 2018), never
    over time, which would leak the future. dim / groups is a multiple of 16.
    """

    def __init__(self, dim: int, groups: int = 1):
        self.weight, self.bias = Parameter(np.ones(dim, np.float32)), Parameter(np.zeros(dim, np.float32))
        self.groups = groups

    def __call__(self, x: Tensor, state: Any = None) -> Tensor:
        return ops.layer_norm(x, self.weight, self.bias, self.groups)
