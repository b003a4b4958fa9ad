"""Workers that share a step, an update and an evaluation."""
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest
from test_models import tiny
from tiny import TINY, learned, weights

from ternary.autograd.tape import Tape, current_tape
from ternary.evaluation.protocol import story_nats
from ternary.machine.workers import MAX_WORKERS, Workers
from ternary.nn.module import Parameter
from ternary.objectives import Objective
from ternary.training import micro_batches as cut
from ternary.training.gradient_sum import GradientSum
from ternary.training.micro_batches import micro_batches, plan_workers
from ternary.training.optimizers import OPTIMIZERS
from ternary.training.step import Trainer

ROWS, SEQ_LEN = 6, 32


@pytest.fixture
def small_micro_batches(monkeypatch):
    """Four of one or two rows; kernels on one thread."""
    monkeypatch.setattr(cut, "MICRO_BATCH_TOKENS", 2 * SEQ_LEN)
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(before)


def batch(seed: int) -> tuple[np.ndarray, np.ndarray]:
    t = np.random.default_rng(seed).integers(0, 200, (ROWS, SEQ_LEN + 1)).astype(np.int32)
    return t[:, :-1].copy(), t[:, 1:].copy()


def trainer(workers: Workers, optimizer: str = "muon", model: str = "bolt-small", objectives: tuple = ()) -> Trainer:
    made = tiny(model, vocab_size=200)
    return Trainer(made, OPTIMIZERS.get(optimizer)(made.parameters()), "fp32", objectives=objectives, workers=workers)


@pytest.mark.parametrize("model, optimizer", [("bolt-small", "muon"), ("nova", "adamw"), ("bolt-small", "lion"),
                                              ("reckoning", "sgd")])
def test_any_number_of_workers_gives_the_same_bits(small_micro_batches, model, optimizer):
    found = []
    for count in (1, 2, 3):
        t = trainer(Workers(count, 1), optimizer, model)
        steps = [t.step(*batch(k), 0.01, 0.05) for k in range(3)]
        found.append((steps, t.optimizer.data.copy()))
    for steps, data in found[1:]:
        assert steps == found[0][0]
        np.testing.assert_array_equal(data, found[0][1])


class Failing(Objective):
    """Fails in the micro-batch that has a token of its own."""
    name, token = "failing", 199

    def __call__(self, batch):
        if (batch.tokens == self.token).all(axis=1).any():
            raise MemoryError("no memory for a micro-batch")
        return []


@pytest.mark.parametrize("count", [1, 2])
def test_a_step_that_fails_leaves_no_gradient_behind(small_micro_batches, count):
    t, undisturbed = trainer(Workers(count, 1), objectives=(Failing(),)), trainer(Workers(1, 1))
    x, y = batch(0)
    x[3] = Failing.token
    with pytest.raises(MemoryError, match="no memory for a micro-batch"):
        t.step(x, y, 0.01)
    assert not any(grad.any() for grad in t.sum.buffers)
    assert t.step(*batch(1), 0.01) == undisturbed.step(*batch(1), 0.01)
    np.testing.assert_array_equal(t.optimizer.data, undisturbed.optimizer.data)


def test_an_error_ends_all_workers_before_it_is_raised():
    workers, begun, ended = Workers(2, 1), threading.Barrier(2), []

    def slow():
        begun.wait()
        ended.append(True)

    def fails():
        begun.wait()
        raise ValueError("a task failed")

    with pytest.raises(ValueError, match="a task failed"):
        workers.run([slow, fails])
    assert ended == [True]
    workers.run([lambda: ended.append(False)])
    assert ended == [True, False]


def test_tasks_run_with_the_context_of_their_worker_and_the_threads_given():
    workers, seen = Workers(2, 1), set()
    tapes, both = [Tape("fp32"), Tape("fp32")], threading.Barrier(2)
    p = Parameter(np.zeros(4, np.float32))
    for k, tape in enumerate(tapes):
        tape.grads = {p: np.full(4, k, np.float32)}

    def task():
        both.wait()
        seen.add((float(p.grad[0]), numba.get_num_threads()))
    workers.run([task, task], tapes)
    assert seen == {(0.0, 1), (1.0, 1)} and not p.grad.any()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_gradients_add_up_in_order_in_one_buffer_more_than_there_are_workers(count):
    p, gradients = Parameter(np.zeros(64, np.float32)), np.float32([1, 2 ** 24, 1, -2 ** 24, 3, 1])
    assert gradients.cumsum()[-1] != gradients[::-1].cumsum()[-1]         # another order would show
    optimizer, workers, done = OPTIMIZERS.get("sgd")({"p": p}), Workers(count, 1), threading.Event()
    total = GradientSum(optimizer, {"p": p})

    def task():
        tape = current_tape()
        with total.task() as (k, tape.grads):
            if k == 0 and count > 1:
                assert done.wait(60)              # the first one is the last to end of those that can run meanwhile
            p.grad[:] += gradients[k]
            if k == count:
                done.set()
    for _ in range(2):
        done.clear()
        total.begin(len(gradients), count)
        workers.run([task] * len(gradients), [Tape("fp32") for _ in range(count)])
        optimizer.grad_norm(total.left, workers.run)
        assert len(total.buffers) == count + 1 and not any(other.any() for other in total.buffers[1:])
        np.testing.assert_array_equal(p.grad, np.full(64, gradients.cumsum()[-1]))
        p.grad[:] = 0


def test_a_task_that_fails_does_not_hold_up_those_that_wait_for_it():
    p, calls, waits = Parameter(np.zeros(64, np.float32)), itertools.count(1), threading.Event()
    total = GradientSum(OPTIMIZERS.get("sgd")({"p": p}), {"p": p})
    total.begin(4, 2)

    def task():
        if next(calls) == 4:
            waits.set()                           # there are three buffers, so it waits for the first task
        with total.task() as (k, _):
            if k == 0:
                assert waits.wait(60)
                raise ValueError("the first task failed")
    run = ThreadPoolExecutor(1).submit(Workers(2, 1).run, [task] * 4)
    assert str(run.exception(60)) == "the first task failed"


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 16, 33, 64, 100])
@pytest.mark.parametrize("seq_len", [32, 256, 1024, 5000])
def test_micro_batches_hold_each_row_once_and_are_even(rows, seq_len):
    parts = micro_batches(rows, seq_len)
    sizes = [part.stop - part.start for part in parts]
    assert [row for part in parts for row in range(part.start, part.stop)] == list(range(rows))
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) * seq_len <= cut.MICRO_BATCH_TOKENS or max(sizes) == 1


def test_workers_are_as_many_as_share_the_micro_batches_evenly(monkeypatch):
    monkeypatch.setattr("ternary.machine.workers.threading_layer", lambda: "omp")     # also where there is none
    assert plan_workers(1, 16, 256) == 1
    assert plan_workers(2, 4, 256) == 1               # one micro-batch
    assert plan_workers(2, 16, 256) == 2
    assert plan_workers(2, 3, 2048) == 1              # three sequences: both threads work on each
    assert plan_workers(16, 16, 256) == 2
    assert plan_workers(64, 256, 1024) == MAX_WORKERS


def test_an_evaluation_by_several_workers_is_that_of_one():
    model, rng = tiny("bolt-small", vocab_size=200), np.random.default_rng(0)
    texts = [rng.integers(0, 200, n + 1).astype(np.int32) for n in (5, 40, 700, 33, 90, 64, 5000)]
    stories = [(t[:-1], t[1:]) for t in texts]
    one, three = (story_nats(model, stories, "fp32", Workers(count, 1)) for count in (1, 3))
    np.testing.assert_allclose(three, one, rtol=1e-6)


def test_a_run_goes_on_with_another_number_of_workers_as_if_nothing_had_changed(small_micro_batches, here, corpus,
                                                                                tmp_path):
    run = tmp_path / "run"
    first = here("train", "--data", corpus, *TINY, "--batch", ROWS, "--steps", 6, "--eval-every", 3, "--save-dir", run)
    assert first.code == 0, first.err
    wanted = weights(run), learned(run)
    again = here("train", "--resume", run / "step_0000003", "--threads", 2, "--workers", 2)
    assert again.code == 0, again.err
    assert (weights(run), learned(run)) == wanted
