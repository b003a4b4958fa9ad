"""Readers from outside the package: named on the command line, or installed with an entry point."""
import json
import os
import textwrap

import pytest
from tiny import TINY, stories

from ternary.errors import DataError, UsageError
from ternary.text.corpus import open_corpus
from ternary.text.outside import reader_call, runs_outside_code
from ternary.text.prepare import cached_tokenizer, prepare
from ternary.text.readers import READERS, files

READER = """
    from pathlib import Path


    def Table(path):
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            yield line.split("|")[1]


    class Numbers:
        def __iter__(self):
            return (f"Story {n}." for n in range(3))


    def parts(argument):
        for path in sorted(Path(argument).iterdir()) if Path(argument).is_dir() else argument.split("+"):
            yield path if isinstance(path, str) else path.read_text()
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The working directory, with a reader and a table of stories in it."""
    monkeypatch.chdir(tmp_path)
    write("my_reader.py", READER)
    (tmp_path / "a.pipe").write_text("".join(f"{n}|{story}\n" for n, story in enumerate(stories())), encoding="utf-8")
    return tmp_path


def write(path, code):
    with open(path, "w", encoding="utf-8") as f:
        f.write(textwrap.dedent(code))
    stat = os.stat(path)                          # a clock tick later than what was loaded before
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 10_000_000))


def read(source, **options):
    return list(open_corpus(source, **options).stories())


def test_a_reader_in_a_file_yields_a_corpus(place):
    corpus = open_corpus("my_reader.py:Table:a.pipe")
    assert list(corpus.stories()) == list(corpus.stories()) == stories()
    assert corpus.name == "my_reader.py:Table:a.pipe" and corpus.size == os.path.getsize("a.pipe")
    assert read(f"{place}/my_reader.py:Table:{place}/a.pipe") == stories()
    assert read("my_reader.py:Numbers") == ["Story 0.", "Story 1.", "Story 2."]
    assert read("my_reader.py:parts: one +two+ ") == ["one", "two"]
    assert read("my_reader.py:Numbers,my_reader.py:parts:x") == ["Story 0.", "Story 1.", "Story 2.", "x"]


def test_a_reader_in_a_module(place, monkeypatch):
    monkeypatch.syspath_prepend(place)
    os.rename("my_reader.py", "reader_in_a_module.py")
    assert read("reader_in_a_module:Table:a.pipe") == stories()
    assert read("reader_in_a_module:Numbers") == ["Story 0.", "Story 1.", "Story 2."]


def test_a_registered_reader_takes_a_file_whatever_its_suffix(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.dat").write_text("id,text\n1,a cat\n")
    (tmp_path / "a.csv").write_text("id,text\n1,a cat\n")
    assert read("csv:a.dat") == ["a cat"] and read("csv:a.dat", field="id") == ["1"]
    assert open_corpus("csv:a.dat").fingerprint == open_corpus("a.csv").fingerprint
    for missing in ("csv:b.dat", "csv:.", "csv:"):
        with pytest.raises(DataError, match="is no file; reader csv wants one"):
            open_corpus(missing)


def test_a_reader_gets_the_field_and_the_lines_of_a_compressed_file(place):
    import gzip

    write("lines.py", """
        def read(file):
            for line in file.lines():
                yield f"{file.field} {file.label} {line}"
    """)
    (place / "a.log.gz").write_bytes(gzip.compress(b"one\ntwo\n"))
    assert read("lines.py:read:a.log.gz", field="f") == [f"f lines.py:read:a.log.gz {word}" for word in ("one", "two")]


def test_a_source_is_identified_by_the_reader_the_argument_and_the_content(place):
    digests = []

    def new(source, **options):
        """Whether its fingerprint was not seen before."""
        digests.append(open_corpus(source, **options).fingerprint)
        return digests[-1] not in digests[:-1]

    assert new("my_reader.py:Table:a.pipe") and not new("my_reader.py:Table:a.pipe")
    assert not new(f"{place}/my_reader.py:Table:./a.pipe")
    assert new("my_reader.py:Table:a.pipe", field="x") and new("my_reader.py:Numbers") and new("my_reader.py:parts:a+b")
    with open("a.pipe", "a") as f:
        f.write("301|The end.\n")
    assert new("my_reader.py:Table:a.pipe")
    (place / "folder" / "deep").mkdir(parents=True)
    (place / "folder" / "a").write_text("a")
    os.rmdir("folder/deep")
    assert new("my_reader.py:parts:folder") and not new("my_reader.py:parts:folder")
    (place / "folder" / "b").write_text("b")
    assert new("my_reader.py:parts:folder")
    write("my_reader.py", READER.replace("[1]", "[0]"))
    assert new("my_reader.py:Table:a.pipe") and new("my_reader.py:Numbers")
    assert read("my_reader.py:Table:a.pipe")[:2] == ["0", "1"]


def test_a_file_that_changes_after_opening_is_noticed(place):
    corpus = open_corpus("my_reader.py:Table:a.pipe")
    (place / "a.pipe").write_text("1|other\n")
    with pytest.raises(DataError, match="changed after it was opened"):
        list(corpus.stories())


FAULTS = {
    "def Name(path): yield 1": "story 1: the story is int; want a string",
    "def Name(path): yield 'a\\ud800'": "story 1: half of a surrogate pair",
    "def Name(path): yield 'ok'; yield 'x' * 2000": "story 2: over 0 MiB",
    "def Name(path): return 'all in one'": "returned one str; want an iterable",
    "def Name(path): pass": "TypeError: 'NoneType' object is not iterable",
    "def Name(path): yield from ()": "holds no story",
    "def Name(path): yield 'ok'; 1 / 0": "failed at bad.py, line 1 (ZeroDivisionError: division by zero)",
    "def Name(path): yield open(path + '?').read()": "FileNotFoundError",
    "import random\ndef Name(path): yield str(random.random())": "other stories when it is called again",
    "from ternary.errors import DataError\ndef Name(path): raise DataError('my own words')": "my own words",
}


@pytest.mark.parametrize("code", FAULTS)
@pytest.mark.parametrize("argument", ["a.pipe", "nothing"])
def test_a_faulty_reader_is_a_data_error(place, monkeypatch, code, argument):
    monkeypatch.setattr(files, "MAX_STORY", 1000)
    write("bad.py", code)
    with pytest.raises(DataError) as error:
        list(open_corpus(f"bad.py:Name:{argument}").stories())
    assert FAULTS[code] in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("source, said", [
    ("xml:a.pipe", "'xml'"),
    ("jsnol:a.pipe", "jsonl"),
    ("my_reader.py:Tabel:a.pipe", "Table"),
    ("nowhere.py:Table", "nowhere.py"),
    ("no_such_module:Table", "no_such_module"),
    ("broken.py:Table:a.pipe", "SyntaxError"),
    ("my_reader.py:Table", "does not take 0 arguments"),
    ("my_reader.py:Numbers:a.pipe", "does not take 1 arguments"),
    ("my_reader.py:__name__", "is str; want a function or class"),
])
def test_a_reader_that_cannot_be_had_is_a_usage_error(place, source, said):
    write("broken.py", "def Table(:\n")
    with pytest.raises(UsageError) as error:
        open_corpus(source)
    assert said in str(error.value)


def test_an_unknown_reader_lists_the_known_ones():
    with pytest.raises(UsageError) as error:
        open_corpus("xml:a.xml")
    assert {"csv", "jsonl", "parquet", "text"} <= set(READERS.names())
    assert all(name in str(error.value) for name in READERS.names())


@pytest.mark.parametrize("source, call", [
    ("a.py:B", ("a.py:B", None)), ("x/a.py:B:", ("x/a.py:B", "")), ("../a.py:B:c:d", ("../a.py:B", "c:d")),
    (r"C:\x\a.py:B:D:\e", (r"C:\x\a.py:B", r"D:\e")), ("a.b:C:d", ("a.b:C", "d")), ("csv:a:b", ("csv", "a:b")),
    ("foo:a.txt", ("foo", "a.txt")),
    ("a.py", None), ("a.txt", None), ("own/name:train", None), ("own/name@main:train", None), (r"C:\a.txt", None),
    ("tinystories", None), ("-", None), ("", None), ("*.txt", None), ("a.py:", None),
])
def test_how_a_reader_is_named(source, call):
    assert reader_call(source) == call


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """An installed package with an entry point that claims .pipe."""
    site = tmp_path / "site"
    (site / "piped-1.0.dist-info").mkdir(parents=True)
    (site / "piped-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: piped\nVersion: 1.0\n")
    (site / "piped-1.0.dist-info" / "entry_points.txt").write_text("[ternary.readers]\npipe = piped_reader:Pipe\n")
    write(site / "piped_reader.py", """
        class Pipe:
            suffixes = (".pipe",)

            def __init__(self, path):
                self.path = path

            def __iter__(self):
                with open(self.path, encoding="utf-8") as f:
                    yield from f
    """)
    monkeypatch.syspath_prepend(site)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_entry_point_claims_a_suffix(installed):
    (installed / "data").mkdir()
    (installed / "data" / "a.pipe").write_text("one\ntwo\n")
    (installed / "data" / "b.txt").write_text("three")
    (installed / "c.dat").write_text("four\n")
    assert "pipe" in READERS.names()
    assert read("data/a.pipe") == ["one", "two"] and read("pipe:c.dat") == ["four"]
    assert read("data") == ["one", "two", "three"]
    with pytest.raises(DataError, match=r"want \.txt, .*, \.pipe"):
        open_corpus("c.dat")
    before = open_corpus("data").fingerprint
    write("site/piped_reader.py", (installed / "site" / "piped_reader.py").read_text() + "# changed\n")
    assert open_corpus("data").fingerprint != before


def test_outside_code_is_not_imported_for_a_file_that_this_package_reads(installed):
    (installed / "site" / "piped_reader.py").write_text("raise RuntimeError('imported')\n")
    (installed / "b.txt").write_text("three")
    assert read("b.txt") == ["three"]


def test_preparation_is_cached_and_goes_on_where_it_stopped(place, monkeypatch):
    write("slow.py", """
        calls, broken = [], []

        def read(path):
            calls.append(path)
            for number, line in enumerate(open(path, encoding="utf-8")):
                if broken and number == 200:
                    raise KeyboardInterrupt
                yield line
    """)
    monkeypatch.setattr("ternary.text.prepare.SAVE_EVERY", 0)
    monkeypatch.setattr("ternary.text.vocabulary.BATCH", 1000)
    corpus = open_corpus("slow.py:read:a.pipe")
    slow = READERS.get("slow.py:read").__globals__
    tokenizer = cached_tokenizer(corpus, 512, place / "cache")
    slow["broken"].append(True)
    with pytest.raises(KeyboardInterrupt):
        prepare(corpus, tokenizer, place / "cache")
    [journal] = (place / "cache").glob("*.journal")
    assert 0 < json.loads(journal.read_text())["stories"] <= 200
    slow["broken"].clear()
    store = prepare(corpus, tokenizer, place / "cache")
    assert store.header["stories"] == 300 and store.header["source"] == "slow.py:read:a.pipe"
    slow["calls"].clear()
    again = prepare(open_corpus("slow.py:read:a.pipe"), tokenizer, place / "cache")
    assert again.path == store.path and len(slow["calls"]) == 2        # the two samples at opening


# ---- the command line


def test_data_inspect(place, here):
    result = here("data", "inspect", "my_reader.py:Table:a.pipe", "--vocab", 300, "--processes", 1, "--json")
    assert result.code == 0, result.err
    assert result.json["stories"] == 300 and result.json["sample"] == stories()[0][:400]
    assert here("data", "inspect", "my_reader.py:Table:a.pipe").code == 0
    result = here("data", "inspect", "my_reader.py:Tabel:a.pipe", "--json")
    assert result.code == 2 and result.json["error"]["code"] == "usage" and "Table" in result.json["error"]["message"]


def test_a_run_is_trained_and_resumed_only_with_permission(place, here):
    source = "my_reader.py:Table:a.pipe"
    result = here("train", "--small", "--data", source, *TINY, "--steps", 2, "--save-dir", "run", "--json")
    assert result.code == 0, result.err
    assert json.loads(next(place.glob("run/step_*/state.json")).read_text())["settings"]["data"] == source
    write("my_reader.py", READER + "\nopen('was_run', 'w').close()\n")
    result = here("train", "--resume", "run", "--steps", 3, "--json")
    assert result.code == 2 and f"add --data {source}" in result.err and not (place / "was_run").exists()
    write("my_reader.py", READER)
    assert here("train", "--resume", "run", "--data", source, "--steps", 3).code == 0


def test_which_sources_run_code_that_they_name(place):
    assert all(map(runs_outside_code, ("my_reader.py:Table:a.pipe", "a.txt,my_reader.py:Table", "pkg.module:Name")))
    assert not any(map(runs_outside_code, ("a.txt", "csv:a.dat", "own/name:train", "fables", "-", "tinystories")))
