"""Matrices are packed once per optimizer step, and used by all parts of the batch."""
from dataclasses import dataclass

import numpy as np

from ternary.autograd.tape import Tape, Tensor, empty, grad_buffer, op
from ternary.compiler.tiles import TILE_N
from ternary.kernels import glu as K
from ternary.kernels import relu2 as mlp
from ternary.kernels.gemm import blocks as gemm
from ternary.kernels.gemm import pack, quant
from ternary.kernels.gemm.lookup import CODES, LOOKUPS
from ternary.kernels.gemm.weight_grad import matmul_dw
from ternary.ops.gradients import donate_grad


@dataclass
class Packed:
    """A weight (M, K) in panels, or codes, over its inputs and over its outputs, and the scale of the product."""
    weight: Tensor
    w_forward: np.ndarray
    w_backward: np.ndarray
    alpha: np.floating


@dataclass
class PackedTable:
    """An embedding (V, D), padded to words (V', D), and its transpose: left operands of the head, see kernels.head."""
    table: Tensor
    vocab_rows: np.ndarray
    factors: np.ndarray
    channels: np.ndarray


def packed_linear(weight: Tensor, quantizer: str | None) -> Packed:
    """weight (M, K), as it is or ternary ("tensor", "row", "block256") by a straight-through estimator.

    The gradient of the weight is that of the effective weight (identity); scales get none. Spec section 1.1.
    """
    w, (rows, columns) = weight.data, weight.shape
    block = quant.block_size(weight.shape, quantizer) if quantizer else 1
    alpha = np.empty(-(-rows * columns // block) if quantizer else 0, w.dtype)
    if quantizer:
        quant.mean_abs(w, rows, columns, block, alpha)
    (m, k), pool = w.shape, Tape.now.pool
    kind = quant.TRITS[Tape.now.precision] if len(alpha) == 1 else Tape.now.dtype
    each = LOOKUPS if kind in CODES else TILE_N
    w_forward, w_backward = pool.empty((m // TILE_N, k * each), kind), pool.empty((k // TILE_N, m * each), kind)
    if kind in CODES:
        quant.encode_weight(w, alpha, w_forward, w_backward)
    else:
        quant.pack_weight(w, columns, alpha, block, w_forward, w_backward)
    return Packed(weight, w_forward, w_backward, alpha[0] if len(alpha) == 1 else w.dtype.type(1))


def packed_table(table: Tensor) -> PackedTable:
    """table (V, D), with V of any size."""
    v, d = table.data.shape
    padded = -(-v // TILE_N) * TILE_N
    vocab_rows, channels = empty((padded, d)), empty((d, padded))
    pack.pack_table(table.data, vocab_rows, channels)
    if Tape.now.precision != "int8":
        return PackedTable(table, vocab_rows, empty((2, 0), wide=True), channels)
    q, factors = np.empty(vocab_rows.shape, np.int8), empty((2, padded), wide=True)
    pack.quantize_rows(vocab_rows, q, factors)
    return PackedTable(table, q, factors, channels)


@op
def linear(x: Tensor, w: Packed, residual: Tensor | None = None) -> Tensor:
    """x @ w.T, or residual + x @ w.T, which is wide.    x (N, K), w (M, K), residual and y (N, M)"""
    y = empty((len(x.data), len(w.weight.data)), wide=residual is not None)
    gemm.matmul(x.data, w.w_forward, w.alpha, residual.data if residual else y[:0], False, y)

    def backward(dy):
        linear_backward(dy, x, w)
        if residual:
            donate_grad(residual, dy)
    return y, backward


@op
def glu(xg: Tensor, xu: Tensor, gate: Packed, up: Packed, activation: str) -> Tensor:
    """f(xg @ gate.T) * (xu @ up.T), f "silu" or "gelu"; xg and xu are one tensor, but for inner norms.

    (N, K) -> (N, F)
    """
    kind, shape = K.ACTIVATIONS.index(activation), (len(xg.data), len(gate.weight.data))
    g, u, y = empty(shape), empty(shape), empty(shape)
    K.glu(xg.data, xu.data, gate.w_forward, up.w_forward, gate.alpha, up.alpha, kind, g, u, y)

    def backward(dy):
        dg, du = empty(shape), empty(shape)
        K.glu_bwd(dy, g, u, kind, dg, du)
        linear_backward(dg, xg, gate)
        linear_backward(du, xu, up)
    return y, backward


@op
def relu2_mlp(x: Tensor, up: Packed, down: Packed, residual: Tensor) -> Tensor:
    """residual + relu(x @ up.T)^2 @ down.T, wide.    x (N, K), up (F, K), down (M, F), residual and y (N, M)"""
    h, y = empty((len(x.data), len(up.weight.data))), empty(residual.data.shape, wide=True)
    mlp.relu2(x.data, up.w_forward, up.alpha, h)
    gemm.matmul(h, down.w_forward, down.alpha, residual.data, False, y)

    def backward(dy):
        du = empty(h.shape)
        mlp.relu2_bwd(dy, down.w_backward, down.alpha, h, du)
        add_dw(dy, h, down)
        linear_backward(du, x, up)
        donate_grad(residual, dy)
    return y, backward


def linear_backward(dy: np.ndarray, x: Tensor, w: Packed) -> None:
    """The gradients of x @ w.T."""
    dx, add = grad_buffer(x)
    gemm.matmul(dy, w.w_backward, w.alpha, dx[:0], add, dx)
    add_dw(dy, x.data, w)


def add_dw(dy: np.ndarray, x: np.ndarray, w: Packed) -> None:
    in_bytes = w.w_forward.dtype in (np.uint8, np.int16)
    matmul_dw(dy, x, np.empty((1, 1), np.int8) if in_bytes else empty((1, 1)), w.weight.grad)
