"""Tables and JSON as people have them, and rows that cannot be read."""
import json

import pyarrow as pa
import pyarrow.parquet
import pytest
from found import CHAT, ROWS, lines, read, write
from sources import gz

from ternary.errors import DataError
from ternary.text.corpus import open_corpus
from ternary.text.prepare import cached_tokenizer, prepare
from ternary.text.readers import files

# ---- tables

pytestmark = pytest.mark.usefixtures("empty_folder")


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


# ---- rows that cannot be read


@pytest.mark.parametrize("name, content", [
    ("a.jsonl", '{"text": "one"}\n{"text": 3}\n{"id": 1}\n{"text": "two"}\n{"tex'),
    ("a.json", '[{"text": "one"},\n {"text": 3},\n {"id": 1},\n {"text": "two"},\n {"tex'),
    ("a.csv", 'id,text\n1,one\n2,b,c\n3\n4,two\n5,"open'),
    ("a.txt", b"one\n\n\xff\n\nb\xe9\n\ntwo\n\n\xe9"),
])
def test_bad_rows_are_skipped_up_to_a_number_and_counted(empty_folder, name, content, capsys):
    write(name, content)
    with pytest.raises(DataError, match="line|offset"):
        read(name)
    with pytest.raises(DataError, match="more than --skip-bad 2"):
        read(name, skip_bad=2)
    corpus = open_corpus(name, skip_bad=3)
    assert list(corpus.stories()) == list(corpus.stories()) == ["one", "two"]
    said = capsys.readouterr().err
    assert said.count("skipped 3 bad rows") == 1 and name in said
    tokenizer = cached_tokenizer(corpus, 300, empty_folder / "cache")
    assert prepare(corpus, tokenizer, empty_folder / "cache").header["skipped_rows"] == 3
