import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.nn.linear import Linear
from ternary.nn.module import Module, Parameter
from ternary.nn.state import Window


class MultiScaleConv(Module):
    """The mean of causal depthwise convolutions with 3, 5 and 7 taps, weighted by softmax(scales(x)) of each token.

    CORTEX-II of the FlashLM family, where it stands in Gated. All weights are float; the means start equal.
    """

    def __init__(self, dim: int, rng: np.random.Generator, dilation: int = 1, taps: tuple[int, ...] = (3, 5, 7)):
        self.dilation, self.longest = dilation, max(taps)
        self.convs = [Parameter(rng.standard_normal((k, dim), np.float32) * np.float32((2 / (dim * k)) ** 0.5))
                      for k in taps]
        self.scales = Linear(dim, len(taps), rng, std=0.0)

    def init_state(self, batch: int) -> Window:
        return Window((self.longest - 1) * self.dilation)

    def __call__(self, x: Tensor, state: Window | None = None) -> Tensor:
        return state.apply(self.mixed, x) if state else self.mixed(x)

    def mixed(self, x: Tensor) -> Tensor:
        shares = ops.split(ops.softmax(self.scales(x)), [1] * len(self.convs))
        first, *rest = (ops.mul(ops.causal_conv(x, w, self.dilation), share) for w, share in zip(self.convs, shares))
        for part in rest:
            first = ops.add(first, part)
        return first
