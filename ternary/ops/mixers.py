"""Ops that mix tokens over time, and how they carry state from one chunk of a sequence to the next."""
import numpy as np

from ternary.autograd.tape import Tensor, current_tape, empty, grad_buffer, op, scratch, scratch_like
from ternary.kernels import attention as A
from ternary.kernels import conv
from ternary.kernels import scan as S
from ternary.kernels import token_shift as shift
from ternary.ops.gradients import donate_grad


@op
def gated_conv(x: Tensor, w: Tensor) -> Tensor:
    """x (B, T, 2C) = gate | value, w (8, C) -> sigmoid(gate) * causal depthwise convolution of value, (B, T, C)

    w[7] is the tap of the current token.
    """
    y, seq_len = empty((*x.shape[:-1], w.shape[1])), x.shape[1]
    conv.gated_conv(x.data, w.data, seq_len, y.data)

    def backward(dy):
        dx, add = grad_buffer(x)
        conv.gated_conv_bwd(dy, x.data, w.data, seq_len, add, dx, w.grad)
    return y, backward


@op
def attention(qkv: Tensor, head_dim: int, first: int = 0) -> Tensor:
    """qkv (B, T, 3C) = q | k | v of C / head_dim heads -> causal softmax attention with rotary positions, (B, T, C)

    Only queries from position `first` on are computed, without gradients unless it is 0; results before are undefined.
    """
    batch, seq_len, channels = *qkv.shape[:2], qkv.shape[2] // 3
    first = 0 if current_tape().record else first
    rope_table = A.rope_angles(seq_len, head_dim, current_tape().accum_dtype)
    out, lse = empty((batch, seq_len, channels)), scratch((batch * (channels // head_dim), seq_len), accum=True)
    A.attention(qkv.data, rope_table, first, out.data, lse)

    def backward(dy):
        dqkv = scratch_like(qkv.data)
        A.attention_bwd(dy, qkv.data, rope_table, out.data, lse, dqkv)
        donate_grad(qkv, dqkv)
    return out, backward


@op(accum_grad=True)
def token_shift(x: Tensor, mix: Tensor) -> Tensor:
    """x (B, T, C), mix (C,) -> y[t] = s x[t] + (1 - s) x[t-1], s = sigmoid(mix), x[-1] = 0"""
    y, seq_len = empty(x.shape), x.shape[1]
    shift.token_shift(x.data, mix.data, seq_len, y.data)

    def backward(dy):
        dx, add = grad_buffer(x)
        shift.token_shift_bwd(dy, x.data, mix.data, seq_len, add, dx, mix.grad)
    return y, backward


@op
def gated_scan(forget: Tensor, value: Tensor, output: Tensor, bias: Tensor, floor: float,
               state: np.ndarray | None = None) -> Tensor:
    """forget, value, output (B, T, C), bias (C,) -> y = sigmoid(output) * s, (B, T, C)

    s[t] = f s[t-1] + (1 - f) value[t], f = floor + (1 - floor) sigmoid(forget + bias). state (B, C): s[-1], no
    gradient, which becomes the last s; None is zeros.
    """
    tape, (batch, seq_len, _) = current_tape(), value.shape
    initial = np.zeros((batch, value.data.shape[1]), tape.accum_dtype) if state is None else state.copy()
    floor, s, y = tape.accum_dtype.type(floor), scratch(value.data.shape), empty(value.shape)
    final = np.empty_like(initial) if state is None else state
    S.gated_scan(forget.data, value.data, output.data, bias.data, initial, floor, seq_len, s, y.data, final)

    def backward(dy):
        gradients = [scratch_like(t.data) for t in (forget, value, output)]
        S.gated_scan_bwd(dy, forget.data, value.data, output.data, s, bias.data, initial, floor, seq_len,
                         *gradients, bias.grad)
        for t, d in zip((forget, value, output), gradients):
            donate_grad(t, d)
    return y, backward


@op
def with_past(x: Tensor, buffer: np.ndarray, filled: int) -> Tensor:
    """x (B, T, C) behind the first `filled` steps of the buffer (B, room, C') -> (B, filled + T, C)

    The buffer, of at least filled + T steps, takes x in. The past gets no gradient.
    """
    (batch, seq_len, channels), total = x.shape, filled + x.shape[1]
    buffer[:, filled:total] = x.data.reshape(batch, seq_len, -1)
    rows = np.ascontiguousarray(buffer[:, :total]).reshape(batch * total, -1)

    def backward(dy):
        new = dy.reshape(batch, total, -1)[:, filled:]
        donate_grad(x, np.ascontiguousarray(new).reshape(batch * seq_len, -1))
    return Tensor(rows, (batch, total, channels)), backward


@op
def drop_time(x: Tensor, n: int) -> Tensor:
    """x (B, T, C) -> x[:, n:]"""
    (batch, seq_len, channels), rest = x.shape, x.shape[1] - n
    rows = np.ascontiguousarray(x.data.reshape(batch, seq_len, -1)[:, n:]).reshape(batch * rest, -1)

    def backward(dy):
        dx = np.zeros((batch, seq_len, dy.shape[-1]), dy.dtype)
        dx[:, n:] = dy.reshape(batch, rest, -1)
        donate_grad(x, dx.reshape(batch * seq_len, -1))
    return Tensor(rows, (batch, rest, channels)), backward
