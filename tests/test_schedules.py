"""The learning rate and the budget that it follows."""
import pytest

from ternary.config import TrainConfig
from ternary.training.schedules import WSD, Budget, Constant, Cosine, learning_rate


def rate(step, progress, schedule=None, warmup=200, begun=0.0):
    return learning_rate(step, progress, schedule or Cosine(), lr=4e-3, min_lr=1e-5, warmup=warmup, begun=begun)


def test_warm_up_is_linear_and_at_most_a_tenth_of_the_budget():
    assert rate(0, 0.0) == pytest.approx(4e-3 / 200)
    assert rate(99, 0.01) == pytest.approx(4e-3 / 2)
    assert rate(3, 0.05) == pytest.approx(4e-3 / 2)                 # a short run: half of its warm-up
    assert rate(3, 0.1) > 0.97 * 4e-3 and rate(199, 0.001) > 0.99 * 4e-3
    assert rate(0, 0.0, warmup=1) == pytest.approx(4e-3)


def test_preparation_is_no_part_of_the_warm_up():
    """Of a budget in hours 40 % may be over before the first step."""
    assert rate(0, 0.4, begun=0.4) == pytest.approx(4e-3 / 200)
    assert rate(3, 0.43, begun=0.4) == pytest.approx(4e-3 / 2)
    assert rate(3, 0.46, begun=0.4) == rate(1000, 0.46)


def test_cosine():
    assert rate(1000, 0.5) == pytest.approx((4e-3 + 1e-5) / 2)
    assert rate(1000, 1.0) == pytest.approx(1e-5)
    rates = [rate(1000, i / 100) for i in range(101)]
    assert rates == sorted(rates, reverse=True)


def test_constant():
    assert rate(99, 0.01, schedule=Constant()) == rate(99, 0.01)
    assert [rate(1000, share, schedule=Constant()) for share in (0.2, 0.9, 1.0)] == [4e-3] * 3


def test_wsd_is_stable_and_then_decays():
    assert [rate(1000, share, schedule=WSD()) for share in (0.2, 0.8)] == pytest.approx([4e-3] * 2)
    assert rate(1000, 0.9, schedule=WSD()) == pytest.approx((4e-3 + 1e-5) / 2)
    assert rate(1000, 1.0, schedule=WSD()) == pytest.approx(1e-5)


def test_progress_is_that_of_the_budget_that_ends_first():
    budget = Budget(seconds=100, steps=1000)
    assert budget.progress(500, 10) == 0.5 and budget.progress(10, 70) == 0.7
    assert budget.progress(0, 45, reserve=10) == 0.5                # kept for the end
    assert budget.progress(0, 25, reserve=1e9) == 0.5               # but half of it is for training
    assert budget.progress(2000, 0) == 1 == budget.progress(0, 200)
    assert Budget(steps=10).progress(5, 1e9) == 0.5 and Budget(seconds=10).progress(10**9, 5) == 0.5


def test_settings_of_version_0_1_are_read():
    values = TrainConfig().to_json()
    values["head_noise"] = values.pop("vocab_sampling") / 2
    values |= {"quantizer": "row", "inner_norm": None}
    del values["set"], values["objective"]
    read = TrainConfig.from_json(values)
    assert read.vocab_sampling == TrainConfig.vocab_sampling / 2 and read.set == {"quantizer": "row"}
