import numpy as np

from ternary.autograd.tape import Tensor
from ternary.kernels.embedding import add_into


def donate_grad(x: Tensor, dy: np.ndarray) -> None:
    """Give the array dy, which nobody else may use afterwards, to x as its gradient, or add it to what is there."""
    if x.grad is None:
        x.grad = dy
    else:
        add_into(dy, x.grad)              # not +=: bf16 is stored as uint16
