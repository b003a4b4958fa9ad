import numpy as np

from ternary.autograd.tape import Tensor, current_tape
from ternary.ops.numpy_op import numpy_op


def dropout(x: Tensor, p: float) -> Tensor:
    """x (B, T, C) -> each element 0 with probability p, or else x / (1 - p) (Srivastava et al. 2014)

    The tape's rng decides. x itself if p is 0 or the tape does not record, as in evaluation.
    """
    if not 0 <= p < 1:
        raise ValueError(f"[ops.dropout] p is {p}; expected a probability from 0 to less than 1")
    tape = current_tape()
    if p == 0 or not tape.record:
        return x
    return keep_where(x, tape.rng.random(x.shape, np.float32) >= p, 1 / (1 - p))


@numpy_op
def keep_where(x: Tensor, kept: np.ndarray, factor: float) -> Tensor:
    """x (B, T, C), kept (B, T, C) of bool -> factor * x where kept, else 0"""
    def backward(dy):
        return np.where(kept, dy * factor, 0)
    return np.where(kept, x * factor, 0), backward
