from collections.abc import Callable
from functools import wraps

import numpy as np

from ternary.autograd.tape import Tensor, current_tape, op
from ternary.ops.arithmetic import any_accum
from ternary.ops.convert import array_of, as_array, as_tensor
from ternary.ops.gradients import add_array_grad


def numpy_op(f: Callable) -> Callable:
    """Make an op of f(arrays...) -> y, backward(dy) -> gradients, in plain NumPy.

    f gets each tensor as a read-only float array of its shape, usually (B, T, C), float64 under a float64 tape and
    float32 under any other; other arguments as they are. backward returns the gradient of each tensor in the order of
    the arguments, None where there is none; the array itself if there is one tensor.

        @numpy_op
        def cumulative_mean(x):
            n = np.arange(1, x.shape[1] + 1)[:, None]
            def backward(dy):
                return np.flip(np.flip(dy / n, 1).cumsum(1), 1)
            return x.cumsum(1) / n, backward
    """
    def array(x):
        return read_only(as_array(x)) if isinstance(x, Tensor) else x

    @op
    @wraps(f)
    def run(*args, **options):
        tensors = [x for x in (*args, *options.values()) if isinstance(x, Tensor)]
        match f(*map(array, args), **{name: array(x) for name, x in options.items()}):
            case np.ndarray() as y, f_backward if callable(f_backward):
                shape = y.shape
            case other:
                raise TypeError(f"[{f.__name__}] it returned {type(other).__name__}; want an array and backward(dy)")

        def backward(dy):
            dy = read_only(array_of(dy, shape)).astype(current_tape().accum_dtype, copy=False)
            gradients = f_backward(dy)
            gradients = gradients if isinstance(gradients, tuple) else (gradients,)
            if len(gradients) != len(tensors):
                raise ValueError(f"[{f.__name__}] {len(gradients)} gradients; expected one for each of {len(tensors)} "
                                 "tensors, None where there is none")
            for k, (x, gradient) in enumerate(zip(tensors, gradients)):
                if gradient is not None:
                    add_array_grad(x, checked(gradient, x.shape, f"[{f.__name__}] gradient {k}"))
        return as_tensor(y, accum=any_accum(*tensors)), backward
    return run


def read_only(a: np.ndarray) -> np.ndarray:
    """A view that cannot be written: it may be the memory of a tensor."""
    view = a.view()
    view.flags.writeable = False
    return view


def checked(gradient: np.ndarray, shape: tuple[int, ...], what: str) -> np.ndarray:
    if np.shape(gradient) != shape:
        raise ValueError(f"{what}: shape {np.shape(gradient)}, expected that of its tensor, {shape}")
    return gradient
