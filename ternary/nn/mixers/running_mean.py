import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.nn.module import Module


class RunningMean(Module):
    """y[t] = the mean of x[0] to x[t]: what all tokens so far have in common, without a look ahead."""

    def __init__(self, dim: int):
        self.dim = dim

    def init_state(self, batch: int) -> np.ndarray:
        """The sum of the tokens so far and, last, how many they are, (B, C + 1)."""
        return np.zeros((batch, self.dim + 1))

    def __call__(self, x: Tensor, state: np.ndarray | None = None) -> Tensor:
        return ops.cumulative_mean(x, state)
