"""Updates of several ranks, which are threads here that take turns: each waits while another computes."""
from threading import Barrier, Lock, Thread

import numba
import numpy as np
import pytest

from ternary.errors import NumericError
from ternary.machine.ranks import ALONE, World
from ternary.models import MODELS
from ternary.rng import generator
from ternary.training.exchange import GROUP, OUTER_LR, OUTER_MOMENTUM, EightBits, LocalSteps, new_exchange, quantise
from ternary.training.micro_batches import micro_batches
from ternary.training.optimizers import OPTIMIZERS
from ternary.training.step import Trainer

ROWS, LENGTH, STEPS = 5, 1100, 4  # four micro-batches, one of two sequences


class Turns(World):
    """A rank that is a thread. One computes at a time."""
    computing = Lock()

    def __init__(self, rank, size, barrier, places):
        self.rank, self.size, self.barrier_of_all, self.places = rank, size, barrier, places

    def exchange(self, a):
        """What all ranks gave, in their order."""
        self.places[self.rank] = a.copy()
        self.computing.release()
        self.barrier_of_all.wait()
        found = list(self.places)
        self.barrier_of_all.wait()
        self.computing.acquire()
        return found

    def all_reduce(self, a):
        a[:] = sum(self.exchange(a))
        self.sent += 2 * a.nbytes * (self.size - 1) // self.size

    def all_to_all(self, a):
        a[:] = [other[self.rank] for other in self.exchange(a)]
        self.sent += a.nbytes * (self.size - 1) // self.size

    def all_gather(self, a):
        a[:] = [other[k] for k, other in enumerate(self.exchange(a))]
        self.sent += a.nbytes * (self.size - 1) // self.size


def on_ranks(size, run):
    """run(world) on each rank -> what it returned, by rank"""
    barrier, places, results = Barrier(size), [None] * size, [None] * size

    def rank(k):
        with Turns.computing:
            numba.set_num_threads(1)
            try:
                results[k] = run(Turns(k, size, barrier, places))
            except BaseException as error:
                results[k] = error
                barrier.abort()

    threads = [Thread(target=rank, args=(k,)) for k in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def new_model():
    cls = MODELS.get("bolt-small")
    return cls(cls.config_type(vocab_size=320, dim=32, layers=1), 1)


def train(world, precision="fp32", bits=32, every=1, steps=STEPS, lr=0.004):
    """-> losses of the steps, weights after them, bytes sent"""
    model = new_model()
    parameters = model.parameters()
    optimizer = OPTIMIZERS.get("muon")(parameters, precision=precision)
    exchange = new_exchange(world, optimizer, parameters, bits, every)
    trainer = Trainer(model, optimizer, precision, 1, (), exchange=exchange)
    losses = []
    for step in range(steps):
        tokens = generator(1, "test", step).integers(0, 20, (ROWS, LENGTH + 1), np.int32)
        losses.append(trainer.step(tokens[:, :-1].copy(), tokens[:, 1:].copy(), lr, 0.03)[0])
        if (step + 1) % every == 0:
            assert trainer.exchange.meet(None) is None
    return losses, optimizer.data.copy(), world.sent


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("precision, rel", [("fp32", 1e-4), ("int8", 2e-3)])
def test_losses_are_those_of_one_rank(size, precision, rel):
    """Vocabulary sampling draws random numbers, and the parts are uneven."""
    alone, _, _ = train(ALONE, precision)
    for losses, weights, _ in (results := on_ranks(size, lambda world: train(world, precision))):
        assert losses == pytest.approx(alone, rel=rel)
        np.testing.assert_array_equal(weights, results[0][1])


@pytest.mark.parametrize("size", [2, 3])
def test_eight_bits_are_a_quarter_of_what_is_sent_and_train_alike(size):
    exact, compressed = (on_ranks(size, lambda world, bits=bits: train(world, bits=bits))[0] for bits in (32, 8))
    assert compressed[0] == pytest.approx(exact[0], rel=0.02) and compressed[0] != exact[0]
    assert 0.2 < compressed[2] / exact[2] < 0.3


@pytest.mark.parametrize("bits", [32, 8])
def test_local_steps_send_only_when_the_ranks_meet(bits):
    each = on_ranks(2, train)
    local = on_ranks(2, lambda world: train(world, bits=bits, every=2))
    np.testing.assert_array_equal(local[0][1], local[1][1])
    assert local[0][2] < each[0][2] * 0.51
    assert local[0][0] != local[1][0], "each has the loss of its own part"


def test_the_parts_of_local_steps_are_the_batch():
    parts = micro_batches(ROWS, LENGTH)
    for size in (1, 2, 3, 4):
        rows = []
        for rank in range(size):
            world = World()
            world.rank, world.size = rank, size
            optimizer = OPTIMIZERS.get("sgd")(new_model().parameters())
            rows += range(ROWS)[LocalSteps(world, None, optimizer, 2).rows(parts)]
        assert rows == list(range(ROWS))


def test_the_outer_step_is_sgd_with_nesterov_momentum():
    optimizer = OPTIMIZERS.get("sgd")(new_model().parameters())
    exchange, rng = LocalSteps(ALONE, None, optimizer, 2), np.random.default_rng(0)
    weights, momentum = optimizer.data.astype(np.float64), 0.0
    for _ in range(3):
        change = rng.normal(size=weights.shape).astype(np.float32)
        optimizer.data -= change
        assert exchange.meet(None) is None
        momentum = OUTER_MOMENTUM * momentum + change
        weights = weights - OUTER_LR * (change + OUTER_MOMENTUM * momentum)
    np.testing.assert_allclose(optimizer.data, weights, atol=1e-4)


def test_outer_momentum_is_saved_and_restored():
    parameters = new_model().parameters()
    optimizer = OPTIMIZERS.get("sgd")(parameters)
    exchange = LocalSteps(ALONE, None, optimizer, 2)

    def meet(change):
        for p in parameters.values():
            p.values[...] -= change
        exchange.meet(None)

    meet(0.1)
    saved, weights = {name: a.copy() for name, a in exchange.state().items()}, optimizer.data.copy()
    meet(0.3)
    after = optimizer.data.copy()
    optimizer.data[:] = weights
    exchange.load(saved)
    meet(0.3)
    np.testing.assert_array_equal(optimizer.data, after)


def test_an_error_of_one_rank_is_one_of_all_where_they_meet():
    def meet(world):
        optimizer = OPTIMIZERS.get("sgd")(new_model().parameters())
        return [str(LocalSteps(world, None, optimizer, 2).meet(NumericError("nan") if world.rank else None))]
    assert on_ranks(2, meet) == [["the loss or gradient of another rank is unsound"], ["nan"]]


def test_what_rounding_loses_is_kept():
    x = np.random.default_rng(0).normal(size=(3, GROUP)).astype(np.float32)
    x[1] = 0
    before = x.copy()
    codes, scales = quantise(x)
    assert codes.dtype == np.int8 and np.abs(codes[0]).max() == 127 and not codes[1].any()
    np.testing.assert_allclose(codes * scales + x, before, atol=1e-6)
    assert np.abs(x).max() <= 0.5001 * scales.max()


def test_error_feedback_loses_nothing_in_the_long_run():
    """The sum of many small gradients beside a large one arrives, though each alone is rounded to zero."""
    def run(world):
        reduce, total = EightBits(world, 3000), np.zeros(3000)
        for _ in range(50):
            a = np.full(3000, 0.001, np.float32)
            a[0] = 1
            reduce(a)
            total += a
        return total
    totals = on_ranks(2, run)
    np.testing.assert_array_equal(*totals)
    np.testing.assert_allclose(totals[0][1:GROUP], 2 * 50 * 0.001, atol=0.02)


def test_nan_arrives():
    def run(world):
        reduce, a = EightBits(world, 3000), np.ones(3000, np.float32)
        a[5] = np.nan if world.rank else 1
        reduce(a)
        found = np.isfinite(a)
        reduce.forget()
        a = np.ones(3000, np.float32)
        reduce(a)
        return found[0], found[-1], a[0]
    for first, last, after in on_ranks(2, run):
        assert not first and last and after == pytest.approx(2)
