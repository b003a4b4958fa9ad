import numpy as np

from ternary.autograd.tape import Tensor
from ternary.kernels.embedding import add_into


def donate_grad(x: Tensor, dy: np.ndarray) -> None:
    """dy is the gradient of x as it stands: its memory changes hands, or it is added to what is there."""
    if x.grad is None:
        x.grad = dy
    else:
        add_into(dy, x.grad)              # not +=: bf16 travels as uint16
