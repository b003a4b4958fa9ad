"""Backward against finite differences in float64, for every operation; and the checker itself."""
from threading import Thread

import fused_gradient_cases  # noqa: F401  they are registered
import numpy as np
import pytest
from gradient_cases import GRADIENTS

from ternary import ops
from ternary.autograd.check import GradientError, check_gradient
from ternary.autograd.tape import Tape, Tensor, current_tape, empty, op, recompute
from ternary.kernels.gemm.quant import block_size, mean_abs_ref, rounded
from ternary.nn.module import Parameter
from ternary.ops.gradients import donate_grad

rng = np.random.default_rng(0)
normal = lambda *shape: rng.standard_normal(shape)


@op
def cube(x, factor=3.0):
    y = empty(x.shape)
    y.data[...] = x.data ** 3

    def backward(dy):
        donate_grad(x, factor * x.data ** 2 * dy)
    return y, backward


def test_checker_accepts_the_derivative():
    check_gradient(cube, normal(1, 5, 32))


def test_checker_refuses_a_gradient_wrong_by_a_thousandth():
    with pytest.raises(GradientError, match="argument 0"):
        check_gradient(lambda x: cube(x, 3.003), normal(1, 5, 32))


def test_checker_refuses_overwriting_what_is_there():
    @op
    def overwrites(x):
        def backward(dy):
            x.grad = 3 * x.data ** 2 * dy
        return Tensor(x.data ** 3, x.shape), backward
    with pytest.raises(GradientError):
        check_gradient(overwrites, normal(1, 5, 32))


def test_checker_refuses_a_gradient_in_the_wrong_place():
    @op
    def shifted(x):
        def backward(dy):
            donate_grad(x, np.roll(dy, 1, axis=0))
        return Tensor(x.data * 1.0, x.shape), backward
    with pytest.raises(GradientError):
        check_gradient(shifted, normal(1, 5, 32))


NO_GRADIENT = {"FUSED_GLU", "QUANTIZERS", "as_array", "as_tensor", "donate_grad", "nll", "numpy_op", "quantized",
               "ternary_table"}                       # a straight-through estimator is no derivative


@pytest.mark.parametrize("name", sorted(set(ops.__all__) - NO_GRADIENT))
def test_gradient_of_every_exported_op(name):
    assert name in GRADIENTS, f"ops.{name} needs a case in gradient_cases.py or fused_gradient_cases.py"
    called = []

    def op(*args, **options):
        called.append(name)
        return getattr(ops, name)(*args, **options)
    for f, *arrays in GRADIENTS[name](op, np.random.default_rng(1)):
        # the gradients of the head are those of a weighted sum, whose weight it has to know in the forward pass
        dy = np.ones(9) if name == "cross_entropy" else None
        check_gradient(f, *arrays, dy=dy)
        assert called, f"the case of ops.{name} does not call it"
        called.clear()


@ops.numpy_op
def cumulative_mean(x):
    n = np.arange(1, x.shape[1] + 1)[:, None]

    def backward(dy):
        return np.flip(np.flip(dy / n, 1).cumsum(1), 1)
    return x.cumsum(1) / n, backward


def test_numpy_op():
    check_gradient(cumulative_mean, normal(2, 5, 40))


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_numpy_op_computes_with_floats_in_every_precision(precision):
    x = normal(2, 5, 40).astype(np.float32)
    with Tape(precision) as tape:
        t = ops.as_tensor(x)
        y = cumulative_mean(t)
        tape.backward((y, 1.0))
    expected = x.cumsum(1) / np.arange(1, 6)[:, None]
    np.testing.assert_allclose(ops.as_array(y), expected, atol=1e-6 if precision == "fp32" else 0.03)
    assert t.grad is not None


@pytest.mark.parametrize("result, said", [
    (lambda a, b: a, "returned ndarray; want an array and backward"),
    (lambda a, b: (a, a), "returned tuple; want an array and backward"),
    (lambda a, b: (a, lambda dy: dy), "1 gradients; expected one for each of 2 tensors"),
    (lambda a, b: (a, lambda dy: (dy, dy[:, 1:])), r"gradient 1: shape \(2, 4, 40\), expected that of its tensor"),
])
def test_a_numpy_op_that_returns_something_else_is_refused(result, said):
    a, b = (ops.as_tensor(normal(2, 5, 40)) for _ in range(2))
    with Tape("fp32") as tape, pytest.raises((TypeError, ValueError), match=said):
        tape.backward((ops.numpy_op(result)(a, b), 1.0))


@pytest.mark.parametrize("quantizer", ["tensor", "tensor_fp16", "row", "block256"])
def test_ternary_linear_is_the_derivative_of_its_effective_weight(quantizer):
    """Straight-through estimator: exact in x, and for w the gradient of the effective weight."""
    w, dy, x = normal(32, 64), normal(7, 32), normal(7, 64)
    check_gradient(lambda x: ops.linear(x, parameter(w), quantizer=quantizer), x[None])
    weight, inputs = parameter(w), Tensor(x, (1, 7, 64))
    with Tape("fp64") as tape:
        y = ops.linear(inputs, weight, quantizer=quantizer)
        tape.backward((y, dy))
    np.testing.assert_allclose(weight.grad, dy.T @ x, rtol=1e-12)
    alpha = rounded(mean_abs_ref(w, *w.shape, block_size(w.shape, quantizer)), quantizer)
    scale = np.repeat(alpha, block_size(w.shape, quantizer)).reshape(w.shape)
    np.testing.assert_allclose(y.data, x @ (np.clip(np.rint(w / (scale + 1e-8)), -1, 1) * scale).T, rtol=1e-9)


def parameter(w):
    t = Tensor(w)
    t.grad = np.zeros_like(w)
    return t


def test_cross_entropy_scales_its_gradients():
    shape, v, scale = (3, 3), 40, 0.3
    target = rng.integers(0, v, shape).astype(np.int32)
    check_gradient(lambda h, e: ops.cross_entropy(h, e, target, scale),
                   normal(*shape, 32), normal(v, 32), dy=np.full(9, scale))


def test_several_consumers_add_up():
    """x is read by a norm, by two linear maps and as a residual; a weight is used twice."""
    def graph(x, s, w):
        h = ops.rms_norm(x, s)
        y = ops.linear(h, w, residual=x)
        z = ops.glu(h, h, w, w)
        return ops.linear(z, w, residual=ops.linear(y, w, residual=y))
    check_gradient(graph, normal(1, 5, 32), normal(32), normal(32, 32))


def test_backward_of_several_roots_is_that_of_their_weighted_sum():
    x = normal(4, 32)
    gradients = []
    for weights in ((2.0, 0.0), (0.0, 0.5), (2.0, 0.5)):
        with Tape("fp64") as tape:
            t = Tensor(x)
            first, second = cube(t), cube(cube(t))
            tape.backward(*((y, w) for y, w in ((first, weights[0]), (second, weights[1])) if w))
        gradients.append(t.grad)
    np.testing.assert_allclose(gradients[2], gradients[0] + gradients[1])


def test_each_thread_has_a_tape_of_its_own():
    seen = []
    with Tape("fp64") as tape:
        thread = Thread(target=lambda: seen.append(current_tape()))
        thread.start()
        thread.join()
        assert current_tape() is tape and seen[0] is not tape


def test_layers_compute_outside_of_a_tape():
    x = ops.as_tensor(normal(2, 3, 32).astype(np.float32))
    w = Parameter(normal(64, 32).astype(np.float32), matrix=True)
    np.testing.assert_allclose(ops.as_array(ops.linear(x, w)), ops.as_array(x) @ w.values.T, rtol=1e-4, atol=1e-5)
    w.data *= 2
    np.testing.assert_allclose(ops.as_array(ops.linear(x, w)), ops.as_array(x) @ w.values.T, rtol=1e-4, atol=1e-5)


def test_what_is_not_used_gets_no_gradient():
    with Tape("fp64") as tape:
        x = Tensor(normal(3, 32))
        unused = cube(x)
        y = cube(x)
        tape.backward((y, np.ones_like(y.data)))
    assert unused.grad is None
    np.testing.assert_allclose(x.grad, 3 * x.data ** 2)


def test_backward_leaves_the_weights_of_a_root_alone():
    with Tape("fp32") as tape:
        x, w = Tensor(normal(4, 32).astype(np.float32)), Tensor(normal(32, 32).astype(np.float32))
        x.shape, w.grad = (1, 4, 32), np.zeros((32, 32), np.float32)
        y = ops.glu(x, x, w, w)
        weights = np.ones_like(y.data)
        tape.backward((y, weights))
    assert (weights == 1).all() and w.grad.any()


def test_a_glu_with_its_last_map_keeps_less_than_without():
    taken = []
    for together in (True, False):
        with Tape("fp32") as tape:
            x, w = Tensor(np.zeros((512, 32), np.float32), (1, 512, 32)), Tensor(np.zeros((32, 32), np.float32))
            y = ops.glu(x, x, w, w, w) if together else ops.linear(ops.glu(x, x, w, w), w)
            for _ in range(5):
                y = ops.glu(y, y, w, w, w) if together else ops.linear(ops.glu(y, y, w, w), w)
        taken.append(tape.pool.taken)
    assert taken[1] - taken[0] == 5 * x.data.nbytes       # the product of the sixth is in use when it is made


def test_what_is_computed_again_takes_no_memory_and_changes_no_gradient():
    start, weights = normal(512, 32).astype(np.float32), normal(32, 32).astype(np.float32)

    def run(again):
        with Tape("fp32") as tape:
            x, gain, w = Tensor(start, (1, 512, 32)), Tensor(np.ones(32, np.float32)), Tensor(weights)
            gain.grad, w.grad, y = np.zeros(32, np.float32), np.zeros((32, 32), np.float32), x
            for _ in range(6):
                h = ops.rms_norm(y, gain)
                y, before = ops.linear(h, w, y), y
                if again:
                    recompute(h, ops.rms_norm, before, gain)
            taken, calls = tape.pool.taken, len(tape.nodes)
            value = h.data.copy()                 # may be read before the backward pass too
            tape.backward((y, 1.0))
        assert calls == 12 and not tape.nodes
        return taken, value, x.grad, gain.grad, w.grad
    (less, *results), (more, *expected) = run(True), run(False)
    assert more - less == 5 * start.nbytes        # the last one is in use when it is freed
    for a, b in zip(results, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_is_read_outside_of_its_tape_is_computed_again_in_the_precision_of_the_tape():
    x, gain = Tensor(normal(64, 32).astype(np.float32), (1, 64, 32)), Tensor(np.ones(32, np.float32))
    with Tape("bf16") as tape:
        h = ops.rms_norm(x, gain)
        before = h.data.copy()
        recompute(h, ops.rms_norm, x, gain)
    assert h.data.dtype == np.uint16 and (h.data == before).all() and len(tape.nodes) == 1 and tape.record


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
