"""What an error advises works when it is followed."""
import os
import re
import shutil

import pytest
from tiny import TINY

from ternary.cli.main import COMMANDS

FEW = [*TINY, "--steps", 2, "--model", "bolt-small", "--set", "dim=32", "--set", "layers=1", "--set", "hidden=32"]


@pytest.fixture
def place(tmp_path, monkeypatch, corpus):
    """The working directory, with a text in it."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(corpus, "stories.txt")
    return tmp_path


def advised(result, pattern):
    """What the error of a refused command names."""
    assert result.code not in (0, 1), result
    return re.search(pattern, result.err)[1]


@pytest.mark.parametrize("flags, pattern, fixed", [
    (["--set", "dim=50"], r"use (\d+)", "--set dim={}"), (["--set", "dim"], r"e\.g\. --set (dim=\d+)", "--set {}"),
    (["--lr", "-1"], r"e\.g\. (--lr \S+)", "{}"), (["--batch", "0"], r"e\.g\. (--batch \d+)", "{} --seq-len 16"),
    (["--vocab", "3"], r"use (\d+) to", "--vocab {}"),
    (["--schedule", "cosin"], r"did you mean (\w+)\?", "--schedule {}"),
    (["--optimizer", "adamv"], r"did you mean (\w+)\?", "--optimizer {}"),
])
def test_values_that_are_advised(place, here, flags, pattern, fixed):
    value = advised(here("train", "--data", "stories.txt", *FEW, *flags), pattern)
    assert here("train", "--data", "stories.txt", *FEW, *fixed.format(value).split()).code == 0


@pytest.mark.parametrize("broken", ["model.safetensors", "state.json"])
def test_the_step_that_is_advised_instead_of_a_broken_one(place, here, finished, broken):
    shutil.copytree(finished[0], "run", symlinks=True)
    os.truncate(f"run/step_0000040/{broken}", 30)
    for command in (["generate", "--max-tokens", 2, "--checkpoint"], ["train", "--resume"]):
        step = advised(here(*command, "run/step_0000040"), r"use (\S+) instead")
        assert here(*command, step).code == 0


def test_fields_sources_and_readers_that_are_advised(place, here):
    inspect = ["data", "inspect", "--vocab", 300, "--processes", 1]
    (place / "a.jsonl").write_text('{"data": {"text": "one"}}\n')
    assert here(*inspect, "a.jsonl", "--field", advised(here(*inspect, "a.jsonl"), r"e\.g\. --field (\S+?);")).code == 0
    (place / "a.csv").write_text("x,one\ny,two\n")
    assert "by number" in here(*inspect, "a.csv").err and here(*inspect, "a.csv", "--field", 2).code == 0
    (place / "a.log").write_text("one\n")
    assert here(*inspect, advised(here(*inspect, "a.log"), r"give (text:\S+)")).code == 0
    assert here(*inspect, advised(here(*inspect, "storys.txt"), r"did you mean (\S+)\?")).code == 0
    assert "leave it out" in here(*inspect, "stories.txt", "--split", "test").err
    assert here(*inspect, "stories.txt").code == 0
    (place / "b.jsonl").write_text('{"text": "one"}\n{"text": 3}\n')
    assert "--skip-bad N" in here(*inspect, "b.jsonl").err and here(*inspect, "b.jsonl", "--skip-bad", 1).code == 0


def test_one_story_is_parted_or_gets_validation_text(place, here):
    (place / "one.txt").write_text("The cat sat on a mat and saw a dog. " * 20)
    result = here("train", "--data", "one.txt", *FEW)
    assert result.code == 3 and "blank lines" in result.err and "--val-data" in result.err
    assert here("train", "--data", "one.txt", "--val-data", "stories.txt", *FEW, "--save-dir", "a").code == 0
    (place / "two.txt").write_text((place / "one.txt").read_text() + "\n\nAnother one.")
    assert here("train", "--data", "two.txt", *FEW, "--save-dir", "b").code == 0


def test_a_run_that_is_there_is_continued_as_advised(place, here):
    command = ["train", "--data", "stories.txt", *FEW, "--save-dir", "my run"]
    assert here(*command).code == 0
    folder = advised(here(*command), r"continue it with --resume (.*?), or")
    assert here("train", "--resume", folder, "--steps", 3).code == 0


def test_a_run_in_a_folder_that_cannot_be_written_is_copied(place, here, finished, monkeypatch):
    shutil.copytree(finished[0], "run", symlinks=True)
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("/run") and access(path, mode))
    result = here("train", "--resume", "run", "--steps", 41)
    assert result.code == 5 and "copy the run to a folder that can be written" in result.err
    shutil.copytree("run", "copied", symlinks=True)
    assert here("train", "--resume", "copied", "--steps", 41).code == 0


def test_a_mistyped_command_and_a_prompt_with_a_dash(finished, here):
    assert advised(here("trian"), r"did you mean (\w+)\?") in COMMANDS
    command = ["generate", "--checkpoint", finished[0], "--max-tokens", 2]
    assert "give it last and write -- before it" in here(*command, "-Who").err
    assert here(*command, "--", "-Who").code == 0


def test_a_cache_that_cannot_be_written_is_set_elsewhere(place, here, monkeypatch):
    (place / "file").touch()
    cache = os.environ["TERNARY_CACHE"]
    monkeypatch.setenv("TERNARY_CACHE", str(place / "file"))
    inspect = ["data", "inspect", "stories.txt", "--vocab", 300, "--processes", 1]
    result = here(*inspect)
    assert result.code == 5 and "set TERNARY_CACHE to another folder" in result.err
    monkeypatch.setenv("TERNARY_CACHE", cache)
    assert here(*inspect).code == 0
