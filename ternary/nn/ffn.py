import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.nn.linear import Linear
from ternary.nn.module import Module


class GLU(Module):
    """down(silu(gate(x)) * up(x)), three linear maps dim -> hidden -> dim (Shazeer 2020)."""

    def __init__(self, dim: int, hidden: int, rng: np.random.Generator, quantizer: str | None = None,
                 inner_norm: bool = False):
        self.gate = Linear(dim, hidden, rng, quantizer, inner_norm)
        self.up = Linear(dim, hidden, rng, quantizer, inner_norm)
        self.down = Linear(hidden, dim, rng, quantizer, inner_norm)

    def __call__(self, x: Tensor, residual: Tensor) -> Tensor:
        gate, up = self.gate, self.up
        return self.down(ops.silu_glu(gate.normed(x), up.normed(x), gate.packed, up.packed), residual)

    def step(self, x: np.ndarray) -> np.ndarray:
        g = self.gate.step(x)
        return self.down.step(g / (1 + np.exp(-g)) * self.up.step(x))
