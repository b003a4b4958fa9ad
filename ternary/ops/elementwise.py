import numpy as np

from ternary.autograd.tape import Tensor, current_tape, empty, op
from ternary.compiler.layout import from_bf16, to_bf16
from ternary.ops.gradients import donate_grad


@op
def add(x: Tensor, y: Tensor) -> Tensor:
    """x, y (B, T, C) -> x + y, in accum_dtype if one of them is"""
    accum = current_tape().accum_dtype in (x.data.dtype, y.data.dtype)
    z = empty(x.shape, accum)
    a, b = (from_bf16(t.data) if t.data.dtype == np.uint16 else t.data for t in (x, y))
    z.data[...] = a + b if z.data.dtype != np.uint16 else to_bf16(a + b)

    def backward(dy):
        donate_grad(y, dy.copy())
        donate_grad(x, dy)
    return z, backward
