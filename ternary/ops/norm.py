from ternary.autograd.tape import Tensor, empty, grad_buffer, op, scratch
from ternary.kernels import l2_norm as L
from ternary.kernels import norm
from ternary.ops.arithmetic import any_accum, expect_shape


@op(accum_grad=True)
def rms_norm(x: Tensor, w: Tensor) -> Tensor:
    """x (B, T, C), w (C,) -> y = x / sqrt(mean(x^2) + 1e-6) * w

    With w (K,), each of the C / K heads of x, of a multiple of 32 channels, is a vector of its own.
    """
    if w.shape[0] % 32 or x.shape[-1] % w.shape[0]:
        expect_shape("rms_norm", "w", w, x.shape[-1:])
    heads = x.data.reshape(-1, w.data.shape[0])
    y, r = empty(x.shape), scratch(heads.shape[:1], accum=True)
    norm.rms_norm(heads, w.data, w.shape[0], y.data.reshape(heads.shape), r)

    def backward(dy):
        dx, add = grad_buffer(x)
        norm.rms_norm_bwd(dy.reshape(heads.shape), heads, w.data, r, w.shape[0], add, dx.reshape(heads.shape), w.grad)
    return y, backward


@op(accum_grad=True)
def layer_norm(x: Tensor, w: Tensor, b: Tensor, groups: int = 1) -> Tensor:
    """x (B, T, C), w, b (C,) -> y = (x - mean(x)) / sqrt(var(x) + 1e-5) * w + b

    Mean and variance are those of each token, or of each of its `groups` of channels; C / groups is a multiple of 16.
    """
    for name, row in (("w", w), ("b", b)):
        expect_shape("layer_norm", name, row, x.shape[-1:])
    if groups > 1 and x.shape[-1] % (16 * groups):
        raise ValueError(f"[ops.layer_norm] {groups} groups of {x.shape[-1]} channels; expected a multiple of 16 for "
                         "each")
    y = empty(x.shape)
    m, r = (scratch((len(x.data), groups), accum=True) for _ in range(2))
    norm.layer_norm(x.data, w.data, b.data, groups, w.shape[0], y.data, m, r)

    def backward(dy):
        dx, add = grad_buffer(x)
        norm.layer_norm_bwd(dy, x.data, w.data, m, r, groups, w.shape[0], add, dx, w.grad, b.grad)
    return y, backward


@op
def l2_norm(x: Tensor, heads: int = 1) -> Tensor:
    """x (B, T, C) -> x / max(||x||, 1e-6), with the norm of each of `heads` groups of C / heads channels"""
    if x.shape[-1] % heads:
        raise ValueError(f"[ops.l2_norm] {heads} heads for a tensor of shape {x.shape}; expected a divisor of "
                         f"{x.shape[-1]}")
    y, r, width = empty(x.shape, accum=any_accum(x)), scratch((len(x.data), heads), accum=True), x.shape[-1] // heads
    L.l2_norm(x.data, heads, width, y.data, r)

    def backward(dy):
        dx, add = grad_buffer(x)
        L.l2_norm_bwd(dy, x.data, r, heads, width, add, dx)
    return y, backward
