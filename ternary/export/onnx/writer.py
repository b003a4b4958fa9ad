"""Nodes, constants and states of an ONNX graph, written one after the other."""
import hashlib
from typing import Any

import numpy as np

from ternary.graph import Value

Input = str | Value | np.ndarray


class Writer:
    """Collects the parts of a graph. An input of a node is the name of a tensor, a value of `ternary.graph` or an
    array, which becomes an initializer; equal arrays become one."""

    def __init__(self) -> None:
        from onnx import helper  # only needed to write
        self._helper = helper
        self._place = ""                              # the layer of the nodes that follow
        self._nodes: list[Any] = []
        self._names: dict[int, str] = {}              # of values, by id
        self._initializers: dict[str, Any] = {}       # by a hash of the content
        self._inputs = [self._tensor("token", (1,), np.int64)]
        self._outputs: list[Any] = []
        self.states: dict[str, str] = {}              # input -> output

    def _op(self, kind: str, *inputs: Input, outputs: int = 1, name: str = "", **attributes: Any) -> Any:
        """One node -> the name of its output, or a list of names. name: for the output."""
        node_name = f"{self._place}/{kind}.{len(self._nodes)}"
        names = [f"{node_name}:{k}" for k in range(outputs)] if outputs > 1 else [name or node_name]
        input_names = [self._name(x) for x in inputs]
        self._nodes.append(self._helper.make_node(kind, input_names, names, node_name, **attributes))
        return names if outputs > 1 else names[0]

    def _name(self, x: Input) -> str:
        if isinstance(x, str):
            return x
        if isinstance(x, np.ndarray):
            return self._constant(x.astype(np.float32) if x.dtype == np.float64 else x)
        return self._names[id(x)] if x.array is None else self._name(x.array)

    def _constant(self, a: np.ndarray, packed: tuple[int, tuple[int, ...]] | None = None) -> str:
        """An initializer. packed: type and shape of the numbers that are packed in the bytes of `a`."""
        kind, shape = packed or (self._helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        content = a.astype(a.dtype.newbyteorder("<"), copy=False).tobytes()
        key = hashlib.sha256(f"{kind} {shape} ".encode() + content).hexdigest()
        if key not in self._initializers:
            name = f"constant.{len(self._initializers)}"
            self._initializers[key] = self._helper.make_tensor(name, kind, shape, content, raw=True)
        return self._initializers[key].name

    def _reshape(self, x: Input, *shape: int) -> str:
        return self._op("Reshape", x, np.array(shape))

    def _state(self, shape: tuple[int | str, ...], name: str = "", dtype: type = np.float32) -> str:
        """An input with what is kept of the tokens before; zeros at first. An axis that grows has a name."""
        name = name or f"state.{len(self.states)}"
        self.states[name] = f"new_{name}"
        self._inputs.append(self._tensor(name, shape, dtype))
        new_shape = tuple(f"new_{n}" if isinstance(n, str) else n for n in shape)
        self._outputs.append(self._tensor(self.states[name], new_shape, dtype))
        return name

    def _keep(self, state: str, x: str) -> None:
        """x: the state after this token."""
        self._op("Identity", x, name=self.states[state])

    def _tensor(self, name: str, shape: tuple[int | str, ...], dtype: type = np.float32) -> Any:
        return self._helper.make_tensor_value_info(name, self._helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)


def packed4(a: np.ndarray) -> np.ndarray:
    """Numbers of 4 bits, the last axis even -> bytes with two of them each, the first in the low bits."""
    return (a[..., ::2] & 15 | (a[..., 1::2] & 15) << 4).astype(np.uint8)
