"""Objectives: what training minimises, as weighted terms over one forward pass."""
import numpy as np
import pytest
from objective_cases import (
    CONFIG,
    CONSTANT_TARGETS,
    NO_TERM,
    NOVA,
    OWN_HEADS,
    BoltWithHeads,
    NovaWithHeads,
    batch_of,
    in_float64,
    made,
    objectives,
    trained_by,
    values,
)

from ternary import ops
from ternary.autograd.tape import Tape
from ternary.errors import UsageError
from ternary.models.bolt import Bolt
from ternary.objectives.base import Objective, Term, trained_parameters
from ternary.objectives.unlikelihood import candidates, unlikelihood
from ternary.training.optimizers.adamw import AdamW
from ternary.training.step import Trainer


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

# ---- auxiliary objectives -------------------------------------------------------------------------------


@objectives
def test_gradients_of_an_objective_are_its_derivatives(name):
    """By finite differences in float64, for parameters of the model and of the objective, below those of next_token."""
    model = NovaWithHeads(NOVA, seed=1)
    objective, (x, y) = made(name, model, weight=0.7), batch_of()
    objective.inputs = lambda tokens, rng: tokens
    in_float64(model.parameters())
    parameters = trained_by(objective, model)
    if name in CONSTANT_TARGETS:
        parameters = {key: p for key, p in parameters.items() if key.startswith(OWN_HEADS[name])}
    in_float64(parameters)
    for p in parameters.values():
        p.data *= 3                       # far from a uniform prediction
    Trainer(model, None, "fp64", objectives=(objective,)).gradients(x, y)
    rng, eps = np.random.default_rng(0), 1e-5

    def total():
        with Tape("fp64", record=False):
            nats = model.nll(x, y).mean()
        return nats + values(objective, model, x, y, "fp64")
    for key, p in parameters.items():
        v, inside = rng.standard_normal(p.shape), tuple(map(slice, p.shape))
        ends = []
        for sign in (1, -2):              # to one side, and from there to the other
            p.data[inside] += sign * eps * v
            ends.append(total())
        p.data[inside] += eps * v
        numeric, exact = (ends[0] - ends[1]) / (2 * eps), (p.grad[inside] * v).sum()
        assert abs(numeric - exact) <= 1e-6 * (np.linalg.norm(p.grad[inside] * v) + abs(numeric)), key


@objectives
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_training_with_an_objective_lowers_it_and_reports_the_next_token_loss(name, precision):
    x, y = batch_of()

    def trained(given):
        """-> the objective's value, after training with it or without"""
        model = BoltWithHeads(CONFIG, seed=1)
        objective = made(name, model, weight=0.5)
        objective.inputs = lambda tokens, rng: tokens
        parameters = trained_parameters(model, [objective])
        start = {key: p.values.copy() for key, p in trained_by(objective, model).items()}
        trainer = Trainer(model, AdamW(parameters, weight_decay=0, precision=precision), precision,
                          objectives=(objective,) if given else ())
        assert trainer.objectives[0].name == "next_token"
        losses = []
        for _ in range(20):
            with Tape(precision, record=False):
                reported = model.nll(x, y).mean()
            losses.append(trainer.step(x, y, 1e-2)[0])
            assert losses[-1] == pytest.approx(reported, rel=1e-3)
        assert losses[-1] < losses[0]
        assert not given or not [key for key, values in start.items() if (parameters[key].values == values).all()]
        return values(objective, model, x, y)
    assert name in NO_TERM or trained(True) < trained(False)


@objectives
def test_an_objective_adds_no_parameter_to_the_model(name):
    model = BoltWithHeads(CONFIG, seed=1)
    before = list(model.parameters())
    objective = made(name, model)
    assert list(model.parameters()) == before
    own = trained_parameters(model, [objective]).keys() - set(before)
    assert own == {f"objective.{name}.{key}" for key in objective.parameters()}


@objectives
def test_an_objective_takes_sequences_of_one_token(name):
    model = BoltWithHeads(CONFIG, seed=1)
    objective, (x, y) = made(name, model), batch_of((3, 1))
    assert np.isfinite(Trainer(model, None, "fp32", objectives=(objective,)).gradients(x, y))


def test_an_optimizer_without_the_parameters_of_an_objective_is_refused():
    model = Bolt(CONFIG, seed=1)
    objective = made("multi_token", model)
    with pytest.raises(ValueError, match="objective.multi_token.linear.weight.*trained_parameters"):
        Trainer(model, AdamW(model.parameters()), "fp32", objectives=(objective,))


def test_the_same_objective_twice_is_refused():
    model = Bolt(CONFIG, seed=1)
    with pytest.raises(UsageError, match="multi_token is given twice"):
        trained_parameters(model, [made("multi_token", model) for _ in range(2)])


def test_multi_token_predicts_the_token_after_the_next():
    """In a cycle every token follows from the one before: both losses go to zero, and only with the right shift."""
    stream = np.tile([5, 9, 4, 12, 7, 15, 6], 10).astype(np.int32)
    x, y = (np.stack([stream[k + shift:k + shift + 32] for k in range(7)]) for shift in (0, 1))
    model = Bolt(CONFIG, seed=1)
    objective = made("multi_token", model, weight=1.0)
    trainer = Trainer(model, AdamW(trained_parameters(model, [objective]), weight_decay=0), "fp32",
                      objectives=(objective,))
    for _ in range(150):
        nats, _ = trainer.step(x, y, 5e-3)
    assert nats < 0.05 and values(objective, model, x, y) < 0.05
    y[:, 0] = 39                          # nothing predicts the next token of position 0 from before it
    assert values(objective, model, x, y) < 0.05
    y[:, 1] = 39
    assert values(objective, model, x, y) > 0.1


def test_candidates_are_the_distinct_tokens_of_the_context_without_the_target():
    tokens, targets = np.array([[3, 5, 3, 7]]), np.array([[5, 3, 3, 9]])
    wanted = [{3}, {5}, {5}, {3, 5, 7}]
    found = candidates(tokens, targets)[0]
    assert [set(tokens[0, row]) for row in found] == wanted
    assert found.sum(-1).tolist() == [len(row) for row in wanted]


@pytest.mark.parametrize("precision", ["fp32", "fp64"])
def test_unlikelihood_is_finite_and_pushes_away_where_a_probability_is_one(precision):
    tokens = np.array([[3, 5, 3]])
    allowed = candidates(tokens, np.array([[9, 9, 9]]))
    logits = np.zeros((1, 3, 40))
    logits[..., 3] = 1000
    with Tape(precision) as tape:
        t = ops.as_tensor(logits, accum=True)
        y = unlikelihood(t, tokens, allowed)
        tape.backward((y, 1.0))
    value, gradient = ops.as_array(y), t.grad[:, :40]
    assert np.isfinite(value).all() and (value > 10).all() and np.isfinite(gradient).all()
    np.testing.assert_allclose(gradient[:, 3], 1, rtol=1e-6)
