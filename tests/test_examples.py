"""The examples run as they are written."""
import importlib.util
from pathlib import Path

import pytest

from ternary.errors import ModelFileError
from ternary.models import MODELS

EXAMPLES = Path(__file__).parents[1] / "examples"
OWN_MODEL = f"{EXAMPLES / 'own_model.py'}:Leaky"


def test_the_notebook_runs(tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(EXAMPLES / "quickstart.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": tmp_path}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    results = [output["data"]["text/plain"] for output in outputs if output["output_type"] == "execute_result"]
    assert results[0].startswith("(150, ") and any("Tiny" in result for result in results) and "True" in results


def test_the_example_model_trains_resumes_and_generates(here, corpus, tmp_path):
    small = ["--set", "dim=32", "--set", "layers=2", "--set", "hidden=64", "--batch", 2, "--seq-len", 32,
             "--vocab", 512, "--eval-stories", 5, "--threads", 1, "--model", OWN_MODEL, "--save-dir", tmp_path / "run"]
    first = here("train", "--data", corpus, *small, "--steps", 60, "--json")
    assert first.code == 0 and first.json["train_loss"] < 5.5
    assert here("train", "--resume", tmp_path / "run", "--steps", 70, "--model", OWN_MODEL).code == 0
    result = here("generate", "The", "--checkpoint", tmp_path / "run", "--model", OWN_MODEL, "--json")
    assert result.code == 0 and result.json["tokens"] > 0


def test_a_checkpoint_does_not_choose_the_code_that_runs(here, corpus, tmp_path):
    found = MODELS.get(OWN_MODEL)
    assert found.__name__ == "Leaky" and importlib.util.find_spec("own_model") is None
    from ternary.models import from_json, to_json
    with pytest.raises(ModelFileError, match="code outside of ternary"):
        from_json(to_json(OWN_MODEL, found.config_type()))
