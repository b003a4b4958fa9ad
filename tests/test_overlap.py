"""Sums over ranks that begin during the backward pass."""
import numpy as np
import pytest
from objective_cases import NOVA, NovaWithHeads, batch_of, made
from test_models import tiny
from test_workers import batch, small_micro_batches, trainer  # noqa: F401

from ternary.autograd.tape import Tape
from ternary.machine.ranks import World
from ternary.machine.workers import Workers
from ternary.models import MODELS
from ternary.objectives.base import OBJECTIVES, Batch, trained_parameters
from ternary.objectives.next_token import NextToken
from ternary.training import overlap as module
from ternary.training.exchange import Exchange
from ternary.training.optimizers import OPTIMIZERS
from ternary.training.optimizers.base import SLOT
from ternary.training.overlap import Overlap
from ternary.training.step import Trainer


class Copies(Overlap):
    """Keeps the gradients that are complete, and whether the backward pass went on."""

    def complete(self, parameters):
        for p in parameters:
            self.copies[p] = p.grad.copy(), bool(self.tape.nodes)


def check_complete(model, objectives, x, y):
    """-> the share of gradients that are complete before the end"""
    parameters = trained_parameters(model, objectives)
    overlap = Copies(World(), OPTIMIZERS.get("sgd")(parameters), parameters)
    overlap.copies, overlap.tape = {}, Tape("fp32")
    with overlap.tape as tape, overlap.last_micro_batch(tape):
        given = Batch(model, x, y, 1 / x.size, keeps_outputs=any(o.uses_outputs for o in objectives))
        tape.backward(*((term.value, term.scale) for o in (NextToken(), *objectives) for term in o(given)))
    assert overlap.copies.keys() == set(parameters.values())
    for name, p in parameters.items():
        np.testing.assert_array_equal(overlap.copies[p][0], p.grad, err_msg=name)
    return np.mean([early for _, early in overlap.copies.values()])


@pytest.mark.parametrize("name", MODELS.names())
def test_a_gradient_is_complete_after_the_first_op_that_took_its_parameter(name):
    x = np.random.default_rng(0).integers(0, 200, (2, 33), np.int32)
    assert check_complete(tiny(name, vocab_size=200), (), x[:, :-1].copy(), x[:, 1:].copy()) > 0.5


def test_gradients_of_objectives_are_complete_in_the_same_way():
    model = NovaWithHeads(NOVA, seed=1)
    assert check_complete(model, tuple(made(name, model) for name in OBJECTIVES.names()), *batch_of()) > 0.5


class First(World):
    """Rank 0 of two, the other one of which has no gradient. Counts how many sums began before the backward pass was
    over."""
    size, early = 2, 0

    def __init__(self):
        self.began, self.tapes = [], []

    def begin_all_reduce(self, a):
        self.began.append(a)
        self.early += any(tape.nodes for tape in self.tapes)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.usefixtures("small_micro_batches")
def test_each_chunk_is_summed_once_and_in_order_whatever_the_workers(monkeypatch, workers):
    monkeypatch.setattr(module, "CHUNK", SLOT)
    undisturbed = trainer(Workers(workers, 1))
    made, world = trainer(Workers(workers, 1)), First()
    overlap = Overlap(world, made.optimizer, made.trained)
    made = Trainer(made.model, made.optimizer, "fp32", workers=made.workers, exchange=Exchange(world, overlap))
    undisturbed.exchange.part = world.part        # the gradients of half of the batch
    world.tapes = made.tapes
    for step in range(2):
        losses = [t.step(*batch(step), 0.01) for t in (made, undisturbed)]
        assert losses[0] == losses[1]
        np.testing.assert_array_equal(made.optimizer.data, undisturbed.optimizer.data)
        assert [a.ctypes.data for a in world.began] == [
            made.optimizer.grad[k:].ctypes.data for k in reversed(range(0, len(made.optimizer.grad), SLOT))]
        assert world.early > 0.5 * len(world.began)
        world.began, world.early = [], 0


def test_a_parameter_that_no_op_takes_is_complete_at_the_end():
    made = trainer(Workers())
    overlap = Overlap(First(), made.optimizer, made.trained)
    overlap.begin([], 1)
    with Tape("fp32") as tape, overlap.last_micro_batch(tape):
        assert not overlap.world.began
    assert len(overlap.world.began) == len(overlap.chunks)
