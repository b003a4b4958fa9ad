"""Objectives: what training minimises, as weighted terms over one forward pass."""
import numpy as np

from ternary import ops
from ternary.models.bolt import Bolt, BoltConfig
from ternary.objectives.base import Objective, Term
from ternary.training.step import Trainer

CONFIG = BoltConfig(vocab_size=40, dim=32, layers=1, hidden=64)


class Smallness(Objective):
    """The mean square of the head's input, from generic ops."""

    def __call__(self, batch):
        h = batch.hidden
        return [Term("smallness", ops.mul(h, h), self.weight * batch.scale)]


class FirstTokenAgain(Objective):
    """The next-token loss once more: with weight w, gradients are 1 + w times those of next_token alone."""

    def __call__(self, batch):
        scale = self.weight * batch.scale
        value = ops.cross_entropy(batch.hidden, batch.model.embed.weight, batch.targets, scale)
        return [Term("again", value, scale)]


def gradients(*objectives):
    model, rng = Bolt(CONFIG, seed=1), np.random.default_rng(0)
    x, y = (rng.integers(4, 40, (2, 16)).astype(np.int32) for _ in range(2))
    nats = Trainer(model, None, "fp32", objectives=objectives).gradients(x, y)
    return nats, np.concatenate([p.grad.ravel() for p in model.parameters().values()])


def test_gradients_of_terms_add_up_by_their_weights():
    _, alone = gradients()
    _, both = gradients(FirstTokenAgain(0.5))
    assert np.linalg.norm(both - 1.5 * alone) < 1e-4 * np.linalg.norm(alone)


def test_an_auxiliary_objective_changes_gradients_but_not_the_reported_loss():
    nats, alone = gradients()
    same_nats, both = gradients(Smallness(0.5))
    assert same_nats == nats
    assert np.linalg.norm(both - alone) > 1e-3 * np.linalg.norm(alone)
