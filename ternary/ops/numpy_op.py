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
        y, f_backward = f(*map(array, args), **{name: array(x) for name, x in options.items()})
        shape = y.shape

        def backward(dy):
            dy = read_only(array_of(dy, shape)).astype(current_tape().accum_dtype, copy=False)
            gradients = f_backward(dy)
            gradients = gradients if isinstance(gradients, tuple) else (gradients,)
            for k, (x, gradient) in enumerate(zip(tensors, gradients, strict=True)):
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
