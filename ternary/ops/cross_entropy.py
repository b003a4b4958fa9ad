import numpy as np

from ternary.autograd.tape import Tape, Tensor, empty, op
from ternary.kernels import cross_entropy as head
from ternary.ops.gradients import donate_grad
from ternary.ops.linear import PackedTable


@op
def cross_entropy(h: Tensor, table: PackedTable, target: np.ndarray, scale: float, noise: float = 0.0) -> Tensor:
    """-log softmax(h @ table.T)[target] of every row, in nats.    h (N, D), table (V, D), target (N,) -> (N,)

    The gradients are those of scale * sum, made on the way forward so that no logits are kept: what the tape
    hands to the way back has to be `scale`, and is not looked at. noise: how much the variance of the gradients may
    grow, as a share, by leaving out blocks of improbable words at random (see kernels.head); they stay unbiased.
    """
    loss, dh = np.empty(len(h.data), Tape.now.wide), empty(h.data.shape, wide=True)
    scale, seed = Tape.now.wide.type(scale), int(Tape.now.rng.integers(1 << 63)) if noise else 0
    head.cross_entropy(h.data, table.table.data, target, table.vocab_rows, table.factors, table.channels,
                       scale, noise, seed, loss, dh, table.table.grad)

    def backward(dy):
        donate_grad(h, dh)
    return loss, backward


def nll(h: Tensor, table: PackedTable, target: np.ndarray) -> np.ndarray:
    """The value of cross_entropy without gradients."""
    loss = np.empty(len(h.data), Tape.now.wide)
    head.nll(h.data, table.table.data, target, table.vocab_rows, table.factors, loss)
    return loss
