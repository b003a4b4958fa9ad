"""Folders for the Hugging Face hub: they load back, and an LFM2 loads in transformers with the same logits."""
import json
import shutil

import numpy as np
import pytest

import ternary
from ternary.checkpoint import format as checkpoint
from ternary.checkpoint.load import restore
from ternary.errors import ModelFileError, UsageError
from ternary.export import EXPORTS
from ternary.export.card import command
from ternary.models import MODELS, to_json
from ternary.text.tokenizer import Tokenizer
from ternary.training.contract import logits

SIZES = {"vocab_size": 400, "dim": 64, "layers": 2, "hidden": 96}
TEXT = ["Once there was a little dog. He said, \"I like the park!\"", "The café was naïve, and the dog ran."] * 5


def trained(folder, name, rule="unigram", **sizes):
    """A run of one step whose weights are far from their first values, and its model."""
    model_type, rng = MODELS.get(name), np.random.default_rng(3)
    model = model_type(model_type.config_type(**{**SIZES, **sizes}), seed=1)
    for p in model.parameters().values():
        p.values[...] *= 2 + 0.1 * rng.standard_normal(p.shape)
    tokenizer = Tokenizer.train(TEXT, 400).with_rule(rule)
    settings = {"model": name, "data": f"{folder}/stories.txt", "tokens": 1000, "save_dir": str(folder),
                "set": {"dim": 64}}
    checkpoint.save(folder, 7, weights={key: p.values for key, p in model.parameters().items()}, optimizer={},
                    config=to_json(name, model.config), tokenizer=tokenizer.to_json(),
                    state={"settings": settings, "tokens": 1000, "seconds": 3.0})
    lines = [{"kind": "start", "step": 0, "facts": {"CPU": "a fine CPU", "threads": "2"}},
             {"kind": "eval", "step": 7, "val_bpc": 1.25, "stories": 50, "seen": 0}]
    (folder / "log.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return model


def exported(folder, name, rule="unigram", sizes=None, **fields):
    model = trained(folder / "run", name, rule, **(sizes or {}))
    EXPORTS.get("hf")(**fields).export(restore(folder / "run"), folder / "hub")
    return model


TOKENS = np.arange(4, 44, dtype=np.int32)[None]


@pytest.mark.parametrize("name, rule", [("bolt-lfm", "unigram"), ("bolt-lfm", "fewest"), ("bolt-small", "fewest")])
def test_the_folder_loads_back(tmp_path, name, rule):
    model = exported(tmp_path, name, rule)
    lm = ternary.load(tmp_path / "hub")
    np.testing.assert_array_equal(logits(lm.model, TOKENS), logits(model, TOKENS))
    assert lm.tokenizer.rule == rule
    hub = json.loads((tmp_path / "hub" / "config.json").read_text()).get("model_type") == "lfm2"
    assert hub == ((name, rule) == ("bolt-lfm", "unigram"))


@pytest.mark.parametrize("name, damaged", [("bolt-lfm", "ternary/model.safetensors"), ("bolt-small", "config.json")])
def test_a_damaged_folder_does_not_load(tmp_path, name, damaged):
    exported(tmp_path, name)
    path = tmp_path / "hub" / damaged
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ModelFileError, match=damaged.split("/")[-1]):
        ternary.load(tmp_path / "hub")


def test_the_card_says_what_was_measured_and_nothing_of_this_machine(tmp_path):
    exported(tmp_path, "bolt-lfm", license="mit")
    text = (tmp_path / "hub" / "README.md").read_text(encoding="utf-8")
    for part in ("license: mit", "1.2500 on 50 validation stories", "a fine CPU; threads: 2",
                 "1,000 tokens of stories.txt",
                 "`ternary train --model bolt-lfm --set dim=64 --data stories.txt --tokens 1000`", "transformers"):
        assert part in text
    for path in (tmp_path / "hub").rglob("*.*"):
        assert str(tmp_path).encode() not in path.read_bytes()
    generation = json.loads((tmp_path / "hub" / "generation_config.json").read_text())
    assert generation["bos_token_id"] == generation["eos_token_id"] == Tokenizer.EOS


def test_the_command_of_a_card_is_one_that_train_takes():
    settings = {"model": "bolt-lfm", "set": {"attention": False, "quantizer": "row"}, "steps": 5}
    assert command(settings) == "ternary train --model bolt-lfm --set attention=false --set quantizer=row --steps 5"


def test_the_card_of_a_run_without_a_log_says_so(tmp_path):
    trained(tmp_path / "run", "bolt-small")
    (tmp_path / "run" / "log.jsonl").unlink()
    EXPORTS.get("hf")().export(restore(tmp_path / "run"), tmp_path / "hub")
    assert "| bits per character | not measured" in (tmp_path / "hub" / "README.md").read_text(encoding="utf-8")


def test_what_is_there_is_left_alone(tmp_path):
    trained(tmp_path / "run", "bolt-small")
    (tmp_path / "hub").mkdir()
    with pytest.raises(UsageError, match="exists"):
        EXPORTS.get("hf")().export(restore(tmp_path / "run"), tmp_path / "hub")


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [{}, {"kernel": 3}, {"kernel": 8, "attention": False}, {"dim": 128}], ids=str)
def test_transformers_gives_the_same_logits_and_the_same_greedy_tokens(tmp_path, sizes):
    transformers, torch = pytest.importorskip("transformers"), pytest.importorskip("torch")
    exported(tmp_path, "bolt-lfm", sizes=sizes)
    lm, hub = ternary.load(tmp_path / "hub"), tmp_path / "hub"
    shutil.rmtree(hub / "ternary")                            # what transformers reads is the rest
    theirs, info = transformers.AutoModelForCausalLM.from_pretrained(hub, output_loading_info=True)
    assert type(theirs).__name__ == "Lfm2ForCausalLM" and not any(info.values())
    tokenizer = transformers.AutoTokenizer.from_pretrained(hub)
    for text in TEXT[:2]:
        ids = tokenizer(text).input_ids
        assert ids == [Tokenizer.EOS, *lm.tokenizer.encode(text)]
        assert tokenizer.decode(ids, skip_special_tokens=True) == text
        with torch.no_grad():
            got = theirs(torch.tensor([ids])).logits[0].numpy()
        np.testing.assert_allclose(got, lm.logits(text), atol=1e-3)
    begun = tokenizer("Once", return_tensors="pt")
    told = theirs.generate(**begun, do_sample=False, max_new_tokens=60)[0].numpy()
    best = logits(lm.model, told[None, :-1].astype(np.int32))[0].argmax(-1)
    first = begun.input_ids.shape[1]
    assert len(told) > first and (best[first - 1:] == told[first:]).all()
