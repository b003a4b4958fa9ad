"""Ops that mix tokens over time."""
from collections.abc import Sequence

import numpy as np

from ternary.autograd.tape import Tensor, current_tape, empty, grad_buffer, op, scratch, scratch_like
from ternary.kernels import attention as A
from ternary.kernels import conv
from ternary.kernels import dynamic_conv as DC
from ternary.kernels import grouped_conv as G
from ternary.kernels import linear_attention as L
from ternary.kernels import scan as S
from ternary.kernels import token_shift as TS
from ternary.kernels.decay import CHUNK, RULES
from ternary.kernels.elementwise import column_dots
from ternary.kernels.rotary import rope_angles
from ternary.ops.arithmetic import any_accum, constant_row, expect_shape, is_row, rows_of
from ternary.ops.convert import as_array
from ternary.ops.gradients import add_array_grad, donate_grad, row_grad, summed_grad
from ternary.ops.numpy_op import numpy_op


@numpy_op
def shift(x: Tensor, n: int) -> Tensor:
    """x (B, T, C) -> y[t] = x[t - n], zeros for t < n; n >= 0, as a token does not see those after it"""
    if n < 0:
        raise ValueError(f"[ops.shift] n is {n}; expected 0 or more: a negative shift would show the future")
    kept = max(0, x.shape[1] - n)

    def backward(dy):
        dx = np.zeros_like(dy)
        dx[:, :kept] = dy[:, n:]
        return dx
    y = np.zeros_like(x)
    y[:, n:] = x[:, :kept]
    return y, backward


@op
def causal_conv(x: Tensor, w: Tensor, dilation: int = 1) -> Tensor:
    """x (B, T, C), w (K, C) -> y[t] = sum over k of w[k] * x[t - (K - 1 - k) * dilation], depthwise, (B, T, C)

    w[K - 1] is the tap of the current token. It sees (K - 1) * dilation steps back.
    """
    if w.shape[1:] != x.shape[2:] or dilation < 1:
        raise ValueError(f"[ops.causal_conv] x of shape {x.shape} with w of shape {w.shape} and dilation {dilation}; "
                         "expected w of shape (taps, channels of x) and a dilation of at least 1")
    y, seq_len, taps = empty(x.shape, accum=any_accum(x)), x.shape[1], w.shape[0]
    conv.causal_conv(x.data, w.data[:taps], dilation, seq_len, y.data)

    def backward(dy):
        dx, add = grad_buffer(x)
        conv.causal_conv_bwd(dy, x.data, w.data[:taps], dilation, seq_len, add, dx, summed_grad(w)[:taps])
    return y, backward


@op
def grouped_conv(x: Tensor, w: Tensor, groups: int, dilation: int = 1) -> Tensor:
    """x (B, T, C) -> a causal convolution that mixes the n = C / groups channels of each group, (B, T, C)

    w (K * n, C): y[t, c] = sum over k, i of w[k * n + i, c] * x[t - (K - 1 - k) * dilation, i of c's group].
    """
    (_, seq_len, channels), rows, n = x.shape, w.shape[0], x.shape[2] // groups
    if channels % groups or rows % n or w.shape[1] != channels or dilation < 1:
        raise ValueError(f"[ops.grouped_conv] x of shape {x.shape} in {groups} groups with w of shape {w.shape} and "
                         f"dilation {dilation}; expected w of shape (taps * channels of a group, channels)")
    y, sizes = empty(x.shape, accum=any_accum(x)), (n, channels, dilation, seq_len)
    G.grouped_conv(x.data, w.data[:rows], *sizes, y.data)

    def backward(dy):
        dx = scratch_like(x.data)
        G.grouped_conv_bwd(dy, x.data, w.data[:rows], *sizes, dx, summed_grad(w)[:rows])
        donate_grad(x, dx)
    return y, backward


@op
def dynamic_conv(x: Tensor, weights: Tensor, offsets: Sequence[int]) -> Tensor:
    """x (B, T, C), weights (B, T, K) -> y[t] = sum over k of weights[t, k] * x[t - offsets[k]], (B, T, C)"""
    if weights.shape != (*x.shape[:2], len(offsets)) or min(offsets) < 0:
        raise ValueError(f"[ops.dynamic_conv] x of shape {x.shape} with weights of shape {weights.shape} and offsets "
                         f"{list(offsets)}; expected one weight of each token for each offset, offsets of 0 or more")
    y, seq_len, steps = empty(x.shape, accum=any_accum(x)), x.shape[1], np.array(offsets, np.int64)
    w = np.ascontiguousarray(as_array(weights).reshape(-1, len(steps)))
    DC.dynamic_conv(x.data, w, steps, seq_len, y.data)

    def backward(dy):
        (dx, add), dw = grad_buffer(x), np.empty_like(w)
        DC.dynamic_conv_bwd(dy, x.data, w, steps, seq_len, add, dx, dw)
        add_array_grad(weights, dw.reshape(weights.shape))
    return y, backward


@op
def gated_conv(x: Tensor, w: Tensor, dilation: int = 1) -> Tensor:
    """x (B, T, 2C) = gate | value, w (K, C) -> sigmoid(gate) * causal_conv(value, w, dilation), (B, T, C)"""
    expect_shape("gated_conv", "x", x, (*x.shape[:-1], 2 * w.shape[1]))
    y, seq_len = empty((*x.shape[:-1], w.shape[1])), x.shape[1]
    if w.shape[0] == conv.TAPS and dilation == 1:
        conv.gated_conv8(x.data, w.data, seq_len, y.data)

        def backward8(dy):
            dx, add = grad_buffer(x)
            conv.gated_conv8_bwd(dy, x.data, w.data, seq_len, add, dx, w.grad)
        return y, backward8
    missing = -w.shape[0] % conv.TAPS
    taps = np.pad(w.data, ((missing, 0), (0, 0)))
    conv.gated_conv(x.data, taps, dilation, seq_len, y.data)

    def backward(dy):
        (dx, add), dtaps = grad_buffer(x), np.pad(w.grad, ((missing, 0), (0, 0)))
        conv.gated_conv_bwd(dy, x.data, taps, dilation, seq_len, add, dx, dtaps)
        w.grad[...] = dtaps[missing:]
    return y, backward


@op
def attention(qkv: Tensor, head_dim: int, window: int | None = None, rotary: bool = True, first: int = 0) -> Tensor:
    """qkv (B, T, 3C) = q | k | v of C / head_dim heads -> causal softmax attention, (B, T, C); head_dim 32, 64, ...

    window: a query sees the keys at distances 0 to window - 1; None: all before it. rotary: with rotary positions.
    Only queries from position `first` on are computed, without gradients unless it is 0; results before are undefined.
    """
    batch, seq_len, channels = *qkv.shape[:2], qkv.shape[2] // 3
    if head_dim % 32 or qkv.shape[2] % (3 * head_dim) or (window is not None and window < 1):
        raise ValueError(f"[ops.attention] qkv of shape {qkv.shape} with head_dim {head_dim} and window {window}; "
                         "expected 3 * heads * head_dim channels, head_dim a multiple of 32 and a window of at least 1")
    first, window = 0 if current_tape().record else first, window or A.NO_WINDOW
    rope_table = rope_angles(seq_len, head_dim, current_tape().accum_dtype, rotary)
    out, lse = empty((batch, seq_len, channels)), scratch((batch * (channels // head_dim), seq_len), accum=True)
    A.attention(qkv.data, rope_table, window, first, out.data, lse)

    def backward(dy):
        dqkv = scratch_like(qkv.data)
        A.attention_bwd(dy, qkv.data, rope_table, window, out.data, lse, dqkv)
        donate_grad(qkv, dqkv)
    return out, backward


@op(accum_grad=True)
def token_shift(x: Tensor, mix: Tensor) -> Tensor:
    """x (B, T, C), mix (C,) -> y[t] = s x[t] + (1 - s) x[t-1], s = sigmoid(mix), x[-1] = 0"""
    expect_shape("token_shift", "mix", mix, x.shape[2:])
    y, seq_len = empty(x.shape), x.shape[1]
    TS.token_shift(x.data, mix.data, seq_len, y.data)

    def backward(dy):
        dx, add = grad_buffer(x)
        TS.token_shift_bwd(dy, x.data, mix.data, seq_len, add, dx, mix.grad)
    return y, backward


def check_state(name: str, state: np.ndarray | None, x: Tensor) -> None:
    """ValueError for a state that the kernel would read or write beyond its end."""
    wanted = x.shape[0], x.data.shape[1]
    if state is not None and state.shape != wanted:
        raise ValueError(f"[ops.{name}] x of shape {x.shape} with a state of shape {state.shape}; expected {wanted}: "
                         "channels are whole lines of 32")


@op
def gated_scan(forget: Tensor, value: Tensor, output: Tensor, bias: Tensor, floor: float,
               state: np.ndarray | None = None) -> Tensor:
    """forget, value, output (B, T, C), bias (C,) -> y = sigmoid(output) * s, (B, T, C)

    s[t] = f s[t-1] + (1 - f) value[t], f = floor + (1 - floor) sigmoid(forget + bias). state (B, C): s[-1], no
    gradient, which becomes the last s; None is zeros.
    """
    for name, t in (("forget", forget), ("output", output)):
        expect_shape("gated_scan", name, t, value.shape)
    expect_shape("gated_scan", "bias", bias, value.shape[2:])
    check_state("gated_scan", state, value)
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
def linear_attention(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, beta: Tensor, heads: int, rule: str = "delta",
                     state: np.ndarray | None = None) -> Tensor:
    """q, k (B, T, H K), v (B, T, H V), log_decay (at most 0), beta (B, T, H) -> o (B, T, H V), of H heads

    Each head has a memory S (K, V), which is 0 at first. Its decay is a = exp(log_decay):

        S[t] = a[t] S[t-1] + k[t] u[t]^T,    o[t] = S[t]^T q[t]

    rule says what is written: "add", u = beta v (linear attention, Katharopoulos et al. 2020; with decay: Yang et al.
    2023); "delta", u[t] = beta[t] (v[t] - a[t] S[t-1]^T k[t]), the gated delta rule (Yang et al. 2024), for keys of
    length 1; "delta_before_decay", u[t] = beta[t] (v[t] - S[t-1]^T k[t]). Computed in chunks of 32 tokens: time and
    memory grow with T, not with its square.

    log_decay may be in the type of activations, also for decays near 1: what bf16 rounds, to 0.4 %, is the logarithm.
    In accum_dtype it keeps all its digits. state (B, H, K, V), in accum_dtype: S[-1], no gradient, which becomes the
    last S; None is zeros.
    """
    tape, (batch, seq_len, _) = current_tape(), q.shape
    dims = [x.shape[-1] // heads for x in (q, v)]
    expected = {"q": (batch, seq_len, heads * dims[0]), "k": q.shape, "v": (batch, seq_len, heads * dims[1]),
                "log_decay": (batch, seq_len, heads), "beta": (batch, seq_len, heads)}
    for (name, shape), x in zip(expected.items(), (q, k, v, log_decay, beta)):
        expect_shape("linear_attention", name, x, shape)
    if rule not in RULES:
        raise ValueError(f"[ops.linear_attention] rule is {rule!r}; expected one of {', '.join(RULES)}")
    kind, sizes = RULES.index(rule), (batch, heads, *dims)
    if state is not None:
        expect_shape("linear_attention", "state", state, sizes)
    initial = np.zeros(sizes, tape.accum_dtype) if state is None else state.copy()
    final = np.empty_like(initial) if state is None else state
    o, error = empty(v.shape), scratch(v.data.shape, accum=True)
    states = scratch((batch, heads, -(-seq_len // CHUNK), *dims), accum=True)
    L.linear_attention(q.data, k.data, v.data, log_decay.data, beta.data, initial, kind, o.data, error, states, final)

    def backward(dy):
        inputs = q, k, v, log_decay, beta
        gradients = [scratch_like(x.data) for x in inputs]
        L.linear_attention_bwd(dy, q.data, k.data, log_decay.data, beta.data, error, states, kind, seq_len, *gradients)
        for x, gradient in zip(inputs, gradients):
            donate_grad(x, gradient)
    return o, backward


@op
def scan(decay: Tensor, x: Tensor, state: np.ndarray | None = None) -> Tensor:
    """x (B, T, C), decay (B, T, C) or a row (C,) -> s[t] = decay[t] * s[t-1] + x[t], elementwise, (B, T, C)

    state (B, C'), C' whole lines of 32: s[-1], no gradient, which becomes the last s; None is zeros.
    """
    expect_shape("scan", "decay", decay, x.shape, x.shape[-1:])
    check_state("scan", state, x)
    tape, (batch, seq_len, _) = current_tape(), x.shape
    initial = np.zeros((batch, x.data.shape[1]), tape.accum_dtype) if state is None else state.copy()
    s, decays = empty(x.shape, accum=any_accum(decay, x)), rows_of(decay)
    S.scan(decays, x.data, initial, seq_len, s.data, np.empty_like(initial) if state is None else state)

    def backward(ds):
        dx, ddecay = (scratch(x.data.shape, accum=True) for _ in range(2))
        S.scan_bwd(ds, decays, s.data, initial, seq_len, dx, ddecay)
        donate_grad(x, dx)
        if is_row(decay):
            column_dots(ddecay, constant_row(ddecay.shape[1], 1), row_grad(decay))
        else:
            donate_grad(decay, ddecay)
    return s, backward


@numpy_op
def cumulative_mean(x: Tensor, state: np.ndarray | None = None) -> Tensor:
    """x (B, T, C) -> y[t] = the mean of x[0] to x[t]

    state (B, C + 1): the sum of the steps before and, last, how many they are; it moves on.
    """
    before = np.zeros((len(x), x.shape[2] + 1)) if state is None else state.copy()
    count = before[:, None, -1:] + np.arange(1, x.shape[1] + 1)[:, None]
    sums = before[:, None, :-1] + x.cumsum(1)
    if state is not None:
        state[:, :-1], state[:, -1] = sums[:, -1], count[:, -1, 0]

    def backward(dy):
        return np.flip(np.flip(dy / count, 1).cumsum(1), 1)
    return sums / count, backward
