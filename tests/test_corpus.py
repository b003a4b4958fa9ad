"""Sources of text as a whole: files, folders, lists, standard input, fingerprints, splits."""
import io
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sources import memory, parquet, read, write

from ternary import fables
from ternary.errors import DataError, ResourceError, UsageError
from ternary.text import corpus as module
from ternary.text.corpus import open_corpus, split_corpus

TINYSTORIES = Path(__file__).parents[2] / "shared" / "data" / "tinystories"


def test_a_folder_is_read_recursively_in_order(tmp_path):
    write(tmp_path / "b.txt", "b1\n\nb2")
    write(tmp_path / "a" / "z.jsonl", '{"text": "az"}')
    parquet(tmp_path / "a" / "é" / "x.PARQUET", text=["aex"])
    write(tmp_path / "c d.txt", "c\n\nd\n<|endoftext|>\ne")
    write(tmp_path / "a" / "empty.txt", "")
    write(tmp_path / "notes.md", "not read")
    assert read(tmp_path) == ["az", "aex", "b1", "b2", "c\n\nd", "e"]
    write(tmp_path / "c d.txt", b"\xff")
    with pytest.raises(DataError, match="^c d.txt is not UTF-8"):
        read(tmp_path)


def test_several_sources_follow_one_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.txt", "a\n\nb"), write(tmp_path / "c.jsonl", '{"text": "c"}')
    one, two = open_corpus("a.txt"), open_corpus("c.jsonl")
    both = open_corpus("a.txt,c.jsonl")
    assert list(both.stories()) == list(both.stories()) == ["a", "b", "c"]
    assert both.size == one.size + two.size and both.name == "a.txt + c.jsonl"
    assert len({both.fingerprint, one.fingerprint, two.fingerprint, open_corpus("c.jsonl,a.txt").fingerprint}) == 4
    with pytest.raises(DataError, match=r"no file or folder 'c\.json'; did you mean c\.jsonl\?"):
        open_corpus("a.txt,c.json")
    write(tmp_path / "odd,name.txt", "d")
    assert read("odd,name.txt") == ["d"]


def test_a_corpus_can_be_read_again_and_in_parallel(tmp_path):
    corpus = open_corpus(write(tmp_path / "a.txt", "one\n\ntwo\n\nthree"))
    first, second = corpus.stories(), corpus.stories()
    assert [next(first), next(first), next(second)] == ["one", "two", "one"]
    assert list(corpus.stories()) == ["one", "two", "three"]


def test_a_fingerprint_is_of_the_content(tmp_path):
    a = open_corpus(write(tmp_path / "a.txt", "one\n\ntwo"))
    assert a.fingerprint == open_corpus(write(tmp_path / "elsewhere" / "b.txt", "one\n\ntwo")).fingerprint
    assert len(bytes.fromhex(a.fingerprint)) == 32
    assert a.fingerprint != open_corpus(write(tmp_path / "c.txt", "one\n\ntwo!")).fingerprint
    rows = write(tmp_path / "d.jsonl", '{"text": "x", "title": "y"}')
    assert open_corpus(rows).fingerprint != open_corpus(rows, field="title").fingerprint


def test_a_file_that_changes_is_not_read_under_its_old_fingerprint(tmp_path):
    source = write(tmp_path / "a.txt", "one\n\ntwo")
    corpus = open_corpus(source)
    write(tmp_path / "a.txt", "other text")
    with pytest.raises(DataError, match="changed after it was opened"):
        list(corpus.stories())
    os.unlink(source)
    with pytest.raises(DataError, match="changed after it was opened"):
        list(corpus.stories())


@pytest.mark.parametrize("content", ["", "\n \r\n\n", "<|endoftext|>\n<|endoftext|>\n"])
@pytest.mark.parametrize("name", ["a.txt", "folder/a.txt"])
def test_nothing_to_read(tmp_path, name, content):
    write(tmp_path / name, content)
    with pytest.raises(DataError, match="holds no story"):
        open_corpus(str(tmp_path / name.split("/")[0]))


def test_names_that_are_nothing_list_their_neighbours(tmp_path, monkeypatch):
    write(tmp_path / "stories.txt", "a")
    write(tmp_path / "other.jsonl", "{}")
    monkeypatch.chdir(tmp_path)
    for source in (str(tmp_path / "storys.txt"), "storys.txt", "./stories.tx"):
        with pytest.raises(DataError, match=r"did you mean (/.*/)?stories\.txt\?"):
            open_corpus(source)
    for source in ("", "nothing", "no/such/path", "missing/file.txt", "a\0b", "x" * 5000, "../x/y"):
        with pytest.raises(DataError, match="^no file or folder"):
            open_corpus(source)


def test_paths_that_are_not_data(tmp_path):
    with pytest.raises(DataError, match=r"suffix '\.gz'; want \.txt, \.csv, \.json, \.jsonl, "):
        open_corpus(write(tmp_path / "a.gz", "x"))
    with pytest.raises(DataError, match=r"holds no \.txt, \.csv, \.json, \.jsonl, "):
        open_corpus(str(tmp_path))
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(DataError, match="neither a file nor a folder"):
        open_corpus(str(tmp_path / "pipe.txt"))


def test_standard_input_is_read_once_and_replayed(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("one\n\ntwö".encode())))
    corpus = open_corpus("-")
    assert list(corpus.stories()) == list(corpus.stories()) == ["one", "twö"]
    with pytest.raises(DataError, match="standard input holds no story"):
        open_corpus("-")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"one\n\xff")))
    with pytest.raises(DataError, match="standard input is not UTF-8.* line 2"):
        open_corpus("-")


@pytest.mark.parametrize("text, stories", [
    ('text\n"One, it is here.\n\nIts end."\n"Two."\n', ["One, it is here.\n\nIts end.", "Two."]),       # a table
    ("text\n\nTwo.\n", ["text", "Two."]),
    ("A cat sat. " * 20_000 + "\n\nTwo.", [("A cat sat. " * 20_000).strip(), "Two."]),        # no cell of a table
])
def test_what_standard_input_is_told_by_its_content(monkeypatch, text, stories):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert list(open_corpus("-").stories()) == stories


def test_standard_input_leaves_no_file_behind(tmp_path):
    code = "from ternary.text.corpus import open_corpus as o; print(list(o('-').stories()))"
    env = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, input=b"a\n\nb", env=env, capture_output=True, check=True)
    assert run.stdout.strip() == b"['a', 'b']" and not list(tmp_path.iterdir())


def test_standard_input_that_does_not_fit(monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x")))
    monkeypatch.setattr(module.shutil, "copyfileobj", full)
    with pytest.raises(ResourceError, match="No space left on device.*TMPDIR"):
        open_corpus("-")


def test_fables():
    train, validation = open_corpus("fables"), open_corpus("fables", "validation")
    assert train.fingerprint != validation.fingerprint
    assert train.fingerprint == open_corpus("fables").fingerprint
    held_out = list(validation.stories())
    assert len(held_out) == 500 and held_out == list(validation.stories())
    assert next(train.stories()) != held_out[0]
    both = list(zip(train.stories(), islice(train.stories(), 3)))
    assert both == [(story, story) for story in fables.stories(0, 0, 3)]
    with pytest.raises(DataError, match="no split 'test'"):
        open_corpus("fables", "test")


@settings(max_examples=40)
@given(st.lists(st.text("abé", min_size=1, max_size=3), min_size=2, max_size=40), st.floats(0.001, 0.999))
def test_a_split_parts_the_stories_and_keeps_duplicates_together(stories, fraction):
    corpus = memory(stories)
    if len(set(stories)) == 1:
        with pytest.raises(DataError, match="one distinct story"):
            split_corpus(corpus, fraction)
        return
    train, validation = split_corpus(corpus, fraction)
    a, b = list(train.stories()), list(validation.stories())
    assert a and b and not set(a) & set(b) and sorted(a + b) == sorted(stories)
    assert a == list(train.stories()) and [s for s in stories if s in set(a)] == a
    assert len({corpus.fingerprint, train.fingerprint, validation.fingerprint}) == 3
    again = split_corpus(corpus, fraction)
    assert (train.fingerprint, validation.fingerprint) == (again[0].fingerprint, again[1].fingerprint)


def test_a_split_has_the_share_asked_for_and_does_not_depend_on_the_order():
    stories = [f"story {i}" for i in range(5000)]
    share = [len(list(split_corpus(memory(stories), f)[1].stories())) for f in (0.02, 0.5)]
    assert 60 < share[0] < 140 and 2300 < share[1] < 2700
    held_out = set(split_corpus(memory(stories))[1].stories())
    assert held_out == set(split_corpus(memory(stories[::-1]))[1].stories())


@pytest.mark.parametrize("fraction", [0, 1, -0.1, float("nan")])
def test_a_split_fraction_out_of_range(fraction):
    with pytest.raises(UsageError, match="between 0 and 1"):
        split_corpus(memory(["a", "b"]), fraction)


# The hub's libraries read their settings when they are imported, so these run in a process of their own.


def test_real_stories():
    path = TINYSTORIES / "valid.txt"
    if not path.exists():
        pytest.skip("no real stories on this machine")
    stories = read(path)
    whole = path.read_bytes().decode()
    assert stories == [part.strip() for part in whole.split("<|endoftext|>\n") if part.strip()]
    _, validation = split_corpus(open_corpus(str(path)), 0.05)
    assert 0.03 < len(list(validation.stories())) / len(stories) < 0.07
