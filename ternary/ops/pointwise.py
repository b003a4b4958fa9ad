from ternary.autograd.tape import Tensor, empty, empty_like, into, op
from ternary.kernels import glu, norm
from ternary.ops.gradients import hand


@op
def rms_norm(x: Tensor, w: Tensor) -> Tensor:
    """y = x / sqrt(mean(x^2) + 1e-6) * w.    x (N, D), w (D,) -> y (N, D)"""
    y, r = empty(x.data.shape), empty(x.data.shape[:1], wide=True)
    norm.rms_norm(x.data, w.data, y, r)

    def backward(dy):
        dx, add = into(x)
        norm.rms_norm_bwd(dy, x.data, w.data, r, add, dx, w.grad)
    return y, backward


@op
def silu_glu(g: Tensor, u: Tensor) -> Tensor:
    """y = silu(g) * u.    g, u, y (N, F)"""
    y = empty_like(g.data)
    glu.silu_glu(g.data, u.data, y)

    def backward(dy):
        dg, du = empty_like(g.data), empty_like(u.data)
        glu.silu_glu_bwd(dy, g.data, u.data, dg, du)
        hand(g, dg)
        hand(u, du)
    return y, backward
