"""Mixers with a memory matrix per head, which is written and read at every token: see ops.linear_attention."""
from math import log
from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.nn.linear import Linear
from ternary.nn.module import Module, Parameter
from ternary.nn.state import Window


def log_sigmoid(x: Tensor) -> Tensor:
    return ops.scale(ops.softplus(ops.scale(x, -1)), -1)


class LinearAttention(Module):
    """out(linear attention of q(x), k(x), v(x)), in heads of key_dim channels.

    normalized: q and k are of length 1 in each head; otherwise q is scaled by 1 / sqrt(key_dim * SPAN). rule: "add",
    "delta" or "delta_before_decay". decay: "beta", it is 1 - beta; "input", sigmoid(decay(x) + bias) with a bias that
    starts at 1; or a number, the same for all tokens. write_gate: beta = sigmoid(beta(x)) per head, or else 1.
    value_dim: channels of a head of v, by default key_dim. options: those of Linear.
    """
    fuses_residual = True
    SPAN = 256                        # tokens whose sum is of the size of one: the published sequence length

    def __init__(self, dim: int, heads: int, key_dim: int, rng: np.random.Generator, rule: str = "delta",
                 decay: float | str = "beta", write_gate: bool = True, value_dim: int | None = None,
                 normalized: bool = True, **options: Any):
        value_dim, gamma = value_dim or key_dim, 1.0 if isinstance(decay, str) else decay
        known = not isinstance(decay, str) or decay == "input" or (decay == "beta" and write_gate)
        if not (known and 0 < gamma <= 1):
            raise ValueError(f"[LinearAttention] decay is {decay!r} with write_gate {write_gate}; expected 'beta' and "
                             "a write gate, 'input', or a number above 0 and up to 1")
        self.rule, self.sizes, self.normalized = rule, (heads, key_dim, value_dim), normalized
        self.log_decay, self.coupled = log(gamma), decay == "beta"
        self.q, self.k = (Linear(dim, heads * key_dim, rng, **options) for _ in range(2))
        self.v = Linear(dim, heads * value_dim, rng, **options)
        self.beta = Linear(dim, heads, rng, **options) if write_gate else None
        self.decay = Linear(dim, heads, rng, **options) if decay == "input" else None
        self.bias = Parameter(np.ones(heads, np.float32)) if decay == "input" else None
        self.out = Linear(heads * value_dim, dim, rng, **options)

    def init_state(self, batch: int) -> np.ndarray:
        """The memory, (B, H, K, V)."""
        return np.zeros((batch, *self.sizes), np.float32)

    def gates(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """-> log_decay, beta (B, T, H)"""
        def constant(value: float) -> Tensor:
            return ops.as_tensor(np.full((*x.shape[:2], self.sizes[0]), value), accum=True)
        write = self.beta(x) if self.beta else None
        beta = ops.sigmoid(write) if write else constant(1)
        if self.decay and self.bias:
            return log_sigmoid(ops.add(self.decay(x), self.bias)), beta
        return log_sigmoid(ops.scale(write, -1)) if write and self.coupled else constant(self.log_decay), beta

    def __call__(self, x: Tensor, state: np.ndarray | None = None, residual: Tensor | None = None) -> Tensor:
        heads = self.sizes[0]
        q, k = self.q(x), self.k(x)
        if self.normalized:
            q, k = ops.l2_norm(q, heads), ops.l2_norm(k, heads)
        else:
            q = ops.scale(q, (self.sizes[1] * self.SPAN) ** -0.5)
        y = ops.linear_attention(q, k, self.v(x), *self.gates(x), heads, self.rule, state)
        return self.out(y, residual=residual)


class GatedDeltaNet(Module):
    """out(sigmoid(gate(x)) * y), y by a gated delta rule from q, k, v = silu(causal convolution of a map of x).

    The convolutions are depthwise, of 4 taps. q and k are of length 1 in each head; beta = sigmoid(beta(x)) and
    log_decay = log(sigmoid(decay(x))) / 16 per head. Close to Yang et al. 2024, "Gated Delta Networks", but for the
    rule, which predicts from the memory before its decay, and without a norm of the output. key_dim, value_dim:
    channels of a head. options: those of Linear.
    """
    fuses_residual = True
    TAPS = 4

    def __init__(self, dim: int, heads: int, key_dim: int, value_dim: int, rng: np.random.Generator,
                 rule: str = "delta_before_decay", **options: Any):
        self.rule, self.sizes = rule, (heads, key_dim, value_dim)
        widths = heads * key_dim, heads * key_dim, heads * value_dim
        self.maps = [Linear(dim, width, rng, **options) for width in widths]
        self.convs = [Parameter(rng.standard_normal((self.TAPS, width), np.float32) * np.float32(0.02))
                      for width in widths]
        self.beta, self.decay = (Linear(dim, heads, rng, **options) for _ in range(2))
        self.gate = Linear(dim, widths[2], rng, **options)
        self.out = Linear(widths[2], dim, rng, **options)

    def init_state(self, batch: int) -> tuple[np.ndarray, list[Window]]:
        """The memory (B, H, K, V), and what the convolutions see of the past."""
        return np.zeros((batch, *self.sizes), np.float32), [Window(self.TAPS - 1) for _ in self.maps]

    def __call__(self, x: Tensor, state: tuple[np.ndarray, list[Window]] | None = None,
                 residual: Tensor | None = None) -> Tensor:
        heads, memory, mixed = self.sizes[0], state[0] if state else None, []
        for part, (f, weight) in enumerate(zip(self.maps, self.convs)):
            def conv(y: Tensor, weight: Parameter = weight) -> Tensor:
                return ops.causal_conv(y, weight)
            y = f(x)
            mixed.append(ops.silu(state[1][part].apply(conv, y) if state else conv(y)))
        q, k = (ops.l2_norm(y, heads) for y in mixed[:2])
        log_decay = ops.scale(log_sigmoid(self.decay(x)), 1 / 16)
        y = ops.linear_attention(q, k, mixed[2], log_decay, ops.sigmoid(self.beta(x)), heads, self.rule, memory)
        return self.out(ops.mul(ops.sigmoid(self.gate(x)), y), residual=residual)
