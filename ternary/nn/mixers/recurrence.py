import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.compiler.tiles import sigmoid_ref
from ternary.nn.linear import Linear
from ternary.nn.module import Module, Parameter
from ternary.nn.norm import LayerNorm


class Recurrence(Module):
    """down(group_norm(sigmoid(output(x)) * s)), s[t] = f s[t-1] + (1 - f) value(x), channel by channel.

    f = floor + (1 - floor) sigmoid(forget(x) + bias). Spec section 3.2; HGRN (Qin et al. 2023) is much alike.
    """

    def __init__(self, dim: int, groups: int, floor: float, rng: np.random.Generator, quantizer: str | None = None):
        self.forget, self.value, self.output, self.down = (Linear(dim, dim, rng, quantizer) for _ in range(4))
        self.bias = Parameter(np.zeros(dim, np.float32))
        self.norm = LayerNorm(dim, groups)
        self.floor = floor

    def __call__(self, x: Tensor, length: int, residual: Tensor) -> Tensor:
        """x (N, D), sequences of `length` rows one after the other."""
        y = ops.recurrence(self.forget(x), self.value(x), self.output(x), self.bias, self.floor, length)
        return self.down(self.norm(y), residual)

    def init_state(self, batch: int) -> np.ndarray:
        """s, (B, D)."""
        return np.zeros((batch, len(self.bias.data)), np.float32)

    def step(self, x: np.ndarray, state: np.ndarray) -> np.ndarray:
        """x (B, D): the same for one token; constant work, however long the past."""
        f = self.floor + (1 - self.floor) * sigmoid_ref(self.forget.step(x) + self.bias.data)
        state[...] = f * state + (1 - f) * self.value.step(x)
        return self.down.step(self.norm.step(sigmoid_ref(self.output.step(x)) * state))
