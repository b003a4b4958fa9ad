"""Between NumPy arrays and tensors."""
import numpy as np

from ternary.autograd.tape import Tensor, current_tape
from ternary.compiler.layout import from_bf16, pad_to_tile, to_bf16, unpadded


def as_tensor(a: np.ndarray, accum: bool = False) -> Tensor:
    """An array (..., C) -> a tensor of that shape in the tape's type of activations, or in accum_dtype."""
    rows = pad_to_tile(np.asarray(a).reshape(-1, a.shape[-1]), (-1,))
    dtype = current_tape().accum_dtype if accum else current_tape().dtype
    rows = to_bf16(rows) if dtype == np.uint16 else rows.astype(dtype)
    return Tensor(np.ascontiguousarray(rows), a.shape)


def as_array(x: Tensor) -> np.ndarray:
    """The values of a tensor (..., C) or of a parameter, without padding: float32 (float64 under a float64 tape)."""
    return array_of(x.data, x.shape)


def array_of(a: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The `data` or `grad` of a tensor of this shape as floats, without padding."""
    if a.ndim == len(shape):
        a = unpadded(a, shape)
    elif a.ndim == 2:
        a = a[:, :shape[-1]]
    return (from_bf16(a) if a.dtype == np.uint16 else a).reshape(shape)
