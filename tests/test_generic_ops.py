"""Generic ops: the same in every precision, and the fused ops are compositions of them."""
import numpy as np
import pytest
from gradient_cases import GENERIC, GRADIENTS

from ternary import nn, ops
from ternary.autograd.tape import Tape
from ternary.compiler.layout import from_bf16, to_bf16
from ternary.kernels.rotary import rope_angles, rotated
from ternary.nn.module import Module, Parameter
from ternary.nn.state import Window


def run(f, arrays, precision):
    """-> the result of f, and the gradients of a random linear function of it, as floats"""
    with Tape(precision) as tape:
        tensors = [ops.as_tensor(a) if a.ndim == 3 else parameter(a, precision) for a in arrays]
        y = f(*tensors)
        dy = rounded(np.random.default_rng(9).standard_normal(y.shape))
        tape.backward((y, ops.as_tensor(dy, accum=True).data))
        for a, shape in ((y.data, y.shape), *((t.grad, t.shape) for t in tensors)):
            if a.ndim == 2 and len(shape) == 3:
                assert not floats(a)[:, shape[-1]:].any()  # padding stays zero
        return [ops.as_array(y), *(gradient(t) for t in tensors)]


def parameter(a, precision):
    p = Parameter(a.astype(np.float32))
    if precision == "fp64":
        p.data, p.grad = p.data.astype(np.float64), p.grad.astype(np.float64)
    return p


def gradient(t):
    """Without padding, as floats."""
    g = floats(t.grad)
    return g[:, :t.shape[-1]].reshape(t.shape) if len(t.shape) == 3 else g[tuple(map(slice, t.shape))]


def floats(a):
    return from_bf16(a) if a.dtype == np.uint16 else a


def error(got, want):
    return np.linalg.norm(got - want) / (np.linalg.norm(want) + 1e-30)


def rounded(a):
    """To values that bf16 holds."""
    return from_bf16(to_bf16(np.asarray(a, np.float32)))


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
@pytest.mark.parametrize("name", GENERIC)
def test_every_precision_agrees_with_float64_to_rounding(name, precision):
    limit = 1e-5 if precision == "fp32" else 1.5e-2
    for f, *arrays in GRADIENTS[name](getattr(ops, name), np.random.default_rng(1)):
        arrays = [rounded(a) for a in arrays]
        for got, want in zip(run(f, arrays, precision), run(f, arrays, "fp64"), strict=True):
            assert error(got, want) <= limit, [a.shape for a in arrays]


# ---- fused ops are compositions -------------------------------------------------------------------------
@ops.numpy_op
def rope(x):
    """x (B, T, K), one head -> rotated by its positions"""
    table = rope_angles(*x.shape[1:], x.dtype)

    def backward(dy):
        return rotated(dy, table * np.repeat([1, -1], x.shape[2] // 2).astype(x.dtype))
    return rotated(x, table), backward


@ops.numpy_op
def scores(q, k):
    """q, k (B, T, K) -> q @ k.T / sqrt(K), (B, T, T)"""
    scale = q.shape[-1] ** -0.5

    def backward(dy):
        return dy @ k * scale, dy.swapaxes(1, 2) @ q * scale
    return q @ k.swapaxes(1, 2) * scale, backward


@ops.numpy_op
def mix(p, v):
    """p (B, T, T), v (B, T, K) -> p @ v, (B, T, K)"""
    def backward(dy):
        return dy @ v.swapaxes(1, 2), p.swapaxes(1, 2) @ dy
    return p @ v, backward


@ops.numpy_op
def log(x):
    def backward(dy):
        return dy / x
    return np.log(x), backward


def attention(qkv, head_dim, window=1 << 30, rotary=True):
    heads = qkv.shape[2] // 3 // head_dim
    parts = ops.split(qkv, [head_dim] * (3 * heads))
    batch, seq_len, _ = qkv.shape
    seen = np.tri(seq_len) - np.tri(seq_len, k=-window)
    mask = np.broadcast_to(np.where(seen, 0, -1e30), (batch, seq_len, seq_len))
    out = []
    for q, k, v in zip(parts[:heads], parts[heads:2 * heads], parts[2 * heads:]):
        q, k = (rope(q), rope(k)) if rotary else (q, k)
        s = ops.add(scores(q, k), ops.as_tensor(mask))
        out.append(mix(ops.softmax(s), v))
    return ops.concat(*out)


def gated_conv(gate_value, w):
    gate, value = ops.split(gate_value, [w.shape[1]] * 2)
    return ops.mul(ops.sigmoid(gate), ops.causal_conv(value, w))


def glu(activation):
    def composed(x, z, gate, up, down=None, residual=None):
        h = ops.mul(getattr(ops, activation)(ops.linear(x, gate)), ops.linear(z, up))
        return ops.add(residual, ops.linear(h, down)) if down else h
    return composed


def relu2_mlp(x, up, down, residual):
    return ops.add(residual, ops.linear(ops.relu2(ops.linear(x, up)), down))


TARGETS = np.random.default_rng(2).integers(0, 40, (2, 5)).astype(np.int32)


def cross_entropy(h, table):
    return ops.scale(log(ops.gather(ops.softmax(ops.logits(h, table)), TARGETS)), -1.0)


FUSED = {
    "glu silu": (ops.glu, glu("silu"), ((2, 5, 32), (2, 5, 32), (64, 32), (64, 32))),
    "glu gelu": (lambda *xs: ops.glu(*xs, activation="gelu"), glu("gelu"),
                 ((2, 5, 32), (2, 5, 32), (64, 32), (64, 32))),
    "glu with its last map": (ops.glu, glu("silu"),
                              ((2, 5, 32), (2, 5, 32), (64, 32), (64, 32), (32, 64), (2, 5, 32))),
    "gated_conv": (ops.gated_conv, gated_conv, ((2, 20, 96), (8, 48))),
    "gated_conv of 15 taps": (ops.gated_conv, gated_conv, ((2, 20, 96), (15, 48))),
    "attention": (lambda x: ops.attention(x, 32), lambda x: attention(x, 32), ((2, 20, 3 * 64),)),
    "attention in a window": (lambda x: ops.attention(x, 32, window=7), lambda x: attention(x, 32, 7),
                              ((2, 50, 3 * 64),)),
    "attention without positions": (lambda x: ops.attention(x, 32, 40, rotary=False),
                                    lambda x: attention(x, 32, 40, False), ((1, 80, 3 * 32),)),
    "attention of one token": (lambda x: ops.attention(x, 32), lambda x: attention(x, 32), ((2, 1, 3 * 64),)),
    "relu2_mlp": (ops.relu2_mlp, relu2_mlp, ((2, 5, 32), (64, 32), (32, 64), (2, 5, 32))),
}


@pytest.mark.parametrize("precision, limit", [("fp64", 1e-10), ("fp32", 1e-5)])
@pytest.mark.parametrize("name", FUSED)
def test_a_fused_op_is_the_composition_of_generic_ops(name, precision, limit):
    fused, composed, shapes = FUSED[name]
    arrays = [np.random.default_rng(k).standard_normal(shape) for k, shape in enumerate(shapes)]
    for got, want in zip(run(fused, arrays, precision), run(composed, arrays, precision), strict=True):
        assert error(got, want) <= limit


@pytest.mark.parametrize("precision, limit", [("fp64", 1e-10), ("fp32", 1e-5)])
def test_cross_entropy_is_the_composition_of_generic_ops(precision, limit):
    """The weight of its root is given to the fused op, so the gradient is that of the sum."""
    values = []
    for f in (lambda h, e: ops.cross_entropy(h, e, TARGETS, 0.3), cross_entropy):
        rng = np.random.default_rng(0)
        with Tape(precision) as tape:
            h = ops.as_tensor(rng.standard_normal((2, 5, 32)))
            table = parameter(rng.standard_normal((40, 32)), precision)
            y = f(h, table)
            tape.backward((y, 0.3))
        values.append((ops.as_array(y).ravel(), gradient(h), gradient(table)))
    for got, want in zip(*values):
        assert error(got, want) <= limit


# ---- single ops -----------------------------------------------------------------------------------------
def test_a_number_for_each_token_is_broadcast_over_channels():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 3, 40)), rng.standard_normal((2, 3, 1))
    for f, wanted in ((ops.add, a + b), (ops.sub, a - b), (ops.mul, a * b)):
        np.testing.assert_allclose(run(f, [a, b], "fp64")[0], wanted)


def test_parameters_that_are_padded_along_both_axes():
    """A matrix has rows of zeros behind its own."""
    rng = np.random.default_rng(0)
    w, x = rng.standard_normal((3, 40)).astype(np.float32), rng.standard_normal((1, 3, 40)).astype(np.float32)
    plain, matrix = Parameter(w), Parameter(w.astype(np.float64), matrix=True)
    assert matrix.data.dtype == np.float32
    for p in (plain, matrix):
        with Tape("fp32") as tape:
            y = ops.causal_conv(ops.as_tensor(x), ops.exp(p))
            tape.backward((y, 1.0))
    np.testing.assert_array_equal(ops.as_array(ops.exp(matrix)), ops.as_array(ops.exp(plain)))
    np.testing.assert_array_equal(matrix.grad[:3], plain.grad)
    assert plain.grad[:, :40].any() and not matrix.grad[3:].any() and not matrix.grad[:, 40:].any()


def test_operands_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(2, 3, 40\) with one of shape \(2, 3, 20\).*\(2, 3, 1\)"):
        ops.add(ops.as_tensor(np.zeros((2, 3, 40))), ops.as_tensor(np.zeros((2, 3, 20))))


def test_a_glu_refuses_another_activation():
    x, w = ops.as_tensor(np.zeros((2, 3, 32))), Parameter(np.zeros((32, 32), np.float32), matrix=True)
    with pytest.raises(ValueError, match="activation is 'tanh'; expected one of silu, gelu"):
        ops.glu(x, x, w, w, activation="tanh")


def test_split_refuses_sizes_that_leave_channels_over():
    with pytest.raises(ValueError, match="sum 39; expected 40"):
        ops.split(ops.as_tensor(np.zeros((2, 3, 40))), [20, 19])


def test_a_shift_into_the_future_is_refused():
    with pytest.raises(ValueError, match="n is -1"):
        ops.shift(ops.as_tensor(np.zeros((2, 3, 40))), -1)


def test_l2_norm_of_zeros_is_zero_with_a_finite_gradient():
    y, dx = run(lambda x: ops.l2_norm(x, 2), [np.zeros((1, 3, 40))], "fp32")
    assert not y.any() and np.isfinite(dx).all()


def test_scatter_is_the_transpose_of_gather():
    rng = np.random.default_rng(0)
    x, index = rng.standard_normal((2, 3, 40)), rng.integers(0, 40, (2, 3))
    picked, dx = run(lambda x: ops.gather(x, index), [x], "fp64")
    placed, dpicked = run(lambda x: ops.scatter(x, index, 40), [picked], "fp64")
    np.testing.assert_array_equal(dx != 0, placed != 0)
    np.testing.assert_array_equal(np.take_along_axis(placed, index[..., None], -1), picked)
    assert dpicked.shape == picked.shape


def test_dropout_keeps_the_mean_and_draws_from_the_rng_of_the_tape():
    x = np.ones((4, 50, 64))
    y, dx = run(lambda x: ops.dropout(x, 0.25), [x], "fp64")
    assert set(np.unique(y)) == {0, 1 / 0.75} and abs(y.mean() - 1) < 0.02
    np.testing.assert_array_equal(dx == 0, y == 0)         # by the same mask
    again, _ = run(lambda x: ops.dropout(x, 0.25), [x], "fp64")
    np.testing.assert_array_equal(again, y)
    with Tape("fp64") as tape:
        tape.rng = np.random.default_rng(7)
        assert (ops.as_array(ops.dropout(ops.as_tensor(x), 0.25)) != y).any()


def test_dropout_is_the_identity_without_a_record_or_with_p_0():
    x = ops.as_tensor(np.ones((2, 3, 40)))
    assert ops.dropout(x, 0.5) is x
    with Tape("fp32"):
        assert ops.dropout(x, 0.0) is x
    with pytest.raises(ValueError, match="p is 1"):
        ops.dropout(x, 1)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_activations_of_large_inputs_are_finite(precision):
    x = np.array([-1e4, -90, 90, 1e4], np.float32).reshape(1, 4, 1)
    for name in ("silu", "gelu", "sigmoid", "tanh", "softplus"):
        with Tape(precision) as tape:
            t = ops.as_tensor(x)
            y = getattr(ops, name)(t)
            tape.backward((y, 1.0))
        assert np.isfinite(ops.as_array(y)).all() and np.isfinite(gradient(t)).all(), name


# ---- in a mixer -----------------------------------------------------------------------------------------
class Mixer(Module):
    """out(silu(causal_conv(x)) * sigmoid(shift(x))), from generic ops."""

    def __init__(self, dim, rng):
        self.conv = Parameter(rng.standard_normal((3, dim), np.float32))
        self.out = nn.Linear(dim, dim, rng)

    def init_state(self, batch):
        return Window(2 * 4)

    def __call__(self, x, state=None):
        def mixed(x):
            return ops.mul(ops.silu(ops.causal_conv(x, self.conv, dilation=4)), ops.sigmoid(ops.shift(x, 2)))
        return self.out(state.apply(mixed, x) if state else mixed(x))


@pytest.mark.parametrize("chunks", [[1] * 30, [7, 1, 22], [29, 1]])
def test_any_cut_into_chunks_gives_the_results_of_the_whole(chunks):
    rng = np.random.default_rng(0)
    mixer, x = Mixer(48, rng), rng.standard_normal((2, 30, 48)).astype(np.float32)
    with Tape("fp32", record=False):
        whole = ops.as_array(mixer(ops.as_tensor(x)))
        state, first = mixer.init_state(2), 0
        for size in chunks:
            part = ops.as_array(mixer(ops.as_tensor(x[:, first:first + size]), state))
            np.testing.assert_allclose(part, whole[:, first:first + size], rtol=0, atol=1e-4)
            first += size
