import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor, recompute
from ternary.nn.linear import Linear
from ternary.nn.module import Module, Parameter
from ternary.nn.norm import LayerNorm


class GatedScan(Module):
    """down(group_norm(sigmoid(output(x)) * s)), s[t] = f s[t-1] + (1 - f) value(x[t]), channel by channel.

    f = floor + (1 - floor) sigmoid(forget(x) + bias): a gated linear recurrence, close to HGRN (Qin et al. 2023).
    """
    fuses_residual = True

    def __init__(self, dim: int, groups: int, floor: float, rng: np.random.Generator, quantizer: str | None = None):
        self.forget, self.value, self.output, self.down = (Linear(dim, dim, rng, quantizer) for _ in range(4))
        self.bias = Parameter(np.zeros(dim, np.float32))
        self.norm = LayerNorm(dim, groups)
        self.floor = floor

    def init_state(self, batch: int) -> np.ndarray:
        """The last s, (B, C)."""
        return np.zeros((batch, len(self.bias.data)), np.float32)

    def __call__(self, x: Tensor, state: np.ndarray | None = None, residual: Tensor | None = None) -> Tensor:
        gates = self.forget(x), self.value(x), self.output(x), self.bias, self.floor
        y = ops.gated_scan(*gates, state)
        x = self.down(h := self.norm(y), residual=residual)
        recompute(h, self.norm, y)
        if state is None:
            recompute(y, ops.gated_scan, *gates)
        return x
