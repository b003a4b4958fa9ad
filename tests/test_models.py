"""The gates: no model enters MODELS without being causal, tight, shifted once, and the same one token at a time."""
from dataclasses import replace

import numpy as np
import pytest

from ternary.errors import ModelFileError, UsageError
from ternary.models import MODELS, from_json, to_json
from ternary.models.bolt import Bolt, BoltConfig, BoltLargeConfig
from ternary.models.nova import Nova, NovaConfig
from ternary.models.thunderbolt import Thunderbolt, ThunderboltConfig
from ternary.training import contract
from ternary.training.contract import logits, random_pairs
from ternary.training.optimizers import OPTIMIZERS
from ternary.training.optimizers.adamw import AdamW
from ternary.training.step import Trainer

CORTEX_8 = {"dim": 64, "heads": 2, "memory_dim": 8}
VARIANTS = {
    **{name: {} for name in MODELS.names()},
    "nova": {"dim": 64, "heads": 2},
    "thunderbolt": {"groups": 2},
    "bolt-gdn-small": {"heads": 2},
    "bolt-gdn-large": {"heads": 2},
    "cortex-6": {"memory_dim": 16},
    "cortex-7": {"dim": 64, "heads": 2, "memory_dim": 16, "window": 7},
    **{name: {**CORTEX_8, "window": 7} for name in (
        "cortex-8", "cortex-9", "cortex-10", "searchlm-8.1", "searchlm-8.2", "searchlm-8.3", "compass")},
    "lean-cortex": CORTEX_8,
    "searchlm": {"dim": 64, "heads": 2},
    "reckoning": {"cells": 16, "cell_dim": 16, "top_k": 4},
    "reckoning-2": {"memory_dim": 16},
    "rwkv": {"layers": 3, "gate_hidden": 16},
    "supernova": {"reason_dim": 16, "plan_dim": 16},
    "v3": {"layers": 1, "groups": 4},
    "bolt-small row": {"quantizer": "row"},
    "bolt-small block256": {"quantizer": "block256"},
    "bolt-small inner_norm": {"inner_norm": True},
    "bolt-small 15 taps": {"kernel": 15},
    # channels that are not whole lines of 32
    "bolt-small half": {"dim": 48, "hidden": 80},
    "bolt-small half row": {"dim": 48, "hidden": 80, "quantizer": "row"},
    "bolt-small half block256 inner_norm": {"dim": 48, "hidden": 80, "quantizer": "block256", "inner_norm": True},
    "bolt-lfm half": {"dim": 48, "hidden": 80, "attention": False},
    "nova half": {"dim": 64, "heads": 2, "hidden": 80},
    "thunderbolt half": {"dim": 48, "hidden": 80, "groups": 3},
}


def tiny(name, vocab_size=16, **changes):
    model_type = MODELS.get(name.split()[0])
    sizes = {"dim": 32, "layers": 2, "hidden": 64, **VARIANTS[name], **changes}
    config = replace(model_type.config_type(), vocab_size=vocab_size, **sizes)
    model = model_type(config, seed=1)
    for p in model.parameters().values():          # a flat start would hide what a weight does
        p.data *= 2
    return model


PUBLISHED = {                     # parameters; in the second part ours differ, as docs/models.md says
    "bolt-small": 4_364_736, "bolt-large": 16_847_232, "bolt-block256": 4_370_112, "bolt-gdn-small": 5_042_112,
    "bolt-gdn-large": 20_435_328, "thunderbolt": 29_750_784, "nova": 4_987_392,
    "rwkv": 7_118_082, "cortex-3": 4_614_144, "cortex-6": 5_008_896, "cortex-7": 5_193_987, "cortex-8": 6_564_864,
    "cortex-9": 7_613_440, "cortex-10": 6_564_864, "searchlm": 6_166_016, "searchlm-8.1": 6_566_400,
    "searchlm-8.2": 7_156_224, "searchlm-8.3": 6_566_400, "lean-cortex": 1_773_312, "reckoning": 1_231_624,
    "compass": 6_695_936,
    "supernova": 4_141_862 - 3_104, "v3": 13_555_969 + 3_583, "reckoning-2": 17_258_508 - 297_612,
    # never published with a number
    "bolt-lfm": 4_580_672, "bolt-micro": 289_344, "cortex-2": 4_618_752,
    "cortex-4": 4_601_856, "cortex-5": 5_082_624,
}


def test_models_have_the_published_number_of_parameters():
    assert {name: MODELS.get(name)().parameter_count for name in MODELS.names()} == PUBLISHED


models = pytest.mark.parametrize("name", VARIANTS)


@pytest.mark.parametrize("check", [contract.causal, contract.sequences_independent, contract.step_equals_parallel,
                                   contract.saves_and_loads, contract.gradients, contract.single_shift],
                         ids=lambda check: check.__name__)
@models
def test_contract(name, check):
    assert check(tiny(name)) is None


@models
def test_learns_nothing_from_random_tokens(name):
    assert contract.leak(contract.leak_probe(tiny(name))) is None


@models
def test_config_round_trip(name):
    model = tiny(name)
    key, again = from_json(to_json(name.split()[0], model.config))
    assert key == name.split()[0] and again.config == model.config
    assert {k: p.data.shape for k, p in again.parameters().items()} == {
        k: p.data.shape for k, p in model.parameters().items()}


@models
def test_saved_and_loaded(name, tmp_path):
    from ternary.checkpoint import format as checkpoint
    from ternary.checkpoint.load import restore
    from ternary.text.tokenizer import Tokenizer
    model, tokenizer = tiny(name, vocab_size=300), Tokenizer.train(["one two three"], 300)
    weights = {key: p.values for key, p in model.parameters().items()}
    checkpoint.save(tmp_path, 3, weights=weights, optimizer={}, config=to_json(name.split()[0], model.config),
                    tokenizer=tokenizer.to_json(), state={"step": 3})
    loaded = restore(tmp_path)
    tokens = np.arange(4, 44, dtype=np.int32)[None]
    assert loaded.tokenizer.hash == tokenizer.hash
    np.testing.assert_array_equal(logits(loaded.model, tokens), logits(model, tokens))


@pytest.mark.parametrize("optimizer", OPTIMIZERS.names())
@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("name", [name for name in VARIANTS if "half" in name])
def test_padding_stays_zero_in_training(name, precision, optimizer):
    """Tiles hold zeros behind the channels; training and weight decay never change them."""
    model = tiny(name)
    trainer = Trainer(model, OPTIMIZERS.get(optimizer)(model.parameters(), precision=precision), precision)
    for k in range(3):
        trainer.step(*random_pairs(k), 0.01, 0.03)
    counted = 0
    for key, p in model.parameters().items():
        behind = p.data.copy()
        behind[tuple(slice(n) for n in p.shape)] = 0
        assert not behind.any() and np.isfinite(p.data).all()
        assert p.values.all() or key.endswith("conv") or "embed" in key       # what counts has been moved
        counted += p.data.size - p.values.size
    moments, other = trainer.optimizer.state(), tiny(name).parameters()
    assert {key: m.shape for key, m in moments.items()} == type(trainer.optimizer).moment_shapes(other)
    again = OPTIMIZERS.get(optimizer)(other, precision=precision)
    again.load(moments, 3)                                                    # as a checkpoint gives them back
    for kind, buffer in trainer.optimizer.buffers.items():
        assert (again.buffers[kind] == buffer).all()
    assert counted > 0 and model.parameter_count == sum(np.prod(p.shape) for p in model.parameters().values())


def test_a_model_with_padded_channels_computes_its_equations():
    """The equations of docs/models.md in NumPy, without padding."""
    model, rng = tiny("bolt-small half"), np.random.default_rng(0)
    tokens = rng.integers(0, 16, 20)
    w = {key: p.values.astype(np.float64) for key, p in model.parameters().items()}

    def linear(x, key):
        m = w[f"{key}.weight"]
        alpha = abs(m).mean()
        return x @ (alpha * np.clip(np.rint(m / (alpha + 1e-8)), -1, 1)).T

    def norm(x, key):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6) * w[f"{key}.weight"]

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    x = w["embed.weight"][tokens]
    for b in ("blocks.0", "blocks.1"):
        gate, value = np.split(linear(norm(x, f"{b}.norm1"), f"{b}.mixer.up"), 2, axis=-1)
        past = np.concatenate([np.zeros((7, 48)), value])
        c = sum(w[f"{b}.mixer.conv"][k] * past[k:k + 20] for k in range(8))
        x = x + linear(sigmoid(gate) * c, f"{b}.mixer.down")
        h = norm(x, f"{b}.norm2")
        g = linear(h, f"{b}.ffn.gate")
        x = x + linear(g * sigmoid(g) * linear(h, f"{b}.ffn.up"), f"{b}.ffn.down")
    np.testing.assert_allclose(logits(model, tokens[None].astype(np.int32))[0],
                               norm(x, "norm") @ w["embed.weight"].T, rtol=0, atol=1e-5)


def test_parameter_counts_are_the_published_ones():
    """docs/models.md lists them."""
    count = lambda config: Bolt(config).parameter_count
    assert Nova(NovaConfig()).parameter_count == 4_987_392
    assert count(BoltConfig()) == 4_364_736
    assert count(BoltLargeConfig()) == 16_847_232
    assert count(BoltConfig(inner_norm=True)) == 4_370_112
    assert Thunderbolt(ThunderboltConfig()).parameter_count == 29_750_784


def test_initialisation_of_bolt():
    p = Bolt(BoltConfig()).parameters()
    std = {key: float(v.data.std()) for key, v in p.items()}
    assert std["embed.weight"] == pytest.approx(0.02, rel=0.01)
    wanted = {"mixer.up.weight": .0722, "mixer.down.weight": .1021, "mixer.conv": .0361, "ffn.gate.weight": .0625,
              "ffn.up.weight": .0625, "ffn.down.weight": .1021}
    for key, value in wanted.items():
        assert std[f"blocks.3.{key}"] == pytest.approx(value, rel=0.05)
    assert (p["norm.weight"].data == 1).all()
    again, other = Bolt(BoltConfig()).parameters(), Bolt(BoltConfig(), seed=1).parameters()
    assert np.array_equal(p["embed.weight"].data, again["embed.weight"].data)
    assert not np.array_equal(p["embed.weight"].data, other["embed.weight"].data)


def test_initialisation_of_thunderbolt():
    """Matrices by fan-out, neutral mixes and biases, a floor of the forget gate that grows with the layer."""
    model = Thunderbolt(replace(ThunderboltConfig(), layers=4))
    p = model.parameters()
    for key in ("mixer.forget", "mixer.value", "mixer.output", "mixer.down", "ffn.up", "ffn.down"):
        weight = p[f"blocks.2.{key}.weight"].data
        assert weight.std() == pytest.approx((2 / len(weight)) ** 0.5, rel=0.05)
    assert not any(p[f"blocks.0.{key}"].data.any() for key in ("shift1.mix", "shift2.mix", "mixer.bias"))
    assert [block.mixer.floor for block in model.blocks] == pytest.approx([0, 0.3, 0.6, 0.9])


@pytest.mark.parametrize("changes, message", [
    ({"dim": 191}, "dim is 191.*multiple of 16 .*; use 192"), ({"layers": 0}, "layers is 0"),
    ({"hidden": 40}, "hidden is 40"), ({"quantizer": "int8"}, "quantizer is 'int8'"),
    ({"kernel": 65}, "kernel is 65.*at most 64"), ({"kernel": 0}, "kernel is 0"),
    ({"vocab_size": 70000}, "at most 65536"), ({"vocab_size": 0}, "vocab_size is 0"), ({"inner_norm": 1}, "inner_norm"),
])
def test_config_out_of_range(changes, message):
    with pytest.raises(UsageError, match=message):
        BoltConfig(**changes)


@pytest.mark.parametrize("changes, message", [
    ({"heads": 3}, "heads is 3.*multiple of 32 channels.*dim 256; use 4"), ({"heads": 0}, "heads is 0"),
    ({"dim": 250}, r"\[NovaConfig\] dim is 250"),
])
def test_nova_config_out_of_range(changes, message):
    with pytest.raises(UsageError, match=message):
        NovaConfig(**changes)


@pytest.mark.parametrize("changes, message", [
    ({"groups": 5}, "groups is 5"), ({"groups": 48}, "groups is 48"), ({"groups": 0}, "groups is 0"),
    ({"dim": 200}, "dim is 200.*use 192"), ({"quantizer": None}, "quantizer is None"),
])
def test_thunderbolt_config_out_of_range(changes, message):
    with pytest.raises(UsageError, match=message):
        ThunderboltConfig(**changes)


@pytest.mark.parametrize("change, message", [
    ({"model": "gpt"}, "model 'gpt'"), ({"color": 1}, "unknown key 'color'"), ({"dim": "192"}, "dim is '192'"),
])
def test_config_file_of_something_else(change, message):
    with pytest.raises(ModelFileError, match=message):
        from_json({**to_json("bolt-small", BoltConfig()), **change})


def test_config_file_with_a_key_missing():
    values = to_json("bolt-small", BoltConfig())
    del values["hidden"]
    with pytest.raises(ModelFileError, match="missing key 'hidden'"):
        from_json(values)


def test_the_batch_in_parts_has_the_gradient_of_the_whole(monkeypatch):
    from ternary.training import micro_batches
    rng, grads = np.random.default_rng(0), []
    x, y = (rng.integers(0, 16, (6, 32)).astype(np.int32) for _ in range(2))
    for part in (32, 64, 10_000):
        monkeypatch.setattr(micro_batches, "MICRO_BATCH_TOKENS", part)
        model = tiny("bolt-small")
        Trainer(model, AdamW(model.parameters()), "fp32").gradients(x, y)
        grads.append(np.concatenate([p.grad.ravel() for p in model.parameters().values()]))
    for g in grads[1:]:
        assert np.linalg.norm(g - grads[0]) < 1e-5 * np.linalg.norm(grads[0])
