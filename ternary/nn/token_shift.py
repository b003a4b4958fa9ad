import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.compiler.tiles import sigmoid_ref
from ternary.nn.module import Module, Parameter


class TokenShift(Module):
    """y[t] = s x[t] + (1 - s) x[t-1], s = sigmoid(mix) per channel, half and half at first (spec section 3.2)."""

    def __init__(self, dim: int):
        self.mix = Parameter(np.zeros(dim, np.float32))

    def __call__(self, x: Tensor, length: int) -> Tensor:
        """x (N, D), sequences of `length` rows one after the other."""
        return ops.token_shift(x, self.mix, length)

    def init_state(self, batch: int) -> np.ndarray:
        """The token before, (B, D)."""
        return np.zeros((batch, len(self.mix.data)), np.float32)

    def step(self, x: np.ndarray, state: np.ndarray) -> np.ndarray:
        """x (B, D): the same for one token."""
        s = sigmoid_ref(self.mix.data)
        y = s * x + (1 - s) * state
        state[...] = x
        return y
