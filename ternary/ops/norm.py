from ternary.autograd.tape import Tensor, empty, grad_buffer, op
from ternary.kernels import norm


@op(accum_grad=True)
def rms_norm(x: Tensor, w: Tensor) -> Tensor:
    """y = x / sqrt(mean(x^2) + 1e-6) * w.    x (N, D), w (D,) -> y (N, D)"""
    y, r = empty(x.data.shape), empty(x.data.shape[:1], wide=True)
    norm.rms_norm(x.data, w.data, w.shape[0], y, r)

    def backward(dy):
        dx, add = grad_buffer(x)
        norm.rms_norm_bwd(dy, x.data, w.data, r, w.shape[0], add, dx, w.grad)
    return y, backward


@op(accum_grad=True)
def layer_norm(x: Tensor, w: Tensor, b: Tensor, groups: int = 1) -> Tensor:
    """y = (x - mean(x)) / sqrt(var(x) + 1e-5) * w + b, mean and var of every row, or of its `groups` of channels.

    x (N, D), w, b (D,) -> y (N, D); D / groups is a multiple of 16
    """
    y = empty(x.data.shape)
    m, r = (empty((len(x.data), groups), wide=True) for _ in range(2))
    norm.layer_norm(x.data, w.data, b.data, groups, w.shape[0], y, m, r)

    def backward(dy):
        dx, add = grad_buffer(x)
        norm.layer_norm_bwd(dy, x.data, w.data, m, r, groups, w.shape[0], add, dx, w.grad, b.grad)
    return y, backward
