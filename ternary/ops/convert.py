"""Between NumPy arrays and tensors."""
import numpy as np

from ternary.autograd.tape import Tensor, current_tape
from ternary.compiler.layout import from_bf16, pad_to_tile, to_bf16


def as_tensor(a: np.ndarray) -> Tensor:
    """An array (..., C) -> a tensor of that shape in the tape's type of activations."""
    rows = pad_to_tile(np.asarray(a).reshape(-1, a.shape[-1]), (-1,))
    dtype = current_tape().dtype
    rows = to_bf16(rows) if dtype == np.uint16 else rows.astype(dtype)
    return Tensor(np.ascontiguousarray(rows), a.shape)


def as_array(x: Tensor) -> np.ndarray:
    """The values of a tensor (..., C), without padding, as float32 (float64 under a float64 tape)."""
    return rows_of(x.data, x.shape[-1]).reshape(x.shape)


def rows_of(rows: np.ndarray, channels: int) -> np.ndarray:
    """Rows of a tensor's `data` or `grad` as floats, without padding."""
    rows = rows[:, :channels] if rows.ndim == 2 else rows
    return from_bf16(rows) if rows.dtype == np.uint16 else rows
