import numpy as np

from ternary.autograd.tape import Tensor, empty, op
from ternary.kernels import embedding as K


@op
def embedding(tokens: np.ndarray, table: Tensor) -> Tensor:
    """tokens (B, T), table (V, C) -> y[b, t] = table[tokens[b, t]], (B, T, C) in accum_dtype"""
    if tokens.size and not 0 <= tokens.min() <= tokens.max() < len(table.data):
        raise ValueError(f"[ops.embedding] tokens from {tokens.min()} to {tokens.max()}; expected 0 to "
                         f"{len(table.data) - 1}")
    y, index = empty((*tokens.shape, table.shape[1]), accum=True), np.ascontiguousarray(tokens, np.int32).ravel()
    K.gather(table.data, index, y.data)

    def backward(dy):
        K.scatter_add(index, dy, len(table.data), table.grad)
    return y, backward
