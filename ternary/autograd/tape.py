"""Tensors, and a tape of backward functions.

An op is one function that returns its result and its backward function:

    @op
    def double(x: Tensor) -> Tensor:
        y = empty(x.shape)
        np.multiply(x.data, 2, out=y.data)
        def backward(dy):
            donate_grad(x, 2 * dy)
        return y, backward                # the tape keeps what `backward` refers to, and nothing else
"""
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, wraps
from math import prod
from typing import Any, TypeVar, overload

import numpy as np

from ternary.autograd.pool import Pool
from ternary.compiler.layout import padded

# of activations; bf16 is stored as uint16
PRECISION: dict[str, np.dtype] = {"int8": np.dtype(np.uint16), "bf16": np.dtype(np.uint16),
                                  "fp32": np.dtype(np.float32), "fp64": np.dtype(np.float64)}


class Tensor:
    """Activations of shape (B, T, C), or a parameter.

    `shape` is the shape that counts. `data` holds the rows in memory, (B * T, C), with zeros behind the channels up to
    a multiple of 32. `grad`, once there is one, has the layout of `data`; accum_grad: and the tape's accum_dtype.
    """

    def __init__(self, data: np.ndarray, shape: tuple[int, ...] | None = None):
        self._data: np.ndarray | None = data
        self._compute: Callable[[], np.ndarray] | None = None        # see recompute
        self.accum_grad = False
        self.grad: np.ndarray | None = None
        self.shape: tuple[int, ...] = data.shape if shape is None else shape

    @property
    def data(self) -> np.ndarray:
        if self._data is None:
            assert self._compute
            self._data = self._compute()
        return self._data

    @data.setter
    def data(self, data: np.ndarray) -> None:
        self._data = data

    def __repr__(self) -> str:
        return f"Tensor{self.shape} of {self.data.dtype}"


class PackedWeights(dict):
    """Quantised and packed weights, valid until they change (ops.packing.repack_tasks), in memory of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = Pool()


class Tape:
    """The ops that were called, in order. `with tape:` makes it the current tape of this thread; `backward()` walks
    the record in reverse and consumes it.

    precision is that of activations: "bf16" (as uint16), "fp32", or "fp64", which runs on the references; "int8" is
    bf16, but the operands of products with ternary weights are rounded to int8 by their absmax, per row or channel.
    dtype: of activations; accum_dtype: of the residual stream and of sums (float32, or float64); rng: for ops that
    draw random numbers; packed: may be that of other tapes too, None keeps nothing; grads: buffers in which the
    gradients of parameters add up, where these are not the parameters' own. on_op: is called after every op, as
    on_op(op, args, keywords, result); on_backward: after every backward function, with the number of those that are
    left.
    """

    def __init__(self, precision: str = "fp32", record: bool = True):
        self.precision, self.dtype, self.record = precision, PRECISION[precision], record
        self.accum_dtype = PRECISION["fp64" if precision == "fp64" else "fp32"]
        self.pool = Pool()
        self.nodes: list[tuple[Tensor, Callable[[np.ndarray], None]]] = []
        self.outer: list[Tape | None] = []
        self.packed: PackedWeights | None = PackedWeights()
        self.grads: dict[Tensor, np.ndarray] = {}
        self.on_op: Callable[[Callable, tuple, dict[str, Any], Tensor], None] | None = None
        self.on_backward: Callable[[int], None] | None = None
        self.rng = np.random.default_rng(0)

    def __enter__(self) -> "Tape":
        self.outer.append(_current.get())
        _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _current.set(self.outer.pop())

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Inside, ops are computed and not recorded."""
        before, self.record, self.on_op = (self.record, self.on_op), False, None
        try:
            yield
        finally:
            self.record, self.on_op = before

    def backward(self, *roots: tuple[Tensor, np.ndarray | float]) -> None:
        """Add to every `grad` the gradient of the sum of the roots' elements, each root times its weight.

        A root is (tensor, weight), the weight a number or an array like `tensor.data`. Ops that no root depends on are
        skipped.
        """
        for y, weight in roots:
            dy = weight.copy() if isinstance(weight, np.ndarray) else self._constant(y, weight)    # ops overwrite it
            y.grad = dy if y.grad is None else y.grad + dy
        with self:
            while self.nodes:
                node, backward = self.nodes.pop()
                if node.grad is not None:
                    backward(node.grad)
                del node, backward        # activations return to the pool one by one
                if self.on_backward:
                    self.on_backward(len(self.nodes))

    def _constant(self, y: Tensor, weight: float) -> np.ndarray:
        """weight for every element of y, 0 in the padding."""
        dy = np.full(y.data.shape, weight, self.accum_dtype)
        if dy.ndim == 2:
            dy[:, y.shape[-1]:] = 0
        return dy


OpFunction = TypeVar("OpFunction", bound=Callable[..., Tensor])      # to a type checker, an op returns y alone
_current: ContextVar[Tape | None] = ContextVar("current_tape", default=None)


def current_tape() -> Tape:
    """The tape of the innermost `with tape:` of this thread; outside of one, a tape that computes and keeps nothing."""
    tape = _current.get()
    if tape is None:
        tape = Tape("fp32", record=False)
        tape.packed = None                # no cache: nobody would clear it after a change of parameters
        _current.set(tape)
    return tape


@overload
def op(f: OpFunction) -> OpFunction: ...
@overload
def op(*, accum_grad: bool = False) -> Callable[[OpFunction], OpFunction]: ...
def op(f: Callable[..., Any] | None = None, *, accum_grad: bool = False) -> Callable[..., Any]:
    """Make an op of f(...) -> y, backward; backward(dy) hands gradients to the inputs.

    accum_grad: the gradients that consumers give to the result add up in accum_dtype, as bf16 would lose most there.
    """
    if f is None:
        return partial(op, accum_grad=accum_grad)

    @wraps(f)
    def run(*args: Any, **kw: Any) -> Tensor:
        y, backward = f(*args, **kw)
        y.accum_grad = accum_grad
        tape = current_tape()
        if tape.record:
            tape.nodes.append((y, backward))
        if tape.on_op:
            tape.on_op(run, args, kw, y)
        return y
    return run


def recompute(y: Tensor, f: Callable[..., Tensor], *args: Any) -> None:
    """Free the memory of y = f(*args), once its consumers have been called: the backward pass computes it again.

    For what is cheap, and depends on nothing but tensors that are kept anyway: a norm (Chen et al. 2016).
    """
    tape = current_tape()

    def compute() -> np.ndarray:
        with tape, tape.paused():                 # in its precision, also where `data` is read outside of it
            return f(*args).data
    if tape.record:
        y._data, y._compute = None, compute


def empty(shape: tuple[int, ...], accum: bool = False) -> Tensor:
    """An uninitialised tensor of shape (..., C) in the type of activations, or in accum_dtype."""
    return Tensor(scratch((prod(shape[:-1]), padded(shape[-1])), accum), shape)


def scratch(shape: tuple[int, ...], accum: bool = False) -> np.ndarray:
    """An uninitialised array from the tape's pool, in the type of activations, or in accum_dtype."""
    tape = current_tape()
    return tape.pool.empty(shape, tape.accum_dtype if accum else tape.dtype)


def scratch_like(a: np.ndarray) -> np.ndarray:
    """An uninitialised array of the shape and type of `a`."""
    return current_tape().pool.empty(a.shape, a.dtype)


def grad_buffer(x: Tensor) -> tuple[np.ndarray, bool]:
    """Where a kernel writes the gradient of x, and whether it has to add to what is there already."""
    if x.grad is None:
        x.grad = scratch(x.data.shape, accum=True) if x.accum_grad else scratch_like(x.data)
        return x.grad, False
    return x.grad, True
