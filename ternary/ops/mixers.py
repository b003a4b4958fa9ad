from ternary.autograd.tape import Tape, Tensor, empty, empty_like, grad_buffer, op
from ternary.kernels import attention as A
from ternary.kernels import conv
from ternary.kernels import scan as R
from ternary.kernels import token_shift as shift
from ternary.ops.gradients import donate_grad


@op
def gated_conv(x: Tensor, w: Tensor, seq_len: int) -> Tensor:
    """sigmoid(gate) * causal depthwise convolution of value, over sequences of `length` rows.

    x (N, 2D) = gate | value, w (8, D), w[7] for the current row -> y (N, D). Spec section 1.1.
    """
    y = empty((len(x.data), w.data.shape[1]))
    conv.gated_conv(x.data, w.data, seq_len, y)

    def backward(dy):
        dx, add = grad_buffer(x)
        conv.gated_conv_bwd(dy, x.data, w.data, seq_len, add, dx, w.grad)
    return y, backward


@op
def attention(qkv: Tensor, head_dim: int, seq_len: int) -> Tensor:
    """Causal softmax attention with rotary positions, over sequences of `length` rows, in heads of `width` channels.

    qkv (N, 3D) = q | k | v, each of D / width heads -> (N, D). Spec section 3.3.
    """
    n, d = len(qkv.data), qkv.data.shape[1] // 3
    rope_table = A.rope_angles(seq_len, head_dim, Tape.now.wide)
    out, lse = empty((n, d)), empty((n // seq_len * (d // head_dim), seq_len), wide=True)
    A.attention(qkv.data, rope_table, out, lse)

    def backward(dy):
        dqkv = empty_like(qkv.data)
        A.attention_bwd(dy, qkv.data, rope_table, out, lse, dqkv)
        donate_grad(qkv, dqkv)
    return out, backward


@op(accum_grad=True)
def token_shift(x: Tensor, mix: Tensor, seq_len: int) -> Tensor:
    """y[t] = s x[t] + (1 - s) x[t-1], s = sigmoid(mix), x[-1] = 0, over sequences of `length` rows.

    x (N, D), mix (D,) -> y (N, D). Spec section 3.2.
    """
    y = empty(x.data.shape)
    shift.token_shift(x.data, mix.data, seq_len, y)

    def backward(dy):
        dx, add = grad_buffer(x)
        shift.token_shift_bwd(dy, x.data, mix.data, seq_len, add, dx, mix.grad)
    return y, backward


@op
def recurrence(forget: Tensor, value: Tensor, output: Tensor, bias: Tensor, floor: float, seq_len: int) -> Tensor:
    """sigmoid(output) * s, s[t] = f s[t-1] + (1 - f) value[t], f = floor + (1 - floor) sigmoid(forget + bias).

    forget, value, output (N, D), bias (D,) -> y (N, D), over sequences of `length` rows, s[-1] = 0. Spec section 3.2.
    """
    shape, floor = value.data.shape, Tape.now.wide.type(floor)
    s, y = empty(shape), empty(shape)
    R.recurrence(forget.data, value.data, output.data, bias.data, floor, seq_len, s, y)

    def backward(dy):
        gradients = [empty_like(t.data) for t in (forget, value, output)]
        R.recurrence_bwd(dy, forget.data, value.data, output.data, s, bias.data, floor, seq_len, *gradients, bias.grad)
        for t, d in zip((forget, value, output), gradients):
            donate_grad(t, d)
    return y, backward
