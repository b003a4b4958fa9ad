import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ternary.errors import DataError, NetworkError, ResourceError, UsageError
from ternary.text import corpus as module
from ternary.text import hub as hub_module
from ternary.text.corpus import Corpus, open_corpus, split_corpus
from ternary.text.readers import DataFile, files
from ternary.text.readers import parquet as parquet_reader
from ternary.text.readers import text as text_reader
from ternary.text.story import trimmed

TINYSTORIES = Path(__file__).parents[2] / "shared" / "data" / "tinystories"


def write(path: Path, content: str | bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def read(source, **options) -> list[str]:
    return list(open_corpus(str(source), **options).stories())


def memory(stories: list[str], name: str = "memory") -> Corpus:
    return Corpus(name, hashlib.sha256("\0".join(stories).encode()).hexdigest(), lambda: iter(stories))


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
    with pytest.raises(DataError, match="field limit"):
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


def parquet(path: Path, **columns) -> str:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns), path, row_group_size=3)
    return str(path)


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
    whole = Path(parquet(tmp_path / "c.parquet", text=["some text"] * 100)).read_bytes()
    for content in (whole[: len(whole) // 2], b"not parquet at all", whole[:4]):
        with pytest.raises(DataError, match=r"d\.parquet is not a whole parquet file"):
            read(write(tmp_path / "d.parquet", content))


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
        with pytest.raises(DataError, match=r"did you mean stories\.txt\?"):
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


def hub(tmp_path: Path, *cases: list[str], **env: str) -> list[str]:
    """What open_corpus(*case) comes to, for each case: "NetworkError ..." or "True|story|story"."""
    code = (
        "import json, sys; from ternary.text.corpus import open_corpus\n"
        "for case in json.loads(sys.argv[1]):\n"
        "    try: c = open_corpus(*case); print([*c.stories()] == [*c.stories()], *c.stories(), sep='|')\n"
        "    except Exception as e: print(type(e).__name__, e)"
    )
    clean = {k: v for k, v in os.environ.items() if not k.startswith("HF_") and "proxy" not in k.lower()}
    env = {**clean, "PYTHONPATH": os.pathsep.join(sys.path), "HF_HOME": str(tmp_path / "hf"), **env}
    command = [sys.executable, "-c", code, json.dumps(cases)]
    run = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, timeout=60, check=True)
    said = run.stdout.decode().splitlines()
    assert len(said) == len(cases)
    return said


def test_a_hub_that_refuses(tmp_path):
    pytest.importorskip("huggingface_hub")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        closed = s.getsockname()[1]
    [said] = hub(tmp_path, ["tinystories"], HF_ENDPOINT=f"http://127.0.0.1:{closed}")
    assert said.startswith("NetworkError") and "roneneldan/TinyStories" in said and "--data fables" in said


@pytest.fixture
def hub_at(monkeypatch):
    """Sends this process's hub client to a local port; the cache holds nothing of the names in these tests."""
    huggingface_hub = pytest.importorskip("huggingface_hub")
    client = huggingface_hub.HfApi

    def use(port: int) -> None:
        monkeypatch.setattr(huggingface_hub, "HfApi", lambda: client(endpoint=f"http://127.0.0.1:{port}"))

    return use


def test_a_hub_that_never_answers_is_given_up(hub_at, monkeypatch):
    monkeypatch.setattr(hub_module, "PROBE_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as s:
        hub_at(s.getsockname()[1])
        with pytest.raises(NetworkError, match="own/stories.*no answer in 0.3 s"):
            open_corpus("own/stories")


@pytest.mark.parametrize("status, error", [(401, DataError), (404, DataError), (500, NetworkError)])
def test_a_hub_that_says_no(hub_at, status, error):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        hub_at(server.server_port)
        with pytest.raises(error, match="own/stories"):
            open_corpus("own/stories")
        server.shutdown()


def snapshot(tmp_path: Path, name: str) -> Path:
    """An empty snapshot in the hub's cache."""
    repo = tmp_path / "hf" / "hub" / ("datasets--" + name.replace("/", "--"))
    write(repo / "refs" / "main", "0" * 40)
    folder = repo / "snapshots" / ("0" * 40)
    folder.mkdir(parents=True)
    return folder


def test_offline_a_whole_snapshot_in_the_local_cache_is_read(tmp_path):
    pytest.importorskip("datasets")
    folder = snapshot(tmp_path, "own/stories")
    parquet(folder / "data" / "train-00000-of-00002-ab.parquet", id=[1, 2], text=[" one\n", "two"])
    parquet(folder / "data" / "train-00001-of-00002-ab.parquet", id=[4, 5], text=["three", None])
    parquet(folder / "data" / "validation-00000-of-00001-cd.parquet", id=[3], text=["held out"])
    parquet(snapshot(tmp_path, "own/half") / "data" / "train-00001-of-00002.parquet", text=["second half"])
    write(snapshot(tmp_path, "own/lines") / "train.jsonl", '{"story": "a"}\n{"story": "b"}\n')
    train, held_out, test, body, half, lines, absent = hub(
        tmp_path,
        ["own/stories"],
        ["own/stories", "validation"],
        ["own/stories", "test"],
        ["own/stories", "train", "body"],
        ["own/half"],
        ["own/lines"],
        ["own/absent"],
        HF_HUB_OFFLINE="1",
    )
    assert train == "True|one|two|three" and held_out == "True|held out" and lines == "True|a|b"
    assert test.startswith("DataError own/stories cannot be read") and "validation" in test
    assert body == "DataError own/stories: no body; found 'id', 'text'; choose one with --field"
    assert half.startswith("NetworkError") and absent.startswith("NetworkError")


def test_real_stories():
    path = TINYSTORIES / "valid.txt"
    if not path.exists():
        pytest.skip("no real stories on this machine")
    stories = read(path)
    whole = path.read_bytes().decode()
    assert stories == [part.strip() for part in whole.split("<|endoftext|>\n") if part.strip()]
    _, validation = split_corpus(open_corpus(str(path)), 0.05)
    assert 0.03 < len(list(validation.stories())) / len(stories) < 0.07
