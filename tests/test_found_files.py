"""Folders, standard input, paths and splits as people have them."""
import io
import json
import os
import sys

import pyarrow as pa
import pyarrow.parquet
import pytest
from found import ROWS, lines, read, write
from sources import gz

from ternary.errors import DataError
from ternary.text.corpus import has_splits, open_corpus, split_corpus
from ternary.text.split import _place
from ternary.text.story import Corpus, say

# ---- folders

pytestmark = pytest.mark.usefixtures("empty_folder")


def test_hidden_and_foreign_files_of_a_folder_are_skipped_and_named(capsys):
    write("d/a.txt", "one"), write("d/.ipynb_checkpoints/a-checkpoint.txt", "one"), write("d/__MACOSX/b.txt", "junk")
    write("d/._a.txt", b"\0\x05\x16\x07\0"), write("d/fork.txt", b"\0\x05\x16\x07\0\x02")
    write("d/README.txt", "about")
    write("d/page.txt", "<!DOCTYPE html>\n<html></html>"), write("d/.git/x.txt", "x")
    assert read("d") == ["one"]
    said = capsys.readouterr().err
    assert "skipped 7 hidden or foreign files" in said and "(hidden)" in said and "and 2 more" in said
    assert read("d/*.txt") == ["one"]
    os.remove("d/a.txt")
    assert read("d") == ["about"]


def test_notes_beside_data_are_skipped_and_named(capsys):
    write("d/a.txt", "one"), write("d/NOTES.md", "about"), write("d/LICENSE", "MIT"), write("d/LICENSE.txt", "MIT")
    assert read("d") == ["one"]
    said = capsys.readouterr().err
    assert all(f"{name} (about the data)" in said for name in ("NOTES.md", "LICENSE", "LICENSE.txt"))
    say.cache_clear()
    assert read("d/*") == ["one"] and "NOTES.md (about the data)" in capsys.readouterr().err
    write("m/notes.md", "about")
    for source in ("m", "m/*"):
        with pytest.raises(DataError, match="txt"):
            open_corpus(source)
    assert read("text:m/notes.md") == ["about"]


def test_a_pointer_or_page_in_place_of_data_is_refused():
    write("d/a.txt", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"), write("d/b.txt", "one")
    for source in ("d", "d/a.txt"):
        with pytest.raises(DataError, match="a.txt is a pointer of Git LFS.*git lfs pull"):
            open_corpus(source)
    with pytest.raises(DataError, match="p.jsonl is no text.*HTML page"):
        open_corpus(write("p.jsonl", "\n<html lang='en'>"))


def test_linked_folders_are_followed_and_loops_are_not():
    write("else/b.txt", "two"), write("d/a.txt", "one")
    os.symlink(os.path.abspath("else"), "d/linked")
    os.symlink(os.path.abspath("d"), "d/self")
    assert read("d") == ["one", "two"]


@pytest.mark.parametrize("names", [
    {"train.txt": "train", "valid.txt": "validation"}, {"x-train.txt": "train", "x-val.txt": "validation"},
    {"train/a.txt": "train", "dev/a.txt": "validation"}, {"a.train.jsonl": "train", "a.test.jsonl": "validation"},
    {"data/train-00000-of-00002.txt": "train", "data/validation-00000-of-00001.txt": "validation",
     "data/test-0.txt": "test"},
    {"training/a.csv": "train", "validation/a.csv": "validation", "notes.txt": None},
])
def test_split_files_are_recognised_and_named(names, capsys):
    for name, split in names.items():
        text = f"of {split}"
        write("d/" + name, lines({"text": text}) if name.endswith("jsonl") else
              f"id,text\n1,{text}\n" if name.endswith("csv") else text)
    assert has_splits("d")
    assert set(read("d")) == {"of train"} and read("d", "validation") == ["of validation"]
    said = capsys.readouterr().err
    assert all(name in said for name in names) and "train split is" in said
    assert open_corpus("d").fingerprint != open_corpus("d", "validation").fingerprint


def test_folders_without_split_files():
    write("d/a.txt", "one"), write("d/trainer.txt", "two"), write("d/test.txt", "three")
    assert not has_splits("d") and read("d") == read("d", "validation") == ["one", "three", "two"]
    write("s/train.txt", "a"), write("s/valid.txt", "b")
    assert has_splits("s,s") and not has_splits("s,d/a.txt") and read("s,d/a.txt") == ["a", "one"]
    with pytest.raises(DataError, match="has no split 'test'; it has train, validation"):
        open_corpus("s", "test")


# ---- standard input and paths


@pytest.mark.parametrize("content, stories", [
    (lines(*ROWS), ["one\ntwo", "three"]), (json.dumps(ROWS, indent=1), ["one\ntwo", "three"]),
    ("id,text\n1,one\n", ["one"]), ("id\ttext\n1\tone\n", ["one"]), ("[1] one\n\n{two}", ["[1] one", "{two}"]),
    ("text\n\ntwo", ["text", "two"]),
])
@pytest.mark.parametrize("pack", [bytes, gz])
def test_standard_input_is_recognised_by_its_content(content, stories, pack, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(pack(content.encode()))))
    assert read("-") == stories


def test_standard_input_that_is_parquet_or_for_a_reader(monkeypatch):
    pa.parquet.write_table(pa.table({"text": ["one"]}), "a.parquet")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(open("a.parquet", "rb")))
    assert read("-") == ["one"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"one,two\n")))
    assert read("csv:-", field="2") == ["two"]


@pytest.mark.parametrize("content, said", [
    (b"PK\3\4\0\xad", "zip archive"), (gz(b"%PDF-1"), "PDF"),
    (b"<?xml version='1.0'?>", "by the name text:-"),
])
def test_standard_input_that_is_no_text_is_named(content, said, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    with pytest.raises(DataError, match=f"standard input is no text.*{said}"):
        read("-")
    if "text:-" in said:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert read("text:-") == [content.decode()]


def test_no_encoding_is_advised_for_what_is_binary():
    with pytest.raises(DataError, match="it has zero bytes, so it is binary"):
        read("text:" + write("a.zip", b"PK\3\4" + b"text " * 20 + b"\0\xad"))


def test_a_mistyped_path_is_not_sent_to_the_hub(monkeypatch):
    monkeypatch.setattr("ternary.text.corpus.open_hub", lambda *_: pytest.fail("the hub was asked"))
    write("data/stories.txt", "one"), write("data/tales/a.txt", "one")
    for source, near in (("data/storys", "stories.txt"), ("data/tale", "tales"),
                         ("dta/stories.txt", "data/stories.txt"),
                         ("data/none", "@main"), ("data/x.jsonl", "no file")):
        with pytest.raises(DataError, match="no file or folder") as error:
            open_corpus(source)
        assert near in str(error.value)
    monkeypatch.setattr("ternary.text.corpus.open_hub", lambda name, split, *_: name)
    assert open_corpus("data/stories@main") == "data/stories" and open_corpus("own/name") == "own/name"


def test_home_and_spaces_after_commas(monkeypatch, empty_folder):
    monkeypatch.setenv("HOME", str(empty_folder))
    write("a.txt", "one"), write("b.txt", "two")
    assert read("a.txt, b.txt") == read("~/a.txt,~/b.txt") == ["one", "two"]


def test_a_comma_too_many_is_told():
    write("a.txt", "one")
    for source in ("a.txt,", ",a.txt", "a.txt, ,a.txt"):
        with pytest.raises(DataError, match="a comma too many"):
            open_corpus(source)


def test_a_text_in_place_of_a_path_is_not_repeated_at_length():
    with pytest.raises(DataError) as error:
        open_corpus("Once upon a time. " * 1000)
    assert len(str(error.value)) < 500


def test_an_error_in_a_pattern_names_the_file():
    write("d/a.txt", b"\xff")
    with pytest.raises(DataError, match="d/a.txt is not UTF-8"):
        read("d/*.txt")
    with pytest.raises(DataError, match="no file matches 'x"):
        read("x/*.txt")


def test_a_field_of_plain_text_is_a_warning(capsys):
    assert read(write("a.txt", "one"), field="body") == ["one"]
    assert "--field body does nothing for a.txt" in capsys.readouterr().err


# ---- splits by amount


def memory(stories):
    return Corpus("memory", "0" * 64, lambda: iter(stories))


@pytest.mark.parametrize("seed", range(8))
def test_one_long_book_does_not_become_the_validation_set(seed):
    stories = [f"A short text {seed} {n}." for n in range(60)] + [f"Book {seed}. " + "A long sentence. " * 4000]
    train, validation = (list(side.stories()) for side in split_corpus(memory(stories)))
    assert stories[-1] in train and validation and sorted(train + validation) == sorted(stories)
    assert len(validation) < 20


def test_usual_splits_stay_as_they_were(capsys):
    stories = [f"Story {n}. " + "word " * (n % 50) for n in range(2000)]
    cut = int(0.02 * 2**64)
    assert list(split_corpus(memory(stories))[1].stories()) == [s for s in stories if _place(s) < cut]
    assert capsys.readouterr().err == ""
    split_corpus(memory(stories[:40]))
    assert "of 40 stories" in (said := capsys.readouterr().err) and "--val-data" in said
