"""Token stores: their layout, and files that are none."""
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import STORIES, TOKENIZER, corpus, n, there

from ternary.errors import DataError, ResourceError
from ternary.text import prepare as drafts
from ternary.text.prepare import prepare
from ternary.text.token_store import open_store
from ternary.text.tokenizer import Tokenizer


@pytest.fixture
def store(tmp_path):
    return prepare(corpus(STORIES), TOKENIZER, tmp_path)


def test_every_story_is_its_ids_and_eos(store):
    assert store.tokens.dtype == np.uint16 and store.offsets.dtype == np.int64
    assert len(store.offsets) == 4 and store.offsets[0] == 0 and store.offsets[-1] == len(store.tokens)
    for i, text in enumerate(STORIES):
        ids = store.tokens[store.offsets[i] : store.offsets[i + 1]]
        np.testing.assert_array_equal(ids, [*TOKENIZER.encode(text), Tokenizer.EOS])
        assert TOKENIZER.decode(ids[:-1]) == text


def test_the_header_counts(store):
    text = "".join(STORIES)
    wanted = {"stories": 3, "tokens": n, "chars": len(text), "bytes": len(text.encode())}
    hashes = {"tokenizer_hash": TOKENIZER.hash, "source_hash": corpus(STORIES).fingerprint}
    assert store.header == {**wanted, **hashes, "vocab_size": 300, "source": "some stories"}


@settings(max_examples=25)
@given(st.lists(st.text(max_size=20), min_size=1, max_size=20))
def test_any_stories_come_back(tmp_path_factory, stories):
    stories = [s.encode("utf-8", "replace").decode() for s in stories]
    store = prepare(corpus(stories), TOKENIZER, tmp_path_factory.mktemp("c"))
    bounds = zip(store.offsets[:-1], store.offsets[1:])
    assert [TOKENIZER.decode(store.tokens[a : b - 1]) for a, b in bounds] == stories


def test_the_file_is_as_documented(store):
    raw = store.path.read_bytes()
    length = int.from_bytes(raw[8:16], "little")
    assert raw[:8] == b"TERNTOK2" and (16 + length) % 64 == 0
    assert json.loads(raw[16 : 16 + length]) == store.header
    ids = np.frombuffer(raw, "<u2", store.header["tokens"], 16 + length)
    np.testing.assert_array_equal(ids, store.tokens)
    np.testing.assert_array_equal(np.frombuffer(raw[-8 * 7 : -8 * 3], "<i8"), store.offsets)
    np.testing.assert_array_equal(np.frombuffer(raw[-8 * 3 :], "<u8"), store.story_hashes)


def test_the_map_cannot_be_written(store):
    for array in (store.tokens, store.offsets, store.story_hashes):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_a_store_is_reused_and_belongs_to_its_corpus_and_tokenizer(tmp_path, store):
    again = prepare(corpus(STORIES, fail_at=0, error=AssertionError("read again")), TOKENIZER, tmp_path)
    assert again.path == store.path and (again.tokens == store.tokens).all()
    assert prepare(corpus(STORIES[:2]), TOKENIZER, tmp_path).header["stories"] == 2
    other = prepare(corpus(STORIES), Tokenizer([], 300), tmp_path)
    assert len(other.tokens) > len(store.tokens)
    assert len({p.name for p in tmp_path.glob("*.tok")}) == len(there(tmp_path)) == 3


@pytest.mark.parametrize("damage", ["cut", "another", "junk"])
def test_a_damaged_store_is_written_again(tmp_path, store, damage):
    raw = store.path.read_bytes()
    wanted = store.tokens.tolist()
    other = prepare(corpus(["other"]), TOKENIZER, tmp_path).path.read_bytes()
    store.path.write_bytes({"cut": raw[:-8], "another": other, "junk": b"junk"}[damage])
    assert prepare(corpus(STORIES), TOKENIZER, tmp_path).tokens.tolist() == wanted


@pytest.mark.parametrize("error", [KeyboardInterrupt(), DataError("bad line"), MemoryError()])
def test_an_interrupted_run_leaves_nothing(tmp_path, error):
    with pytest.raises(type(error)):
        prepare(corpus(["x" * 5000] * 1000, fail_at=900, error=error), TOKENIZER, tmp_path)
    assert not there(tmp_path)


def test_a_file_that_is_not_finished_is_not_a_store(tmp_path, monkeypatch):
    """What kill -9 would leave behind, at its most complete."""
    seen = {}

    def replace(source, target, replace=os.replace):
        if not str(target).endswith(".tok"):
            return replace(source, target)
        seen["whole"] = Path(source).read_bytes()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(drafts.os, "replace", replace)
    with pytest.raises(ResourceError, match="No space left on device"):
        prepare(corpus(STORIES), TOKENIZER, tmp_path)
    path = tmp_path / "x.tok"
    path.write_bytes(seen["whole"])
    assert open_store(path).header["stories"] == 3
    length = 16 + int.from_bytes(seen["whole"][8:16], "little")
    for size in (0, 8, 16, length, length + 20, len(seen["whole"])):
        path.write_bytes((bytes(length) + seen["whole"][length:])[:size])
        with pytest.raises(DataError):
            open_store(path)


def test_no_story_is_an_error(tmp_path):
    with pytest.raises(DataError, match="some stories holds no story"):
        prepare(corpus([]), TOKENIZER, tmp_path)
    assert not there(tmp_path)


def rewrite(raw: bytes, **changes) -> bytes:
    """The same file with another header of the same length."""
    length = int.from_bytes(raw[8:16], "little")
    header = {**json.loads(raw[16 : 16 + length]), **changes}
    header = {k: v for k, v in header.items() if v is not ...}
    return raw[:16] + json.dumps(header).encode().ljust(length)[:length] + raw[16 + length :]


def body(raw: bytes, header: bytes) -> bytes:
    length = int.from_bytes(raw[8:16], "little")
    return raw[:16] + header.ljust(length)[:length] + raw[16 + length :]


def with_offsets(raw: bytes, offsets: list[int]) -> bytes:
    return raw[:-56] + np.array(offsets, "<i8").tobytes() + raw[-24:]


HOSTILE = {
    "empty": (lambda raw: b"", "it begins with b''"),
    "short": (lambda raw: raw[:12], "it begins with"),
    "magic": (lambda raw: b"TERNTOK9" + raw[8:], "want b'TERNTOK2'"),
    "pickle": (lambda raw: b"\x80\x04" + raw[2:], "it begins with"),
    "no header": (lambda raw: raw[:8] + bytes(8) + raw[16:], "header claims 0 bytes"),
    "long header": (lambda raw: raw[:8] + b"\xff" * 8 + raw[16:], "header claims 18,446,744,073,709,551,615"),
    "header past the end": (lambda raw: raw[:8] + (60_000).to_bytes(8, "little") + raw[16:], "60,000 bytes"),
    "not json": (lambda raw: body(raw, b"{'tokens': 3}"), "not JSON"),
    "deep json": (lambda raw: body(raw, b"[" * 65_000), "not JSON"),
    "binary json": (lambda raw: body(raw, b"\xff\xfe\x00"), "not JSON"),
    "list": (lambda raw: body(raw, b"[]"), "not a JSON object"),
    "no count": (lambda raw: rewrite(raw, tokens=...), "tokens 'None', want a count"),
    "float": (lambda raw: rewrite(raw, tokens=33.0), "tokens '33.0'"),
    "true": (lambda raw: rewrite(raw, stories=True), "stories 'True'"),
    "negative": (lambda raw: rewrite(raw, tokens=-33), "tokens '-33'"),
    "huge": (lambda raw: rewrite(raw, tokens=2**62), "want a count"),
    "many": (lambda raw: rewrite(raw, tokens=2**47), "its header counts"),
    "few": (lambda raw: rewrite(raw, stories=0), "its header counts"),
    "hash": (lambda raw: rewrite(raw, source_hash=3), "source_hash '3', want a string"),
    "cut": (lambda raw: raw[:-1], "its header counts"),
    "longer": (lambda raw: raw + b"\0", "its header counts"),
    "offsets start": (lambda raw: with_offsets(raw, [1, 5, 9, n]), "stories span 1"),
    "offsets end": (lambda raw: with_offsets(raw, [0, 5, 9, 2**40]), "stories span 0 to 1099511627776"),
    "offsets back": (lambda raw: with_offsets(raw, [0, 9, 5, n]), "do not increase"),
    "offsets wild": (lambda raw: with_offsets(raw, [0, -(2**63), 2**62, n]), "do not increase"),
    "foreign id": (lambda raw: rewrite(raw, vocab_size=100), "its vocabulary has 100"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_refused(store, case):
    assert len(store.tokens) == n
    change, words = HOSTILE[case]
    path = store.path.with_name("hostile.tok")
    path.write_bytes(change(store.path.read_bytes()))
    with pytest.raises(DataError, match="hostile.tok is not a whole token store") as e:
        open_store(path)
    assert words in str(e.value) and len(str(e.value)) < 400 and "\n" not in str(e.value)


@settings(max_examples=200)
@given(st.data())
def test_no_change_of_a_byte_gets_past_the_checks(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "flips"
    store = prepare(corpus(STORIES), TOKENIZER, folder)
    raw = bytearray(store.path.read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = folder / "flipped.tok"
    path.write_bytes(raw)
    try:
        other = open_store(path)
    except DataError:
        return
    assert other.tokens.max() < other.header["vocab_size"]
    assert (np.diff(other.offsets) > 0).all() and other.offsets[-1] == len(other.tokens)


def test_what_is_not_a_file(tmp_path):
    for path in (tmp_path, tmp_path / "absent.tok"):
        with pytest.raises(DataError, match="cannot read token store"):
            open_store(path)
