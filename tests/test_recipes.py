"""Recipes: named settings of whole runs."""
import pytest

from ternary import recipes
from ternary.config import TrainConfig, from_options
from ternary.errors import UsageError
from ternary.models import MODELS
from ternary.models.twin import short_twin
from ternary.training.plan import new_objectives, resolve


def test_every_model_of_the_published_line_has_a_recipe():
    assert set(recipes.names()) == set(MODELS.names())


@pytest.mark.parametrize("kind", recipes.KINDS)
@pytest.mark.parametrize("name", recipes.names())
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


def test_a_curriculum_replaces_the_data_of_a_recipe():
    assert from_options({"recipe": "v3", "curriculum": "a:1,b:2"})["data"] == "a,b"


def test_fields_that_are_set_join_those_of_a_recipe():
    assert from_options({"recipe": "v3", "set": {"dim": 64}})["set"] == {"schedule.decay": 0.1, "dim": 64}
