import numpy as np

from ternary.autograd.tape import Tensor, current_tape, empty, op, scratch, scratch_like
from ternary.compiler.layout import pad_to_tile, unpadded
from ternary.kernels import cross_entropy as K
from ternary.kernels.gemm.blocks import matmul
from ternary.kernels.gemm.quant import quantized, scale_of_each
from ternary.kernels.gemm.weight_grad import matmul_dw
from ternary.ops.arithmetic import expect_shape
from ternary.ops.few_rows import is_few, product
from ternary.ops.gradients import donate_grad
from ternary.ops.packing import cached_on_tape, packed_table, packed_vocabulary


@op
def cross_entropy(h: Tensor, table: Tensor, targets: np.ndarray, scale: float, sampling: float = 0.0) -> Tensor:
    """h (B, T, C), table (V, C), targets (B, T) -> -log softmax(h @ table.T)[target], (B, T), in nats

    Logits are not kept: the gradients are computed in the forward pass. So the weight of this root in
    Tape.backward has to be given here, as `scale`. sampling: how much the variance of the gradients may grow, as a
    share, by importance sampling of vocabulary tiles (see kernels.cross_entropy); the gradients stay unbiased.
    """
    tape, packed, target = current_tape(), packed_table(table), flat(targets, h, table)
    loss, dh = Tensor(np.empty(len(h.data), tape.accum_dtype), targets.shape), scratch(h.data.shape, accum=True)
    scale, seed = tape.accum_dtype.type(scale), int(tape.rng.integers(1 << 63)) if sampling else 0
    K.cross_entropy(h.data, table.data, target, packed.vocab_rows, packed.factors, packed.channels,
                    scale, sampling, seed, loss.data, dh, table.grad)

    def backward(dy):
        donate_grad(h, dh)
    return loss, backward


def nll(h: Tensor, table: Tensor, targets: np.ndarray) -> np.ndarray:
    """The values of cross_entropy, (B, T), without gradients."""
    packed, loss = packed_table(table), np.empty(len(h.data), current_tape().accum_dtype)
    K.nll(h.data, table.data, flat(targets, h, table), packed.vocab_rows, packed.factors, loss)
    return loss.reshape(targets.shape)


@op
def logits(h: Tensor, table: Tensor) -> Tensor:
    """h (B, T, C), table (V, C) -> h @ table.T, (B, T, V) in accum_dtype, kept: 4 V bytes per token"""
    shape = (*h.shape[:-1], table.shape[0])
    expect_shape("logits", "table", table, (shape[-1], h.shape[-1]))
    y = empty(shape, accum=True)
    if is_few(h):
        y.data[:, :shape[-1]], y.data[:, shape[-1]:] = product(h, table, None), 0
        return y, None
    w = packed_vocabulary(table)
    matmul(h.data, w.w_forward, w.alpha, y.data[:0], False, y.data)

    def backward(dy):
        dh = scratch_like(h.data)
        matmul(dy, w.w_backward, w.alpha, dh[:0], False, dh)
        donate_grad(h, dh)
        dw = np.zeros((dy.shape[1], table.data.shape[1]), table.data.dtype)
        matmul_dw(dy, h.data, scratch((1, 1)), dw)
        table.grad += dw[:len(table.data)]
    return y, backward


@op
def ternary_table(table: Tensor, quantizer: str) -> Tensor:
    """table (V, C) -> its ternary values, (V, C), for the ops above; straight-through estimator, see packed_weight"""
    y = Tensor(ternary_values(table, quantizer), table.shape)
    y.grad = np.zeros(y.data.shape, current_tape().accum_dtype) if current_tape().record else None

    def backward(dy):
        table.grad += dy
    return y, backward


@cached_on_tape
def ternary_values(table: Tensor, quantizer: str) -> np.ndarray:
    codes, alpha = quantized(unpadded(table.data, table.shape), quantizer)
    return pad_to_tile(codes * scale_of_each(alpha, codes.shape, quantizer), (-1,))


def flat(targets: np.ndarray, h: Tensor, table: Tensor) -> np.ndarray:
    """targets (B, T) -> (B * T,). ValueError for what the kernels would read beyond the end of h or of the table."""
    expect_shape("cross_entropy", "targets", targets, h.shape[:-1])
    expect_shape("cross_entropy", "table", table, (table.shape[0], h.shape[-1]))
    if targets.size and not 0 <= targets.min() <= targets.max() < table.shape[0]:
        raise ValueError(f"[ops.cross_entropy] targets from {targets.min()} to {targets.max()}; expected 0 to "
                         f"{table.shape[0] - 1}")
    return np.ascontiguousarray(targets, np.int32).ravel()
