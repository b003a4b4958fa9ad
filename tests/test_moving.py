"""Runs that are moved, copied and renamed go on: content identifies their text. Nothing foreign is overwritten."""
import errno
import io
import os
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import TERNARY
from tiny import TINY, learned, log, pointer, stories

import ternary
from ternary.checkpoint import format as checkpoint
from ternary.checkpoint.folder import point, prune, try_folder
from ternary.checkpoint.layout import POINTERS, pointed
from ternary.compiler.isa import ISA
from ternary.errors import UsageError
from ternary.machine.ranks import ALONE
from ternary.machine.workers import Workers
from ternary.training.environment import differences
from ternary.training.run_folder import refuse_foreign
from ternary.training.sources import hints

SHORT = [*TINY, "--steps", "8", "--eval-every", "4", "--warmup", "1"]


def text(folder, name, seed):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n\n".join(stories(60, seed)), encoding="utf-8")
    return folder / name


@pytest.fixture(scope="module")
def started(tmp_path_factory, environment):
    """A folder with texts and a run, started inside with relative paths, that has another place and name now."""
    place = tmp_path_factory.mktemp("moving") / "first"
    text(place / "texts", "stories.txt", 1)
    text(place / "texts", "valid.txt", 2)
    command = [*TERNARY, "train", "--data", "texts/stories.txt", "--val-data", "texts/valid.txt", *SHORT, "--save-dir",
               "runs/a"]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return place.rename(place.with_name("kept"))


@pytest.fixture
def place(started, tmp_path):
    """A copy of it, to be changed."""
    return shutil.copytree(started, tmp_path / "place", symlinks=True)


# --- the text


def test_a_folder_moved_with_its_texts_goes_on_from_anywhere(place, here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert here("train", "--resume", "place/runs/a", "--steps", 10).code == 0
    assert log(place / "runs" / "a", "train")[-1]["step"] == 10


def test_another_text_of_the_same_name_is_not_mistaken_for_it(place, here, tmp_path, monkeypatch):
    text(tmp_path / "texts", "stories.txt", 5)
    text(tmp_path / "texts", "valid.txt", 6)
    monkeypatch.chdir(tmp_path)
    assert here("train", "--resume", "place/runs/a").code == 0


def test_a_renamed_run_goes_on(place, here, monkeypatch):
    monkeypatch.chdir(place)
    run = (place / "runs" / "a").rename(place / "another name")
    result = here("train", "--resume", run, "--steps", 9, "--json")
    assert result.code == 0 and result.json["step"] == 9 and result.json["checkpoint"] == str(run)


def test_a_text_that_is_gone_is_asked_for_and_taken_by_its_content(place, here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = shutil.move(place / "runs" / "a", tmp_path / "run")
    result = here("train", "--resume", run)
    assert result.code == 3 and "add --data and --val-data with its new place" in result.err
    (place / "texts").rename(tmp_path / "moved")
    moved = ["--data", tmp_path / "moved" / "stories.txt", "--val-data", "moved/valid.txt"]
    assert here("train", "--resume", run, *moved).code == 0
    assert here("train", "--resume", run, "--steps", 9, *moved).code == 0
    assert checkpoint.load(run).state["settings"]["val_data"] == "moved/valid.txt"
    monkeypatch.chdir(place)
    assert here("train", "--resume", run).code == 0


@pytest.mark.parametrize("flag", ["--data", "--val-data"])
def test_another_text_is_refused(place, here, tmp_path, monkeypatch, flag):
    monkeypatch.chdir(place)
    before = learned(place / "runs" / "a")
    other = text(tmp_path, "other.txt", 7)
    result = here("train", "--resume", "runs/a", flag, other)
    assert result.code == 4 and len(result.err.splitlines()) == 1
    assert f"the text of {flag} {other} is not the one this run was started with" in result.err
    assert learned(place / "runs" / "a") == before


def test_validation_text_cannot_be_added(finished, here, corpus):
    result = here("train", "--resume", finished[0], "--val-data", corpus)
    assert result.code == 2 and "started without it" in result.err


def test_evaluations_may_come_more_often(place, here, monkeypatch):
    monkeypatch.chdir(place)
    assert here("train", "--resume", "runs/a", "--steps", 12, "--eval-every", 2).code == 0
    assert [e["step"] for e in log(place / "runs" / "a", "eval")] == [4, 8, 10, 12]


def piped(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_text_from_standard_input_is_given_again(place, here, tmp_path, monkeypatch):
    run, path = tmp_path / "run", place / "texts" / "stories.txt"
    piped(monkeypatch, path.read_bytes())
    assert here("train", "--data", "-", *SHORT, "--save-dir", run).code == 0
    monkeypatch.setattr(sys, "stdin", None)
    result = here("train", "--resume", run)
    assert result.code == 3 and "from standard input; give the same text again, as --data FILE" in result.err
    piped(monkeypatch, b"")
    result = here("train", "--resume", run)
    assert result.code == 3 and "give the same text again, as --data FILE" in result.err
    piped(monkeypatch, path.read_bytes())
    assert here("train", "--resume", run).code == 0
    assert here("train", "--resume", run, "--steps", 9, "--data", path).code == 0
    assert here("train", "--resume", run).code == 0


def test_hints(tmp_path, monkeypatch):
    """Old absolute paths, new ones, lists, globs, and what is no path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new" / "texts").mkdir(parents=True)
    (tmp_path / "new" / "texts" / "a.txt").touch()
    old, run = "/nowhere/old", tmp_path / "new" / "run"
    moved = str(tmp_path / "new" / "texts")
    guess = lambda source, was: hints(source, was, f"{old}/run", run)
    assert guess("texts/a.txt", [f"{old}/texts/a.txt"]) == [f"{moved}/a.txt"]
    assert guess("texts", [f"{old}/texts"]) == [moved]
    assert guess("fables,texts/a.txt", ["fables", f"{old}/texts/a.txt"]) == [f"fables,{moved}/a.txt"]
    assert guess("texts/*.txt", [f"{old}/texts/*.txt"]) == [f"{moved}/*.txt"]
    assert guess("texts/b.txt", [f"{old}/texts/b.txt"]) == ["texts/b.txt"]
    assert guess("fables", ["fables"]) == ["fables"] and guess("-", ["-"]) == ["-"]
    monkeypatch.chdir("new")
    assert guess("texts/a.txt", [f"{old}/texts/a.txt"]) == ["texts/a.txt"]


# --- without links


@pytest.fixture
def without_links(monkeypatch):
    def refuse(*args, **_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported", args[1])
    monkeypatch.setattr(os, "symlink", refuse)


def test_a_run_where_there_are_no_links(place, here, tmp_path, without_links):
    run = tmp_path / "run"
    result = here("train", "--data", place / "texts" / "stories.txt", *SHORT, "--save-dir", run)
    assert result.code == 0 and result.err.count("has no links, so best and last are files") == 1
    assert (run / "last").read_text() == "step_0000008\n" and not (run / "last").is_symlink()
    assert here("train", "--resume", run, "--steps", 12, "--keep", 1).code == 0
    assert pointer(run / "last") == "step_0000012" and {p.name for p in run.glob("step_*")} >= {pointer(run / "best")}
    assert here("generate", "The", "--checkpoint", run / "last", "--max-tokens", 3).code == 0
    assert here("compare", run, "--json").code == 0
    assert here("train", "--resume", run / "last").code == 0


@pytest.mark.parametrize("broken", ["lost", "elsewhere"])
def test_links_that_the_file_system_does_not_keep(tmp_path, monkeypatch, broken):
    """Some say that they made one, and did not."""
    monkeypatch.setattr(os, "readlink", lambda path: "elsewhere")
    if broken == "lost":
        monkeypatch.setattr(os, "symlink", lambda *_, **__: None)
    assert any("links" in warning for warning in try_folder(tmp_path))
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="elsewhere folders are never synced")
def test_a_file_system_that_syncs_no_folders(tmp_path, monkeypatch):
    fsync = os.fsync

    def files_only(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(handle)
    monkeypatch.setattr(os, "fsync", files_only)
    assert "syncing of folders" in try_folder(tmp_path)[0]
    checkpoint.save(tmp_path, 1, weights={}, optimizer={}, config={}, tokenizer="{}", state={})
    assert checkpoint.load(tmp_path).state["step"] == 1


# --- copies


def test_a_copy_with_links_followed_goes_on_and_is_repaired(finished, here, tmp_path):
    run = shutil.copytree(finished[0], tmp_path / "run")
    assert (run / "last").is_dir() and not (run / "last").is_symlink()
    assert here("train", "--resume", run).code == 0
    assert learned(run) == learned(finished[0])
    assert [pointer(run / name) for name in POINTERS] == [pointer(finished[0] / name) for name in POINTERS]


def test_a_copy_whose_step_is_missing_or_damaged(finished, tmp_path):
    run = shutil.copytree(finished[0], tmp_path / "run")
    shutil.rmtree(run / "step_0000040")
    point(run, "last", 40)
    assert checkpoint.load(run / "last", optimizer=True).path == run / "step_0000040"
    shutil.rmtree(tmp_path / "run")
    shutil.copytree(finished[0], run)
    (run / "step_0000040" / "model.safetensors").write_bytes(b"torn")
    prune(run)
    assert checkpoint.load(run / "step_0000040").state["step"] == 40 and not (run / "last").exists()


def test_a_run_of_which_only_a_folder_named_last_is_left(finished, here, tmp_path):
    """A program that syncs without links made it, or a person who saved space."""
    run = tmp_path / "run"
    shutil.copytree(finished[0] / "last", run / "last")
    assert here("generate", "The", "--checkpoint", run, "--max-tokens", 3).code == 0
    scores = [here("eval", "--checkpoint", folder, "--json").json["bpc"] for folder in (run, finished[0] / "last")]
    assert scores[0] == scores[1]
    assert ternary.load(run).path == run / "last"
    result = here("train", "--data", "fables", *TINY, "--save-dir", run)
    assert result.code == 2 and "holds a run already" in result.err
    result = here("train", "--resume", "auto", "--save-dir", run, "--steps", 50)
    assert result.code == 0 and {"step_0000040", "step_0000050"} <= {p.name for p in run.iterdir()}
    assert pointer(run / "last") == "step_0000050"


def test_a_damaged_copy_does_not_replace_its_step(finished, tmp_path):
    run = shutil.copytree(finished[0], tmp_path / "run")
    (run / "last" / "model.safetensors").write_bytes(b"torn")
    point(run, "last", 40)
    assert pointed(run / "last") and checkpoint.load(run / "last").state["step"] == 40


@pytest.mark.parametrize("name", ["copy of step 8", "step_0000008", "last"])
def test_a_step_outside_of_its_run_goes_on_where_it_is_told(place, here, tmp_path, name):
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "notes").touch()
    step = shutil.copytree(place / "runs" / "a" / "step_0000008", tmp_path / "backup" / name)
    data = ["--data", place / "texts" / "stories.txt", "--val-data", place / "texts" / "valid.txt"]
    result = here("train", "--resume", step, *data)
    assert result.code == 2 and "--save-dir" in result.err
    assert sorted(p.name for p in (tmp_path / "backup").iterdir()) == sorted([name, "notes"])
    advised, = shlex.split(result.err.split("--save-dir ")[1])
    assert here("train", "--resume", step, *data, "--save-dir", advised, "--steps", 10).code == 0
    assert [e["step"] for e in log(Path(advised), "train")] == [10]
    assert {"step_0000008", "step_0000010"} <= {p.name for p in Path(advised).iterdir()}
    assert here("train", "--resume", step, *data, "--save-dir", place / "runs" / "a").code == 2
    assert here("train", "--resume", advised, "--steps", 11).code == 0


def test_a_renamed_copy_in_a_run_does_not_change_the_run(place, here, monkeypatch):
    monkeypatch.chdir(place)
    shutil.copytree("runs/a/step_0000008", "runs/a/good one")
    assert here("train", "--resume", "runs/a/good one", "--steps", 10).code == 2
    assert here("train", "--resume", "runs/a/step_0000008", "--steps", 10).code == 0


@pytest.mark.parametrize("name, contents", [
    ("log.jsonl", '{"level": "info", "step": 3}\n'), ("log.jsonl", "starting\n"),
    ("log.jsonl", '{"time": 3}\n'), ("log.jsonl", "torn"),
    ("report.html", "<!doctype html><html><body>sales</body></html>"), ("last", "of the mohicans"), ("best", "")])
def test_files_of_other_programs_are_not_overwritten(here, tmp_path, monkeypatch, corpus, name, contents):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(contents)
    result = here("train", "--data", corpus, *SHORT, "--save-dir", ".")
    assert result.code == 2 and f"{name} was not written by a run" in result.err and "another --save-dir" in result.err
    assert (tmp_path / name).read_text() == contents and [p.name for p in tmp_path.iterdir()] == [name]


def test_files_of_runs_are_told_from_others(place, tmp_path):
    refuse_foreign(place / "runs" / "a")
    refuse_foreign(tmp_path / "absent")
    for line in ("", '{"ti', '{"time": 1.5, "kind": "st'):                # of a run that was killed at once
        (tmp_path / "log.jsonl").write_text(line)
        refuse_foreign(tmp_path)
    (tmp_path / "best").mkdir()
    with pytest.raises(UsageError, match="best was not written"):
        refuse_foreign(tmp_path)


def test_another_number_of_threads_for_each_worker_is_told():
    run = lambda **before: SimpleNamespace(before=before, workers=Workers(3, 2), world=ALONE)
    name = "threads of a worker"
    assert differences(run()) == "" == differences(run(**{name: 2, "CPU path": ISA}))
    said = differences(run(**{name: 8, "CPU path": "other"}))
    assert said == f"{name} 2 instead of 8 and CPU path {ISA} instead of other"
