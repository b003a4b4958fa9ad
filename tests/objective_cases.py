"""Objectives, models with all the heads that they train, and what both are compared by."""
import numpy as np
import pytest

from ternary import ops
from ternary.autograd.tape import Tape
from ternary.models.bolt import Bolt, BoltConfig
from ternary.models.nova import Nova, NovaConfig
from ternary.nn.heads import Compass, ExitHead
from ternary.nn.linear import Linear
from ternary.objectives.base import OBJECTIVES, Batch, trained_parameters
from ternary.rng import generator

CONFIG = BoltConfig(vocab_size=40, dim=32, layers=1, hidden=64)
NOVA = NovaConfig(vocab_size=40, dim=32, layers=1, heads=1, hidden=64)
OWN_HEADS = {"value": "value_heads", "compass": "compass", "exits": "exits"}     # objectives -> what a model needs
CONSTANT_TARGETS = "value", "compass"     # computed from the model, without a gradient
NO_TERM = ("word_dropout",)
objectives = pytest.mark.parametrize("name", OBJECTIVES.names())


def made(name, model, **options):
    objective = OBJECTIVES.get(name)(**options)
    objective.setup(model, generator(0, name))
    return objective


class WithHeads:
    def add_heads(self, rng):
        c = self.config
        self.value_heads = [Linear(c.dim, 1, rng, std=0.3) for _ in range(c.layers)]
        self.compass = Compass(c.dim, rng)
        self.exits = [ExitHead(1, c.vocab_size, c.dim, 8, rng)]


class NovaWithHeads(WithHeads, Nova):
    pass


class BoltWithHeads(WithHeads, Bolt):
    pass


def trained_by(objective, model):
    """The parameters that the next-token loss and this objective train."""
    others = [head for name, head in OWN_HEADS.items() if name != objective.name]
    return {key: p for key, p in trained_parameters(model, [objective]).items() if key.split(".")[0] not in others}


def batch_of(shape=(2, 12), vocab=40, seed=0):
    return tuple(np.random.default_rng(seed).integers(0, vocab, shape).astype(np.int32) for _ in range(2))


def values(objective, model, x, y, precision="fp32"):
    """The values of the objective's terms, weighted and summed; no gradient of a parameter is changed."""
    kept = [(p, p.grad.copy()) for p in trained_parameters(model, [objective]).values()]
    with Tape(precision, record=False):
        batch = Batch(model, x, y, 1 / x.size, keeps_outputs=True)
        batch.nats = model.nll(x, y)
        terms = objective(batch)
        total = sum(term.scale * float(ops.as_array(term.value).sum()) for term in terms)
    for p, grad in kept:
        p.grad[...] = grad
    return total


def in_float64(parameters):
    for p in parameters.values():
        p.data, p.grad = p.data.astype(np.float64), p.grad.astype(np.float64)
