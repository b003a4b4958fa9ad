import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.kernels.glu import silu_glu_ref
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
        return self.down(ops.silu_glu(self.gate(x), self.up(x)), residual)

    def step(self, x: np.ndarray) -> np.ndarray:
        return self.down.step(silu_glu_ref(self.gate.step(x), self.up.step(x)))
