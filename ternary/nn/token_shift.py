import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.nn.module import Module, Parameter
from ternary.nn.state import Window


class TokenShift(Module):
    """y[t] = s x[t] + (1 - s) x[t-1], s = sigmoid(mix) per channel, at first 1/2 (RWKV: Peng et al. 2023)."""

    def __init__(self, dim: int):
        self.mix = Parameter(np.zeros(dim, np.float32))

    def init_state(self, batch: int) -> Window:
        return Window(1)

    def __call__(self, x: Tensor, state: Window | None = None) -> Tensor:
        def shift(x: Tensor) -> Tensor:
            return ops.token_shift(x, self.mix)
        return state.apply(shift, x) if state else shift(x)
