"""From the graph of a model to a program for kernels.decode: weights are packed, activations and states get places."""
from collections.abc import Callable

import numpy as np

from ternary.compiler.layout import TILE_N
from ternary.compiler.two_bit import PANEL
from ternary.errors import UsageError
from ternary.graph.nodes import Graph, Node, Value
from ternary.inference.slab import UNIT, Slab, padded
from ternary.kernels.activation import NAMES
from ternary.kernels.decay import RULES
from ternary.kernels.decode import pack
from ternary.kernels.decode import program as P
from ternary.kernels.decode.rows import ADD, MUL, NUMBER, ROW, SUB
from ternary.kernels.gemm.quant import quantized, row_scales

ENDLESS = 1 << 40                 # the window of attention to all tokens


class Unsupported(UsageError):
    """An op of the graph that has no instruction; the message names its place."""


class Builder:
    """Walks through a graph and emits instructions. UsageError names the place of an op that has none.

    approximate: float matrices in whole numbers of pack.NARROW_BITS, with a scale for each row.
    """

    def __init__(self, graph: Graph, approximate: bool = False):
        self.graph, self.approximate, self.slab = graph, approximate, Slab()
        self.code: list[list[int]] = []
        self.codes: list[np.ndarray] = []
        self.words: list[np.ndarray] = []
        self.floats: list[np.ndarray] = []
        self.ends = {"codes": 0, "words": 0, "floats": 0}
        self.known: dict[int, int] = {}               # constants that are placed
        self.state = 0                                # numbers of a stream's state
        self.widest, self.heads = 0, 0
        self.attentions: list[tuple[int, int, int, int]] = []     # instruction, channels, heads, tokens it keeps
        self.rings: dict[int, tuple[int, int]] = {}   # of windows: where, and how many rows
        self.digits: tuple[int, int] | None = None    # of which value and segment the digits are
        self.presets: list[tuple[int, np.ndarray]] = []           # numbers in every row, before anything runs
        self.place: dict[int, int] = {}
        self.holder: dict[int, Value] = {}            # of a view: the value that has its numbers
        self.last_use = self.uses()
        for k, node in enumerate(graph.nodes):
            self.add(node)
            for x in {id(self.root(x)): self.root(x) for x in node.inputs if x.array is None}.values():
                if self.last_use.get(id(x), -1) <= k and x is not graph.hidden:
                    self.slab.give(self.place[id(x)], x.channels)

    def is_view(self, node: Node) -> bool:
        """Whether the node's output is a part of its input's row."""
        whole_lines = node.op == "channels" and node.options["first"] % TILE_N == node.output.channels % TILE_N == 0
        return node.op == "window" or whole_lines

    def uses(self) -> dict[int, int]:
        """The node that reads each value, or a view of it, last."""
        last: dict[int, int] = {}
        for node in self.graph.nodes:
            if self.is_view(node):
                self.holder[id(node.output)] = self.root(node.inputs[0])
        for k, node in enumerate(self.graph.nodes):
            last.update({id(self.root(x)): k for x in node.inputs})
        last[id(self.root(self.graph.hidden))] = len(self.graph.nodes)
        return last

    def root(self, x: Value) -> Value:
        return self.holder.get(id(x), x)

    def add(self, node: Node) -> None:
        emit: Callable | None = getattr(self, f"emit_{node.op}", None)
        if node.op in NAMES:
            self.emit(P.ACTIVATION, self.new(node), self.at(node.inputs[0]), node.output.channels, NAMES.index(node.op))
        elif emit:
            emit(node)
        else:
            raise Unsupported(f"{node.place}: the compiled decoder has no {node.op}")

    def emit(self, *numbers: int) -> int:
        self.code.append([*map(int, numbers)] + [0] * (P.WIDTH - len(numbers)))
        return len(self.code) - 1

    def put(self, arena: str, a: np.ndarray) -> int:
        """-> the offset of `a` in its arena, at a whole unit"""
        rows, at = getattr(self, arena), self.ends[arena]
        a = np.pad(a.ravel(), (0, -a.size % UNIT))
        rows.append(a)
        self.ends[arena] += a.size
        return at

    def constant(self, x: Value) -> int:
        if id(x) not in self.known:
            a = x.constant.astype(np.float32)
            self.known[id(x)] = self.put("floats", np.pad(a, [(0, 0)] * (a.ndim - 1) + [(0, -a.shape[-1] % TILE_N)]))
        return self.known[id(x)]

    def new(self, node: Node) -> int:
        self.place[id(node.output)] = self.slab.take(node.output.channels)
        return self.place[id(node.output)]

    def at(self, x: Value) -> int:
        return self.place[id(x)]

    def keep(self, size: int) -> int:
        """Room in the state -> where"""
        at, self.state = self.state, self.state + padded(size, TILE_N)
        return at

    def emit_embedding(self, node: Node) -> None:
        self.new(node)                                # the first place, where `embed` writes

    def emit_linear(self, node: Node) -> None:
        x, weight = node.inputs
        w, quantizer, n = weight.constant, node.options["quantizer"], x.channels
        if quantizer is None and self.approximate and n % 8 == 0:
            q, scales = pack.whole_numbers(w, pack.NARROW_TOP)
            self.quantize(x, n)
            self.emit(P.NARROW, self.new(node), self.at(x), n, self.put("codes", pack.narrow_panels(q)),
                      self.put("floats", np.pad(scales, (0, -len(w) % PANEL))), len(w))
            return
        if quantizer is None:
            panels, scales = pack.word_panels(w)
            self.emit(P.FLOAT, self.new(node), self.at(x), n, self.put("words", panels), self.put("floats", scales),
                      len(w))
            return
        codes, alpha = quantized(w, quantizer)
        scales = row_scales(alpha, w.shape, quantizer)
        segment = min(n, padded(n, TILE_N) // len(scales))
        scales = scales[:n // segment]
        if len(scales) >= P.SUMS:
            raise Unsupported(f"{node.place}: {len(scales)} scales in a row of weights; the compiled decoder has room "
                              f"for {P.SUMS - 1}")
        self.quantize(x, segment)
        scales = np.pad(scales[:, :len(w)], ((0, 0), (0, -len(w) % PANEL)))
        self.emit(P.TERNARY, self.new(node), self.at(x), n, self.put("codes", pack.two_bit_panels(codes)),
                  self.put("floats", scales), len(w), segment)

    def quantize(self, x: Value, segment: int) -> None:
        """Make the digits of x, unless they are there."""
        if self.digits != (id(x), segment):
            self.emit(P.QUANTIZE, 0, self.at(x), x.channels, segment)
            self.digits, self.widest = (id(x), segment), max(self.widest, padded(x.channels))

    def combine(self, node: Node, kind: int) -> None:
        a, b = node.inputs
        form = ROW if b.channels == a.channels else NUMBER
        op, other = (P.COMBINE, self.at) if b.array is None else (P.COMBINE_CONSTANT, self.constant)
        self.emit(op, self.new(node), self.operand(a), a.channels, other(b), kind, form)

    def emit_add(self, node: Node) -> None:
        self.combine(node, ADD)

    def emit_sub(self, node: Node) -> None:
        self.combine(node, SUB)

    def emit_mul(self, node: Node) -> None:
        self.combine(node, MUL)

    def number(self, *values: float) -> int:
        return self.put("floats", np.array(values, np.float32))

    def emit_scale(self, node: Node) -> None:
        x = node.inputs[0]
        self.emit(P.SCALE, self.new(node), self.at(x), x.channels, self.number(node.options["factor"]))

    def emit_clip(self, node: Node) -> None:
        x = node.inputs[0]
        limits = self.number(node.options["low"], node.options["high"])
        self.emit(P.CLIP, self.new(node), self.at(x), x.channels, limits)

    def emit_rms_norm(self, node: Node) -> None:
        x, w = node.inputs
        self.emit(P.RMS_NORM, self.new(node), self.at(x), x.channels, self.constant(w), w.channels)

    def emit_layer_norm(self, node: Node) -> None:
        x, w, b = node.inputs
        self.emit(P.LAYER_NORM, self.new(node), self.at(x), x.channels, self.constant(w), self.constant(b),
                  x.channels // node.options["groups"])

    def emit_l2_norm(self, node: Node) -> None:
        x = node.inputs[0]
        self.emit(P.L2_NORM, self.new(node), self.at(x), x.channels, node.options["heads"])

    def emit_softmax(self, node: Node) -> None:
        self.emit(P.SOFTMAX, self.new(node), self.at(node.inputs[0]), node.output.channels)

    def emit_top_softmax(self, node: Node) -> None:
        self.emit(P.TOP_SOFTMAX, self.new(node), self.at(node.inputs[0]), node.output.channels, node.options["k"])

    def emit_channels(self, node: Node) -> None:
        at = self.at(node.inputs[0]) + node.options["first"]
        if self.is_view(node):
            self.place[id(node.output)] = at
        else:
            self.emit(P.COPY, self.new(node), at, node.output.channels)

    def emit_concat(self, node: Node) -> None:
        at = self.new(node)
        for x in node.inputs:
            self.emit(P.COPY, at, self.at(x), x.channels)
            at += x.channels

    def emit_expand(self, node: Node) -> None:
        x = node.inputs[0]
        self.emit(P.EXPAND, self.new(node), self.at(x), node.output.channels, x.channels)

    def emit_window(self, node: Node) -> None:
        x, size = node.inputs[0], node.options["size"]
        self.place[id(node.output)] = self.at(x)
        room, width = size + P.CHUNK, padded(x.channels, TILE_N)
        at = self.keep(room * width)
        self.rings[id(node.output)] = at, room
        self.emit(P.WRITE, width, self.at(x), x.channels, at, room)

    def ring(self, node: Node) -> tuple[int, int]:
        found = self.rings.get(id(node.inputs[0]))
        if not found:
            raise Unsupported(f"{node.place}: {node.op} of what is no window")
        return found

    def emit_causal_conv(self, node: Node) -> None:
        x, w = node.inputs
        at, room = self.ring(node)
        self.emit(P.CAUSAL_CONV, self.new(node), at, x.channels, self.constant(w), len(w.constant),
                  node.options["dilation"], room)

    def emit_grouped_conv(self, node: Node) -> None:
        x, w = node.inputs
        (at, room), groups = self.ring(node), node.options["groups"]
        taps = len(w.constant) * groups // x.channels
        self.emit(P.GROUPED_CONV, self.new(node), at, x.channels, self.put("floats", w.constant.astype(np.float32)),
                  taps, node.options["dilation"], room, groups)

    def emit_dynamic_conv(self, node: Node) -> None:
        x, weights = node.inputs
        (at, room), offsets = self.ring(node), node.options["offsets"]
        self.emit(P.DYNAMIC_CONV, self.new(node), at, x.channels, self.at(weights), self.number(*offsets), len(offsets),
                  room)

    def emit_scan(self, node: Node) -> None:
        decay, x = node.inputs
        op, a = (P.SCAN, self.at(decay)) if decay.array is None else (P.SCAN_CONSTANT, self.constant(decay))
        self.emit(op, self.new(node), a, x.channels, self.at(x), self.keep(x.channels))

    def emit_cumulative_mean(self, node: Node) -> None:
        x = node.inputs[0]
        self.emit(P.CUMULATIVE_MEAN, self.new(node), self.at(x), x.channels, self.keep(x.channels))

    def emit_linear_attention(self, node: Node) -> None:
        q, k, v, log_decay, beta = node.inputs
        heads, rule = node.options["heads"], RULES.index(node.options["rule"])
        keys, values = q.channels // heads, v.channels // heads
        self.widest = max(self.widest, padded(values))
        memory = self.keep(heads * keys * values)
        operands = [self.operand(x) for x in (k, v, log_decay, beta)]
        self.emit(P.LINEAR_ATTENTION, self.new(node), self.at(q), heads, *operands, rule, memory, keys, values)

    def operand(self, x: Value) -> int:
        """The place of x in the row, also of a constant, for an instruction that takes activations only."""
        if x.array is None:
            return self.at(x)
        at = self.slab.take_new(x.channels)           # which nothing else writes
        self.presets.append((at, x.constant.astype(np.float32)))
        return at

    def emit_attention(self, node: Node) -> None:
        qkv, n = node.inputs[0], node.output.channels
        head, window = node.options["head_dim"], node.options["window"] or ENDLESS
        self.heads = head if node.options["rotary"] else self.heads
        at = self.emit(P.ATTENTION, self.new(node), self.at(qkv), n, head, node.options["rotary"], window)
        self.attentions.append((at, n, n // head, padded(window + P.CHUNK)))

    def arenas(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """-> code (instructions, P.WIDTH), codes (uint8), words (int16), floats (float32)"""
        parts = (self.codes, np.uint8), (self.words, np.int16), (self.floats, np.float32)
        codes, words, floats = (pack.aligned(np.concatenate(part or [np.zeros(UNIT, dtype)])) for part, dtype in parts)
        return np.array(self.code, np.int64).reshape(-1, P.WIDTH), codes, words, floats
