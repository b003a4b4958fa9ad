"""A model as LFM2 (Liquid AI 2025), the architecture "lfm2" of llama.cpp and transformers.

A block is h += out(c * conv(b * v)), [b, c, v] = in(rms_norm(h)), or attention with rotary positions and a norm of each
head; then a SwiGLU after an RMSNorm. Both runtimes need attention: if there is none, a layer of zeros comes last.
"""
import math
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from ternary import ops
from ternary.errors import UsageError
from ternary.graph import Graph
from ternary.graph.nodes import Node, Value

CONTEXT = 2048                    # tokens for which runtimes plan; the convolution itself has no limit
CUDA_TAPS = (3, 4, 5, 9, 15)      # for other numbers llama.cpp has no kernel on CUDA
EPS = 1e-6                        # of all norms here


@dataclass
class Matrix:
    """Ternary codes -1, 0, +1 (M, K), and the scale of each row."""
    codes: np.ndarray
    scales: np.ndarray

    @property
    def values(self) -> np.ndarray:
        return self.codes.astype(np.float32) * self.scales.astype(np.float32)[:, None]


@dataclass
class LFM2:
    """Layers are by name: norm1, in, conv (taps, D), out, norm2, gate, up, down; those of attention have q, k, v, o,
    q_norm and k_norm in place of in, conv and out. kv_heads: of each layer of attention."""
    embedding: np.ndarray
    norm: np.ndarray
    layers: list[dict[str, Any]]
    taps: int
    kv_heads: int

    @property
    def dim(self) -> int:
        return self.embedding.shape[1]

    @property
    def hidden(self) -> int:
        return len(self.layers[0]["gate"].codes)

    @property
    def heads(self) -> int:
        return self.dim // head_dim(self.dim)


def lfm2(graph: Graph, target: str) -> LFM2:
    """UsageError names the layer that is not as in LFM2."""
    take, layers = Taker(graph, target), []
    h, table = take("embedding")
    while take.next.output is not graph.hidden:
        n, norm1 = take("rms_norm", h)
        y, mixer = (attention if take.sees("attention") else short_conv)(take, n)
        h, _ = take("add", h, y)
        n, norm2 = take("rms_norm", h)
        gate, gate_map = take.linear(n)
        up, up_map = take.linear(n)
        f, _ = take("silu", gate)
        product, _ = take("mul", f, up)
        y, down = take.linear(product)
        h, _ = take("add", h, y)
        layers.append({"norm1": norm1, **mixer, "norm2": norm2, "gate": gate_map, "up": up_map, "down": down})
    _, norm = take("rms_norm", h)
    if not layers or graph.table is not table:
        raise UsageError(f"the head: {target} cannot express a table that is not that of the embedding")
    dim, hidden = table.shape[1], {len(layer["gate"].codes) for layer in layers}
    taps = {len(layer["conv"]) for layer in layers if "conv" in layer} or {CUDA_TAPS[0]}
    for what, sizes in (("taps", taps), ("hidden channels", hidden)):
        if len(sizes) > 1:
            raise UsageError(f"the blocks: {target} cannot express {what} that differ, {sorted(sizes)}")
    real = any("q" in layer for layer in layers)
    if not real:
        layers.append(zero_layer(dim, len(layers[0]["gate"].codes)))
    return LFM2(table, norm, layers, taps.pop(), dim // head_dim(dim) if real else 1)


def short_conv(take: "Taker", n: Value) -> tuple[Value, dict[str, Any]]:
    b, b_map = take.linear(n)
    v, v_map = take.linear(n)
    bv, _ = take("mul", b, v)
    window, _ = take("window", bv)
    y, conv = take("causal_conv", window, dilation=1)
    c, c_map = take.linear(n)
    cy, _ = take("mul", c, y)
    y, out = take.linear(cy)
    maps = Matrix(*map(np.concatenate, zip(*((m.codes, m.scales) for m in (b_map, c_map, v_map)))))
    missing = next((n for n in CUDA_TAPS if n >= len(conv)), len(conv)) - len(conv)
    return y, {"in": maps, "conv": np.pad(conv, ((missing, 0), (0, 0))), "out": out}       # taps that see nothing


def attention(take: "Taker", n: Value) -> tuple[Value, dict[str, Any]]:
    qkv, maps = take.linear(n)
    dim = qkv.channels // 3
    q, k, v = (take("channels", qkv, first=first, last=first + dim)[0] for first in (0, dim, 2 * dim))
    q, q_norm = take("rms_norm", q, channels=head_dim(dim))
    k, k_norm = take("rms_norm", k, channels=head_dim(dim))
    qkv, _ = take("concat", q, k, v)
    y, _ = take("attention", qkv, head_dim=head_dim(dim), window=None, rotary=True)
    y, out = take.linear(y)
    parts = {name: Matrix(maps.codes[i * dim:][:dim], maps.scales[i * dim:][:dim]) for i, name in enumerate("qkv")}
    return y, {**parts, "o": out, "q_norm": q_norm, "k_norm": k_norm}


def head_dim(dim: int) -> int:
    return math.gcd(dim, 64)


def zero_layer(dim: int, hidden: int) -> dict[str, Any]:
    """Attention of one key and value head, and a GLU, both zero."""
    def zeros(rows: int, columns: int) -> Matrix:
        return Matrix(np.zeros((rows, columns), np.float32), np.zeros(rows, np.float32))
    ones, width = np.ones(dim, np.float32), head_dim(dim)
    return {"norm1": ones, "q": zeros(dim, dim), "k": zeros(width, dim), "v": zeros(width, dim), "o": zeros(dim, dim),
            "q_norm": ones[:width], "k_norm": ones[:width],
            "norm2": ones, "gate": zeros(hidden, dim), "up": zeros(hidden, dim), "down": zeros(dim, hidden)}


class Taker:
    """Goes through the nodes of a graph, which have to come in the order of LFM2."""

    def __init__(self, graph: Graph, target: str):
        self.nodes, self.target, self.at = graph.nodes, target, 0

    @property
    def next(self) -> Node:
        return self.nodes[self.at]

    def sees(self, op: str) -> bool:
        """Whether this op comes before the next sum."""
        for node in self.nodes[self.at:]:
            if node.op in (op, "add"):
                return node.op == op
        return False

    def __call__(self, op: str, *inputs: Value, channels: int | None = None, **options: Any) -> tuple[Value, Any]:
        """-> the output of the next node, and its constant. channels: of the constant, by default of the output;
        options: that the node has to have."""
        node = self.next
        constants = [x.array for x in node.inputs if x.array is not None]
        if node.op != op or [x for x in node.inputs if x.array is None] != list(inputs):
            self.refuse(f"{node.op} where LFM2 has {op}")
        for name, wanted in options.items():
            if node.options[name] != wanted:
                self.refuse(f"{op} with {name} {node.options[name]}, only {wanted}")
        if op == "rms_norm" and len(constants[0]) != (channels or node.output.channels):
            self.refuse(f"norm of {len(constants[0])} channels")
        self.at += 1
        return node.output, constants[0] if constants else None

    def linear(self, x: Value) -> tuple[Value, Matrix]:
        """-> the output of the next node, a linear map, and its ternary weights"""
        node = self.next
        y, weight = self("linear", x)
        quantizer = node.options["quantizer"]
        if quantizer not in ("tensor", "tensor_fp16", "row"):
            self.at -= 1
            self.refuse(f"quantizer {quantizer}" if quantizer else "float weights")
        codes, scales = ops.quantized(weight, quantizer)
        return y, Matrix(codes, np.broadcast_to(scales, len(codes)))

    def refuse(self, what: str) -> NoReturn:
        raise UsageError(f"{self.next.place}: {self.target} cannot express its {what}")
