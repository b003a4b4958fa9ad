"""Every op of the graph in ONNX operators; `ternary.graph.reference` says in NumPy what they mean."""
import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ternary.export.onnx.writer import Writer, packed4
from ternary.graph import Graph, Node, Value
from ternary.kernels.gemm.quant import quantized, scale_of_each
from ternary.kernels.rotary import BASE

DIRECT = {"add": "Add", "sub": "Sub", "mul": "Mul", "softmax": "Softmax", "gelu": "Gelu", "sigmoid": "Sigmoid",
          "tanh": "Tanh", "relu": "Relu", "exp": "Exp", "softplus": "Softplus"}
ALL = np.array([np.iinfo(np.int64).max])          # the end of a slice that ends with the last row
LEAST_BLOCK = 16                                  # of MatMulNBits


class Lowering(Writer):
    """A row of C channels is a tensor (1, C). Methods without an underscore are ops of the graph."""

    def __init__(self, graph: Graph, opset_only: bool):
        super().__init__()
        self._opset_only = opset_only
        self._windows: dict[int, tuple[str, int]] = {}       # by the id of the value: rows (size + 1, C), and size
        self._rotary: dict[int, list[str]] = {}              # cos and sin by head_dim
        for node in graph.nodes:
            self._place = node.place
            lower: Callable = getattr(self, node.op, None) or self._direct
            self._names[id(node.output)] = lower(node, *node.inputs, **node.options)
        self._place = "head"
        self._op("Gemm", graph.hidden, graph.table, transB=1, name="logits")
        self._outputs.insert(0, self._tensor("logits", (1, len(graph.table))))

    def proto(self, name: str) -> Any:
        """The graph as protobuf."""
        return self._helper.make_graph(self._nodes, name, self._inputs, self._outputs, [*self._initializers.values()])

    def _direct(self, node: Node, *inputs: Value) -> str:
        return self._op(DIRECT[node.op], *inputs)

    def embedding(self, node, table):
        return self._op("Gather", table, "token")

    def linear(self, node, x, weight, quantizer):
        w = weight.constant
        if not quantizer:
            return self._op("Gemm", x, w, transB=1)
        codes, alpha = quantized(w, quantizer)
        (n, k), segment = w.shape, math.gcd(w.shape[1], 256)      # no segment of a row has weights of two scales
        codes = codes.astype(np.int8).reshape(n, k // segment, segment)
        scales = scale_of_each(alpha, w.shape, quantizer).reshape(codes.shape)[..., :1]
        scales = scales.astype(np.float32)
        if not self._opset_only and segment >= LEAST_BLOCK:
            return self._op("MatMulNBits", x, packed4(codes + 8), scales.ravel(), domain="com.microsoft", K=k, N=n,
                            bits=4, block_size=segment, accuracy_level=1)
        return self._op("MatMul", x, self._unpacked(codes, scales))

    def _unpacked(self, codes: np.ndarray, scales: np.ndarray) -> str:
        """A matrix (K, N) of float32, which a runtime can compute once, when it loads the file."""
        n, segments, segment = codes.shape
        for axis in (0, 1):
            if (scales == scales.take([0], axis)).all():
                scales = scales.take([0], axis)
        flat = packed4(np.pad(codes.ravel(), (0, codes.size % 2)))
        stored = self._constant(flat, (self._helper.TensorProto.INT4, codes.shape))
        w = self._op("Mul", self._op("Cast", stored, to=self._helper.TensorProto.FLOAT), scales)
        return self._op("Transpose", self._reshape(w, n, segments * segment), perm=[1, 0])

    def scale(self, node, x, factor):
        return self._op("Mul", x, np.float32([factor]))

    def clip(self, node, x, low, high):
        return self._op("Clip", x, np.array(low, np.float32), np.array(high, np.float32))

    def silu(self, node, x):
        return self._op("Mul", x, self._op("Sigmoid", x))

    def relu2(self, node, x):
        y = self._op("Relu", x)
        return self._op("Mul", y, y)

    def rms_norm(self, node, x, w):
        parts = self._reshape(x, -1, w.channels) if x.channels > w.channels else x
        y = self._op("RMSNormalization", parts, w, epsilon=1e-6)
        return self._reshape(y, 1, x.channels) if x.channels > w.channels else y

    def layer_norm(self, node, x, w, b, groups):
        if groups == 1:
            return self._op("LayerNormalization", x, w, b, epsilon=1e-5)
        size = x.channels // groups
        y = self._op("LayerNormalization", self._reshape(x, groups, size), np.ones(size, np.float32), epsilon=1e-5)
        return self._op("Add", self._op("Mul", self._reshape(y, 1, x.channels), w), b)

    def l2_norm(self, node, x, heads):
        parts = self._reshape(x, heads, -1)
        length = self._op("ReduceL2", parts, np.array([1]))
        y = self._op("Div", parts, self._op("Max", length, np.float32([1e-6])))
        return self._reshape(y, 1, x.channels)

    def top_softmax(self, node, x, k):
        best, _ = self._op("TopK", x, np.array([k]), outputs=2)
        least = self._op("ReduceMin", best, np.array([1]))
        kept = self._op("Where", self._op("GreaterOrEqual", x, least), x, np.float32([-np.inf]))
        return self._op("Softmax", kept)

    def channels(self, node, x, first, last):
        return self._op("Slice", x, np.array([first]), np.array([last]), np.array([1]))

    def concat(self, node, *xs):
        return self._op("Concat", *xs, axis=1)

    def expand(self, node, x, channels):
        column = self._reshape(x, x.channels, 1)
        return self._reshape(self._op("Expand", column, np.array([1, channels // x.channels])), 1, channels)

    def window(self, node, x, size):
        rows = self._name(x)
        if size:
            state = self._state((size, x.channels))
            rows = self._op("Concat", state, x, axis=0)
            self._keep(state, self._op("Slice", rows, np.array([1]), ALL))
        self._windows[id(node.output)] = rows, size
        return self._name(x)                      # to other ops, a window is the row of the current token

    def _ago(self, window: Value, offsets: Sequence[int]) -> str:
        """The rows of a window so many tokens ago, (len(offsets), C)."""
        rows, size = self._windows[id(window)]
        if list(offsets) == list(range(size, -1, -1)):
            return rows
        return self._op("Gather", rows, size - np.array(offsets), axis=0)

    def causal_conv(self, node, window, w, dilation):
        taps = w.constant
        used = [k for k in range(len(taps)) if taps[k].any()] or [0]
        rows = self._ago(window, [(len(taps) - 1 - k) * dilation for k in used])
        return self._op("ReduceSum", self._op("Mul", rows, taps[used]), np.array([0]))

    def grouped_conv(self, node, window, w, groups, dilation):
        size = window.channels // groups
        taps = len(w.constant) // size
        rows = self._ago(window, [k * dilation for k in reversed(range(taps))])
        rows = self._op("Transpose", self._reshape(rows, taps, groups, size), perm=[1, 0, 2])
        weights = w.constant.reshape(taps * size, groups, size).transpose(1, 0, 2)
        y = self._op("MatMul", self._reshape(rows, groups, 1, taps * size), weights)
        return self._reshape(y, 1, window.channels)

    def dynamic_conv(self, node, window, weights, offsets):
        return self._op("MatMul", weights, self._ago(window, offsets))

    def attention(self, node, qkv, head_dim, window, rotary):
        n = qkv.channels // 3
        heads = n // head_dim
        qk, v = self._op("Split", qkv, np.array([2 * n, n]), outputs=2, axis=1)
        qk = self._reshape(qk, 2 * heads, 1, head_dim)
        if rotary:
            qk = self._rotated(qk, head_dim)
        q, k = self._op("Split", qk, outputs=2, axis=0, num_outputs=2)
        keys, values = (self._grown(x, heads, head_dim, window) for x in (k, self._reshape(v, heads, 1, head_dim)))
        q = self._op("Mul", q, np.float32([head_dim ** -0.5]))
        scores = self._op("MatMul", q, self._op("Transpose", keys, perm=[0, 2, 1]))
        return self._reshape(self._op("MatMul", self._op("Softmax", scores), values), 1, n)

    def _grown(self, x: str, heads: int, head_dim: int, window: int | None) -> str:
        """x (H, 1, D) behind those of the tokens before, (H, T, D)."""
        state = self._state((heads, f"past_{window}" if window else "past", head_dim))
        rows = self._op("Concat", state, x, axis=1)
        if window:
            rows = self._op("Slice", rows, np.array([-window]), ALL, np.array([1]))
        self._keep(state, rows)
        return rows

    def _rotated(self, x: str, head_dim: int) -> str:
        a, b = self._op("Split", x, outputs=2, axis=2, num_outputs=2)
        cos, sin = self._angles(head_dim)

        def turned(first: str, second: str, kind: str) -> str:
            return self._op(kind, self._op("Mul", first, cos), self._op("Mul", second, sin))
        return self._op("Concat", turned(a, b, "Sub"), turned(b, a, "Add"), axis=2)

    def _angles(self, head_dim: int) -> list[str]:
        """cos and sin of the angles of the current position, from float64 as those of long texts are large."""
        if head_dim not in self._rotary:
            frequencies = BASE ** (-np.arange(0, head_dim, 2) / head_dim)
            position = self._op("Cast", self._position, to=self._helper.TensorProto.DOUBLE)
            angles = self._op("Mul", position, self._constant(frequencies))
            self._rotary[head_dim] = [self._op("Cast", self._op(f, angles), to=self._helper.TensorProto.FLOAT)
                                      for f in ("Cos", "Sin")]
        return self._rotary[head_dim]

    @cached_property
    def _position(self) -> str:
        """The number of tokens before this one, (1,)."""
        state = self._state((1,), "position", np.int64)
        self._keep(state, self._op("Add", state, np.array([1])))
        return state

    def scan(self, node, decay, x):
        state = self._state((1, x.channels))
        y = self._op("Add", self._op("Mul", decay, state), x)
        self._keep(state, y)
        return y

    def cumulative_mean(self, node, x):
        state = self._state((1, x.channels))
        total = self._op("Add", state, x)
        self._keep(state, total)
        count = self._op("Cast", self._op("Add", self._position, np.array([1])), to=self._helper.TensorProto.FLOAT)
        return self._op("Div", total, count)

    def linear_attention(self, node, q, k, v, log_decay, beta, heads, rule):
        row, column = self._reshape(k, heads, 1, -1), self._reshape(k, heads, -1, 1)
        values = self._reshape(v, heads, 1, -1)
        state = self._state((heads, q.channels // heads, v.channels // heads))
        decayed = self._op("Mul", state, self._reshape(self._op("Exp", log_decay), heads, 1, 1))
        if rule != "add":
            known = self._op("MatMul", row, decayed if rule == "delta" else state)
            values = self._op("Sub", values, known)
        values = self._op("Mul", values, self._reshape(beta, heads, 1, 1))
        memory = self._op("Add", decayed, self._op("MatMul", column, values))
        self._keep(state, memory)
        return self._reshape(self._op("MatMul", self._reshape(q, heads, 1, -1), memory), 1, v.channels)


OPS = frozenset(DIRECT) | {name for name in vars(Lowering) if not name.startswith("_") and name != "proto"}
