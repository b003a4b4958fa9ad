"""The graph of a model in plain NumPy, token by token: what each op means. Engines and exports are tested by it."""
from collections.abc import Callable
from typing import Any

import numpy as np

from ternary.errors import UsageError
from ternary.graph.nodes import Graph, Node
from ternary.kernels.activation import FORMULAS
from ternary.kernels.gemm.quant import quantized, scale_of_each
from ternary.kernels.rotary import BASE, rotated

OVER_WINDOW = {"causal_conv", "grouped_conv", "dynamic_conv"}


class Reference:
    """Reads one token after the other, in float64."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.states: dict[int, Any] = {}
        self.weights: dict[int, np.ndarray] = {}
        self.position = 0

    def step(self, token: int) -> np.ndarray:
        """-> the logits (V,) of the token after this one"""
        values: dict[int, np.ndarray] = {}
        for node in self.graph.nodes:
            for x in node.inputs:
                if x.array is not None and id(x) not in values:
                    values[id(x)] = x.array.astype(np.float64)
            inputs = [values[id(x)] for x in node.inputs]
            if node.op not in OVER_WINDOW:        # to others, a window is the row of the current token
                inputs = [a[-1] if x.array is None and a.ndim == 2 else a for x, a in zip(node.inputs, inputs)]
            if node.op == "embedding":
                y = inputs[0][token]
            elif node.op in FORMULAS:
                y = FORMULAS[node.op](inputs[0])[0]
            else:
                y = self.function(node)(node, *inputs, **node.options)
            values[id(node.output)] = y
        self.position += 1
        return self.graph.table.astype(np.float64) @ values[id(self.graph.hidden)]

    def function(self, node: Node) -> Callable[..., np.ndarray]:
        if not hasattr(self, node.op):
            raise UsageError(f"[{node.place}] the op {node.op} is not one of the graph's; see ternary/graph/nodes.py")
        return getattr(self, node.op)

    def state(self, node: Node, shape: tuple[int, ...]) -> Any:
        return self.states.setdefault(id(node), np.zeros(shape))

    def linear(self, node, x, w, quantizer):
        if quantizer and id(node) not in self.weights:
            codes, alpha = quantized(w, quantizer)
            self.weights[id(node)] = codes * scale_of_each(alpha, w.shape, quantizer)
        return self.weights.get(id(node), w) @ x

    def add(self, node, a, b):
        return a + b

    def sub(self, node, a, b):
        return a - b

    def mul(self, node, a, b):
        return a * b

    def scale(self, node, x, factor):
        return x * factor

    def clip(self, node, x, low, high):
        return np.clip(x, low, high)

    def rms_norm(self, node, x, w):
        heads = x.reshape(-1, len(w))
        return (heads / np.sqrt((heads ** 2).mean(-1, keepdims=True) + 1e-6) * w).ravel()

    def layer_norm(self, node, x, w, b, groups):
        parts = x.reshape(groups, -1)
        centred = parts - parts.mean(-1, keepdims=True)
        return (centred / np.sqrt((centred ** 2).mean(-1, keepdims=True) + 1e-5)).ravel() * w + b

    def l2_norm(self, node, x, heads):
        parts = x.reshape(heads, -1)
        return (parts / np.maximum(np.linalg.norm(parts, axis=-1, keepdims=True), 1e-6)).ravel()

    def softmax(self, node, x):
        e = np.exp(x - x.max())
        return e / e.sum()

    def top_softmax(self, node, x, k):
        return self.softmax(node, np.where(x >= np.sort(x)[-k], x, -np.inf))

    def channels(self, node, x, first, last):
        return x[first:last]

    def concat(self, node, *xs):
        return np.concatenate(xs)

    def expand(self, node, x, channels):
        return np.repeat(x, channels // len(x))

    def window(self, node, x, size):
        """(size + 1, C), the current row last."""
        rows = np.concatenate([self.state(node, (size, len(x))), x[None]])
        self.states[id(node)] = rows[1:]
        return rows

    def causal_conv(self, node, rows, w, dilation):
        return sum(w[-1 - k] * rows[-1 - k * dilation] for k in range(len(w)))

    def grouped_conv(self, node, rows, w, groups, dilation):
        n = rows.shape[1] // groups               # channels of a group
        taps = len(w) // n
        y = np.zeros(rows.shape[1])
        for k in range(taps):
            x = rows[-1 - (taps - 1 - k) * dilation].reshape(groups, n)
            y += np.einsum("gi,igj->gj", x, w[k * n:(k + 1) * n].reshape(n, groups, n)).ravel()
        return y

    def dynamic_conv(self, node, rows, weights, offsets):
        return sum(weights[k] * rows[-1 - offset] for k, offset in enumerate(offsets))

    def attention(self, node, qkv, head_dim, window, rotary):
        past = self.states.setdefault(id(node), [])
        q, k, v = qkv.reshape(3, -1, head_dim)
        past.append((turned(k, self.position, rotary), v))
        seen = past[-window:] if window else past
        keys, values = (np.array(part) for part in zip(*seen))                  # (T, H, D)
        scores = np.einsum("hd,thd->ht", turned(q, self.position, rotary), keys) / np.sqrt(head_dim)
        e = np.exp(scores - scores.max(-1, keepdims=True))
        return np.einsum("ht,thd->hd", e / e.sum(-1, keepdims=True), values).ravel()

    def scan(self, node, decay, x):
        self.states[id(node)] = decay * self.state(node, x.shape) + x
        return self.states[id(node)]

    def linear_attention(self, node, q, k, v, log_decay, beta, heads, rule):
        q, k, v = (x.reshape(heads, -1) for x in (q, k, v))
        before = self.state(node, (heads, q.shape[1], v.shape[1]))
        decayed = before * np.exp(log_decay)[:, None, None]
        if rule != "add":
            v = v - np.einsum("hkv,hk->hv", decayed if rule == "delta" else before, k)
        memory = self.states[id(node)] = decayed + k[:, :, None] * (beta[:, None] * v)[:, None]
        return np.einsum("hkv,hk->hv", memory, q).ravel()

    def cumulative_mean(self, node, x):
        self.states[id(node)] = self.state(node, x.shape) + x
        return self.states[id(node)] / (self.position + 1)


def turned(x: np.ndarray, position: int, rotary: bool) -> np.ndarray:
    """x (H, D) with rotary positions (see kernels.rotary), if any"""
    if not rotary:
        return x
    angles = position * BASE ** (-np.arange(0, x.shape[-1], 2) / x.shape[-1])
    return rotated(x, np.concatenate([np.cos(angles), np.sin(angles)]))
