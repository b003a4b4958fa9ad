"""Objectives: what training minimises, as weighted terms over one forward pass."""
import numpy as np
import pytest

from ternary import ops
from ternary.autograd.tape import Tape
from ternary.errors import UsageError
from ternary.models.bolt import Bolt, BoltConfig
from ternary.models.nova import Nova, NovaConfig
from ternary.nn.heads import Compass, ExitHead
from ternary.nn.linear import Linear
from ternary.nn.module import Parameter
from ternary.objectives.base import OBJECTIVES, Batch, Objective, Term, trained_parameters
from ternary.objectives.compass import mean_to_come
from ternary.objectives.unlikelihood import candidates, unlikelihood
from ternary.objectives.value import mean_ahead
from ternary.rng import generator
from ternary.training.optimizers.adamw import AdamW
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

# ---- auxiliary objectives -------------------------------------------------------------------------------
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


# ---- what single objectives mean --------------------------------------------------------------------------
@pytest.mark.parametrize("name", OWN_HEADS)
def test_an_objective_of_heads_that_the_model_does_not_have_is_refused(name):
    with pytest.raises(UsageError, match=f"--objective {name}: Bolt has no {OWN_HEADS[name]}"):
        made(name, Bolt(CONFIG))


def test_label_smoothing_moves_a_share_of_the_target_to_all_tokens():
    model, (x, y) = Bolt(CONFIG, seed=1), batch_of()
    with Tape("fp64", record=False):
        in_float64(model.parameters())
        logits = ops.as_array(model(x))
        nats = model.nll(x, y).mean()
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    smoothed = -(0.9 * np.take_along_axis(log_p, y[..., None], -1)[..., 0] + 0.1 * log_p.mean(-1)).mean()
    assert nats + values(made("label_smoothing", model), model, x, y, "fp64") == pytest.approx(smoothed, rel=1e-9)


def test_z_loss_and_entropy_equal_their_definitions():
    model, (x, y) = Bolt(CONFIG, seed=1), batch_of()
    in_float64(model.parameters())
    with Tape("fp64", record=False):
        logits = ops.as_array(model(x))
    log_sum = np.log(np.exp(logits).sum(-1, keepdims=True))
    entropy = -(np.exp(logits - log_sum) * (logits - log_sum)).sum(-1).mean()
    assert values(made("z_loss", model, weight=1.0), model, x, y, "fp64") == pytest.approx((log_sum ** 2).mean())
    assert values(made("entropy", model, weight=1.0), model, x, y, "fp64") == pytest.approx(-entropy)


def test_word_dropout_hides_inputs_and_no_targets():
    objective = OBJECTIVES.get("word_dropout")(rate=0.3)
    tokens = np.full((50, 40), 7, np.int32)
    hidden = objective.inputs(tokens, np.random.default_rng(0))
    assert set(np.unique(hidden)) == {1, 7} and 0.25 < (hidden == 1).mean() < 0.35 and (tokens == 7).all()


def test_value_heads_foresee_the_mean_loss_of_the_next_predictions():
    nats = np.array([[4.0, 2.0, 0.0, 6.0]], np.float32)
    np.testing.assert_allclose(mean_ahead(nats, 2), [[3, 1, 3, 6]])
    np.testing.assert_allclose(mean_ahead(nats, 9), [[3, 8 / 3, 3, 6]])


@pytest.mark.parametrize("detached", [False, True])
def test_detached_value_heads_leave_the_blocks_alone(detached):
    def gradient(*objectives):
        model = NovaWithHeads(NOVA, seed=1)
        for objective in objectives:
            objective.setup(model, None)
        Trainer(model, None, "fp32", objectives=objectives).gradients(*batch_of())
        return model.blocks[0].mixer.qkv.weight.grad
    changed = np.linalg.norm(gradient(OBJECTIVES.get("value")(1.0, detached=detached)) - gradient())
    assert changed <= 1e-6 if detached else changed > 1e-4


def test_the_compass_points_to_the_mean_of_the_hidden_states_to_come():
    h = np.arange(12, dtype=np.float32).reshape(1, 4, 3)
    np.testing.assert_allclose(mean_to_come(h)[0], [h[0, 1:].mean(0), h[0, 2:].mean(0), h[0, 3]])


def test_gradients_reach_a_ternary_table_through_the_estimator():
    """As if the ternary values were the table itself."""
    rng = np.random.default_rng(0)
    table, h = Parameter(rng.standard_normal((40, 32)).astype(np.float32)), rng.standard_normal((2, 3, 32))
    y = rng.integers(0, 40, (2, 3)).astype(np.int32)
    with Tape("fp32") as tape:
        effective = ops.ternary_table(table, "row")
        tape.backward((ops.cross_entropy(ops.as_tensor(h), effective, y, 1.0), 1.0))
    codes, alpha = ops.quantized(table.values, "row")
    plain = Parameter(codes * alpha[:, None])
    np.testing.assert_allclose(ops.as_array(effective), plain.values)
    with Tape("fp32") as tape:
        tape.backward((ops.cross_entropy(ops.as_tensor(h), plain, y, 1.0), 1.0))
    np.testing.assert_array_equal(table.grad, plain.grad)
