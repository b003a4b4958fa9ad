"""The graph of one token: what a model computes when it reads a token and continues its state.

    embedding(token; table)                    the row of the token
    linear(x, weight)                          x @ weight.T; options: quantizer (see ops.linear)
    add, sub, mul(a, b)                        b: a row like a, or one number (1 channel)
    scale(x; factor), clip(x; low, high)
    silu, gelu, sigmoid, tanh, relu, relu2, exp, softplus(x)
    rms_norm(x, w)                             of each of C / len(w) heads
    layer_norm(x, w, b; groups), l2_norm(x; heads), softmax(x), top_softmax(x; k)
    channels(x; first, last), concat(x, ...), expand(x; channels)
    window(x; size)                            x, and the `size` rows of the tokens before, for convolutions
    causal_conv(window, w; dilation)           w (taps, C), the last tap for the current token
    grouped_conv(window, w; groups, dilation), dynamic_conv(window, weights; offsets)
    attention(qkv; head_dim, window, rotary)   over the tokens before, as in ops.attention
    scan(decay, x)                             state = decay * state + x
    linear_attention(q, k, v, log_decay, beta; heads, rule)
    cumulative_mean(x)

Other ops, of models outside the package, keep their own names: those who read the graph refuse what they do not know.
"""
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(eq=False)
class Value:
    """A row of `channels` numbers for each token; or, with an `array`, a constant, such as a weight."""
    channels: int
    array: np.ndarray | None = None
    name: str = ""                        # of a parameter of the model

    @property
    def constant(self) -> np.ndarray:
        assert self.array is not None, "not a constant"
        return self.array


@dataclass(eq=False)
class Node:
    """One op. place: the name and the class of the layer that called it, such as "blocks.0.mixer (GatedConv)"."""
    op: str
    inputs: tuple[Value, ...]
    output: Value
    options: dict[str, Any] = field(default_factory=dict)
    place: str = ""


@dataclass(eq=False)
class Graph:
    """nodes: in order, from the token to `hidden`, the input of the head. table: (V, C), that of the head."""
    nodes: list[Node]
    hidden: Value
    table: np.ndarray
