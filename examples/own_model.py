"""A model of your own, in one file: a mixer from generic ops and one op in plain NumPy.

    ternary audit examples/own_model.py:Leaky         is it causal? do chunks equal the whole?
    ternary train --model examples/own_model.py:Leaky --data fables --tokens 1200000 --save-dir runs/leaky
    ternary generate "Once upon a time" --model examples/own_model.py:Leaky --checkpoint runs/leaky

The mixer keeps an exponential moving average of every channel, with a decay that each channel learns: a "leaky"
memory. It sees all tokens before, at a cost that does not grow with them.
"""
from dataclasses import dataclass

import numpy as np

from ternary import nn, ops
from ternary.autograd.tape import Tensor
from ternary.models import LM, LMConfig
from ternary.schema import setting


@dataclass(frozen=True)
class LeakyConfig(LMConfig):
    dim: int = 128
    layers: int = 4
    hidden: int = setting(384, "channels inside the GLU", at_least=16, multiple_of=16)


@ops.numpy_op
def moving_average(x, logit, last):
    """x (B, T, C), logit (C,) -> y[t] = a y[t-1] + (1 - a) x[t] with a = sigmoid(logit); y[-1] is `last` (B, C).

    Forward and backward are one function; `last` is an array, not a tensor, so it gets no gradient.
    """
    a, y = 1 / (1 + np.exp(-logit)), np.empty_like(x)
    for t in range(x.shape[1]):
        y[:, t] = a * (y[:, t - 1] if t else last) + (1 - a) * x[:, t]

    def backward(dy):
        dx, da, carried = np.empty_like(x), np.zeros_like(logit), np.zeros_like(last)
        for t in reversed(range(x.shape[1])):
            carried = dy[:, t] + a * carried          # the gradient of y[t]
            dx[:, t] = (1 - a) * carried
            da += (carried * ((y[:, t - 1] if t else last) - x[:, t])).sum(0)
        return dx, da * a * (1 - a)
    return y, backward


class LeakyMixer(nn.Module):
    """down(gate(x) * moving_average(value(x)))"""

    def __init__(self, dim: int, rng: np.random.Generator):
        self.gate, self.value, self.down = (nn.Linear(dim, dim, rng, quantizer="tensor") for _ in range(3))
        self.logit = nn.Parameter(np.linspace(-2, 4, dim, dtype=np.float32))      # from short to long memories

    def init_state(self, batch: int) -> np.ndarray:
        """The last average, (B, C)."""
        return np.zeros((batch, self.logit.shape[0]), np.float32)

    def __call__(self, x: Tensor, state: np.ndarray | None = None) -> Tensor:
        """x (B, T, C), continuing the sequences of `state` if given -> (B, T, C)"""
        last = self.init_state(x.shape[0]) if state is None else state.copy()
        y = moving_average(self.value(x), self.logit, last)
        if state is not None:
            state[...] = ops.as_array(y)[:, -1]
        return self.down(ops.mul(ops.silu(self.gate(x)), y))


class Leaky(LM):
    config_type, seq_len, lr = LeakyConfig, 256, 8e-3

    def block(self, layer: int, rng: np.random.Generator) -> nn.Block:
        c = self.config
        return nn.Block(nn.RMSNorm(c.dim), LeakyMixer(c.dim, rng),
                        nn.RMSNorm(c.dim), nn.GLU(c.dim, c.hidden, rng, quantizer="tensor"))
