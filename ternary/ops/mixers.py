from ternary.autograd.tape import Tensor, empty, into, op
from ternary.kernels import conv


@op
def gated_conv(x: Tensor, w: Tensor, length: int) -> Tensor:
    """sigmoid(gate) * causal depthwise convolution of value, over sequences of `length` rows.

    x (N, 2D) = gate | value, w (8, D), w[7] for the current row -> y (N, D). Spec section 1.1.
    """
    y = empty((len(x.data), w.data.shape[1]))
    conv.gated_conv(x.data, w.data, length, y)

    def backward(dy):
        dx, add = into(x)
        conv.gated_conv_bwd(dy, x.data, w.data, length, add, dx, w.grad)
    return y, backward
