"""Recipes: named settings of whole runs."""
import pytest

from ternary import recipes
from ternary.config import TrainConfig, from_options, overridden
from ternary.errors import UsageError
from ternary.models import MODELS
from ternary.models.twin import short_twin
from ternary.training.plan import new_objectives, resolve


def test_every_model_of_the_published_line_has_a_recipe():
    assert set(recipes.names()) == set(MODELS.names())


@pytest.mark.parametrize("name, kind", [(name, kind) for name in recipes.names() for kind in recipes.kinds(name)])
def test_a_recipe_is_a_run_that_can_start(name, kind):
    config = resolve(TrainConfig(**from_options({"recipe": f"{name}:{kind}"})))
    assert config.model == name and any((config.hours, config.tokens, config.steps, config.epochs))
    new_objectives(config, short_twin(MODELS.get(name)(), vocab_size=300))


def test_options_override_a_recipe():
    found = from_options({"recipe": "cortex-9:published", "lr": 0.1})
    assert found["lr"] == 0.1 and found["weight_decay"] == 0.01 and found["tokens"] == 12_100_000


def test_a_budget_replaces_that_of_a_recipe():
    found = from_options({"recipe": "cortex-9", "hours": 0.5})
    assert found["hours"] == 0.5 and "tokens" not in found


@pytest.mark.parametrize("spec", ["cortex", "cortex-9:best", ""])
def test_an_unknown_recipe_names_those_that_exist(spec):
    with pytest.raises(UsageError, match="wanted NAME or NAME:published.*searchlm-8.3"):
        from_options({"recipe": spec or " "})


def test_a_model_that_was_never_published_has_only_our_recipe():
    with pytest.raises(UsageError, match="bolt-lfm was never published, it is a model of ours; use --recipe bolt-lfm"):
        from_options({"recipe": "bolt-lfm:published"})
    assert from_options({"recipe": "bolt-lfm"})["model"] == "bolt-lfm"


def test_a_curriculum_replaces_the_data_of_a_recipe():
    assert from_options({"recipe": "v3", "curriculum": "a:1,b:2"})["data"] == "a,b"


def test_fields_that_are_set_join_those_of_a_recipe():
    assert from_options({"recipe": "v3", "set": {"dim": 64}})["set"] == {"schedule.decay": 0.1, "dim": 64}


def test_what_a_recipe_sets_for_its_schedule_and_lengths_goes_with_them():
    assert "set" not in from_options({"recipe": "v3", "schedule": "cosine"})
    published = from_options({"recipe": "v3:published", "seq_len": 256, "optimizer": "adamw"})
    assert "progressive" not in published and not any("optimizer." in name for name in published.get("set", {}))
    assert from_options({"recipe": "v3:published", "progressive": "64,128"}).get("seq_len") is None


def test_options_override_a_file():
    base = {"steps": 20, "objective": "value:0.1,compass", "set": {"objective.value.horizon": 4, "dim": 64}}
    assert overridden(base, {"tokens": 100}) == {"tokens": 100, "objective": base["objective"], "set": base["set"]}
    assert overridden(base, {"objective": "value:0.2"})["set"] == base["set"]
    assert overridden(base, {"objective": "compass"})["set"] == {"dim": 64}
    assert overridden(base, {"model": "nova", "set": {"heads": 2}})["set"] == {"objective.value.horizon": 4, "heads": 2}


@pytest.mark.parametrize("name, objective", [("optimizer.muon.momentum", None), ("objective.word_dropout.rate", None),
                                             ("objective.rate", "word_dropout"), ("optimiser.momentum", None)])
def test_a_name_that_fits_no_part_of_the_run_is_refused(name, objective):
    with pytest.raises(UsageError, match=f"--set {name}=0.5: wanted NAME, a field of the model, or optimizer.NAME"):
        resolve(TrainConfig(objective=objective, set={name: 0.5}))


@pytest.mark.parametrize("options, message", [
    ({"set": {"vocab_size": "abc"}}, "--vocab is 'abc'; wanted a whole number"),
    ({"set": {"optimizer.beta1": 1.0}, "optimizer": "adamw"}, "beta1 is 1.0; wanted at least 0 and at most 0.9999"),
    ({"objective": "multi_token:nan"}, "--objective multi_token:nan: wanted a finite weight"),
    ({"set": 5}, "set is 5; wanted fields by name"),
    ({"curriculum": "a.txt,b.txt"}, "wanted TEXT:SHARE"),
    ({"curriculum": 5}, "--curriculum is 5; wanted a text"),
])
def test_impossible_values_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        resolve(TrainConfig(**from_options(options)))


def test_a_resumed_run_may_name_its_code_by_another_path():
    before = TrainConfig(model="mine.py:Mine")
    assert before.resumed({"model": "../mine.py:Mine"}).model == "../mine.py:Mine"
    for other in ("mine.py:Other", "nova"):
        with pytest.raises(UsageError, match=f"--model is {other}, but this run was started with mine.py:Mine"):
            before.resumed({"model": other})
