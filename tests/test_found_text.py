"""Text as people have it: line ends, markers, indentation, folders, tables, JSON, encodings, standard input."""
import io
import json
import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet
import pytest
from sources import gz

from ternary.errors import DataError, UsageError
from ternary.text.corpus import has_splits, open_corpus, split_corpus
from ternary.text.prepare import cached_tokenizer, prepare
from ternary.text.readers import DataFile, files
from ternary.text.split import _place
from ternary.text.story import Corpus, fingerprint, say, trimmed


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """An empty working directory; every line is said anew."""
    monkeypatch.chdir(tmp_path)
    say.cache_clear()
    return tmp_path


def write(name, content):
    if folder := os.path.dirname(name):
        os.makedirs(folder, exist_ok=True)
    with open(name, "wb") as f:
        f.write(content if isinstance(content, bytes) else content.encode())
    return name


def read(source, split="train", **options):
    return list(open_corpus(source, split, **options).stories())


def lines(*values):
    return "".join(json.dumps(value) + "\n" for value in values)


# ---- line ends, markers, indentation


@pytest.mark.parametrize("end", ["\r\n", "\r"])
@pytest.mark.parametrize("name, content", [
    ("a.txt", "one\ntwo\n\nthree\n"), ("b.txt", "one\n<|endoftext|>\nthree\n\nfour\n"),
    ("c.csv", 'id,text\n1,"one\ntwo"\n2,three\n'), ("d.jsonl", lines({"text": "one"}, {"text": "two"})),
])
def test_other_line_ends_give_the_same_fingerprint_stories_and_tokens(place, name, content, end):
    write("lf/" + name, content), write("other/" + name, "\ufeff" + content.replace("\n", end))
    lf, other = open_corpus("lf/" + name), open_corpus("other/" + name)
    assert lf.fingerprint == other.fingerprint and list(lf.stories()) == list(other.stories())
    tokenizer = cached_tokenizer(lf, 300, place / "cache")
    assert (prepare(lf, tokenizer, place / "cache").path == prepare(other, tokenizer, place / "cache").path)


def test_line_ends_inside_of_cells_and_strings_are_normalised():
    assert read(write("a.jsonl", lines({"text": "one\r\ntwo\rthree"}))) == ["one\ntwo\nthree"]
    pa.parquet.write_table(pa.table({"text": ["one\r\ntwo"]}), "a.parquet")
    assert read("a.parquet") == ["one\ntwo"]


def test_a_line_end_across_blocks_is_one(monkeypatch):
    monkeypatch.setattr(files, "BLOCK", 4)
    assert read(write("a.txt", "abc\r\ndef\r\n\r\nghi")) == ["abc\ndef", "ghi"]


@pytest.mark.parametrize("content, stories", [
    ("one<|endoftext|>two\n\nthree", ["one", "two\n\nthree"]), ("one\n<|endoftext|>two<|endoftext|>", ["one", "two"]),
    ("one <|EndOfText|>\ntwo", ["one", "two"]), ("<|endoftext|><|endoftext|>one", ["one"]),
])
def test_a_marker_separates_wherever_it_stands(content, stories):
    assert read(write("a.txt", content)) == stories
    assert read(write("a.jsonl", lines({"text": content}))) == stories
    write("a.csv", 'id,text\n1,"' + content + '"\n')
    assert read("a.csv") == stories


def test_a_file_that_older_versions_read_otherwise_has_another_fingerprint():
    plain = {"a.txt": "one\n\ntwo", "b.txt": "one\n<|endoftext|>\n two\n\n  three", "c.jsonl": lines({"text": "one"}),
             "d.csv": "id,text\n1,one\n"}
    for name, content in plain.items():
        write(name, content)
        digest = DataFile(name).digest()
        assert DataFile(name).text_digest() == digest
        assert open_corpus(name).fingerprint == fingerprint((os.path.splitext(name)[1], digest, None)), name
    for name, content in {"a.txt": "one<|endoftext|>two", "b.txt": "one\n\n    two",
                          "c.jsonl": lines({"text": "a\r\nb"}), "d.jsonl": lines({"text": "a<|endoftext|>b"}),
                          "e.txt": "    one", "f.txt": "a\n<|endoftext|>b", "g.txt": "a\n<|endoftext|>\n\n\tb",
                          "h.csv": 'text\n"a<|endoftext|>b"\n'}.items():
        corpus = open_corpus(write(name, content))
        digest = DataFile(name).text_digest()
        assert corpus.fingerprint != fingerprint((os.path.splitext(name)[1], digest, None)), name


@pytest.mark.parametrize("name", ["a.txt.gz", "a.jsonl.gz", "a.parquet", "reader.py:read", "reader.py:read:a.txt"])
def test_where_the_text_is_not_looked_at_the_rules_of_reading_are_in_the_fingerprint(name, monkeypatch):
    """A cache that was made by other rules is not served."""
    write("a.txt", "one\n\ntwo")
    write("a.txt.gz", gz(b"one\n\ntwo")), write("a.jsonl.gz", gz(lines({"text": "one"}).encode()))
    pa.parquet.write_table(pa.table({"text": ["one"]}), "a.parquet")
    write("reader.py", "def read(path=None):\n    yield 'one'\n")
    now, plain = open_corpus(name).fingerprint, open_corpus("a.txt").fingerprint
    for module in ("local", "outside"):
        monkeypatch.setattr(f"ternary.text.{module}.RULES", 99)
    assert open_corpus(name).fingerprint != now and open_corpus("a.txt").fingerprint == plain


@pytest.mark.parametrize("text, story", [
    ("\n\n    if x:\n        y\n\n", "    if x:\n        y"), ("\tx\n", "\tx"), (" x", "x"), ("  x ", "  x"),
    (" \n x\n", "x"), ("\u3000x", "x"), ("   \n", ""), ("x\n    ", "x"),
])
def test_trimmed_text_keeps_the_indentation_of_its_first_line(text, story):
    assert trimmed(text) == story


def test_code_keeps_its_indentation():
    assert read(write("a.txt", "def f():\n    x\n\n    return 1\n\n\nclass A:\n    pass\n")) == \
        ["def f():\n    x", "    return 1", "class A:\n    pass"]


# ---- folders


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


# ---- tables


@pytest.mark.parametrize("name, content, stories", [
    ("a.tsv", 'id\ttext\n1\t"Hi" said he.\n2\t"Open\n3\tb\n4\tand "c"\n', ['"Hi" said he.', '"Open', "b", 'and "c"']),
    ("a.tsv", 'id\ttext\n1\t"A ""b"" c"\n2\tplain\n', ['A "b" c', "plain"]),
    ("a.tsv", 'id\ttext\n1\t"two\nlines"\n', ["two\nlines"]),
    ("a.tsv", "text\na, b, and c\nd; e\n", ["a, b, and c", "d; e"]),
    ("a.csv", "text\na, b, and c\nplain\n", ["a, b, and c", "plain"]),
    ("a.csv", 'id;text\n1;"a, b; c"\n', ["a, b; c"]), ("a.csv", "id|text\n1|a\n", ["a"]),
    ("a.csv", 'sep=;\nid;text\n1;a\n', ["a"]), ("a.csv", "sep=|\r\ntext|id\r\na|1\r\n", ["a"]),
    ("a.csv", "id\ttext\n1\ta, b\n", ["a, b"]), ("a.csv", "id, text\n1, a\n", ["a"]),
    ("a.csv", 'id,text\n1,"say \\"hi\\" now"\n', ['say "hi" now']),
    ("a.csv", '0,"The cat sat, and slept."\n1,"A dog\nran."\n', ["The cat sat, and slept.", "A dog\nran."]),
    ("a.csv", "0;The cat sat down.\n1;A dog ran.\n", ["The cat sat down.", "A dog ran."]),
    ("a.csv", "id,text\r1,one\r2,two\r", ["one", "two"]),
])
def test_tables_are_read_by_what_they_look_like(name, content, stories):
    assert read(write(name, content)) == stories


def test_a_column_by_number_where_no_header_is():
    write("a.csv", "x,one\ny,two\n")
    with pytest.raises(DataError, match="by number if line 1 is a row"):
        read("a.csv")
    assert read("a.csv", field="2") == ["one", "two"]


# ---- JSON


ROWS = [{"text": "one\ntwo"}, {"text": "three"}]
FORMS = {"array": json.dumps(ROWS), "pretty array": json.dumps(ROWS, indent=2), "lines": lines(*ROWS),
         "strings": json.dumps(["one\ntwo", "three"]), "arrays in lines": lines(ROWS[:1], ROWS[1:]),
         "string lines": lines("one\ntwo", "three"),
         "pretty objects": "\n".join(json.dumps(row, indent=2) for row in ROWS),
         "objects in one line": "".join(map(json.dumps, ROWS))}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".json.gz", ".ndjson"])
def test_json_is_read_by_its_content(form, suffix, monkeypatch):
    monkeypatch.setattr(files, "BLOCK", 16)
    content = FORMS[form].encode()
    write("a" + suffix, gz(content) if suffix.endswith("gz") else content)
    assert read("a" + suffix) == ["one\ntwo", "three"]


@pytest.mark.parametrize("content, said", [
    ('[{"text": "a"},\n {"text": 3}]', "line 2: the story is int"), ('[{"text": "a"},\n {"text', "line 2: not JSON"),
    ('[{"text": "a"}', "the array has no end"), ("[[[[1]]]]", "a JSON"), ('{"text"\n"a"}', "line 1: not JSON"),
    ("[" * 100_000, "not JSON"), ('{"a": {"text": "x"}}', "e.g. --field a.text"),
])
def test_what_is_wrong_in_json_is_said(content, said):
    with pytest.raises(DataError) as error:
        read(write("a.json", content))
    assert said in str(error.value) and "\n" not in str(error.value) and len(str(error.value)) < 400


def test_nested_fields():
    write("a.jsonl", lines({"data": {"text": "one", "all": ["x", "y"]}, "a.b": "dot"}))
    assert read("a.jsonl", field="data.text") == ["one"] and read("a.jsonl", field="data.all.1") == ["y"]
    assert read("a.jsonl", field="a.b") == ["dot"]
    pa.parquet.write_table(pa.table({"data": [{"text": "one"}]}), "a.parquet")
    assert read("a.parquet", field="data.text") == ["one"]
    with pytest.raises(DataError, match="no data.none; found 'text', 'all'"):
        read("a.jsonl", field="data.none")


CHAT = [{"role": "user", "content": "Hello {role}"}, {"role": "assistant", "content": "Hi"}]


@pytest.mark.parametrize("row", [{"messages": CHAT}, {"id": 1, "conversations": [
    {"from": m["role"], "value": m["content"]} for m in CHAT]}, CHAT, {"messages": [
        {"role": m["role"], "content": [{"type": "text", "text": m["content"]}, {"type": "image"}]} for m in CHAT]}])
def test_chat_messages_become_lines_of_roles_or_follow_the_template(row):
    write("a.jsonl", lines(row))
    assert read("a.jsonl") == ["user: Hello {role}\nassistant: Hi"]
    assert read("a.jsonl", template="<{role}>\\n{content}</{role}>") == [
        "<user>\nHello {role}</user>\n<assistant>\nHi</assistant>"]
    assert open_corpus("a.jsonl").fingerprint != open_corpus("a.jsonl", template="{content}").fingerprint


def test_chat_in_parquet_and_bytes_that_are_text():
    pa.parquet.write_table(pa.table({"messages": [CHAT]}), "a.parquet")
    assert read("a.parquet") == ["user: Hello {role}\nassistant: Hi"]
    pa.parquet.write_table(pa.table({"text": pa.array(["é".encode(), b"\xe9"])}), "b.parquet")
    assert read("b.parquet", skip_bad=1) == ["é"]
    with pytest.raises(DataError, match="row 2: bytes that are not utf-8 text"):
        read("b.parquet")


# ---- encodings


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le"])
@pytest.mark.parametrize("name, content", [("a.txt", "na\u00efve one\r\n\r\ntwo"),
                                           ("a.csv", "id,text\n1,na\u00efve one\n2,two\n"),
                                           ("a.json", json.dumps(["na\u00efve one", "two"]))])
def test_unicode_with_a_mark_is_recognised(name, content, encoding):
    write(name, content)
    usual = open_corpus(name)
    assert read(write(name, content.encode(encoding))) == ["na\u00efve one", "two"]
    assert open_corpus(name).fingerprint == usual.fingerprint


def test_the_advice_about_encodings_works_when_followed():
    for name, letter in (("latin.txt", "\xe9".encode("latin-1")), ("windows.txt", "\u201c".encode("cp1252"))):
        write(name, b"one\n\nb" + letter)
        with pytest.raises(DataError) as error:
            read(name)
        advised = str(error.value).partition("--encoding ")[2].partition(",")[0]
        assert read(name, encoding=advised)[1] == "b" + letter.decode("cp1252")
        convert = str(error.value).partition("with ")[2].split()
        done = subprocess.run([*convert, name], capture_output=True, check=True)
        assert read(write("converted.txt", done.stdout)) == read(name, encoding=advised)
    with pytest.raises(UsageError, match="no such encoding"):
        open_corpus("latin.txt", encoding="latin-11")
    assert read(write("zh.csv", "id,text\n1,\u732b\n".encode("gb18030")), encoding="gb18030") == ["\u732b"]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_a_quote_without_its_partner_is_found_in_bounded_memory(name, monkeypatch):
    """What comes behind it is no cell of any length."""
    monkeypatch.setattr(files, "MAX_STORY", 1000)
    monkeypatch.setattr(files, "BLOCK", 500)
    rows = ["id,text", "1,one", '2,"two', *(f"{k},more" for k in range(3, 5000))]
    content = "\n".join(rows).encode()
    write(name, gz(content) if name.endswith("gz") else content)
    decoded = []
    blocks = DataFile.blocks
    monkeypatch.setattr(DataFile, "blocks", lambda self: (decoded.append(len(b)) or b for b in blocks(self)))
    with pytest.raises(DataError, match=f"{name}, line .*a cell of the row in line 3 has no end.*quote"):
        read(name)
    assert name == "a.csv" or sum(decoded) < 12000


# ---- rows that cannot be read


@pytest.mark.parametrize("name, content", [
    ("a.jsonl", '{"text": "one"}\n{"text": 3}\n{"id": 1}\n{"text": "two"}\n{"tex'),
    ("a.json", '[{"text": "one"},\n {"text": 3},\n {"id": 1},\n {"text": "two"},\n {"tex'),
    ("a.csv", 'id,text\n1,one\n2,b,c\n3\n4,two\n5,"open'),
    ("a.txt", b"one\n\n\xff\n\nb\xe9\n\ntwo\n\n\xe9"),
])
def test_bad_rows_are_skipped_up_to_a_number_and_counted(place, name, content, capsys):
    write(name, content)
    with pytest.raises(DataError, match="line|offset"):
        read(name)
    with pytest.raises(DataError, match="more than --skip-bad 2"):
        read(name, skip_bad=2)
    corpus = open_corpus(name, skip_bad=3)
    assert list(corpus.stories()) == list(corpus.stories()) == ["one", "two"]
    said = capsys.readouterr().err
    assert said.count("skipped 3 bad rows") == 1 and name in said
    tokenizer = cached_tokenizer(corpus, 300, place / "cache")
    assert prepare(corpus, tokenizer, place / "cache").header["skipped_rows"] == 3


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


def test_home_and_spaces_after_commas(monkeypatch, place):
    monkeypatch.setenv("HOME", str(place))
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


# ---- what else people have


@pytest.mark.parametrize("name, content", [
    ("a.txt", "one\n\n\ufefftwo"), ("a.jsonl", lines({"text": "one"}) + "\ufeff" + lines({"text": "two"})),
    ("a.csv", "text,id\none,1\n\ufefftwo,2\n"),
])
def test_marks_inside_of_joined_files_are_dropped(name, content):
    assert read(write(name, content)) == ["one", "two"]


def test_text_without_a_mark_whose_bytes_are_half_zero():
    for encoding in ("utf-32-le", "utf-32-be", "utf-16-be"):
        assert read(write("a.txt", "one\n\ntwo, na\u00efve".encode(encoding))) == ["one", "two, na\u00efve"], encoding
    with pytest.raises(DataError, match="its first bytes are 0.*--encoding"):
        read(write("a.txt", b"one\n\n" + bytes(4000)))


@pytest.mark.parametrize("name, start, said", [
    ("a.zip", b"PK\3\4", "a zip archive.*unpack it"), ("a.txt", b"PK\3\4", "a zip archive"),
    ("a.csv", b"%PDF-1.4\n", "a PDF.*pdftotext"), ("a.txt.xz", b"\xfd7zXZ\0", "an xz file; unpack it"),
    ("a.tar.gz", gz(bytes(257) + b"ustar" + bytes(9)), "a tar archive; unpack it"),
    ("a.tgz", gz(bytes(257) + b"ustar" + bytes(9)), "a tar archive; unpack it"),
    ("a.txt", b"{\\rtf1 one}", "a rich text.*plain text"),
    ("a.txt.gz", gz(gz(b"one")), "a gzip file"),
    ("a.txt", b"\xef\xbb\xbf<?xml version='1.0'?>", "an XML file"),
])
def test_files_that_hold_text_in_another_form_are_named(name, start, said):
    with pytest.raises(DataError, match=f"{name} is no text: it looks like {said}"):
        read(write(name, start))
    assert read(os.path.dirname(write("d/" + name, start) and write("d/b.txt", "one"))) == ["one"]


def test_archives_in_a_folder_are_named(capsys):
    write("d/a.txt", "one"), write("d/b.zip", b"PK\3\4"), write("d/c.png", b"\x89PNG")
    assert read("d") == ["one"]
    assert "skipped 1 hidden or foreign files: b.zip (a zip archive" in capsys.readouterr().err


@pytest.mark.parametrize("source, said", [
    ("https://example.com/a.txt", "download the file"), ("s3://bucket/a.txt", "download the file"),
    ("https://hub.example/datasets/own/name", "give own/name"), ("hf://datasets/own/name/a.txt", "give own/name"),
])
def test_addresses_are_not_read(source, said):
    with pytest.raises(DataError, match=f"is an address.*{said}"):
        open_corpus(source)


def test_the_address_of_a_file_here_names_its_path(place):
    path = place / write("a.txt", "one")
    with pytest.raises(DataError) as error:
        open_corpus(f"file://{path}")
    assert read(str(error.value).rpartition("give ")[2]) == ["one"]


@pytest.mark.parametrize("name, content", [("a.txt", gz(b"one")), ("a.txt.gz", b"one"),
                                           ("a.txt.zst", gz(b"one"))])
def test_a_name_that_misleads_about_compression_is_told_a_better_one(name, content):
    with pytest.raises(DataError) as error:
        read(write(name, content))
    os.rename(name, better := str(error.value).rpartition("rename it to ")[2])
    assert read(better) == ["one"]


def test_xml_is_read_as_text_by_the_name_that_the_error_gives():
    with pytest.raises(DataError) as error:
        read(write("a.xml", "<?xml version='1.0'?>\n\n<a/>"))
    assert read(str(error.value).rpartition("by the name ")[2]) == ["<?xml version='1.0'?>", "<a/>"]


@pytest.mark.parametrize("blank", ["\u00a0", "\u3000", " \u2003 "])
def test_lines_of_any_white_space_are_blank(blank):
    assert read(write("a.txt", f"one\n{blank}\ntwo")) == ["one", "two"]
    assert open_corpus("a.txt").fingerprint != fingerprint((".txt", DataFile("a.txt").digest(), None))


def test_one_value_over_the_limit_is_told_from_broken_json(monkeypatch):
    monkeypatch.setattr(files, "MAX_STORY", 1000), monkeypatch.setattr(files, "BLOCK", 100)
    with pytest.raises(DataError, match="break it into stories or rows"):
        read(write("a.json", json.dumps({"text": "word " * 1000})))


def test_a_near_name_is_a_path_that_works():
    write("d/stories.txt", "one")
    with pytest.raises(DataError) as error:
        read("d/storys.txt")
    assert read(str(error.value).rpartition("did you mean ")[2].rstrip("?")) == ["one"]


def test_the_file_of_one_story_says_what_it_was_taken_for():
    with pytest.raises(DataError, match="stories end at <.endoftext.> .the file has it."):
        split_corpus(open_corpus(write("a.txt", "one\n\ntwo\n<|endoftext|>\n")))


def test_split_folders_of_a_pattern():
    write("d/train/a.txt", "one"), write("d/valid/a.txt", "two")
    assert has_splits("d/*/*.txt")
    assert read("d/*/*.txt") == ["one"] and read("d/*/*.txt", "validation") == ["two"]
    write("train/a.txt", "one"), write("train/b.txt", "two")
    assert not has_splits("train/*.txt") and read("train/*.txt") == ["one", "two"]


def test_messages_without_content_are_empty():
    calls = [*CHAT, {"role": "assistant", "tool_calls": [{"id": 1}]}, {"role": "tool", "content": None}]
    write("a.jsonl", lines({"messages": calls}, {"messages": []}))
    assert read("a.jsonl") == ["user: Hello {role}\nassistant: Hi\nassistant: \ntool:"]


@pytest.mark.parametrize("shown", [json.dumps, repr])
def test_messages_in_a_cell_may_be_a_string(shown):
    write("a.jsonl", lines({"messages": shown(CHAT)}))
    cell = shown(CHAT).replace('"', '""')
    write("a.csv", f'id,messages\n1,"{cell}"\n')
    assert read("a.jsonl") == read("a.csv") == ["user: Hello {role}\nassistant: Hi"]
    assert read(write("b.jsonl", lines({"messages": "[Ann] Hi"}))) == ["[Ann] Hi"]


@pytest.mark.parametrize("value, rows", [
    ({"version": 1, "data": [{"text": "one"}, {"text": "two"}]}, ".data[]"),
    ({"text": {"0": "one", "1": "two"}, "id": {"0": 1, "1": 2}}, ".text[]"),
    ({"text": ["one", "two"]}, ".text[]"),
])
def test_json_that_holds_all_rows_in_one_value_says_how_to_part_them(value, rows):
    with pytest.raises(DataError) as error:
        read(write("a.json", json.dumps(value)))
    assert f"write them one a line, e.g. with jq -c '{rows}'" in str(error.value)
    column = value[rows[1:-2]]                        # what jq would print
    assert read(write("b.jsonl", lines(*(column.values() if isinstance(column, dict) else column)))) == ["one", "two"]


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


# ---- the command line


def test_data_inspect_says_what_it_took_the_file_for(here):
    write("a.csv", 'id;text\r\n' + "".join(f'{n};"Story {n} of a cat, and a dog."\r\n' for n in range(50)))
    result = here("data", "inspect", "a.csv", "--vocab", 300, "--processes", 1, "--json")
    assert result.code == 0, result.err
    [line] = result.json["read_as"]
    assert all(word in line for word in ("csv", "utf-8", "semicolon", "'text'"))
    assert here("data", "inspect", "a.csv", "--split", "test").code == 2
    os.rename("a.csv", "b.csv")
    assert here("data", "inspect", "b.csv", "--vocab", 300, "--processes", 1, "--json").json["source"] == "b.csv"
    write("c.jsonl", lines({"messages": CHAT}))
    result = here("data", "inspect", "c.jsonl", "--vocab", 300, "--template", "{role} says {content}", "--json")
    assert result.json["sample"] == "user says Hello {role}\nassistant says Hi"
