"""Between NumPy arrays and tensors."""
import numpy as np

from ternary.autograd.tape import Tensor, scratch
from ternary.compiler.layout import pad_to_tile, unpadded
from ternary.kernels.elementwise import convert


def as_tensor(a: np.ndarray, accum: bool = False) -> Tensor:
    """An array (..., C) -> a tensor of that shape in the tape's type of activations, or in accum_dtype."""
    rows = pad_to_tile(np.asarray(a).reshape(-1, a.shape[-1]), (-1,))
    y = scratch(rows.shape, accum)
    if y.dtype == np.uint16:
        convert(np.ascontiguousarray(rows, np.float32), y)
    else:
        y[...] = rows
    return Tensor(y, a.shape)


def as_array(x: Tensor) -> np.ndarray:
    """The values of a tensor (..., C) or of a parameter, without padding: float32 (float64 under a float64 tape)."""
    return array_of(x.data, x.shape)


def array_of(a: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The `data` or `grad` of a tensor of this shape as floats, without padding."""
    if a.dtype == np.uint16:
        y = scratch(a.shape, accum=True)
        convert(a, y)
        a = y
    if a.ndim == len(shape):
        a = unpadded(a, shape)
    elif a.ndim == 2:
        a = a[:, :shape[-1]]
    return a.reshape(shape)
