import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.nn.linear import Linear
from ternary.nn.module import Module
from ternary.nn.state import Window

OFFSETS = 1, 2, 4, 8, 16, 32, 64


class DataDependentTaps(Module):
    """y[t] = sum over offsets o of p[t, o] * x[t - o], p = softmax(weights(x)) of each token; x before the first is 0.

    CORTEX-IV of the FlashLM family, where it stands in Gated; a dynamic convolution (Wu et al. 2019) of few, far taps.
    All weights are float; the taps start equal.
    """

    def __init__(self, dim: int, rng: np.random.Generator, offsets: tuple[int, ...] = OFFSETS):
        self.offsets = offsets
        self.weights = Linear(dim, len(offsets), rng, std=0.0)

    def init_state(self, batch: int) -> Window:
        return Window(max(self.offsets))

    def __call__(self, x: Tensor, state: Window | None = None) -> Tensor:
        return state.apply(self.mixed, x) if state else self.mixed(x)

    def mixed(self, x: Tensor) -> Tensor:
        return ops.dynamic_conv(x, ops.softmax(self.weights(x)), self.offsets)
