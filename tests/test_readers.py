"""Every form that text comes in: compressed or not, tables, globs; and what is wrong with a file, said in one line."""
import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from sources import gz

from ternary.errors import DataError
from ternary.text.corpus import open_corpus
from ternary.text.readers import READERS, DataFile, kind_of

STORIES = ["A cat sat.\nIt was red.", 'She said "no, thanks".', "Café, naïve, 日本 🐌", "The end."]


def as_txt(stories): return "\n<|endoftext|>\n".join(stories).encode()
def as_jsonl(stories): return "".join(json.dumps({"text": s}) + "\n" for s in stories).encode()


def as_table(stories, delimiter):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["id", "text"])
    writer.writerows((k, s) for k, s in enumerate(stories))
    return out.getvalue().encode()


FORMS = {".txt": as_txt, ".jsonl": as_jsonl, ".csv": lambda s: as_table(s, ","), ".tsv": lambda s: as_table(s, "\t")}


def zst(data):
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as f:
        f.write(data)
    return out.getvalue().to_pybytes()


PACK = {"": lambda data: data, ".gz": gz, ".zst": zst}


@pytest.mark.parametrize("pack", PACK)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_stories(tmp_path, form, pack):
    path = tmp_path / f"stories{form}{pack}"
    path.write_bytes(PACK[pack](FORMS[form](STORIES)))
    corpus = open_corpus(str(path))
    assert list(corpus.stories()) == STORIES == list(corpus.stories())
    assert (corpus.size is None) == bool(pack)


def test_a_folder_and_a_glob(tmp_path):
    for k, (form, pack) in enumerate(((".txt", ""), (".jsonl", ".gz"), (".csv", ".zst"), (".txt", ".gz"))):
        (tmp_path / f"{k}{form}{pack}").write_bytes(PACK[pack](FORMS[form](STORIES[k:k + 1])))
    (tmp_path / "notes.md").write_text("no story")
    assert list(open_corpus(str(tmp_path)).stories()) == STORIES
    assert list(open_corpus(str(tmp_path / "*.txt*")).stories()) == [STORIES[0], STORIES[3]]
    with pytest.raises(DataError, match=r"no file matches .*\*\.nothing"):
        open_corpus(str(tmp_path / "*.nothing"))


def test_names():
    assert [kind_of(Path(name)) for name in ("a.txt", "a.JSONL.GZ", "b.c.csv.zst", "x.gz", "x")] == \
        [(".txt", ""), (".jsonl", ".gz"), (".csv", ".zst"), ("", ".gz"), ("", "")]


@pytest.mark.parametrize("name, data, said", [
    ("a.txt", gz(b"text"), "compressed with gz, unlike its name says"),
    ("a.txt.gz", b"plain text", "not compressed with gz, unlike its name says"),
    ("a.txt.zst", gz(b"text"), "gz, unlike its name says"),
    ("a.txt.gz", gz(as_txt(STORIES) * 100)[:-20], "is damaged or cut off"),
    ("a.txt.zst", zst(as_txt(STORIES) * 100)[:-20], "is damaged or cut off"),
    ("a.txt.gz", gz("é".encode("latin-1")), "is not UTF-8: byte 0xe9 at offset 0, line 1"),
    ("a.csv", b"id,text\n1,a,b\n", "line 2: 3 columns; line 1 names 2"),
    ("a.csv", b"id,words\n1,a\n", "found 'id', 'words'; choose one with --field"),
    ("a.csv", b'id,text\n1,"a\n', "a cell of the row in line 2 has no end"),
    ("a.parquet.gz", gz(b"PAR1"), "has suffix '.gz'; want .txt"),
])
def test_what_is_wrong_is_said(tmp_path, name, data, said):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError) as error:
        list(open_corpus(str(tmp_path / name)).stories())
    assert said in str(error.value) and name in str(error.value) and "\n" not in str(error.value)


def test_field_chooses_the_column(tmp_path):
    (tmp_path / "a.csv").write_text("id,words\n1,a cat\n")
    pa.parquet.write_table(pa.table({"words": ["a dog"]}), tmp_path / "b.parquet")
    assert list(open_corpus(str(tmp_path / "a.csv"), field="words").stories()) == ["a cat"]
    assert list(open_corpus(str(tmp_path), field="words").stories()) == ["a cat", "a dog"]


def test_a_byte_order_mark_and_empty_rows(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfid,text\r\n1,a cat\r\n\r\n2,\r\n3,a dog\r\n")
    assert list(open_corpus(str(tmp_path / "a.csv")).stories()) == ["a cat", "a dog"]


HOSTILE = {"empty": b"", "zeros": bytes(1000), "binary": bytes(range(256)) * 40, "newlines": b"\n" * 1000,
           "quotes": b'"' * 1001, "brackets": b"[" * 100_000,
           "header": b"text\n", "latin": "na\xefve\n".encode("latin-1"),
           "magic": b"PAR1" + bytes(100) + b"PAR1"}


@pytest.mark.parametrize("content", HOSTILE)
@pytest.mark.parametrize("name", READERS.names())
def test_every_reader_takes_any_bytes_or_says_what_is_wrong(tmp_path, name, content):
    reader = READERS.get(name)
    for suffix in reader.suffixes:
        for pack in PACK if reader.compressed else ("",):
            path = tmp_path / f"hostile{suffix}{pack}"
            path.write_bytes(PACK[pack](HOSTILE[content]))
            try:
                assert all(isinstance(story, str) for story in reader(DataFile(path)))
            except DataError as error:
                assert str(error).startswith(path.name) and len(str(error)) < 400 and "\n" not in str(error)
