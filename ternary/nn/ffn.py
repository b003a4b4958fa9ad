from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.nn.linear import Linear
from ternary.nn.module import Module


class GLU(Module):
    """down(f(gate(x)) * up(x)), three linear maps dim -> hidden -> dim (Shazeer 2020).

    activation: f, "silu" or "gelu", which are fused with the products, or another op such as "relu2". options: those of
    Linear.
    """
    fuses_residual = True

    def __init__(self, dim: int, hidden: int, rng: np.random.Generator, activation: str = "silu", **options: Any):
        self.activation = activation
        self.gate = Linear(dim, hidden, rng, **options)
        self.up = Linear(dim, hidden, rng, **options)
        self.down = Linear(hidden, dim, rng, **options)

    def __call__(self, x: Tensor, state: Any = None, residual: Tensor | None = None) -> Tensor:
        gate, up = self.gate, self.up
        if self.activation not in ops.FUSED_GLU:
            return self.down(ops.mul(getattr(ops, self.activation)(gate(x)), up(x)), residual=residual)
        down = None if self.down.norm else self.down.weight
        y = ops.glu(gate.normalized(x), up.normalized(x), gate.weight, up.weight, down, residual if down else None,
                    self.activation, gate.quantizer)
        return y if down else self.down(y, residual=residual)


class MLP(Module):
    """down(relu(up(x))^2), two linear maps dim -> hidden -> dim (So et al. 2021)."""
    fuses_residual = True

    def __init__(self, dim: int, hidden: int, rng: np.random.Generator, quantizer: str | None = None):
        self.up = Linear(dim, hidden, rng, quantizer)
        self.down = Linear(hidden, dim, rng, quantizer)

    def __call__(self, x: Tensor, state: Any = None, residual: Tensor | None = None) -> Tensor:
        return ops.relu2_mlp(x, self.up.weight, self.down.weight, residual, self.up.quantizer)
