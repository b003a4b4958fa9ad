"""Tensors and a tape of backward functions.

An operation is one function that returns its value and its way back:

    @op
    def double(x):
        y = empty(x.data.shape)
        ...
        def backward(dy):
            dx, add = into(x)             # where the gradient of x goes, and whether it is added to what is there
            ...
        return y, backward                # what backward mentions is what the tape keeps
"""
from collections.abc import Callable
from functools import partial, wraps

import numpy as np

from ternary.autograd.pool import Pool

PRECISION = {"int8": np.dtype(np.uint16), "bf16": np.dtype(np.uint16), "fp32": np.dtype(np.float32),
             "fp64": np.dtype(np.float64)}


class Tensor:
    """An array `data` and, on the way back, its gradient `grad`: of the same type, or wide.

    `shape` is what counts of them: parameters have zeros behind (nn/module.py).
    """

    def __init__(self, data: np.ndarray, accum_grad: bool = False):
        self.data, self.grad, self.accum_grad, self.shape = data, None, accum_grad, data.shape


class Tape:
    """What happened, in order. `with tape:` records; `backward()` walks the record in reverse and consumes it.

    precision is that of activations: "bf16" (as uint16), "fp32", or "fp64", which runs on the references; "int8" is
    bf16, but what meets a ternary weight is rounded to int8 of the largest of its row first, and both operands of its
    gradient to int8 of the largest of their channel.
    `dtype` is its NumPy type, `wide` the type of the residual stream and of sums (float32, or float64), `rng`
    where operations that need chance get theirs.
    """

    now: "Tape | None" = None

    def __init__(self, precision: str = "fp32", record: bool = True):
        self.precision, self.dtype, self.record = precision, PRECISION[precision], record
        self.wide = PRECISION["fp64" if precision == "fp64" else "fp32"]
        self.pool, self.nodes, self.outer = Pool(), [], []
        self.rng = np.random.default_rng(0)

    def __enter__(self) -> "Tape":
        self.outer.append(Tape.now)
        Tape.now = self
        return self

    def __exit__(self, *_) -> None:
        Tape.now = self.outer.pop()

    def backward(self, y: Tensor, dy: np.ndarray) -> None:
        """Go back from y, whose gradient is dy, through all that is recorded. What y does not use is skipped."""
        y.grad = dy
        with self:
            while self.nodes:
                node, back = self.nodes.pop()
                if node.grad is not None:
                    back(node.grad)
                del node, back            # activations return to the pool one by one


def op(f: Callable | None = None, *, accum_grad: bool = False) -> Callable:
    """Make an operation of f(...) -> data, backward; backward(dy) hands gradients to the inputs.

    wide_grad: the consumers' gradients of the result add up in the wide type, where rounding would cost most.
    """
    if f is None:
        return partial(op, accum_grad=accum_grad)

    @wraps(f)
    def run(*args, **kw) -> Tensor:
        data, backward = f(*args, **kw)
        y = Tensor(data, accum_grad)
        if Tape.now.record:
            Tape.now.nodes.append((y, backward))
        return y
    return run


def empty(shape: tuple[int, ...], wide: bool = False) -> np.ndarray:
    """An uninitialised array of the tape's activations, or of its wide type."""
    return Tape.now.pool.empty(shape, Tape.now.wide if wide else Tape.now.dtype)


def empty_like(x: np.ndarray) -> np.ndarray:
    return Tape.now.pool.empty(x.shape, x.dtype)


def grad_buffer(x: Tensor) -> tuple[np.ndarray, bool]:
    """Where to put the gradient of x, and whether to add it to what is there: more consumers cost no extra pass."""
    if x.grad is None:
        x.grad = empty(x.data.shape, wide=True) if x.accum_grad else empty_like(x.data)
        return x.grad, False
    return x.grad, True
