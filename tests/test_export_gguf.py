"""GGUF files: what the package gguf reads back from them, and what llama.cpp computes with them."""
import math

import numpy as np
import pytest
from test_export_hf import TEXT, TOKENS, trained
from tiny import TINY, stories

import ternary
from ternary import ops
from ternary.checkpoint.load import restore
from ternary.errors import UsageError
from ternary.export import EXPORTS
from ternary.export.gguf import WIDTHS
from ternary.text.tokenizer import Tokenizer
from ternary.training.contract import logits

gguf = pytest.importorskip("gguf")
TARGET = EXPORTS.get("gguf")
WIDE = {"dim": 256, "hidden": 512}                   # tq2_0 needs rows of 256 k weights


def exported(folder, attention=True, **fields):
    wide = WIDE if fields.get("type") == "tq2_0" else {}
    model = trained(folder / "run", "bolt-lfm", attention=attention, **wide)
    path = folder / "model.gguf"
    facts = TARGET(**fields).export(restore(folder / "run"), path)
    assert facts["bytes"] == path.stat().st_size and "llama-completion" in facts["run"]
    return model, path


def tensors_of(path):
    return {t.name.removesuffix(".weight"): gguf.quants.dequantize(t.data, t.tensor_type)
            for t in gguf.GGUFReader(path).tensors}


def effective(weight):
    codes, alpha = ops.quantized(weight, "tensor_fp16")
    return codes * alpha[0]


@pytest.mark.parametrize("attention", [True, False])
@pytest.mark.parametrize("kind", WIDTHS)
def test_ternary_weights_are_exact_in_every_type(tmp_path, kind, attention):
    model, path = exported(tmp_path, attention, type=kind)
    found, p = tensors_of(path), {name: x.values for name, x in model.parameters().items()}
    for i in range(2 - attention):
        maps = [effective(p[f"blocks.{i}.mixer.{name}.weight"]) for name in ("gate_in", "gate_out", "value")]
        np.testing.assert_array_equal(found[f"blk.{i}.shortconv.in_proj"], np.concatenate(maps))
        np.testing.assert_array_equal(found[f"blk.{i}.shortconv.conv"], p[f"blocks.{i}.mixer.conv"].T)
        np.testing.assert_array_equal(found[f"blk.{i}.shortconv.out_proj"],
                                      effective(p[f"blocks.{i}.mixer.down.weight"]))
    for i in range(2):
        for theirs, ours in {"ffn_gate": "ffn.gate", "ffn_up": "ffn.up", "ffn_down": "ffn.down"}.items():
            np.testing.assert_array_equal(found[f"blk.{i}.{theirs}"], effective(p[f"blocks.{i}.{ours}.weight"]))
        np.testing.assert_array_equal(found[f"blk.{i}.attn_norm"], p[f"blocks.{i}.norm1.weight"])
        np.testing.assert_array_equal(found[f"blk.{i}.ffn_norm"], p[f"blocks.{i}.norm2.weight"])
    error = abs(found["token_embd"] - p["embed.weight"]).max() / abs(p["embed.weight"]).max()
    assert error <= {"f32": 0, "f16": 0.001}.get(kind, 0.005)
    np.testing.assert_array_equal(found["token_embd_norm"], p["norm.weight"])
    if attention:
        qkv = np.concatenate([found[f"blk.1.attn_{name}"] for name in "qkv"])
        np.testing.assert_array_equal(qkv, effective(p["blocks.1.mixer.qkv.weight"]))
        np.testing.assert_array_equal(found["blk.1.attn_output"], effective(p["blocks.1.mixer.out.weight"]))
        for name in "qk":
            np.testing.assert_array_equal(found[f"blk.1.attn_{name}_norm"], p[f"blocks.1.mixer.norm_{name}.weight"])
    else:
        last = {name: x for name, x in found.items() if name.startswith("blk.2.") and "norm" not in name}
        assert len(last) == 7 and not any(x.any() for x in last.values())       # which adds nothing


def test_the_header_describes_the_model_and_its_tokenizer(tmp_path):
    _, path = exported(tmp_path)
    fields = gguf.GGUFReader(path).fields
    value = lambda key: fields[key].contents()
    wanted = {"general.architecture": "lfm2", "lfm2.embedding_length": 64, "lfm2.block_count": 2,
              "lfm2.feed_forward_length": 96, "lfm2.vocab_size": 400, "lfm2.shortconv.l_cache": 4,
              "lfm2.attention.head_count": 1, "lfm2.attention.head_count_kv": [0, 1],
              "tokenizer.ggml.model": "plamo2", "tokenizer.ggml.add_bos_token": False,
              "tokenizer.ggml.bos_token_id": Tokenizer.EOS, "tokenizer.ggml.eos_token_id": Tokenizer.EOS}
    assert {key: value(key) for key in wanted} == wanted
    tokenizer = restore(tmp_path / "run").tokenizer
    names, kinds = value("tokenizer.ggml.tokens"), value("tokenizer.ggml.token_type")
    pieces = len(tokenizer.pieces)
    assert len(names) == len(kinds) == 400 and tuple(names[260:260 + pieces]) == tokenizer.pieces
    assert kinds == [3, 2, 3, 3, *[6] * 256, *[1] * pieces, *[5] * (140 - pieces)]


@pytest.mark.parametrize("name, rule, fields, message", [
    ("bolt-small", "unigram", {}, r"blocks\.0\.mixer \(GatedConv\): gguf cannot express.*can express bolt-lfm$"),
    ("bolt-lfm", "fewest", {}, "its rule is 'fewest'.*bolt-lfm"),
    ("bolt-lfm", "unigram", {"type": "tq2_0"}, "rows of 64 weights.*multiple of 256; use f32, f16, q8_0, q4_0"),
])
def test_what_cannot_be_expressed_is_refused_and_nothing_is_left(tmp_path, name, rule, fields, message):
    trained(tmp_path / "run", name, rule)
    with pytest.raises(UsageError, match=message):
        TARGET(**fields).export(restore(tmp_path / "run"), tmp_path / "model.gguf")
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_the_command(tmp_path, here):
    trained(tmp_path / "run", "bolt-lfm")
    arguments = ["export", "--to", "gguf", "--checkpoint", tmp_path / "run", "--out", tmp_path / "a.gguf"]
    done = here(*arguments, "--type", "q8_0", "--json")
    assert done.code == 0 and done.json["type"] == "q8_0" and done.json["bytes"] == (tmp_path / "a.gguf").stat().st_size
    again, wrong = here(*arguments), here(*arguments[:-1], tmp_path / "b.gguf", "--set", "kind=q8_0")
    assert again.code != 0 and "exists" in again.err
    assert "c, gguf, hf, onnx, packed, or one" in " ".join(here("export", "--help").out.split())
    assert wrong.code != 0 and "it has type" in wrong.err and not (tmp_path / "b.gguf").exists()


def test_an_unknown_type_is_an_error():
    with pytest.raises(UsageError, match="type is 'q5_0'; wanted one of f32, f16, q8_0, q4_0, tq2_0"):
        TARGET(type="q5_0")


@pytest.fixture
def llama(monkeypatch):
    """llama(path) -> a model of llama-cpp-python"""
    package = pytest.importorskip("llama_cpp")
    defaults = package.llama_cpp.llama_model_default_params

    def without_repacking():
        # GCC 12 compiles ggml's kernels for Intel's matrix unit (AMX) to an invalid tile configuration
        params = defaults()
        params.use_extra_bufts = False
        return params
    monkeypatch.setattr(package.llama_cpp, "llama_model_default_params", without_repacking)
    return lambda path: package.Llama(str(path), n_ctx=1024, n_threads=1, n_threads_batch=1, logits_all=True,
                                      verbose=False)


@pytest.mark.slow
@pytest.mark.parametrize("kind, attention, error", [
    ("f32", True, 1e-3), ("f32", False, 1e-3), ("f16", True, 0.05), ("q8_0", True, 0.2), ("q4_0", True, 0.2),
    ("q4_0", False, 0.2), ("tq2_0", True, 0.3)])
def test_llama_cpp_computes_the_same(tmp_path, llama, kind, attention, error):
    """Ids, logits and greedy tokens; where llama.cpp rounds activations to 8 bits, logits are near."""
    model, path = exported(tmp_path, attention, type=kind)
    tokenizer = restore(tmp_path / "run").tokenizer
    run = llama(path)
    for text in [*TEXT[:2], "日本語 🙂 'n' it's"]:
        assert run.tokenize(text.encode(), add_bos=False, special=False) == tokenizer.encode(text)
        assert run.detokenize(tokenizer.encode(text)).decode() == text
    assert run.tokenize(b"<|endoftext|>Once", add_bos=False, special=True) == [3, *tokenizer.encode("Once")]
    run.eval(TOKENS[0].tolist())
    wanted, got = logits(model, TOKENS)[0], np.array(run.scores[:TOKENS.shape[1]])
    assert np.sqrt(((got - wanted) ** 2).mean() / (wanted ** 2).mean()) < error
    if kind == "f32":
        assert (got.argmax(-1) == wanted.argmax(-1)).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["f32", "q4_0"])
def test_llama_cpp_tells_the_same_stories(tmp_path, llama, here, kind):
    """A trained model: bits per character, and greedy text where nothing is rounded."""
    (tmp_path / "a.txt").write_text("\n\n".join(stories()), encoding="utf-8")
    done = here("train", *TINY, "--steps", 150, "--model", "bolt-lfm", "--data", tmp_path / "a.txt",
                "--set", "hidden=96", "--save-dir", tmp_path / "run")
    assert done.code == 0, done.err
    path, texts = tmp_path / "model.gguf", stories(40, seed=2)
    TARGET(type=kind).export(restore(tmp_path / "run"), path)
    lm = ternary.load(tmp_path / "run")
    run = llama(path)
    nats = 0.0
    for text in texts:
        ids = [Tokenizer.EOS, *run.tokenize(text.encode(), add_bos=False, special=False), Tokenizer.EOS]
        run.reset()
        run.eval(ids[:-1])
        scores = np.array(run.scores[:len(ids) - 1], np.float64)
        picked = scores[np.arange(len(ids) - 1), ids[1:]]
        nats += (np.log(np.exp(scores - scores.max(-1, keepdims=True)).sum(-1)) + scores.max(-1) - picked).sum()
    assert nats / math.log(2) / sum(map(len, texts)) == pytest.approx(lm.evaluate(texts)["bpc"], abs=1e-3)
    if kind == "f32":
        for prompt in ("The red cat", "The soft", "The big bird met"):
            told = run.create_completion(f"<|endoftext|>{prompt}", max_tokens=200, temperature=0)["choices"][0]["text"]
            assert told == lm.generate(prompt, 200, temperature=0)
