"""Text as people have it: line ends, markers, indentation, encodings, and what else there is."""
import json
import os
import subprocess

import pyarrow as pa
import pyarrow.parquet
import pytest
from found import CHAT, lines, read, write
from sources import gz

from ternary.errors import DataError, UsageError
from ternary.text.corpus import has_splits, open_corpus, split_corpus
from ternary.text.prepare import cached_tokenizer, prepare
from ternary.text.readers import DataFile, files
from ternary.text.story import fingerprint, trimmed

# ---- line ends, markers, indentation

pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.mark.parametrize("end", ["\r\n", "\r"])
@pytest.mark.parametrize("name, content", [
    ("a.txt", "one\ntwo\n\nthree\n"), ("b.txt", "one\n<|endoftext|>\nthree\n\nfour\n"),
    ("c.csv", 'id,text\n1,"one\ntwo"\n2,three\n'), ("d.jsonl", lines({"text": "one"}, {"text": "two"})),
])
def test_other_line_ends_give_the_same_fingerprint_stories_and_tokens(empty_folder, name, content, end):
    write("lf/" + name, content), write("other/" + name, "\ufeff" + content.replace("\n", end))
    lf, other = open_corpus("lf/" + name), open_corpus("other/" + name)
    assert lf.fingerprint == other.fingerprint and list(lf.stories()) == list(other.stories())
    cache = empty_folder / "cache"
    tokenizer = cached_tokenizer(lf, 300, cache)
    assert prepare(lf, tokenizer, cache).path == prepare(other, tokenizer, cache).path


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


def test_the_address_of_a_file_here_names_its_path(empty_folder):
    path = empty_folder / write("a.txt", "one")
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
