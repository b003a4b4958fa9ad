from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.errors import UsageError
from ternary.nn.linear import Linear
from ternary.nn.module import Module
from ternary.nn.norm import RMSNorm
from ternary.nn.state import History


class Attention(Module):
    """out(causal attention over qkv(x)), by default with rotary positions; dim / heads is a multiple of 32.

    Vaswani et al. 2017; rotary positions: Su et al. 2021. window: a token sees itself and the window - 1 tokens before
    it (Beltagy et al. 2020); qk_norm: an RMSNorm of each head of q and k (Henry et al. 2020); gated: the heads' output
    is multiplied by sigmoid(gate(x)). options: those of Linear.
    """
    fuses_residual = True

    def __init__(self, dim: int, heads: int, rng: np.random.Generator, window: int | None = None, rotary: bool = True,
                 qk_norm: bool = False, gated: bool = False, **options: Any):
        if dim % (32 * heads):
            raise UsageError(f"[Attention] {heads} heads for {dim} channels; wanted a multiple of 32 channels a head, "
                             f"such as {max(1, dim // 64)} heads")
        self.heads, self.head_dim, self.window, self.rotary = heads, dim // heads, window, rotary
        self.qkv = Linear(dim, 3 * dim, rng, **options)
        self.norm_q, self.norm_k = (RMSNorm(self.head_dim) if qk_norm else None for _ in range(2))
        self.gate = Linear(dim, dim, rng, **options) if gated else None
        self.out = Linear(dim, dim, rng, **options)

    def init_state(self, batch: int) -> History:
        """Keys and values of the tokens that can be seen (and their queries, which are not used again)."""
        return History(self.window and self.window - 1)

    def __call__(self, x: Tensor, state: History | None = None, residual: Tensor | None = None) -> Tensor:
        qkv = self.qkv(x)
        if self.norm_q and self.norm_k:
            q, k, v = ops.split(qkv, [x.shape[2]] * 3)
            qkv = ops.concat(self.norm_q(q), self.norm_k(k), v)
        if state is not None:
            qkv = state.extend(qkv)
        past = qkv.shape[1] - x.shape[1]
        y = ops.attention(qkv, self.head_dim, self.window, self.rotary, first=past)
        if state is not None:
            y = ops.drop_time(y, past)
        if self.gate:
            y = ops.mul(y, ops.sigmoid(self.gate(x)))
        return self.out(y, residual=residual)
