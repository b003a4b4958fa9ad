from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.nn.linear import Linear
from ternary.nn.module import Module
from ternary.nn.state import History


class Attention(Module):
    """out(causal attention over qkv(x)), with rotary positions; dim / heads is a multiple of 32.

    Vaswani et al. 2017; rotary positions: Su et al. 2021. options: those of Linear.
    """
    fuses_residual = True

    def __init__(self, dim: int, heads: int, rng: np.random.Generator, **options: Any):
        self.heads, self.head_dim = heads, dim // heads
        self.qkv = Linear(dim, 3 * dim, rng, **options)
        self.out = Linear(dim, dim, rng, **options)

    def init_state(self, batch: int) -> History:
        """Keys and values of all tokens so far (and their queries, which are not used again)."""
        return History()

    def __call__(self, x: Tensor, state: History | None = None, residual: Tensor | None = None) -> Tensor:
        qkv = self.qkv(x)
        if state is None:
            y = ops.attention(qkv, self.head_dim)
        else:
            past = state.filled
            y = ops.drop_time(ops.attention(state.extend(qkv), self.head_dim, first=past), past)
        return self.out(y, residual=residual)
