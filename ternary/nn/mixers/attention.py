from dataclasses import dataclass
from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tensor
from ternary.kernels.attention import rope_angles, rotated
from ternary.nn.linear import Linear
from ternary.nn.module import Module

ROOM = 32                         # tokens that a new cache has room for


@dataclass
class KVCache:
    """Rotated keys, and values, of all tokens so far, (2, B, heads, room, width); the room doubles when it is full."""
    past: np.ndarray
    length: int = 0

    def append(self, k: np.ndarray, v: np.ndarray) -> None:
        """k, v (B, heads, 1, width)"""
        if self.length == self.past.shape[3]:
            self.past = np.concatenate([self.past, np.empty_like(self.past)], axis=3)
        self.past[:, :, :, self.length] = k[:, :, 0], v[:, :, 0]
        self.length += 1


class Attention(Module):
    """out(causal attention over qkv(x)), with rotary positions and heads of dim / heads channels, a multiple of 32.

    Spec section 3.3. options: those of Linear.
    """

    def __init__(self, dim: int, heads: int, rng: np.random.Generator, **options: Any):
        self.heads, self.width = heads, dim // heads
        self.qkv = Linear(dim, 3 * dim, rng, **options)
        self.out = Linear(dim, dim, rng, **options)

    def __call__(self, x: Tensor, length: int, residual: Tensor) -> Tensor:
        """x (N, D), sequences of `length` rows one after the other."""
        return self.out(ops.attention(self.qkv(x), self.width, length), residual)

    def init_state(self, batch: int) -> KVCache:
        return KVCache(np.empty((2, batch, self.heads, ROOM, self.width), np.float32))

    def step(self, x: np.ndarray, state: KVCache) -> np.ndarray:
        """x (B, D): the same for one token; work and memory grow with the past."""
        q, k, v = self.qkv.step(x).reshape(len(x), 3, self.heads, 1, self.width).swapaxes(0, 1)
        turn = rope_angles(2 * state.past.shape[3], self.width, np.dtype(np.float32))[state.length]
        state.append(rotated(k, turn), v)
        keys, values = state.past[:, :, :, :state.length]
        s = rotated(q, turn) @ keys.swapaxes(-1, -2) * np.float32(self.width ** -0.5)
        e = np.exp(s - s.max(-1, keepdims=True))
        return self.out.step((e / e.sum(-1, keepdims=True) @ values).reshape(x.shape))
