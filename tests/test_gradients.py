"""Backward against finite differences in float64, for every operation; and the checker itself."""
import numpy as np
import pytest

from ternary import ops
from ternary.autograd.check import GradientError, check_gradient
from ternary.autograd.tape import Tape, Tensor, empty_like, op
from ternary.kernels.gemm.blocks.quant import block_size, mean_abs_ref
from ternary.kernels.glu import ACTIVATIONS
from ternary.ops.gradients import donate_grad

rng = np.random.default_rng(0)
normal = lambda *shape: rng.standard_normal(shape)


@op
def cube(x, factor=3.0):
    y = x.data ** 3

    def backward(dy):
        dx = empty_like(x.data)
        dx[...] = factor * x.data ** 2 * dy
        donate_grad(x, dx)
    return y, backward


def test_checker_accepts_the_derivative():
    check_gradient(cube, normal(5, 32))


def test_checker_refuses_a_gradient_wrong_by_a_thousandth():
    with pytest.raises(GradientError, match="argument 0"):
        check_gradient(lambda x: cube(x, 3.003), normal(5, 32))


def test_checker_refuses_overwriting_what_is_there():
    @op
    def overwrites(x):
        def backward(dy):
            x.grad = 3 * x.data ** 2 * dy
        return x.data ** 3, backward
    with pytest.raises(GradientError):
        check_gradient(overwrites, normal(5, 32))


def test_checker_refuses_a_gradient_in_the_wrong_place():
    @op
    def shifted(x):
        def backward(dy):
            donate_grad(x, np.roll(dy, 1, axis=0))
        return x.data * 1.0, backward
    with pytest.raises(GradientError):
        check_gradient(shifted, normal(5, 32))


def test_rms_norm():
    check_gradient(ops.rms_norm, normal(7, 32), normal(32))


def test_layer_norm():
    for groups in (1, 2):
        check_gradient(lambda x, w, b, g=groups: ops.layer_norm(x, w, b, g), 1 + normal(7, 32), normal(32), normal(32))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_glu(activation):
    check_gradient(
        lambda x, z, g, u: ops.glu(x, z, ops.packed_linear(g, None), ops.packed_linear(u, None), activation),
        normal(7, 32), normal(7, 32), normal(64, 32), normal(64, 32))


def test_attention():
    for rows, length in ((12, 12), (12, 4), (3, 1)):
        check_gradient(lambda x, t=length: ops.attention(x, 32, t), normal(rows, 3 * 64))


def test_gated_conv():
    for rows, length in ((12, 12), (12, 4), (3, 1)):
        check_gradient(lambda x, w, t=length: ops.gated_conv(x, w, t), normal(rows, 64), normal(8, 32))


def test_token_shift():
    for rows, length in ((12, 12), (12, 4), (3, 1)):
        check_gradient(lambda x, mix, t=length: ops.token_shift(x, mix, t), normal(rows, 32), normal(32))


def test_recurrence():
    for rows, length in ((12, 12), (12, 4), (3, 1)):
        check_gradient(lambda f, v, o, b, t=length: ops.recurrence(f, v, o, b, 0.3, t),
                       *(normal(rows, 32) for _ in range(3)), normal(32))


def test_relu2_mlp():
    pack = lambda w: ops.packed_linear(w, None)
    check_gradient(lambda x, up, down, r: ops.relu2_mlp(x, pack(up), pack(down), r),
                   normal(7, 32), normal(64, 32), normal(32, 64), normal(7, 32))


def test_embedding():
    tokens = rng.integers(0, 6, 20).astype(np.int32)
    check_gradient(lambda table: ops.embedding(tokens, table), normal(6, 32))


def test_linear_with_and_without_residual():
    check_gradient(lambda x, w: ops.linear(x, ops.packed_linear(w, None)), normal(7, 64), normal(32, 64))
    check_gradient(lambda x, w, r: ops.linear(x, ops.packed_linear(w, None), r), normal(7, 64), normal(32, 64),
                   normal(7, 32))


@pytest.mark.parametrize("quantizer", ["tensor", "row", "block256"])
def test_ternary_linear_is_the_derivative_of_its_effective_weight(quantizer):
    """Straight through: exact in x, and for w the gradient of the weight that was used."""
    w, dy, x = normal(32, 64), normal(7, 32), normal(7, 64)
    check_gradient(lambda x: ops.linear(x, ops.packed_linear(parameter(w), quantizer)), x)
    weight, inputs = parameter(w), Tensor(x)
    with Tape("fp64") as tape:
        y = ops.linear(inputs, ops.packed_linear(weight, quantizer))
        tape.backward(y, dy)
    np.testing.assert_allclose(weight.grad, dy.T @ x, rtol=1e-12)
    alpha = mean_abs_ref(w, *w.shape, block_size(w.shape, quantizer))
    scale = np.repeat(alpha, block_size(w.shape, quantizer)).reshape(w.shape)
    np.testing.assert_allclose(y.data, x @ (np.clip(np.rint(w / (scale + 1e-8)), -1, 1) * scale).T, rtol=1e-9)


def parameter(w):
    t = Tensor(w)
    t.grad = np.zeros_like(w)
    return t


def test_cross_entropy():
    n, v = 9, 40
    target, scale = rng.integers(0, v, n).astype(np.int32), 0.3
    check_gradient(lambda h, e: ops.cross_entropy(h, ops.packed_table(e), target, scale),
                   normal(n, 32), normal(v, 32), dy=np.full(n, scale))


def test_several_consumers_add_up():
    """x is read by a norm, by two maps and as a residual; a weight is used twice."""
    def graph(x, s, w):
        p = ops.packed_linear(w, None)
        h = ops.rms_norm(x, s)
        y = ops.linear(h, p, residual=x)
        z = ops.glu(h, h, p, p, "silu")
        return ops.linear(z, p, residual=ops.linear(y, p, residual=y))
    check_gradient(graph, normal(5, 32), normal(32), normal(32, 32))


def test_what_is_not_used_gets_no_gradient():
    with Tape("fp64") as tape:
        x = Tensor(normal(3, 32))
        unused = cube(x)
        y = cube(x)
        tape.backward(y, np.ones_like(y.data))
    assert unused.grad is None
    np.testing.assert_allclose(x.grad, 3 * x.data ** 2)


def test_memory_is_used_again_but_never_while_a_view_lives():
    tape = Tape("fp32")
    a = tape.pool.empty((4, 32), np.dtype(np.float32))
    address, view = a.ctypes.data, a[1:]
    del a
    assert tape.pool.empty((4, 32), np.dtype(np.float32)).ctypes.data != address
    del view
    assert tape.pool.empty((4, 32), np.dtype(np.float32)).ctypes.data == address


def test_an_array_may_outlive_its_pool():
    a = Tape("fp32").pool.empty((4, 32), np.dtype(np.float32))
    a[:] = 7
    others = [Tape("fp32").pool.empty((4, 32), np.dtype(np.float32)) for _ in range(3)]
    for b in others:
        b[:] = 0
    assert (a == 7).all()
