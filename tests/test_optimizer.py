"""Muon for matrices, AdamW for the rest: against their definitions, and PyTorch's where it is installed."""
import numpy as np
import pytest
from tiny import TINY

from ternary.errors import UsageError
from ternary.kernels.muon import UPDATE_RMS
from ternary.nn.module import Parameter
from ternary.training.optimizers import OPTIMIZERS
from ternary.training.optimizers.adamw import AdamW
from ternary.training.optimizers.muon import Muon

HYPER = {"weight_decay": 0.1, "grad_clip": 0.0}


def parameters(seed: int = 0) -> dict[str, Parameter]:
    rng = np.random.default_rng(seed)
    draw = lambda *shape: rng.standard_normal(shape, np.float32)
    return {"embed.weight": Parameter(draw(50, 32)), "up.weight": Parameter(draw(96, 64), matrix=True),
            "norm.weight": Parameter(draw(64)), "down.weight": Parameter(draw(64, 96), matrix=True)}


def gradients(found: dict[str, Parameter], seed: int) -> None:
    rng = np.random.default_rng(seed)
    for p in found.values():
        p.grad[...] = rng.standard_normal(p.data.shape, np.float32)


def stepped(optimizer, found, steps=3, lr=0.01):
    for k in range(steps):
        gradients(found, k)
        optimizer.step(lr, optimizer.grad_norm())
    return {name: p.data for name, p in found.items()}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_an_update_is_nearly_orthogonal_and_of_the_size_of_adamws(precision):
    found = parameters()
    before = {name: p.data.copy() for name, p in found.items()}
    after = stepped(Muon(found, precision=precision, weight_decay=0.0), found, steps=1)
    for name in ("up.weight", "down.weight"):
        update = (after[name] - before[name]) / 0.01
        values = np.linalg.svd(update / (UPDATE_RMS * 96 ** 0.5), compute_uv=False)
        assert 0.6 < values.min() and values.max() < 1.3
        assert np.sqrt((update ** 2).mean()) == pytest.approx(UPDATE_RMS, rel=0.2)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_rows_of_an_update_of_normuon_are_of_equal_size(precision):
    found = parameters()
    before = {name: p.data.copy() for name, p in found.items()}
    optimizer = OPTIMIZERS.get("normuon")(found, precision=precision, weight_decay=0.0)
    gradients(found, 0)
    found["up.weight"].grad[5] *= 100             # Muon alone would move this row more than others
    optimizer.step(0.01, optimizer.grad_norm())
    for name in ("up.weight", "down.weight"):
        rows = (((found[name].data - before[name]) / 0.01) ** 2).mean(1) ** 0.5
        np.testing.assert_allclose(rows, UPDATE_RMS, rtol=1e-3)
        assert (optimizer.state()[f"rows.{name}"] > 0).all()
    assert set(optimizer.state()) == {*Muon.moment_shapes(found), "rows.up.weight", "rows.down.weight"}


def test_what_is_no_matrix_moves_as_with_adamw():
    ours, theirs = parameters(), parameters()
    muon, adamw = stepped(Muon(ours, **HYPER), ours), stepped(AdamW(theirs, **HYPER), theirs)
    for name in ("embed.weight", "norm.weight"):
        np.testing.assert_array_equal(muon[name], adamw[name])
    assert not np.allclose(muon["up.weight"], adamw["up.weight"])


def test_gradients_are_clipped_together_and_zero_afterwards():
    found = parameters()
    optimizer = Muon(found, grad_clip=1.0)
    gradients(found, 0)
    norm = optimizer.grad_norm()
    assert norm == pytest.approx(np.sqrt(sum((p.grad ** 2).sum() for p in found.values())), rel=1e-5)
    optimizer.step(0.01, norm)
    assert not any(p.grad.any() for p in found.values())


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_moments_of_a_checkpoint_continue_the_same_way(name):
    found = parameters()
    optimizer = OPTIMIZERS.get(name)(found, **HYPER)
    stepped(optimizer, found)
    state = {key: a.copy() for key, a in optimizer.state().items()}
    assert {key: a.shape for key, a in state.items()} == type(optimizer).moment_shapes(found)
    copies = {key: Parameter(p.data.copy(), p.matrix) for key, p in found.items()}
    again = OPTIMIZERS.get(name)(copies, **HYPER)
    again.load(state, optimizer.steps)
    first, second = stepped(optimizer, found), stepped(again, copies)
    for key in first:
        np.testing.assert_array_equal(first[key], second[key])


def test_only_matrices_go_without_a_second_moment():
    assert set(Muon.moment_shapes(parameters())) == {
        "m.embed.weight", "v.embed.weight", "m.up.weight", "m.norm.weight", "v.norm.weight", "m.down.weight"}


@pytest.mark.oracle
def test_muon_is_that_of_pytorch():
    torch = pytest.importorskip("torch")
    found = {name: p for name, p in parameters().items() if p.matrix}
    theirs = {name: torch.nn.Parameter(torch.from_numpy(p.data.copy())) for name, p in found.items()}
    before = {name: p.data.copy() for name, p in found.items()}
    oracle = torch.optim.Muon(theirs.values(), lr=0.01, weight_decay=0.1, momentum=0.95, nesterov=True,
                              adjust_lr_fn="match_rms_adamw")
    optimizer = Muon(found, **HYPER)
    for k in range(3):
        gradients(found, k)
        for name, p in theirs.items():
            p.grad = torch.from_numpy(found[name].grad.copy())
        oracle.step()
        optimizer.step(0.01, 1.0)
    for name, p in theirs.items():                # PyTorch orthogonalises in bf16
        mine, other = (x - before[name] for x in (found[name].data, p.detach().numpy()))
        assert np.linalg.norm(mine - other) < 0.03 * np.linalg.norm(other)


def test_lion_moves_every_element_by_the_learning_rate_against_the_sign():
    found = parameters()
    optimizer = OPTIMIZERS.get("lion")(found, weight_decay=0.0, grad_clip=0.0)
    gradients(found, 0)
    before, signs = found["up.weight"].data.copy(), np.sign(found["up.weight"].grad)
    optimizer.step(0.01, 1.0)
    np.testing.assert_allclose(found["up.weight"].data, before - 0.01 * signs, atol=1e-6)


def test_sgd_adds_up_momentum():
    found = parameters()
    optimizer = OPTIMIZERS.get("sgd")(found, momentum=0.5, weight_decay=0.0, grad_clip=0.0)
    before, moved = found["up.weight"].data.copy(), 0.0
    for k in range(3):
        gradients(found, k)
        moved = moved + (1 + 0.5 + 0.25 if k == 0 else 1 + 0.5 if k == 1 else 1) * found["up.weight"].grad
        optimizer.step(0.01, 1.0)
    np.testing.assert_allclose(found["up.weight"].data, before - 0.01 * moved, atol=1e-5)


def test_an_optimizer_of_ones_own_is_one_file(tmp_path):
    (tmp_path / "mine.py").write_text("""
from ternary.training.optimizers import Optimizer

class SignSGD(Optimizer):
    def update(self, part, lr, scale):
        self.data[part] -= lr * (self.grad[part] > 0)
        self.grad[part] = 0
""")
    found = parameters()
    optimizer = OPTIMIZERS.get(f"{tmp_path / 'mine.py'}:SignSGD")(found)
    gradients(found, 0)
    before, positive = found["norm.weight"].data.copy(), found["norm.weight"].grad > 0
    optimizer.step(0.1, 1.0)
    np.testing.assert_allclose(found["norm.weight"].data, before - 0.1 * positive, atol=1e-6)


def test_an_update_that_leaves_its_gradient_is_refused(here, corpus, tmp_path):
    (tmp_path / "mine.py").write_text("""
from ternary.training.optimizers import Optimizer

class Leaving(Optimizer):
    def update(self, part, lr, scale):
        self.data[part] -= lr * scale * self.grad[part]
""")
    refused = here("train", "--data", corpus, *TINY, "--steps", 2, "--optimizer", f"{tmp_path / 'mine.py'}:Leaving",
                   "--save-dir", tmp_path / "run")
    assert refused.code == 2 and "[Leaving]" in refused.err and "with self.grad[part] = 0" in refused.err


def test_the_error_of_an_unknown_optimizer_lists_the_known_ones():
    with pytest.raises(UsageError, match="lion"):
        OPTIMIZERS.get("lino")


def test_a_class_that_is_no_optimizer_is_refused(tmp_path):
    (tmp_path / "mine.py").write_text("class Nothing: pass")
    with pytest.raises(UsageError, match="no optimizer; derive the class from"):
        OPTIMIZERS.get(f"{tmp_path / 'mine.py'}:Nothing")


def test_a_run_trains_with_an_outside_optimizer_and_resumes_only_if_it_is_named(here, corpus, tmp_path):
    (tmp_path / "mine.py").write_text("""
from ternary.training.optimizers import Optimizer

class Plain(Optimizer):
    def update(self, part, lr, scale):
        self.data[part] -= lr * scale * self.grad[part]
        self.grad[part] = 0
""")
    mine, run = f"{tmp_path / 'mine.py'}:Plain", tmp_path / "run"
    assert here("train", "--data", corpus, *TINY, "--steps", 2, "--optimizer", mine, "--save-dir", run).code == 0
    refused = here("train", "--resume", run, "--steps", 3)
    assert refused.code == 2 and f"add --optimizer {mine}" in refused.err
    resumed = here("train", "--resume", run, "--steps", 3, "--optimizer", mine, "--json")
    assert resumed.code == 0 and resumed.json["step"] == 3
