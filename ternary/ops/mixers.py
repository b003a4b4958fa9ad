from ternary.autograd.tape import Tape, Tensor, empty, empty_like, into, op
from ternary.kernels import attention as K
from ternary.kernels import conv
from ternary.ops.gradients import hand


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


@op
def attention(qkv: Tensor, width: int, length: int) -> Tensor:
    """Causal softmax attention with rotary positions, over sequences of `length` rows, in heads of `width` channels.

    qkv (N, 3D) = q | k | v, each of D / width heads -> (N, D). Spec section 3.3.
    """
    n, d = len(qkv.data), qkv.data.shape[1] // 3
    turns = K.rotations(length, width, Tape.now.wide)
    out, lse = empty((n, d)), empty((n // length * (d // width), length), wide=True)
    K.attention(qkv.data, turns, out, lse)

    def backward(dy):
        dqkv = empty_like(qkv.data)
        K.attention_bwd(dy, qkv.data, turns, out, lse, dqkv)
        hand(qkv, dqkv)
    return out, backward
