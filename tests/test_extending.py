"""Code from outside the package: models, schedules, loggers, objectives, callbacks, each one file of a user's own."""
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tiny import TINY, learned, log

import ternary
from ternary.checkpoint import format as checkpoint
from ternary.checkpoint.find import find
from ternary.config import TrainConfig
from ternary.errors import UsageError
from ternary.models import MODELS
from ternary.models.bolt import BoltConfig, BoltLargeConfig
from ternary.objectives import OBJECTIVES
from ternary.registry import Registry, file_names
from ternary.schema import Config, setting
from ternary.training.optimizers import OPTIMIZERS

ROOT = Path(__file__).parents[1]
MODEL = '''
from dataclasses import dataclass
from ternary import nn, ops
from ternary.models import LM, LMConfig

@dataclass(frozen=True)
class MineConfig(LMConfig):
    dim: int = 32
    layers: int = 2
    reach: int = 2

class Delay(nn.Module):
    """x of `reach` tokens ago, as a mixer."""

    def __init__(self, reach):
        self.reach = reach

    def init_state(self, batch):
        return nn.Window(self.reach)

    def __call__(self, x, state=None):
        return state.apply(self.delay, x) if state else self.delay(x)

    def delay(self, x):
        @ops.numpy_op
        def delayed(a):
            y, n = a * 0, self.reach
            y[:, n:] = a[:, :-n]
            def backward(dy):
                dx = dy * 0
                dx[:, :-n] = dy[:, n:]
                return dx
            return y, backward
        return delayed(x)

class Mine(LM):
    config_type, seq_len, lr = MineConfig, 32, 0.01

    def block(self, layer, rng):
        c = self.config
        return nn.Block(nn.RMSNorm(c.dim), Delay(c.reach), nn.RMSNorm(c.dim), nn.GLU(c.dim, 64, rng))
'''
SCHEDULE = '''
from dataclasses import dataclass
from ternary.training.schedules import Schedule

@dataclass(frozen=True)
class Half(Schedule):
    share: float = 0.5

    def __call__(self, progress, lr, min_lr):
        return lr * self.share
'''
LOGGER = '''
def to_file(folder, settings):
    def write(step, numbers):
        with open(folder / "numbers.txt", "a") as file:
            print(step, *sorted(numbers), file=file)
    return write
'''
OBJECTIVE = '''
from dataclasses import dataclass
from ternary import ops
from ternary.objectives import Objective, Term
from ternary.schema import Config

@dataclass(frozen=True)
class SmallnessConfig(Config):
    power: int = 2

class Smallness(Objective):
    """The mean of a power of the head's input."""
    name, config_type = "smallness", SmallnessConfig

    def __call__(self, batch):
        x = batch.hidden
        for _ in range(self.config.power - 1):
            x = ops.mul(x, batch.hidden)
        return [Term(self.name, x, self.weight * batch.scale)]
'''


@pytest.fixture
def place(tmp_path, monkeypatch):
    for name, code in (("mine.py", MODEL), ("half.py", SCHEDULE), ("numbers_logger.py", LOGGER),
                       ("small.py", OBJECTIVE)):
        (tmp_path / name).write_text(code)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_model_of_ones_own_trains_resumes_and_generates_where_it_is_named(place, here, corpus):
    command = ["train", "--data", corpus, *TINY, "--save-dir", "run", "--model", "mine.py:Mine"]
    assert here(*command, "--steps", 20).code == 0
    for refused in (["generate", "The", "--checkpoint", "run"], ["train", "--resume", "run", "--steps", 30],
                    ["eval", "--checkpoint", "run", "--data", corpus]):
        result = here(*refused)
        assert result.code in (2, 4) and "if you trust it, add --model mine.py:Mine" in result.err
        assert here(*refused, "--model", "mine.py:Mine").code == 0
    whole = ["train", "--data", corpus, *TINY, "--save-dir", "whole", "--model", "mine.py:Mine"]
    assert here(*whole, "--steps", 30).code == 0
    cut = [e for e in learned(place / "run") if e[1] != 20]
    assert [e[:2] for e in cut] == [e[:2] for e in learned(place / "whole") if e[1] != 20]
    with pytest.raises(ternary.errors.ModelFileError, match="add --model"):
        ternary.load("run")
    assert ternary.load("run", model="mine.py:Mine").config.reach == 2


def test_a_file_may_import_others_of_its_folder_and_an_error_there_names_its_line(tmp_path):
    (tmp_path / "part_of_mine.py").write_text("def made(): return 7\n")
    (tmp_path / "whole.py").write_text("import part_of_mine\nSeven = part_of_mine.made()\nEight = part_of_mine\n")
    (tmp_path / "broken.py").write_text("import math\nNine = math.sqrt(-1)\n")
    names = Registry("thing", "--thing", "ternary.objectives")
    assert names.get(f"{tmp_path}/whole.py:Seven") == 7
    with pytest.raises(UsageError, match=r"broken.py:Nine: it cannot be imported \(broken.py, line 2: ValueError"):
        names.get(f"{tmp_path}/broken.py:Nine")


def test_fields_of_the_model_the_optimizer_and_the_schedule_are_set(place, here, corpus):
    result = here("train", "--data", corpus, *TINY, "--steps", 4, "--save-dir", "run", "--model", "mine.py:Mine",
                  "--set", "reach=3", "--set", "dim=64", "--set", "optimizer.momentum=0.5",
                  "--schedule", "half.py:Half", "--set", "schedule.share=0.25", "--warmup", 1)
    assert result.code == 0
    config = json.loads((find(place / "run" / "last") / "config.json").read_text())
    assert (config["model"], config["reach"], config["dim"]) == ("mine.py:Mine", 3, 64)
    assert [float(e["lr"]) for e in log(place / "run", "train")] == [0.01 * 0.25]


def test_settings_are_taken_from_a_file_and_overridden_by_options(place, here, corpus):
    settings = {"model": "bolt-small", "dim": 32, "layers": 1, "hidden": 64, "data": str(corpus), "batch_size": 2,
                "seq_len": 32, "vocab_size": 512, "eval_stories": 5, "steps": 4, "lr": 0.5}
    (place / "settings.json").write_text(json.dumps(settings))
    assert here("train", "--config", "settings.json", "--lr", 0.25, "--set", "layers=2", "--save-dir", "a").code == 0
    state = json.loads((find(place / "a" / "last") / "state.json").read_text())
    assert state["settings"]["lr"] == 0.25 and state["settings"]["set"] == {"dim": 32, "layers": 2, "hidden": 64}
    assert here("train", "--config", "a/last/state.json", "--save-dir", "b").code == 0
    assert learned(place / "a") == learned(place / "b")
    assert here("train", "--config", "a/last/config.json", *TINY, "--data", corpus, "--save-dir", "c").code == 0
    (place / "outside.json").write_text(json.dumps({**settings, "model": "mine.py:Mine"}))
    result = here("train", "--config", "outside.json", "--save-dir", "d")
    assert result.code == 2 and "if you trust it, add --model mine.py:Mine" in result.err


def test_a_logger_of_ones_own_gets_the_numbers(place, here, corpus):
    result = here("train", "--data", corpus, *TINY, "--steps", 10, "--save-dir", "run", "--log",
                  "numbers_logger.py:to_file")
    assert result.code == 0
    train, evaluation = (place / "run" / "numbers.txt").read_text().splitlines()
    assert train.startswith("10 ") and "train/loss" in train and "eval/val_bpc" in evaluation


def test_auxiliary_objectives_train_and_resume_with_the_run(place, here, corpus):
    """The head of multi_token and its moments are in the checkpoint, but not among the model's weights."""
    objectives = "multi_token:0.3,small.py:Smallness:0.01"
    short = ["train", "--data", corpus, *TINY, "--steps", 20]
    command = [*short, "--objective", objectives, "--set", "objective.smallness.power=4"]
    assert here(*command, "--save-dir", "whole").code == 0
    assert here(*command, "--save-dir", "cut", "--target-bpc", 100).code == 0        # ends at the first evaluation
    refused = here("train", "--resume", "cut")
    assert refused.code == 2 and f"add --objective {objectives}" in refused.err
    assert here("train", "--resume", "cut", "--objective", objectives, "--target-bpc", 0.01).code == 0
    assert learned(place / "cut") == learned(place / "whole")
    assert not any("objective" in name for name in checkpoint.load(place / "whole").weights)
    assert here("generate", "The", "--checkpoint", "whole").code == 0                # needs no objective
    plain = here(*short, "--save-dir", "plain", "--json")
    assert plain.json["train_loss"] != checkpoint.load(place / "whole").state["loss"]


def test_a_registered_name_is_the_name_of_its_file():
    """Help texts list the files, since they must not import kernels."""
    assert file_names("ternary.training.optimizers") == sorted(OPTIMIZERS.names())
    assert file_names("ternary.objectives", ("base", "next_token")) == sorted(OBJECTIVES.names())


@dataclass(frozen=True)
class Sizes(Config):
    width: int = setting(32, "channels", at_least=16, multiple_of=16)
    rate: float | None = setting(None, at_most=1)
    kind: str = setting("a", choices=("a", "b"))
    on: bool = False


@dataclass(frozen=True)
class WideSizes(Sizes):
    width: int = 64


@pytest.mark.parametrize("values, said", [
    ({"width": 30}, "width is 30; wanted a multiple of 16 at least 16; use 32"), ({"width": 0}, "width is 0"),
    ({"width": True}, "width is True"), ({"width": "32"}, "width is '32'"),
    ({"rate": 2.0}, "rate is 2.0; wanted at most 1"),
    ({"rate": float("nan")}, "rate is nan"), ({"kind": "c"}, "kind is 'c'; wanted one of a, b"), ({"on": 1}, "on is 1"),
])
def test_a_config_refuses_what_its_fields_do_not_accept(values, said):
    for config_type in (Sizes, WideSizes):
        with pytest.raises(UsageError, match=said):
            config_type(**values)


def test_a_config_accepts_what_its_fields_do():
    assert Sizes(width=48, rate=1, kind="b", on=True).rate == 1 and WideSizes().width == 64


def test_every_default_is_accepted_and_every_field_explained():
    TrainConfig(), BoltConfig(), BoltLargeConfig()
    for name in MODELS.names():
        MODELS.get(name).config_type()
    for name in OPTIMIZERS.names():
        OPTIMIZERS.get(name).config_type()


def of_the_page(name: str) -> str:
    """The code of docs/extending.md that defines this class."""
    blocks = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8").split("```python\n")[1:]
    return next(block.split("```")[0] for block in blocks if f"class {name}(" in block)


def test_the_export_target_of_the_page(here, corpus, tmp_path):
    mine, out = tmp_path / "my.py", tmp_path / "ops.txt"
    mine.write_text(of_the_page("Listing"), encoding="utf-8")
    for model, sizes in (("bolt-small", []), ("nova", ["--set", "heads=2"])):
        assert here("train", *TINY, "--steps", 1, "--data", corpus, "--model", model, *sizes,
                    "--save-dir", tmp_path / model).code == 0
    done = here("export", "--checkpoint", tmp_path / "bolt-small", "--to", f"{mine}:Listing", "--out", out, "--json")
    assert done.json["ops"] == len(lines := out.read_text().splitlines()) and "embedding  embed (Embedding)" in lines
    refused = here("export", "--checkpoint", tmp_path / "nova", "--to", f"{mine}:Listing", "--out", tmp_path / "no")
    assert refused.code != 0 and not (tmp_path / "no").exists()
    assert "blocks.0.mixer (Attention): Listing cannot express its attention" in refused.err
    assert "bolt-small" in refused.err and "searchlm" not in refused.err


def test_the_decoder_of_the_page(here, corpus, tmp_path):
    mine = tmp_path / "my.py"
    mine.write_text(of_the_page("Patient"), encoding="utf-8")
    assert here("train", *TINY, "--steps", 1, "--data", corpus, "--save-dir", tmp_path / "run").code == 0
    text = here("generate", "The", "--checkpoint", tmp_path / "run", "--decoder", f"{mine}:Patient",
                "--set", "tokens=30", "--max-tokens", 20, "--json")
    assert text.json["tokens"] == 20


def test_a_file_that_changes_within_a_second_runs_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "mine.py"
    for kind in ("mini", "maxi"):
        path.write_text(f"class Mine:\n    name = '{kind}'\n")
        os.utime(path, ns=(10**18, 10**18 + ord(kind[1])))
        assert Registry("thing", "--thing", "ternary.recipes").get(f"{path}:Mine").name == kind
    assert os.listdir(tmp_path) == ["mine.py"]
