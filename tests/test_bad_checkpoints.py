"""Checkpoints that do not fit, are damaged or missing: one line that says what and where."""
import json
import os
import shutil

import pytest
from safetensors.numpy import load_file
from test_bad_input import MODEL, check, tree

from ternary.checkpoint import format as checkpoint
from ternary.text.tokenizer import Tokenizer


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def parts(finished):
    """Arguments of `save` that make a good checkpoint."""
    c = checkpoint.load(finished[0], optimizer=True)
    return {name: getattr(c, name) for name in ("weights", "optimizer", "config", "tokenizer", "state")}


def without(d, key):
    return {k: v for k, v in d.items() if k != key}


def other_tokenizer(parts):
    return parts | {"tokenizer": Tokenizer(["the"], 600).to_json()}


def edited_tokenizer(parts):
    return parts | {"tokenizer": parts["tokenizer"].replace("The", "Teh")}


def weight(change):
    def edit(parts):
        key = next(k for k in parts["weights"] if "embed" in k)
        return parts | {"weights": parts["weights"] | {key: change(parts["weights"][key])}}
    return edit


def nan(a):
    a[0, 0] = float("nan")
    return a


UNFIT = {
    "unknown key": (lambda p: p | {"config": p["config"] | {"heads": 4}}, "unknown key 'heads'", "dim"),
    "missing key": (lambda p: p | {"config": without(p["config"], "dim")}, "missing key 'dim'"),
    "other width": (lambda p: p | {"config": p["config"] | {"dim": 160}}, "float32", "wants"),
    "odd width": (lambda p: p | {"config": p["config"] | {"dim": 191}}, "dim is 191", "multiple of 16"),
    "text as width": (lambda p: p | {"config": p["config"] | {"dim": "192"}}, "dim is '192'"),
    "huge width": (lambda p: p | {"config": p["config"] | {"dim": 32 << 30}}, "dim 34359738368"),
    "fewer layers": (lambda p: p | {"config": p["config"] | {"layers": 1}}, "extra tensor 'blocks.1"),
    "more layers": (lambda p: p | {"config": p["config"] | {"layers": 3}}, "misses tensor 'blocks.2"),
    "other quantizer": (lambda p: p | {"config": p["config"] | {"quantizer": "../evil"}}, "'../evil'", "block256"),
    "other model": (lambda p: p | {"config": p["config"] | {"model": "gpt-5"}}, "'gpt-5'", "bolt-small"),
    "no model": (lambda p: p | {"config": without(p["config"], "model")}, "model None"),
    "other tokenizer": (other_tokenizer, "600 tokens", "512", "copy"),
    "edited tokenizer": (edited_tokenizer, "hash"),
    "no tokenizer": (lambda p: p | {"tokenizer": "{}"}, "[tokenizer]", "not a tokenizer file"),
    "doubles": (weight(lambda a: a.astype("f8")), "float64", "float32"),
    "transposed": (weight(lambda a: a.T.copy()), "wants"),
    "not a number": (weight(nan), "not finite"),
    "renamed": (lambda p: p | {"weights": {k.replace("embed", "wte"): a for k, a in p["weights"].items()}}, "misses"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_checkpoints_whose_parts_do_not_fit(place, parts, here, name):
    edit, *said = UNFIT[name]
    checkpoint.save(place / "run", 1, **edit(parts))
    before = tree(place)
    check(here("generate", "Once", "--checkpoint", "run", "--json"), MODEL, "step_0000001", *said)
    assert tree(place) == before


@pytest.mark.parametrize("name, said", [("model.safetensors", "truncated"), ("optimizer.safetensors", "truncated"),
                                        ("config.json", "truncated"), ("tokenizer.json", "truncated"),
                                        ("state.json", "truncated")])
def test_truncated_checkpoints(place, finished, here, name, said):
    shutil.copytree(finished[0], "run", symlinks=True)
    path = place / "run" / "step_0000040" / name
    os.truncate(path, path.stat().st_size // 2)
    before = tree(place)
    check(here("train", "--resume", "run", "--json"), MODEL, name, said, "use ", "step_0000030 instead")
    if name != "optimizer.safetensors":
        check(here("generate", "--checkpoint", "run/step_0000040", "--json"), MODEL, name, said, "step_0000030 instead")
    assert tree(place) == before


def test_an_edited_config_is_noticed(place, finished, here):
    shutil.copytree(finished[0], "run", symlinks=True)
    path = place / "run" / "step_0000040" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"surprise": 1}))
    check(here("generate", "--checkpoint", "run/step_0000040", "--json"), MODEL, "config.json", "checksum mismatch")


def test_weights_of_another_run_are_noticed(place, finished, parts, here):
    checkpoint.save(place / "run", 1, **parts)
    shutil.copy(finished[0] / "step_0000020" / "model.safetensors", "run/step_0000001/model.safetensors")
    assert load_file("run/step_0000001/model.safetensors").keys() == parts["weights"].keys()
    check(here("generate", "--checkpoint", "run", "--json"), MODEL, "model.safetensors", "checksum mismatch")


def test_a_missing_default_checkpoint(place, here):
    for command in (["generate"], ["eval"]):
        check(here(*command, "--json"), MODEL, "checkpoints does not exist", "the folder of a run")


def test_near_names_of_a_checkpoint(place, parts, here):
    checkpoint.save(place / "runs" / "small", 1, **parts)
    check(here("generate", "--checkpoint", "runs/smal", "--json"), MODEL, "runs/smal does not exist", "near: small")
    check(here("generate", "--checkpoint", "runs", "--json"), MODEL, "holds no checkpoint", "runs/small/step_0000001")
