"""From a graph to calls of the functions of the C files, and the arrays that they read."""
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any

import numpy as np

from ternary.errors import UsageError
from ternary.graph.nodes import Graph, Node, Value
from ternary.kernels.gemm.quant import block_size, quantized, ternary_codes
from ternary.kernels.rotary import BASE

LANES = 32                        # weights in two words: a bit for not 0, and one for below 0
HEADS = ("float32", "int16", "int8")          # integers have a scale for each row
NAMES = {"tanh": "hyperbolic_tangent", "exp": "exponential"}          # where C has a function of that name


@dataclass(eq=False)
class Buffer:
    """Numbers in the scratch memory, from the node that makes them to the last one that reads them."""
    size: int
    first: int
    last: int
    offset: int = 0


@dataclass
class Place:
    """Where a row begins."""
    buffer: Buffer
    offset: int = 0

    def __str__(self) -> str:
        return f"scratch + {self.buffer.offset + self.offset}"


@dataclass
class Arrays:
    """The constants of the program, by name, and the names of those that are there already."""
    content: dict[str, np.ndarray] = field(default_factory=dict)
    names: dict[Any, str] = field(default_factory=dict)

    def add(self, key: Any, name: str, make: Any) -> str:
        """The name of the array that belongs to `key`; make() -> the array, if it is new"""
        if key not in self.names:
            stem = "w_" + (re.sub(r"\W+", "_", name) or "constant")
            chosen = next(s for s in chain([stem], (f"{stem}_{k}" for k in count(1))) if s not in self.content)
            self.names[key], self.content[chosen] = chosen, make()
        return self.names[key]

    def of(self, x: Value) -> str:
        """Of a constant in float32."""
        return self.add(id(x.array), x.name, lambda: x.constant.astype(np.float32).ravel())


class Lowering:
    """The program of a graph. head: how the tables of embedding and head are stored, one of HEADS. context: tokens for
    which attention without a window has room."""

    def __init__(self, graph: Graph, head: str, context: int):
        self.graph, self.head, self.context, self.limit = graph, head, context, 0
        self.arrays, self.calls, self.state = Arrays(), [], 0
        self.buffers: list[Buffer] = []
        self.places: dict[int, Place] = {}                            # of a value, by its id
        self.rings: dict[int, tuple[str, int]] = {}                   # of a window: where, and how many rows
        self.now = 0
        for self.now, node in enumerate(graph.nodes):
            getattr(self, f"lower_{node.op}")(node, node.output, *node.inputs, **node.options)
        self.now += 1
        self.linear_of_table("logits", self.at(graph.hidden), graph.table)
        self.allocate()

    @classmethod
    def ops(cls) -> frozenset[str]:
        return frozenset(name.removeprefix("lower_") for name in dir(cls) if name.startswith("lower_"))

    @property
    def scratch(self) -> int:
        return LANES + max(b.offset + b.size for b in self.buffers)      # a map of fewer columns reads beyond its row

    @property
    def functions(self) -> set[str]:
        return {function for function, _ in self.calls}

    def lines(self) -> list[str]:
        return [f"{function}({', '.join(map(str, args))});" for function, args in self.calls]

    def allocate(self) -> None:
        """An offset for each buffer: the lowest at which no other one is alive at the same time."""
        placed: list[Buffer] = []
        for buffer in self.buffers:
            for other in sorted((b for b in placed if b.last >= buffer.first), key=lambda b: b.offset):
                if buffer.offset + buffer.size <= other.offset:
                    break
                buffer.offset = max(buffer.offset, other.offset + other.size)
            placed.append(buffer)

    def call(self, function: str, *args: Any) -> None:
        self.calls.append((function, args))

    def new(self, size: int) -> Place:
        self.buffers.append(Buffer(size, self.now, self.now))
        return Place(self.buffers[-1])

    def out(self, y: Value) -> Place:
        self.places[id(y)] = self.new(y.channels)
        return self.places[id(y)]

    def at(self, x: Value) -> str | Place:
        """Where x is, for a node that reads it."""
        if x.array is not None:
            return self.arrays.of(x)
        self.places[id(x)].buffer.last = self.now
        return self.places[id(x)]

    def keep(self, size: int) -> str:
        """Numbers that stay from token to token, 0 at first."""
        self.state += size
        return f"state + {self.state - size}"

    def ring(self, node: Node, x: Value) -> tuple[str, int]:
        if id(x) not in self.rings:
            raise UsageError(f"{node.place}: c cannot express its {node.op} of rows that are not in a window")
        return self.rings[id(x)]

    def lower_embedding(self, node: Node, y: Value, table: Value) -> None:
        if self.head == "float32":
            self.call("float_embedding", self.out(y), self.arrays.of(table), "token", y.channels)
        else:
            self.call("integer_embedding", self.out(y), *self.integers(table.constant), "token", y.channels)

    def linear_of_table(self, y: str, x: str | Place, table: np.ndarray) -> None:
        rows, columns = table.shape
        if self.head == "float32":
            self.call("float_linear", y, x, self.arrays.of(Value(columns, table, "head")), rows, columns)
        else:
            self.call("integer_linear", y, x, *self.integers(table), rows, columns)

    def integers(self, table: np.ndarray) -> tuple[str, str]:
        """The names of a table's numbers, rounded to integers, and of the scales of its rows."""
        scales = np.abs(table).max(1) / np.iinfo(self.head).max
        codes = np.rint(table / np.where(scales > 0, scales, 1)[:, None])
        return (self.arrays.add((id(table), "integers"), "table", lambda: codes.astype(self.head).ravel()),
                self.arrays.add((id(table), "scales"), "table_scales", lambda: scales.astype(np.float32)))

    def lower_linear(self, node: Node, y: Value, x: Value, w: Value, quantizer: str | None) -> None:
        if w.array is None:
            raise UsageError(f"{node.place}: c cannot express its linear map whose weight is not constant")
        rows, columns = w.array.shape
        if not quantizer:
            self.call("float_linear", self.out(y), self.at(x), self.at(w), rows, columns)
            return
        block = block_size(w.array.shape, quantizer)
        segment = math.gcd(columns, block)
        codes, scales = packed(w.array, quantizer, segment)
        names = (self.arrays.add((id(w.array), quantizer, kind), f"{w.name}_{kind}", lambda a=a: a)
                 for kind, a in (("codes", codes), ("scales", scales)))
        self.call("ternary_linear", self.out(y), self.at(x), *names, rows, columns, segment, block)

    def of_two(self, node: Node, y: Value, a: Value, b: Value) -> None:
        self.call(node.op, self.out(y), self.at(a), a.channels, self.at(b), b.channels, y.channels)

    lower_add = lower_sub = lower_mul = of_two

    def of_one(self, node: Node, y: Value, x: Value, *args: Any, **options: Any) -> None:
        numbers = [f"{v:.9g}" for v in options.values()]
        self.call(NAMES.get(node.op, node.op), self.out(y), self.at(x), *numbers, y.channels)

    lower_scale = lower_clip = lower_softmax = lower_top_softmax = lower_silu = lower_gelu = lower_sigmoid = of_one
    lower_tanh = lower_relu = lower_relu2 = lower_exp = lower_softplus = of_one

    def lower_rms_norm(self, node: Node, y: Value, x: Value, w: Value) -> None:
        self.call("rms_norm", self.out(y), self.at(x), self.at(w), w.channels, y.channels)

    def lower_layer_norm(self, node: Node, y: Value, x: Value, w: Value, b: Value, groups: int) -> None:
        self.call("layer_norm", self.out(y), self.at(x), self.at(w), self.at(b), y.channels // groups, y.channels)

    def lower_l2_norm(self, node: Node, y: Value, x: Value, heads: int) -> None:
        self.call("l2_norm", self.out(y), self.at(x), y.channels // heads, y.channels)

    def lower_channels(self, node: Node, y: Value, x: Value, first: int, last: int) -> None:
        self.at(x)
        place = self.places[id(x)]
        self.places[id(y)] = Place(place.buffer, place.offset + first)

    def lower_concat(self, node: Node, y: Value, *parts: Value) -> None:
        out, offset = self.out(y), 0
        for x in parts:
            self.call("copy", Place(out.buffer, offset), self.at(x), x.channels)
            offset += x.channels

    def lower_expand(self, node: Node, y: Value, x: Value, channels: int) -> None:
        self.call("expand", self.out(y), self.at(x), x.channels, channels)

    def lower_window(self, node: Node, y: Value, x: Value, size: int) -> None:
        ring = self.keep((size + 1) * x.channels)
        self.call("window", ring, self.at(x), size + 1, x.channels)
        self.places[id(y)], self.rings[id(y)] = self.places[id(x)], (ring, size + 1)

    def lower_causal_conv(self, node: Node, y: Value, rows: Value, w: Value, dilation: int) -> None:
        self.call("causal_conv", self.out(y), *self.ring(node, rows), self.at(w), len(w.constant), dilation, y.channels)

    def lower_grouped_conv(self, node: Node, y: Value, rows: Value, w: Value, groups: int, dilation: int) -> None:
        size = y.channels // groups
        self.call("grouped_conv", self.out(y), *self.ring(node, rows), self.at(w), len(w.constant) // size, dilation,
                  size, y.channels)

    def lower_dynamic_conv(self, node: Node, y: Value, rows: Value, weights: Value, offsets: Sequence[int]) -> None:
        name = self.arrays.add(tuple(offsets), "offsets", lambda: np.array(offsets, np.int32))
        self.call("dynamic_conv", self.out(y), *self.ring(node, rows), self.at(weights), name, len(offsets), y.channels)

    def lower_attention(self, node: Node, y: Value, qkv: Value, head_dim: int, window: int | None,
                        rotary: bool) -> None:
        n, rows = y.channels, window or self.context
        self.at(qkv)
        place = self.places[id(qkv)]
        q, k, v = (Place(place.buffer, place.offset + j * n) for j in range(3))
        if rotary:
            angles = self.arrays.add(("rotary", head_dim), "frequencies",
                                     lambda: BASE ** (-np.arange(0, head_dim, 2) / head_dim))
            q, k, plain = self.new(n), self.new(n), (q, k)
            for turned, x in zip((q, k), plain):
                self.call("turn", turned, x, angles, head_dim, n)
        if not window:
            self.limit = self.context
        self.call("attention", self.out(y), q, k, v, self.keep(2 * rows * n), self.new(rows), rows, head_dim, n)

    def lower_scan(self, node: Node, y: Value, decay: Value, x: Value) -> None:
        self.call("scan", self.out(y), self.at(decay), self.at(x), self.keep(y.channels), y.channels)

    def lower_linear_attention(self, node: Node, y: Value, q: Value, k: Value, v: Value, log_decay: Value, beta: Value,
                               heads: int, rule: str) -> None:
        keys, values = q.channels // heads, v.channels // heads
        self.call("linear_attention", self.out(y), *map(self.at, (q, k, v, log_decay, beta)),
                  self.keep(heads * keys * values), heads, keys, values, rule.upper())

    def lower_cumulative_mean(self, node: Node, y: Value, x: Value) -> None:
        self.call("cumulative_mean", self.out(y), self.at(x), self.keep(y.channels), y.channels)


def packed(w: np.ndarray, quantizer: str, segment: int) -> tuple[np.ndarray, np.ndarray]:
    """w (M, K) -> its bits, two words for 32 weights, each segment of a row padded with zeros; the scales of blocks"""
    scales = quantized(w.astype(np.float64), quantizer)[1].astype(np.float32)
    q = ternary_codes(w.astype(np.float32), scales, block_size(w.shape, quantizer)).reshape(-1, segment)
    q = np.pad(q, ((0, 0), (0, -segment % LANES))).reshape(-1, LANES)
    return np.packbits(np.stack([q != 0, q < 0], 1), axis=-1, bitorder="little").view("<u4").ravel(), scales
