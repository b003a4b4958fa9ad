from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ternary.autograd.tape import Tensor, current_tape
from ternary.compiler.layout import pad_to_tile, unpadded


class Parameter(Tensor):
    """An array that is trained, given by its first values. The optimizer owns `data` and `grad` once it has it.

    `data` has zeros behind the channels, up to tiles of 32, which get no gradient and stay zeros; `shape` and `values`
    are without them. `grad` is where the current tape adds up gradients, allocated as zeros at first use: threads that
    share a step have buffers of their own. matrix: a linear map between channels, which Muon may train.
    """

    def __init__(self, values: np.ndarray, matrix: bool = False):
        values = np.asarray(values, np.float32)
        super().__init__(pad_to_tile(values, (0, 1) if matrix else (-1,)), values.shape)
        self._grad: np.ndarray | None = None         # a model that only generates has none
        self.matrix = matrix

    @property                             # type: ignore[override]
    def grad(self) -> np.ndarray:
        grads = current_tape().grads
        if self in grads:
            return grads[self]
        if self._grad is None:
            self._grad = np.zeros(self.data.shape, self.data.dtype)
        return self._grad

    @grad.setter
    def grad(self, value: np.ndarray) -> None:
        grads = current_tape().grads
        if self in grads:
            grads[self] = value
        else:
            self._grad = value

    @property
    def values(self) -> np.ndarray:
        """A view of `data` without padding."""
        return unpadded(self.data, self.shape)


class Module:
    """A tree of modules and parameters, held as attributes or in lists.

    A layer has one form, `layer(x, state=None)`: without a state, x (B, T, C) are whole sequences; with one, made by
    `init_state(batch)`, x continues the sequences that the state has seen, by a prompt, a chunk or one token, and the
    state moves on. What a layer adds to `residual` itself it says by fuses_residual.
    """
    fuses_residual = False
    __call__: Callable[..., Any]          # defined by each layer

    def init_state(self, batch: int) -> Any:
        """What the layer carries from one call to the next, for `batch` sequences; None if it needs nothing."""
        return None

    def children(self) -> Iterator[tuple[str, "Module | Parameter"]]:
        for name, value in vars(self).items():
            members = enumerate(value) if isinstance(value, list) else [("", value)]
            for k, member in members:
                if isinstance(member, Module | Parameter):
                    yield f"{name}.{k}" if isinstance(value, list) else name, member

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, "Module"]]:
        """This module and all below it, with names like "blocks.0.mixer.up"."""
        yield prefix, self
        for name, child in self.children():
            if isinstance(child, Module):
                yield from child.named_modules(f"{prefix}.{name}" if prefix else name)

    def modules(self) -> Iterator["Module"]:
        return (module for _, module in self.named_modules())

    def parameters(self) -> dict[str, Parameter]:
        """Names like "blocks.0.mixer.up.weight" -> parameters, in the order in which they were made."""
        found = {}
        for name, child in self.children():
            if isinstance(child, Parameter):
                found[name] = child
            else:
                found.update({f"{name}.{below}": p for below, p in child.parameters().items()})
        return found
