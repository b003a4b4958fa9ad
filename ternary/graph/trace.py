"""From a model to its graph: the model reads one token, and every op it calls is written down."""
import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ternary import ops
from ternary.autograd.tape import Tape, Tensor
from ternary.compiler.backend import use_backend
from ternary.graph.nodes import Graph, Node, Value
from ternary.models.lm import LM


def trace(model: LM) -> Graph:
    """The graph of `model`. Kernels are not run: only constants are computed, such as the sigmoid of a parameter.

    What a model computes from activations outside of ops, in NumPy, is taken for a constant: compare the outputs.
    """
    recorder = Recorder(model)
    with np.errstate(all="ignore"), Tape("fp64", record=False) as tape, use_backend(lambda kernel, args: None):
        tape.on_op = recorder.record
        model(np.zeros((1, 1), np.int64), model.init_state())
    return recorder.graph()


class Recorder:
    """Gets every call of an op, and keeps its node."""

    def __init__(self, model: LM):
        self.modules = {id(module): f"{name} ({type(module).__name__})" for name, module in model.named_modules()}
        self.nodes: list[Node] = []
        self.values: dict[int, Value] = {}
        self.kept: list[Tensor] = []          # alive, so that no id is given twice
        self.result: tuple[Value, np.ndarray] | None = None
        for name, p in model.parameters().items():
            self.values[id(p)] = Value(p.shape[-1], p.values, name)

    def record(self, op: Callable, args: tuple, keywords: dict[str, Any], y: Tensor) -> None:
        bound = inspect.signature(op).bind(*args, **keywords)
        bound.apply_defaults()
        options, inputs = dict(bound.arguments), []
        for key, x in bound.arguments.items():
            for part in x if isinstance(x, tuple | list) else [x]:
                if isinstance(part, Tensor):
                    inputs.append(self.value(part))
                    options.pop(key, None)
        self.kept.append(y)
        name = op.__name__
        if name == "logits":
            self.result = inputs[0], inputs[1].constant
        elif inputs and all(x.array is not None for x in inputs) and name != "embedding":
            y.data[...] = folded(op, args, keywords)
            self.values[id(y)] = Value(y.shape[-1], constant(y))
        else:
            lower = getattr(self, f"lower_{name}", None)
            options = {key: x for key, x in options.items() if not isinstance(x, Tensor)}
            self.values[id(y)] = lower(inputs, options) if lower else self.add(name, inputs, y.shape[-1], options)

    def value(self, x: Tensor) -> Value:
        if id(x) not in self.values:              # a tensor that no op made
            self.kept.append(x)
            self.values[id(x)] = Value(x.shape[-1], constant(x))
        return self.values[id(x)]

    def add(self, op: str, inputs: list[Value], channels: int, options: dict[str, Any] | None = None) -> Value:
        """One more node -> its output"""
        kept = {name: value for name, value in (options or {}).items() if name != "state"}
        output = Value(channels)
        self.nodes.append(Node(op, tuple(inputs), output, kept, self.place()))
        return output

    def place(self) -> str:
        """The innermost layer among the calls that led here."""
        frame = sys._getframe(1)
        while frame:
            if name := self.modules.get(id(frame.f_locals.get("self"))):
                return name
            frame = frame.f_back
        return "the model"

    def lower_embedding(self, inputs, options):
        return self.add("embedding", inputs, inputs[0].channels)

    def lower_drop_time(self, inputs, options):
        return inputs[0]                          # of a window, the row of the current token

    def lower_with_past(self, inputs, options):
        return self.add("window", inputs, inputs[0].channels, {"size": options["filled"]})

    def lower_linear(self, inputs, options):
        x, weight, *residual = inputs
        y = self.add("linear", [x, weight], len(weight.constant), {"quantizer": options["quantizer"]})
        return self.add("add", [*residual, y], y.channels) if residual else y

    def lower_glu(self, inputs, options):
        xg, xu, gate, up, *down = inputs
        gate, up = (self.lower_linear([x, w], options) for x, w in ((xg, gate), (xu, up)))
        h = self.add("mul", [self.add(options["activation"], [gate], gate.channels), up], up.channels)
        return self.lower_linear([h, *down], options) if down else h

    def lower_relu2_mlp(self, inputs, options):
        x, up, down, *residual = inputs
        h = self.lower_linear([x, up], options)
        return self.lower_linear([self.add("relu2", [h], h.channels), down, *residual], options)

    def lower_gated_conv(self, inputs, options):
        x, w = inputs
        past, n = self.window(x), w.channels
        source = past.inputs[0] if past else x
        gate, value = (self.add("channels", [source], n, {"first": k, "last": k + n}) for k in (0, n))
        rows = self.add("window", [value], n, {"size": (len(w.constant) - 1) * options["dilation"]})
        y = self.add("causal_conv", [rows, w], n, options)
        return self.add("mul", [y, self.add("sigmoid", [gate], n)], n)

    def lower_token_shift(self, inputs, options):
        x, mix = inputs
        share = 1 / (1 + np.exp(-mix.constant))
        return self.add("causal_conv", [x, Value(mix.channels, np.stack([1 - share, share]))], x.channels,
                        {"dilation": 1})

    def lower_shift(self, inputs, options):
        x, n = inputs[0], options["n"]
        taps = np.zeros((n + 1, x.channels))
        taps[0] = 1
        return self.add("causal_conv", [x, Value(x.channels, taps)], x.channels, {"dilation": 1})

    def lower_gated_scan(self, inputs, options):
        forget, value, output, bias = inputs
        n, floor = value.channels, float(options["floor"])

        def rest(x: Value) -> Value:              # 1 - x
            return self.add("add", [self.add("scale", [x], n, {"factor": -1.0}), Value(1, np.ones(1))], n)
        gate = self.add("sigmoid", [self.add("add", [forget, bias], n)], n)
        decay = self.add("add", [self.add("scale", [gate], n, {"factor": 1 - floor}), Value(1, np.full(1, floor))], n)
        s = self.add("scan", [decay, self.add("mul", [value, rest(decay)], n)], n, {"state": options["state"]})
        return self.add("mul", [s, self.add("sigmoid", [output], n)], n)

    def lower_attention(self, inputs, options):
        options.pop("first")
        past = self.window(inputs[0])             # all of it, which is the state of attention
        qkv = past.inputs[0] if past else inputs[0]
        return self.add("attention", [qkv], qkv.channels // 3, options)

    def lower_slot_reading(self, inputs, options):
        x, slots = inputs
        p = self.lower_linear([x, slots], {"quantizer": None})
        p = self.add("softmax", [self.add("scale", [p], p.channels, {"factor": x.channels ** -0.5})], p.channels)
        return self.lower_linear([p, Value(len(slots.constant), slots.constant.T)], {"quantizer": None})

    def window(self, x: Value) -> Node | None:
        """The node that made x, if it is a window."""
        return next((node for node in reversed(self.nodes) if node.output is x and node.op == "window"), None)

    def graph(self) -> Graph:
        """Without the nodes that nothing depends on."""
        assert self.result is not None, "the model has no logits"
        hidden, table = self.result
        needed, nodes = {id(hidden)}, []
        for node in reversed(self.nodes):
            if id(node.output) in needed:
                needed |= {id(x) for x in node.inputs}
                nodes.append(node)
        return Graph(nodes[::-1], hidden, table)


def folded(op: Callable, args: tuple, keywords: dict[str, Any]) -> np.ndarray:
    """The data of what an op makes of constants."""
    with Tape("fp64", record=False), use_backend(run_reference):
        return op(*args, **keywords).data


def constant(x: Tensor) -> np.ndarray:
    """(1, 1, C) -> (C,); parameters and matrices as they are"""
    a = ops.as_array(x)
    return a.reshape(-1) if a.ndim == 3 else a


def run_reference(kernel: Any, args: tuple) -> None:
    kernel.run_reference(args)
