"""A packed model is the model, in a few megabytes."""
import numpy as np
import pytest
from test_graph import shaken

from ternary.checkpoint.load import Restored, restore
from ternary.errors import ModelFileError, UsageError
from ternary.export import EXPORTS
from ternary.models import MODELS
from ternary.models.bolt import BoltConfig
from ternary.text.tokenizer import FIRST_PIECE, Tokenizer


def packed(model, path, **settings):
    name = next(n for n in MODELS.names() if MODELS.get(n) is type(model))
    tokenizer = Tokenizer((), FIRST_PIECE)
    model = type(model)(type(model.config)(**{**vars(model.config), "vocab_size": tokenizer.vocab_size}), seed=1)
    EXPORTS.get("packed")(**settings).export(
        Restored(path.parent, name, model, tokenizer, None, {"step": 5, "settings": {}}), path)
    return model, restore(path)


@pytest.mark.parametrize("name", ["bolt-small", "bolt-block256", "bolt-lfm", "supernova", "rwkv", "nova"])
def test_codes_and_scales_are_those_of_the_model(name, tmp_path):
    model, loaded = packed(shaken(name), tmp_path / "a.safetensors", table="float32")
    modules = dict(model.named_modules())
    for place, module in loaded.model.named_modules():
        if getattr(module, "quantizer", None) and hasattr(module, "codes"):
            for found, expected in zip(module.codes(), modules[place].codes()):
                np.testing.assert_allclose(found, expected, rtol=1e-6)
        elif hasattr(module, "weight") and not getattr(module, "quantizer", None):
            np.testing.assert_array_equal(module.weight.values, modules[place].weight.values)
    assert loaded.name == name and loaded.state == {"step": 5}


@pytest.mark.parametrize("table, error", [("float32", 0), ("bf16", 2 ** -8), ("int8", 1 / 127)])
def test_tables_are_as_exact_as_they_are_large(table, error, tmp_path):
    model, loaded = packed(shaken("bolt-small"), tmp_path / "a.safetensors", table=table)
    w, found = model.embed.weight.values, loaded.model.embed.weight.values
    assert np.abs(found - w).max() <= error * np.abs(w).max()
    assert (error > 0) == bool((found != w).any())


def test_the_file_is_small(tmp_path):
    model, _ = packed(shaken("bolt-small"), tmp_path / "a.safetensors", table="int8")
    ternary = sum(m.weight.values.size for m in model.modules() if getattr(m, "quantizer", None))
    rest = model.parameter_count - ternary - model.embed.weight.values.size
    assert (tmp_path / "a.safetensors").stat().st_size < ternary / 4 + model.embed.weight.values.size * 1.1 + 5 * rest \
        + 50_000


def test_damaged_files_are_refused(tmp_path):
    packed(shaken("bolt-small"), path := tmp_path / "a.safetensors")
    data = path.read_bytes()
    for damaged in (data[:-50], data[:100], b"", b"{}" * 40, data[:8] + b"\xff" * 60 + data[68:]):
        path.write_bytes(damaged)
        with pytest.raises(ModelFileError, match=r"a\.safetensors"):
            restore(path)


def test_a_safetensors_file_of_something_else_is_refused(tmp_path):
    from safetensors.numpy import save_file
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "a.safetensors")
    with pytest.raises(ModelFileError, match="export --to packed"):
        restore(tmp_path / "a.safetensors")


def test_training_cannot_go_on_from_it(tmp_path, here):
    packed(shaken("bolt-small"), tmp_path / "a.safetensors")
    done = here("train", "--resume", tmp_path / "a.safetensors")
    assert done.code != 0 and "is a file" in done.err


def test_a_packed_model_has_no_text_of_its_own(tmp_path, here):
    packed(shaken("bolt-small"), path := tmp_path / "a.safetensors")
    result = here("eval", "--checkpoint", path)
    assert result.code == 2 and "does not know the text of its run; name text with --data" in result.err


def test_the_command_that_runs_it_names_the_file(tmp_path):
    tokenizer = Tokenizer((), FIRST_PIECE)
    model = MODELS.get("bolt-small")(BoltConfig(tokenizer.vocab_size, dim=32, layers=1, hidden=32))
    given = Restored(tmp_path, "my file.py:Name", model, tokenizer, None, {"step": 5, "settings": {}})
    run = EXPORTS.get("packed")().export(given, tmp_path / "a b.safetensors")["run"]
    assert run.endswith(f"--checkpoint '{tmp_path}/a b.safetensors' --model 'my file.py:Name'")
    with pytest.raises(UsageError, match="known by its suffix; wanted a.safetensors"):
        EXPORTS.get("packed")().export(given, tmp_path / "a")
