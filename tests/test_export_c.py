"""Exported C compiles without warnings, runs clean under sanitizers, and computes what the model computes."""
import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from test_models import VARIANTS, tiny
from tiny import stories

from ternary.checkpoint.load import Restored
from ternary.errors import UsageError
from ternary.export.c import CProgram
from ternary.export.c.lowering import HEADS, Lowering
from ternary.graph import Graph, Node, Value, trace
from ternary.graph.reference import Reference
from ternary.inference.generation import Engine
from ternary.inference.sampling import Sampling
from ternary.kernels.activation import NAMES
from ternary.models import MODELS
from ternary.text.tokenizer import Tokenizer

gcc = pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc")
STRICT = ["gcc", "-std=c99", "-O2", "-Wall", "-Wextra", "-pedantic", "-Werror"]
SANITIZERS = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
PROBE = Path(__file__).parent / "export_probe.c"
QUICK = ["bolt-small half block256 inner_norm", "thunderbolt half", "nova", "bolt-gdn-small", "reckoning", "v3"]
TOKENIZER = Tokenizer.train([*stories(50), "naïve café, don’t, 日本"], 300)


def exported(name, path, tokenizer=TOKENIZER, **fields):
    """A small model with other weights than at first, written to the folder `path` -> it, facts of the export"""
    model, rng = tiny(name, vocab_size=tokenizer.vocab_size), np.random.default_rng(1)
    for p in model.parameters().values():
        p.values[...] += rng.normal(0, 0.02, p.shape)
    return model, CProgram(**fields).export(Restored(path, name, model, tokenizer, None, {}), path)


def compiled(path, main=PROBE, flags=()):
    program = path / "program"
    subprocess.run([*STRICT, *flags, f"-I{path}", main, path / "model.c", "-o", program, "-lm"], check=True)
    return program


def logits(program, tokens):
    done = subprocess.run([program, "logits", *map(str, tokens)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return np.array([line.split() for line in done.stdout.splitlines()], np.float64)


@gcc
@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
                                  for name in VARIANTS])
def test_c_computes_the_logits_of_the_model(name, tmp_path):
    model, _ = exported(name, tmp_path / "c")
    tokens, reference = np.random.default_rng(2).integers(0, 300, 12), Reference(trace(model))
    found = logits(compiled(tmp_path / "c", flags=SANITIZERS), tokens)
    np.testing.assert_allclose(found, [reference.step(int(token)) for token in tokens], atol=1e-4)


def test_every_registered_model_can_be_expressed():
    for name in MODELS.names():
        CProgram().check(trace(tiny(name)))


@gcc
def test_ops_that_no_registered_model_has(tmp_path):
    rng = np.random.default_rng(3)
    table, x = rng.normal(size=(300, 20)).astype("f4"), Value(20)
    nodes = [Node("embedding", (Value(20, table, "embed"),), x)]

    def node(op, *inputs, **options):
        nodes.append(Node(op, inputs, Value(20), options))
        return nodes[-1].output
    for op in NAMES:
        x = node(op, node("clip", x, low=-2.0, high=1.5))
    x = node("top_softmax", node("sub", Value(1, np.array([0.5])), x), k=3)
    for quantizer in (None, "row", "block256"):                    # 20 columns: no whole words
        x = node("linear", x, Value(20, rng.normal(size=(20, 20)), "w"), quantizer=quantizer)
    graph = Graph(nodes, x, table)
    CProgram().write(Restored(tmp_path, "ops", None, TOKENIZER, None, {}), graph, tmp_path / "c")
    found = logits(compiled(tmp_path / "c", flags=SANITIZERS), range(5))
    np.testing.assert_allclose(found, [Reference(graph).step(token) for token in range(5)], rtol=1e-4, atol=1e-4)


@gcc
@pytest.mark.parametrize("head, error", [("int16", 2e-4), ("int8", 5e-2)])
def test_a_head_of_integers_changes_the_logits_little(head, error, tmp_path):
    model, facts = exported("bolt-small", tmp_path / "c", head=head)
    tokens, reference = range(8), Reference(trace(model))
    found, expected = logits(compiled(tmp_path / "c"), tokens), np.array([reference.step(token) for token in tokens])
    assert facts["head"] == head and error / 50 < np.abs(found - expected).max() < error * np.abs(expected).max()


TEXTS = ["", "The red cat saw a bird.", "don't don’t x' ''a'b'c", " " * 40 + "x", "!" * 30 + "cat", "a" * 100,
         "日本語" * 30, "naïve café\0\n\tend", "\U0010ffff\ud7ff\ue000\ufffd"]


def odd_texts():
    """UTF-8, mostly odd, and bytes that are none."""
    rng = random.Random(4)
    letters = list("abcdefgh  ''’,.!\n\0_é日本ａ\u0301\u0660\U0001d400😀\ufffd\ufeff")
    texts = [text.encode() for text in TEXTS + stories(20)]
    texts += ["".join(rng.choices(letters, k=rng.randrange(80))).encode() for _ in range(300)]
    return texts + [bytes(rng.choices(b"ab '\xe2\x82\xac\xed\xa0\x80\xf0\x90\xf4\x8f\xc3\xff", k=rng.randrange(40)))
                    for _ in range(300)]


@gcc
@pytest.mark.parametrize("tokenizer", [TOKENIZER, Tokenizer((), 260), TOKENIZER.with_rule("unigram")],
                         ids=["pieces", "bytes", "unigram"])
def test_c_encodes_and_decodes_as_the_tokenizer(tokenizer, tmp_path):
    exported("bolt-small", tmp_path / "c", tokenizer, head="int8")
    program, texts = compiled(tmp_path / "c", flags=SANITIZERS), odd_texts()
    found = subprocess.run([program, "texts"], input=b"".join(len(t).to_bytes(4, "little") + t for t in texts),
                           capture_output=True, check=True).stdout
    numbers = iter(found.split(b"\1\n"))
    for text in texts:
        ids = tokenizer.encode(text.decode("utf-8", "surrogateescape"))
        assert next(numbers).decode().split() == list(map(str, ids)), text
        assert next(numbers).decode() == tokenizer.decode(ids)
    broken = [[4 + b for b in bytes(random.Random(k).choices(b"a\xe2\x82\xac\xf0\x9f\x98\x80\xed\xa0\xff", k=12))]
              for k in range(20)]
    for ids in broken:
        done = subprocess.run([program, "ids", *map(str, ids)], capture_output=True, check=True)
        assert done.stdout.decode() == tokenizer.decode(ids)


@gcc
def test_the_program_tells_the_story_of_the_engine(tmp_path):
    model, _ = exported("bolt-small", tmp_path / "c")
    program, greedy = compiled(tmp_path / "c", tmp_path / "c" / "main.c"), Sampling(temperature=0)
    for prompt in ("", "The red cat", "日本"):
        done = subprocess.run([program, prompt, "40"], capture_output=True, check=True)
        assert done.stdout.decode() == prompt + Engine(model, TOKENIZER).generate(prompt, 40, greedy) + "\n"
    drawn = [subprocess.run([program, "The", "20", "1.5", seed], capture_output=True, check=True).stdout
             for seed in "112"]
    assert drawn[0] == drawn[1] != drawn[2]
    for args in ([], ["The", "ten"], ["The", "9", "-1"], ["The", "9", "0", "1", "2"]):
        done = subprocess.run([program, *args], capture_output=True)
        assert done.returncode == 2 and b"usage" in done.stderr


@gcc
def test_attention_stops_where_its_room_ends(tmp_path):
    _, facts = exported("nova", tmp_path / "c", context=8)
    program = compiled(tmp_path / "c", tmp_path / "c" / "main.c")
    done = subprocess.run([program, "The", "20"], capture_output=True, check=True)
    assert facts["context"] == 8 and b"room for 8 tokens" in done.stderr


def test_what_does_not_fit_is_refused(tmp_path):
    for fields, words in (({"flash": 1 << 10}, "--flash is 1,024 bytes.*needs.*smaller"),
                          ({"flash": 1 << 10, "head": "float32"}, "--set head=int8"),
                          ({"ram": 1 << 10}, "--ram is 1,024 bytes")):
        with pytest.raises(UsageError, match=words):
            exported("bolt-small", tmp_path / "c", **fields)
    with pytest.raises(UsageError, match="--set context"):
        exported("nova", tmp_path / "c", ram=20 << 10)
    assert not list(tmp_path.iterdir())


def test_the_head_is_the_first_that_fits(tmp_path):
    sizes = {head: exported("bolt-small", tmp_path / head, head=head)[1]["flash"] for head in HEADS}
    for head, flash in sizes.items():
        facts = exported("bolt-small", tmp_path / f"{head} by itself", flash=flash)[1]
        assert facts["head"] == head and facts["flash"] == flash


def test_bolt_micro_fits_in_a_small_microcontroller(tmp_path):
    tokenizer = Tokenizer.train([" ".join(f"{a}{b}" for a in "abcdefghijklmnopqrst" for b in range(99))] * 4, 1024)
    model = MODELS.get("bolt-micro")()
    facts = CProgram(flash=256 << 10, ram=64 << 10).export(
        Restored(tmp_path, "bolt-micro", model, tokenizer, None, {}), tmp_path / "c")
    assert facts["head"] == "int16" and facts["flash"] <= 256 << 10 and facts["ram"] <= 64 << 10


def test_scratch_rows_that_live_at_the_same_time_do_not_overlap():
    for name in ("bolt-small", "cortex-2", "supernova"):
        buffers = Lowering(trace(tiny(name)), "float32", 8).buffers
        for k, a in enumerate(buffers):
            for b in buffers[:k]:
                apart = a.offset + a.size <= b.offset or b.offset + b.size <= a.offset
                assert apart or a.first > b.last or b.first > a.last


@pytest.mark.slow
@gcc
@pytest.mark.skipif(not shutil.which("qemu-system-arm") or not shutil.which("arm-none-eabi-gcc"),
                    reason="needs gcc-arm-none-eabi, libnewlib-arm-none-eabi and qemu-system-arm")
def test_an_emulated_cortex_m_tells_the_same_story(tmp_path):
    exported("bolt-small", tmp_path / "c", flash=256 << 10, ram=64 << 10)
    expected = subprocess.run([compiled(tmp_path / "c", tmp_path / "c" / "main.c"), "The red cat", "100"],
                              capture_output=True, check=True).stdout
    emulated = subprocess.run(["make", "-s", "-C", tmp_path / "c", "emulate", "PROMPT=The red cat", "TOKENS=100"],
                              capture_output=True, check=True, timeout=300).stdout
    assert emulated.endswith(expected) and len(expected) > 100


@pytest.mark.parametrize("args, words", [
    (["--to", "c", "--opset-only"], "--opset-only: --to c has no such setting; that is one of --to onnx"),
    (["--to", "c", "--flash", "1G"], "--flash is 1G; wanted a size in bytes, K or M; e.g. --flash 256K"),
    (["--to", "c", "--ram", "0"], "--ram is 0; wanted a size"),
    (["--to", "c", "--set", "head=int4"], "wanted one of float32, int16, int8"),
    (["--to", "c", "--flash", "1k"], "--flash is 1,024 bytes, but the model needs"),
])
def test_sizes_on_the_command_line(args, words, here, finished, tmp_path):
    result = here("export", "--checkpoint", finished[0], "--out", tmp_path / "c", *args)
    assert result.code and words in result.err and not (tmp_path / "c").exists()
