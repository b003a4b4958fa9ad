"""Stories of text, JSON lines and parquet files, and where a file that is wrong is wrong."""
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sources import parquet, read, write

from ternary.errors import DataError
from ternary.text.corpus import open_corpus
from ternary.text.readers import DataFile, files
from ternary.text.readers import parquet as parquet_reader
from ternary.text.readers import text as text_reader
from ternary.text.story import trimmed


@pytest.mark.parametrize(
    "content, stories",
    [
        ("one\ntwo\n<|endoftext|>\nthree\n\nfour\n<|endoftext|>\n", ["one\ntwo", "three\n\nfour"]),
        ("<|endoftext|>\na\n<|endoftext|>\n<|endoftext|>\n \n<|endoftext|>\nb", ["a", "b"]),
        ("a\r\nb\r\n<|endoftext|>\r\nc\r\n", ["a\nb", "c"]),
        ("a\n  <|endoftext|>\t\nb", ["a", "b"]),
        ("a\n<|endoftext|>", ["a"]),
        ("a <|endoftext|> b\n\nc", ["a", "b\n\nc"]),
        ("one\ntwo\n\n\n three  \n \t\nfour", ["one\ntwo", "three", "four"]),
        ("one\r\ntwo\r\n\r\nthree\r\n", ["one\ntwo", "three"]),
        ("one\ntwo\nthree\n", ["one\ntwo\nthree"]),
        ("no end of line", ["no end of line"]),
        ("\ufeffone\n\ntwo", ["one", "two"]),
        ("\ufeff<|endoftext|>\none\n\ntwo", ["one\n\ntwo"]),
        ("naïve 🐌\u200d\n\n日本", ["naïve 🐌\u200d", "日本"]),
        ("a\x00b\x85c\u2028d", ["a\x00b\x85c\u2028d"]),
    ],
)
def test_text_files(tmp_path, content, stories):
    assert read(write(tmp_path / "a.txt", content)) == stories


words = st.text(st.sampled_from("ab é🐌\t\r\n"), max_size=12)


@settings(max_examples=60)
@given(st.lists(words, min_size=1, max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_what_is_written_between_separators_is_read_back(tmp_path_factory, texts, end):
    path = tmp_path_factory.mktemp("t") / "a.txt"
    source = write(path, "".join(f"{text}{end}<|endoftext|>{end}" for text in texts))
    wanted = [trimmed(text.replace("\r\n", "\n").replace("\r", "\n")) for text in texts if text.strip()]
    if wanted:
        assert read(source) == wanted
    else:
        with pytest.raises(DataError, match="no story"):
            open_corpus(source)


@pytest.mark.parametrize("filler", [0, 5, 20, 40])
def test_the_separator_is_found_across_the_blocks_of_the_scan(tmp_path, monkeypatch, filler):
    monkeypatch.setattr(files, "BLOCK", 64)
    text = "x" * (30 + filler) + "\n<|endoftext|>\ny\n\nz"
    assert read(write(tmp_path / "a.txt", text)) == ["x" * (30 + filler), "y\n\nz"]


@pytest.mark.parametrize(
    "content, offset, line",
    [
        (b"good\n\nb\xe9d\n", 7, 3),
        (b"\xffone", 0, 1),
        (b"good\r\n\r\nb\xe9d\r\n", 9, 3),
        (b"good\r\rb\xe9d\r", 7, 3),
        (b"\xef\xbb\xbfone\n\xed\xa0\x80", 7, 2),
        (b"a\n\nb\nc\n\n\nd\ne \xc3", 13, 8),
    ],
)
def test_text_that_is_not_utf8_names_the_place(tmp_path, content, offset, line):
    with pytest.raises(DataError, match=rf"bad\.txt is not UTF-8: .* at offset {offset}, line {line};"):
        read(write(tmp_path / "bad.txt", content))
    assert content[offset] >= 0x80


def test_a_story_that_does_not_fit_into_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_STORY", 1 << 20)
    with pytest.raises(DataError, match="line 1: over 1 MiB"):
        read(write(tmp_path / "a.txt", b"x" * (1 << 21)))
    with pytest.raises(DataError, match="line 3: a story over 1 MiB"):
        read(write(tmp_path / "a.txt", b"x\n\n" + b"word\n" * (1 << 18)))
    with pytest.raises(DataError, match="line 2 has no end or is over 1 MiB"):
        read(write(tmp_path / "a.csv", b'text\n"' + b"word\n" * (1 << 18)))
    file = DataFile(write(tmp_path / "a.txt", b"x" * (4 << 20) + b"\n<|endoftext|>\n"))
    assert not text_reader.has_separator(file, file.stamp())


def test_jsonl(tmp_path):
    lines = ['{"text": " one\\ntwo "}', "", '{"story": "three", "id": 3}', '{"text": ""}', '{"text": null}']
    lines += ['{"text": "\\ud83d\\udc0c"}']
    assert read(write(tmp_path / "a.jsonl", "\ufeff" + "\r\n".join(lines))) == ["one\ntwo", "three", "🐌"]
    source = write(tmp_path / "b.jsonl", '{"text": "t", "title": "x"}\n{"title": "y"}\n')
    assert read(source, field="title") == ["x", "y"]


@pytest.mark.parametrize(
    "line, words",
    [
        (b'{"text": "a"', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'[["text"]]', "a JSON array; want an object with text"),
        (b"true", "a JSON boolean"),
        (b'{"body": "a", "id": 1}', r"no text or story; found 'body', 'id'; choose one with --field"),
        (b"{}", "found nothing"),
        (b'{"text": 3}', "the story is int"),
        (b'{"text": "\\ud83d."}', "surrogate"),
        (b'{"text": "\xe9"}', "not UTF-8: byte 0xe9 at offset 25, line 2"),
    ],
)
def test_bad_jsonl_names_file_and_line(tmp_path, line, words):
    source = write(tmp_path / "a.jsonl", b'{"text": "ok"}\n' + line + b"\n")
    with pytest.raises(DataError, match=words) as e:
        read(source)
    assert "a.jsonl" in str(e.value) and "line 2" in str(e.value) and "\n" not in str(e.value)


def test_parquet(tmp_path):
    texts = [f" story {i} 🐌\n" for i in range(10)]
    source = parquet(tmp_path / "a.parquet", id=list(range(12)), text=[*texts, None, ""])
    assert read(source) == [text.strip() for text in texts]
    assert read(parquet(tmp_path / "b.parquet", title=["x"], text=["y"]), field="title") == ["x"]


def test_parquet_that_is_small_only_on_the_disk(tmp_path, monkeypatch):
    import pyarrow as pa

    monkeypatch.setattr(files, "MAX_STORY", 1 << 16)
    monkeypatch.setattr(parquet_reader, "SMALL", 1 << 20)
    monkeypatch.setattr(parquet_reader, "MAX_RATIO", 10)
    with pytest.raises(DataError, match="a.parquet unpacks .* to 4,"):
        read(parquet(tmp_path / "a.parquet", text=["x" * (4 << 20)]))
    with pytest.raises(DataError, match="b.parquet, column text, row 1: a story over 0 MiB"):
        read(parquet(tmp_path / "b.parquet", text=["x" * (1 << 17)]))
    one = pa.DictionaryArray.from_arrays(pa.array([0] * 4096), pa.array(["y" * (1 << 16)]))
    tracked = pa.total_allocated_bytes()
    stories = open_corpus(parquet(tmp_path / "c.parquet", text=one)).stories()
    assert next(stories) and pa.total_allocated_bytes() - tracked < 16 << 20      # of 256


def test_bad_parquet_names_file_and_columns(tmp_path):
    with pytest.raises(DataError, match=r"a\.parquet: no text or story; found 'body', 'id'"):
        read(parquet(tmp_path / "a.parquet", body=["x"], id=[1]))
    with pytest.raises(DataError, match=r"b\.parquet, column text, row 1: the story is int; want a string"):
        read(parquet(tmp_path / "b.parquet", text=[1, 2]))
    import pyarrow as pa
    from pyarrow import parquet as library
    library.write_table(pa.table([["x"], ["y"]], names=["text", "text"]), tmp_path / "e.parquet")
    with pytest.raises(DataError, match=r"e\.parquet has 2 columns 'text'; give them different names"):
        read(str(tmp_path / "e.parquet"))
    whole = Path(parquet(tmp_path / "c.parquet", text=["some text"] * 100)).read_bytes()
    for content in (whole[: len(whole) // 2], b"not parquet at all", whole[:4]):
        with pytest.raises(DataError, match=r"d\.parquet is not a whole parquet file"):
            read(write(tmp_path / "d.parquet", content))
