from ternary.autograd.tape import Tape, Tensor, empty, empty_like, into, op
from ternary.kernels import attention as A
from ternary.kernels import conv, shift
from ternary.kernels import recurrence as R
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
    turns = A.rotations(length, width, Tape.now.wide)
    out, lse = empty((n, d)), empty((n // length * (d // width), length), wide=True)
    A.attention(qkv.data, turns, out, lse)

    def backward(dy):
        dqkv = empty_like(qkv.data)
        A.attention_bwd(dy, qkv.data, turns, out, lse, dqkv)
        hand(qkv, dqkv)
    return out, backward


@op(wide_grad=True)
def token_shift(x: Tensor, mix: Tensor, length: int) -> Tensor:
    """y[t] = s x[t] + (1 - s) x[t-1], s = sigmoid(mix), x[-1] = 0, over sequences of `length` rows.

    x (N, D), mix (D,) -> y (N, D). Spec section 3.2.
    """
    y = empty(x.data.shape)
    shift.token_shift(x.data, mix.data, length, y)

    def backward(dy):
        dx, add = into(x)
        shift.token_shift_bwd(dy, x.data, mix.data, length, add, dx, mix.grad)
    return y, backward


@op
def recurrence(forget: Tensor, value: Tensor, output: Tensor, bias: Tensor, floor: float, length: int) -> Tensor:
    """sigmoid(output) * s, s[t] = f s[t-1] + (1 - f) value[t], f = floor + (1 - floor) sigmoid(forget + bias).

    forget, value, output (N, D), bias (D,) -> y (N, D), over sequences of `length` rows, s[-1] = 0. Spec section 3.2.
    """
    shape, floor = value.data.shape, Tape.now.wide.type(floor)
    s, y = empty(shape), empty(shape)
    R.recurrence(forget.data, value.data, output.data, bias.data, floor, length, s, y)

    def backward(dy):
        gradients = [empty_like(t.data) for t in (forget, value, output)]
        R.recurrence_bwd(dy, forget.data, value.data, output.data, s, bias.data, floor, length, *gradients, bias.grad)
        for t, d in zip((forget, value, output), gradients):
            hand(t, d)
    return y, backward
