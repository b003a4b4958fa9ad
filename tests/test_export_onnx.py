"""ONNX files run in ONNX Runtime and compute what the model computes."""
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from test_graph import VOCAB, WithAnOpOfItsOwn, shaken
from tiny import stories

from ternary import nn
from ternary.checkpoint.load import Restored, restore
from ternary.errors import UsageError
from ternary.export.onnx import Onnx
from ternary.graph import Graph, Node, Value, trace
from ternary.graph.reference import Reference
from ternary.inference.generation import Engine
from ternary.inference.sampling import Sampling
from ternary.models import LM, MODELS, LMConfig
from ternary.text.tokenizer import Tokenizer

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
EXAMPLE = Path(__file__).parents[1] / "examples" / "run_onnx.py"


@pytest.fixture(scope="module")
def example():
    """examples/run_onnx.py, which runs a file without ternary."""
    spec = importlib.util.spec_from_file_location("run_onnx", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def written(graph, path, **fields):
    """The file of a graph -> its protobuf, checked."""
    Onnx(**fields).write(Restored(path, "a-model", None, Tokenizer(["a"], 261), None, {}), graph, path)
    proto = onnx.load(path)
    onnx.checker.check_model(proto, full_check=Onnx(**fields).config.opset_only)     # it knows the standard ops
    return proto


def assert_equal_logits(graph, path, example, tokens, **fields):
    proto = written(graph, path, **fields)
    model, reference = example.Model(str(path)), Reference(graph)
    found, expected = zip(*((model.step(token), reference.step(int(token))) for token in tokens))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    return proto


def tokens(n):
    return np.random.default_rng(2).integers(0, VOCAB, n)


@pytest.mark.parametrize("name", MODELS.names())
def test_every_model_has_the_logits_of_its_graph(name, tmp_path, example):
    graph = trace(shaken(name))
    assert_equal_logits(graph, tmp_path / "a.onnx", example, tokens(12))
    proto = assert_equal_logits(graph, tmp_path / "b.onnx", example, tokens(12), opset_only=True)
    assert {part.domain for part in (*proto.graph.node, *proto.opset_import)} == {""}


class Attending(LM):
    config_type = LMConfig

    def block(self, layer, rng):
        return nn.Attention(64, 2, rng, window=(None, 4)[layer], rotary=layer == 0)


def test_a_cache_is_cut_to_the_window_and_grows_without_one(tmp_path, example):
    graph = trace(Attending(LMConfig(VOCAB, 64, 2)))
    assert_equal_logits(graph, tmp_path / "a.onnx", example, tokens(12))
    model = example.Model(str(tmp_path / "a.onnx"))
    for token in tokens(9):
        model.step(token)
    assert sorted(a.shape[1] for a in model.state.values() if a.ndim == 3) == [4, 4, 9, 9]


def test_rotary_positions_of_a_long_text(tmp_path, example):
    """Queries and keys after 100,000 tokens have the angles of float64."""
    graph = trace(Attending(LMConfig(VOCAB, 64, 2)))
    written(graph, tmp_path / "a.onnx")
    model, reference = example.Model(str(tmp_path / "a.onnx")), Reference(graph)
    for position in (0, 100_000):
        model.state["position"] = np.array([position])
        reference.position = position
        np.testing.assert_allclose(model.step(5), reference.step(5), atol=1e-5)


@pytest.mark.parametrize("opset_only", [False, True])
@pytest.mark.parametrize("columns", [7, 24, 96, 192])
@pytest.mark.parametrize("quantizer", ["tensor", "row", "block256"])
def test_ternary_matrices_of_any_width(quantizer, columns, opset_only, tmp_path, example):
    rng = np.random.default_rng(1)
    table, w, head = (Value(n, rng.normal(0, 1, (m, n)).astype(np.float32))
                      for m, n in ((VOCAB, columns), (45, columns), (VOCAB, 45)))
    row, y = Value(columns), Value(45)
    graph = Graph([Node("embedding", (table,), row), Node("linear", (row, w), y, {"quantizer": quantizer})], y,
                  head.constant)
    assert_equal_logits(graph, tmp_path / "a.onnx", example, tokens(3), opset_only=opset_only)


def test_ternary_matrices_take_4_bits_and_the_table_is_there_once(tmp_path):
    graph = trace(shaken("bolt-small"))
    weights = sum(node.inputs[1].constant.size for node in graph.nodes if node.op == "linear")
    for opset_only in (False, True):
        path = tmp_path / f"{opset_only}.onnx"
        proto = written(graph, path, opset_only=opset_only)
        assert path.stat().st_size < 4 * graph.table.size + 0.6 * weights + 50_000
        assert ("MatMulNBits" in {node.op_type for node in proto.graph.node}) is not opset_only


@pytest.mark.parametrize("flags", [[], ["--opset-only", "--set", "opset_only=false"], ["--set", "opset_only=true"]])
def test_a_trained_model_tells_the_same_story(flags, here, finished, tmp_path, example):
    path = tmp_path / "a model.onnx"
    result = here("export", "--to", "onnx", "--checkpoint", finished[0], "--out", path, *flags, "--json")
    assert result.code == 0, result.err
    assert f"examples/run_onnx.py '{path}'" in result.json["run"]
    assert {opset.domain for opset in onnx.load(path).opset_import} == ({""} if flags else {"", "com.microsoft"})
    model = restore(finished[0])
    engine = Engine(model.model, model.tokenizer)
    for prompt in ("", "The red", "The old fox, “Żó"):
        expected = [model.tokenizer.token_bytes(t) for t in engine.tokens(prompt, 50, Sampling(temperature=0))]
        assert list(example.Model(str(path)).generate(prompt, 50)) == expected


def test_the_example_spells_a_prompt_as_ternary_does(example):
    tokenizer = Tokenizer.train(stories(), 300)
    mine = example.Tokenizer(json.loads(tokenizer.to_json()))
    for text in ("", "The fox met", "unheard-of words… don’t!  Two  spaces\n", "猫 met Zoë 😀", '"Oh," said the bear.'):
        assert mine.encode(text) == tokenizer.encode(text)


def test_a_block_with_an_op_of_its_own_is_refused_by_name():
    with pytest.raises(UsageError, match=r"^blocks\.0 \(Doubled\): onnx cannot express its doubled"):
        Onnx().check(trace(WithAnOpOfItsOwn()))


def test_without_the_package_it_is_named_and_nothing_is_written(here, finished, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    result = here("export", "--to", "onnx", "--checkpoint", finished[0], "--out", tmp_path / "a.onnx")
    assert result.code == 2 and "pip install onnx" in result.err and not list(tmp_path.iterdir())


def test_a_flag_of_another_format_says_whose_it_is(here, finished, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text("from ternary.export import Target\nclass Mine(Target):\n    pass\n", encoding="utf-8")
    result = here("export", "--to", f"{mine}:Mine", "--opset-only", "--checkpoint", finished[0])
    assert result.code == 2 and "--opset-only" in result.err and "--to onnx" in result.err
