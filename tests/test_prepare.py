"""Preparation of text: the cache, what was interrupted, several processes."""
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import pytest
from stores import STORIES, TOKENIZER, corpus, there

from ternary.errors import DataError, ResourceError
from ternary.text import prepare as drafts
from ternary.text import vocabulary
from ternary.text.corpus import Corpus, open_corpus
from ternary.text.prepare import cached_tokenizer, prepare
from ternary.text.token_store import cache_folder

TINYSTORIES = Path(__file__).parents[2] / "shared" / "data" / "tinystories"


def test_the_folder_of_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TERNARY_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == tmp_path / "home" / ".cache" / "ternary"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "ternary"
    monkeypatch.setenv("TERNARY_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine" and (tmp_path / "mine").is_dir()
    assert cache_folder(tmp_path / "given") == tmp_path / "given"
    assert prepare(corpus(STORIES), TOKENIZER).path.parent == tmp_path / "mine"


def test_a_home_folder_in_the_name_of_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("TERNARY_CACHE", "~/mine")
    assert cache_folder() == tmp_path / "mine" and cache_folder("~/given") == tmp_path / "given"


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="tells which files are open")
def test_a_file_is_closed_before_it_is_renamed_or_removed(tmp_path, monkeypatch):
    """Windows renames and removes no file that is open."""
    def refusing(act):
        def checked(path, *rest, **given):
            open_now = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
            assert os.path.realpath(path) not in open_now
            return act(path, *rest, **given)
        return checked

    monkeypatch.setattr(os, "replace", refusing(os.replace))
    monkeypatch.setattr(os, "unlink", refusing(os.unlink))
    assert prepare(corpus(STORIES), TOKENIZER, tmp_path).header["stories"] == 3
    with pytest.raises(DataError):
        prepare(corpus([]), TOKENIZER, tmp_path)


def test_a_cache_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    source, folder = corpus(STORIES), tmp_path / "file" / "cache"
    for use in (lambda: prepare(source, TOKENIZER, folder), lambda: cached_tokenizer(source, 300, folder)):
        with pytest.raises(ResourceError, match=r"cache .*file/cache .*set TERNARY_CACHE"):
            use()


def test_a_trained_tokenizer_is_kept(tmp_path, monkeypatch):
    first = cached_tokenizer(corpus(STORIES), 300, tmp_path)
    assert first.vocab_size == 300 and first.decode(first.encode(STORIES[1])) == STORIES[1]
    unread = corpus(STORIES, fail_at=0, error=AssertionError("trained again"))
    assert cached_tokenizer(unread, 300, tmp_path).hash == first.hash
    assert cached_tokenizer(corpus(STORIES), 310, tmp_path).vocab_size == 310
    for path in there(tmp_path):
        path.write_text("{}")
    assert cached_tokenizer(corpus(STORIES), 300, tmp_path).hash == first.hash


def test_a_tokenizer_learned_by_another_version_is_not_served(tmp_path, monkeypatch):
    cached_tokenizer(corpus(STORIES), 300, tmp_path)
    monkeypatch.setattr(vocabulary, "VERSION", vocabulary.VERSION + 1)
    unread = corpus(STORIES, fail_at=0, error=AssertionError("trained again"))
    with pytest.raises(AssertionError, match="trained again"):
        cached_tokenizer(unread, 300, tmp_path)


KILLED = """
import os, signal, sys
from pathlib import Path
from ternary.text import prepare as drafts
from ternary.text.corpus import Corpus
from ternary.text.tokenizer import Tokenizer

drafts.SAVE_EVERY = 0
drafts.vocabulary.BATCH = 100

def stories():
    for k in range(100):
        if k == 60:
            os.kill(os.getpid(), signal.SIGKILL)
        yield f"a cat and {k} dogs"

corpus = Corpus("some stories", "0" * 64, stories)
if sys.argv[2] == "prepare":
    drafts.prepare(corpus, Tokenizer([" the", "a"], 300), Path(sys.argv[1]))
drafts.cached_tokenizer(corpus, 300, Path(sys.argv[1]))
"""


@pytest.fixture(params=["prepare", "tokenizer"])
def killed(tmp_path, request):
    """A folder with what a killed run left, and the call that goes on with it, of a corpus."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), request.param], env=env)
    assert run.returncode == -signal.SIGKILL
    if request.param == "prepare":
        return tmp_path, lambda c, folder=tmp_path: prepare(c, TOKENIZER, folder).path.read_bytes()
    return tmp_path, lambda c, folder=tmp_path: cached_tokenizer(c, 300, folder).hash


def test_what_was_interrupted_goes_on(killed, tmp_path_factory):
    folder, call = killed
    read = []

    def stories():
        for k in range(100):
            read.append(k)
            yield f"a cat and {k} dogs" if k >= 50 else "another story, but nobody looks"

    whole = Corpus("some stories", "0" * 64, lambda: (f"a cat and {k} dogs" for k in range(100)))
    assert call(Corpus("some stories", "0" * 64, stories)) == call(whole, tmp_path_factory.mktemp("afresh"))
    assert len(there(folder)) == 1


@pytest.mark.parametrize("part", ["*.ids", "*.offsets", "*.hashes"])
def test_what_was_interrupted_begins_anew_if_a_part_is_gone(killed, tmp_path_factory, part):
    folder, call = killed
    for path in folder.glob(part):
        path.unlink()
    whole = Corpus("some stories", "0" * 64, lambda: (f"a cat and {k} dogs" for k in range(100)))
    assert call(whole) == call(whole, tmp_path_factory.mktemp("afresh"))


def test_what_a_killed_run_left_is_removed_when_nobody_came_back(killed):
    folder, _ = killed
    left = there(folder)
    (folder / "notes.txt").write_text("of somebody else")
    for days, stays in ((6, True), (8, False)):
        then = time.time() - days * 86400
        for path in there(folder):
            os.utime(path, (then, then))
        prepare(corpus([f"a story after {days} days"]), TOKENIZER, folder)
        assert all(path.exists() == stays for path in left)
    assert (folder / "notes.txt").exists() and len(there(folder)) == 3


@pytest.mark.parametrize("processes", [1, 3])
def test_processes_make_the_same(tmp_path, tmp_path_factory, monkeypatch, processes):
    monkeypatch.setattr(vocabulary, "BATCH", 200)
    texts = [f"The {k} cats saw {k * 7 % 11} dogs." for k in range(300)]
    folder = tmp_path_factory.mktemp("one")
    tokenizer = cached_tokenizer(corpus(texts), 400, tmp_path, processes)
    assert tokenizer.hash == cached_tokenizer(corpus(texts), 400, folder).hash
    made = prepare(corpus(texts), tokenizer, tmp_path, processes).path.read_bytes()
    assert made == prepare(corpus(texts), tokenizer, folder).path.read_bytes()


def test_a_second_process_waits_for_the_first(tmp_path):
    said, times = [], []

    def slowly():
        times.append(time.monotonic())
        time.sleep(0.5)
        yield "a cat"

    slow = Corpus("some stories", "1" * 64, slowly)
    other = threading.Thread(target=prepare, args=(slow, TOKENIZER, tmp_path))
    other.start()
    while not times:
        time.sleep(0.01)
    assert prepare(slow, TOKENIZER, tmp_path, tell=said.append).header["stories"] == 1
    other.join()
    assert len(times) == 1 and said == ["another process prepares the same data; waiting for it"]


def test_progress_is_told_now_and_then(monkeypatch):
    clock, said = [0.0], []
    monkeypatch.setattr(drafts.time, "monotonic", lambda: clock[0])
    progress = drafts.Progress("tokenizing", 100_000_000, said.append)
    progress.skip(20_000_000)
    for _ in range(4):
        clock[0] += 2
        progress.add(10_000_000)
    assert said == ["tokenizing: 40 of 100 MB, 5.0 MB/s, ETA 0:00:12",
                    "tokenizing: 60 of 100 MB, 5.0 MB/s, ETA 0:00:08"]


def test_memory_does_not_grow_with_the_text(tmp_path):
    story = "a cat and the dog " * 500
    many = Corpus("many", "0" * 64, lambda: (story for _ in range(2000)))
    tracemalloc.start()
    store = prepare(many, TOKENIZER, tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 2 * len(store.tokens) > 28 << 20 and peak < 20 << 20


def test_real_stories(tmp_path):
    if not (TINYSTORIES / "valid.txt").exists():
        pytest.skip("no real stories on this machine")
    source = open_corpus(str(TINYSTORIES / "valid.txt"))
    store = prepare(source, TOKENIZER, tmp_path)
    texts = list(source.stories())
    assert store.header["stories"] == len(texts) == len(store.offsets) - 1
    assert store.header["bytes"] == sum(len(t.encode()) for t in texts)
    for i in (0, len(texts) // 2, len(texts) - 1):
        assert TOKENIZER.decode(store.tokens[store.offsets[i] : store.offsets[i + 1] - 1]) == texts[i]
