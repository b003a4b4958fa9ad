"""What single objectives mean, against their definitions."""
import numpy as np
import pytest
from objective_cases import (
    CONFIG,
    NOVA,
    OWN_HEADS,
    NovaWithHeads,
    batch_of,
    in_float64,
    made,
    values,
)

from ternary import ops
from ternary.autograd.tape import Tape
from ternary.errors import UsageError
from ternary.models.bolt import Bolt
from ternary.nn.module import Parameter
from ternary.objectives.base import OBJECTIVES
from ternary.objectives.compass import mean_to_come
from ternary.objectives.value import mean_ahead
from ternary.training.step import Trainer


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
