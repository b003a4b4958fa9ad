"""Matrix products and what is fused with them."""
import numpy as np

from ternary.autograd.tape import Tensor, empty, grad_buffer, op, scratch
from ternary.kernels import glu as K
from ternary.kernels import relu2
from ternary.kernels.gemm.blocks import matmul
from ternary.kernels.gemm.weight_grad import matmul_dw
from ternary.ops.arithmetic import expect_shape
from ternary.ops.few_rows import is_few, product
from ternary.ops.gradients import donate_grad
from ternary.ops.packing import Packed, packed_weight


@op
def linear(x: Tensor, weight: Tensor, residual: Tensor | None = None, quantizer: str | None = None) -> Tensor:
    """x (B, T, K), weight (M, K) -> y = x @ weight.T, (B, T, M); with a residual (B, T, M) added, in accum_dtype

    quantizer: None, or how the ternary weights share scales (see packed_weight).
    """
    shape = (*x.shape[:-1], weight.shape[0])
    expect_shape("linear", "weight", weight, (shape[-1], x.shape[-1]))
    if residual:
        expect_shape("linear", "residual", residual, shape)
    if is_few(x):
        rows = product(x, weight, quantizer)
        return Tensor(rows + residual.data if residual else rows, shape), None
    w = packed_weight(weight, quantizer)
    y = empty(shape, accum=residual is not None)
    matmul(x.data, w.w_forward, w.alpha, residual.data if residual else y.data[:0], False, y.data)

    def backward(dy):
        linear_backward(dy, x, w)
        if residual:
            donate_grad(residual, dy)
    return y, backward


@op
def glu(xg: Tensor, xu: Tensor, gate: Tensor, up: Tensor, down: Tensor | None = None, residual: Tensor | None = None,
        activation: str = "silu", quantizer: str | None = None) -> Tensor:
    """xg, xu (B, T, K), gate, up (F, K) -> h = f(xg @ gate.T) * (xu @ up.T), (B, T, F); f "silu" or "gelu"

    With down (M, F): h @ down.T, (B, T, M), with a residual (B, T, M) added, in accum_dtype; h is not kept for the
    backward pass then. xg and xu are one tensor unless each linear map normalises its own input.
    """
    if activation not in K.ACTIVATIONS:
        raise ValueError(f"[ops.glu] activation is {activation!r}; expected one of {', '.join(K.ACTIVATIONS)}")
    kind, hidden = K.ACTIVATIONS[activation], (*xg.shape[:-1], gate.shape[0])
    expect_shape("glu", "xu", xu, xg.shape)
    expect_shape("glu", "gate", gate, (hidden[-1], xg.shape[-1]))
    expect_shape("glu", "up", up, gate.shape)
    shape = (*hidden[:-1], down.shape[0]) if down else hidden
    if down:
        expect_shape("glu", "down", down, (shape[-1], hidden[-1]))
    if residual:
        if not down:
            raise ValueError("[ops.glu] a residual without down; expected both, or add it with ops.add")
        expect_shape("glu", "residual", residual, shape)
    if is_few(xg):
        value, _ = K.value_and_slope_ref(product(xg, gate, quantizer), kind)
        rows = value * product(xu, up, quantizer)
        if down:
            rows = product(Tensor(rows, hidden), down, quantizer)
        return Tensor(rows + residual.data if residual else rows, shape), None
    g_w, u_w = packed_weight(gate, quantizer), packed_weight(up, quantizer)
    h = empty(hidden)
    g, u = scratch(h.data.shape), scratch(h.data.shape)
    K.glu(xg.data, xu.data, g_w.w_forward, u_w.w_forward, g_w.alpha, u_w.alpha, kind, g, u, h.data)

    def backward_of_h(dh):
        """Overwrites dh with h, which was not kept."""
        K.glu_bwd(dh, g, u, kind)
        linear_backward(g, xg, g_w)
        linear_backward(u, xu, u_w)

    if down is None:
        return h, backward_of_h
    down_w, y = packed_weight(down, quantizer), empty(shape, accum=residual is not None)
    matmul(h.data, down_w.w_forward, down_w.alpha, residual.data if residual else y.data[:0], False, y.data)

    def backward(dy):
        dh = scratch(g.shape)
        matmul(dy, down_w.w_backward, down_w.alpha, dh[:0], False, dh)
        backward_of_h(dh)
        add_weight_grad(dy, dh, down_w)
        if residual:
            donate_grad(residual, dy)
    return y, backward


@op
def relu2_mlp(x: Tensor, up: Tensor, down: Tensor, residual: Tensor | None = None,
              quantizer: str | None = None) -> Tensor:
    """x (B, T, K), up (F, K), down (M, F) -> relu(x @ up.T)^2 @ down.T, (B, T, M); with a residual (B, T, M) added, in
    accum_dtype
    """
    shape = (*x.shape[:-1], down.shape[0])
    expect_shape("relu2_mlp", "up", up, (up.shape[0], x.shape[-1]))
    expect_shape("relu2_mlp", "down", down, (shape[-1], up.shape[0]))
    if residual:
        expect_shape("relu2_mlp", "residual", residual, shape)
    if is_few(x):
        rows = product(Tensor(np.maximum(product(x, up, quantizer), 0) ** 2), down, quantizer)
        return Tensor(rows + residual.data if residual else rows, shape), None
    up_w, down_w = packed_weight(up, quantizer), packed_weight(down, quantizer)
    h, y = empty((*x.shape[:-1], up.shape[0])), empty(shape, accum=residual is not None)
    relu2.relu2(x.data, up_w.w_forward, up_w.alpha, h.data)
    matmul(h.data, down_w.w_forward, down_w.alpha, residual.data if residual else y.data[:0], False, y.data)

    def backward(dy):
        du = scratch(h.data.shape)
        relu2.relu2_bwd(dy, down_w.w_backward, down_w.alpha, h.data, du)
        add_weight_grad(dy, h.data, down_w)
        linear_backward(du, x, up_w)
        if residual:
            donate_grad(residual, dy)
    return y, backward


def linear_backward(dy: np.ndarray, x: Tensor, w: Packed) -> None:
    """Add the gradients of y = x @ w.T to those of x and of the weight."""
    dx, add = grad_buffer(x)
    matmul(dy, w.w_backward, w.alpha, dx[:0], add, dx)
    add_weight_grad(dy, x.data, w)


def add_weight_grad(dy: np.ndarray, x: np.ndarray, w: Packed) -> None:
    in_int8 = w.w_forward.dtype in (np.uint8, np.int16)
    matmul_dw(dy, x, np.empty((1, 1), np.int8) if in_int8 else scratch((1, 1)), w.weight.grad)
