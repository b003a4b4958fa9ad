"""The file of a tokenizer: written whole or not at all, and checked when it is read."""
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_tokenizer import STORIES, TINY

from ternary.errors import ModelFileError, ResourceError
from ternary.text import tokenizer as module
from ternary.text.tokenizer import Tokenizer


def test_file_round_trip(tmp_path):
    path = tmp_path / "tokenizer.json"
    TINY.save(path)
    TINY.save(path)
    again = Tokenizer.load(path)
    assert (again.pieces, again.vocab_size, again.hash) == (TINY.pieces, TINY.vocab_size, TINY.hash)
    assert again.to_json() == TINY.to_json() == path.read_text("utf-8")
    assert again.encode(STORIES[3]) == TINY.encode(STORIES[3])
    assert [p.name for p in tmp_path.iterdir()] == ["tokenizer.json"]


def test_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "tokenizer.json"
    TINY.save(path)

    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(ResourceError, match="No space left"):
        Tokenizer([], 300).save(path)
    assert Tokenizer.load(path).hash == TINY.hash and len(list(tmp_path.iterdir())) == 1
    with pytest.raises(ResourceError, match="cannot write"):
        TINY.save(tmp_path / "nowhere" / "tokenizer.json")


def sealed(**changes):
    """A tokenizer file with fields changed (None removes one) and a hash that fits."""
    content = {**json.loads(TINY.to_json()), **changes}
    content = {k: v for k, v in content.items() if v is not None}
    rest = {k: v for k, v in content.items() if k != "hash"}
    plain = json.dumps(rest, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    digest = hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
    return json.dumps({**content, **({} if "hash" in changes else {"hash": digest})})


def test_sealed_is_a_good_file_when_nothing_is_changed():
    assert Tokenizer.from_json(sealed()).hash == TINY.hash


@pytest.mark.parametrize("text, wrong", [
    ("", "not JSON"),
    (TINY.to_json()[:-20], "not JSON"),
    ("[" * 100_000, "not JSON"),
    ("[]", "keys"),
    ("null", "keys"),
    ('{"vocab_size": 260}', "keys"),
    (sealed(extra=1), "keys"),
    (sealed(pieces=None), "keys"),
    (TINY.to_json()[:-1] + ',"hash":""}', "twice"),
    (sealed(hash="0" * 64), "hash"),
    (sealed(hash=7), "hash"),
    (sealed(format="ternary-tokenizer-2"), "format"),
    (sealed(vocab_size="400"), "vocab_size"),
    (sealed(vocab_size=True), "vocab_size"),
    (sealed(vocab_size=259), "vocab_size"),
    (sealed(vocab_size=10**9), "vocab_size"),
    (sealed(vocab_size=262), "room for 2"),
    (sealed(pieces={"a": 1}), "pieces"),
    (sealed(pieces=["a", "b", "a"]), "piece 2, 'a', is there twice"),
    (sealed(pieces=["a", ""]), "piece 1"),
    (sealed(pieces=["a", 5]), "piece 1"),
    (sealed(pieces=["x" * 65]), "piece 0"),
    (sealed(pieces=["a\ud800"]), "piece 0"),
    (sealed(pieces=[*TINY.pieces[::-1]], hash=TINY.hash), "hash"),
    (sealed(hash="x" * 1_000_000), "hash"),
])
def test_broken_files_say_what_is_wrong(text, wrong, tmp_path):
    with pytest.raises(ModelFileError, match=wrong) as caught:
        Tokenizer.from_json(text)
    assert len(str(caught.value)) < 400 and "\n" not in str(caught.value)
    path = tmp_path / "tokenizer.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ModelFileError):
        Tokenizer.load(path)


def test_files_that_are_not_tokenizers(tmp_path, monkeypatch):
    with pytest.raises(ModelFileError, match="cannot read"):
        Tokenizer.load(tmp_path / "missing.json")
    with pytest.raises(ModelFileError, match="cannot read"):
        Tokenizer.load(tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelFileError, match="not UTF-8"):
        Tokenizer.load(tmp_path / "binary")
    monkeypatch.setattr(module, "MAX_FILE", 100)
    with pytest.raises(ModelFileError, match="longer than 100"):
        Tokenizer.from_json(TINY.to_json())


@given(st.integers(0, len(TINY.to_json()) - 1), st.characters(categories=["L", "N", "P"]))
def test_no_changed_character_goes_unseen(at, character):
    text = TINY.to_json()
    changed = text[:at] + character + text[at + 1 :]
    if changed != text:
        with pytest.raises(ModelFileError):
            Tokenizer.from_json(changed)
