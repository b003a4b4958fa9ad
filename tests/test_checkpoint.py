"""Checkpoints survive kills and full disks; where best and last point, and which steps are kept."""

import errno
import json
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import load_file
from tiny import pointer

from ternary.checkpoint import format as checkpoint
from ternary.checkpoint.find import find
from ternary.checkpoint.folder import point, prune
from ternary.checkpoint.format import load, save
from ternary.checkpoint.layout import FILES
from ternary.errors import ModelFileError, ResourceError

NAMES = ["model.safetensors", "optimizer.safetensors", "config.json", "tokenizer.json", "state.json"]
TOKENIZER = '{"merges": ["a b"], "name": "tëst"}'


def parts(fill=1.0):
    """Arguments of `save` with every array filled from `fill`."""
    base = np.arange(12, dtype=np.float32).reshape(3, 4) + np.float32(fill)
    return {
        "weights": {"embed.weight": base, "strided": base.T, "double": base.astype(np.float64)},
        "optimizer": {"m/embed.weight": -base, "step": np.array(7, np.int64)},
        "config": {"model": "bolt", "dim": 192},
        "tokenizer": TOKENIZER,
        "state": {"tokens": 123, "best_loss": None, "rng": {"seed": 1}, "lr": 0.1},
    }


@pytest.fixture
def run(tmp_path):
    return tmp_path / "a rün with spaces"


def entries(run):
    return sorted(p.name for p in run.iterdir())


def test_round_trip(run):
    folder = save(run, 5000, **parts())
    assert folder == run / "step_0005000"
    assert sorted(p.name for p in folder.iterdir()) == sorted(NAMES) == sorted(FILES)
    got = load(folder, optimizer=True)
    for kind in ("weights", "optimizer"):
        wanted = parts()[kind]
        assert getattr(got, kind).keys() == wanted.keys()
        for name, array in getattr(got, kind).items():
            assert array.dtype == wanted[name].dtype
            np.testing.assert_array_equal(array, wanted[name], strict=True)
            array += 1  # training goes on in these arrays
    assert (got.path, got.config, got.tokenizer) == (folder, parts()["config"], TOKENIZER)
    assert got.state == parts()["state"] | {"step": 5000}


def test_others_can_read_the_tensors(run):
    folder = save(run, 1, **parts())
    np.testing.assert_array_equal(
        load_file(folder / "model.safetensors")["strided"], parts()["weights"]["strided"]
    )
    assert len(json.loads((folder / "state.json").read_text())["checksums"]["config.json"]) == 64


def test_optimizer_is_read_only_when_asked_for(run):
    folder = save(run, 1, **parts())
    (folder / "optimizer.safetensors").unlink()
    assert load(folder).optimizer is None
    with pytest.raises(ModelFileError, match="missing"):
        load(folder, optimizer=True)


def test_no_tensors_at_all(run):
    assert load(save(run, 1, **parts() | {"optimizer": {}}), optimizer=True).optimizer == {}


def test_state_that_was_loaded_can_be_saved_again(run):
    state = load(save(run, 1, **parts())).state
    again = load(save(run, 2, **parts() | {"state": state | {"by_rank": {1: (2, 3)}}})).state
    assert again == state | {"step": 2, "by_rank": {"1": [2, 3]}}


def test_saving_the_same_step_replaces_it(run):
    save(run, 1, **parts(1))
    save(run, 1, **parts(2))
    assert load(run).weights["embed.weight"][0, 0] == 2
    assert entries(run) == ["step_0000001"]


@pytest.mark.parametrize(
    "bad", [{"state": {"loss": float("nan")}}, {"tokenizer": "not json"}, {"config": {"x": {1}}}]
)
def test_values_that_could_not_be_read_back_are_refused_before_anything_is_written(run, bad):
    with pytest.raises((ValueError, TypeError)):
        save(run, 1, **parts() | bad)
    assert not run.exists()


# --- kills and full disks


@pytest.mark.parametrize("nth", range(1, 8))
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(errno.ENOSPC, "No space left on device")])
def test_an_exception_at_any_write_keeps_the_old_step(run, monkeypatch, nth, error):
    save(run, 1, **parts(1))
    save(run, 2, **parts(1))
    calls, fsync = [], os.fsync

    def failing(handle):
        calls.append(handle)
        if len(calls) == nth:
            raise error
        fsync(handle)

    monkeypatch.setattr(os, "fsync", failing)
    expected = ResourceError if isinstance(error, OSError) else error
    with pytest.raises(expected) as caught:
        save(run, 2, **parts(2))
    monkeypatch.undo()
    if isinstance(error, OSError):
        assert "step_0000002" in str(caught.value) and "No space left" in str(caught.value)
    assert entries(run) == ["step_0000001", "step_0000002"]
    assert load(run / "step_0000001").weights["embed.weight"][0, 0] == 1
    # the seventh sync follows the rename: the new step is then in place
    assert load(run / "step_0000002", optimizer=True).weights["embed.weight"][0, 0] == (1 if nth < 7 else 2)


KILL = """
import os, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_checkpoint import parts
from ternary.checkpoint import format as checkpoint
left = [{nth}]
def dying(real):
    def call(*args):
        left[0] -= 1
        if left[0] == 0:
            os._exit(9)
        return real(*args)
    return call
os.fsync = dying(os.fsync)
Path.rename = dying(Path.rename)
checkpoint.save(Path({run!r}), 2, **parts(2))
"""


@pytest.mark.parametrize("nth", [1, 3, 6, 7, 8, 9])  # 6 syncs, 2 renames, 1 sync
def test_a_kill_at_any_moment_leaves_a_valid_set(run, nth):
    save(run, 1, **parts(1))
    save(run, 2, **parts(1))
    point(run, "last", 2)
    code = KILL.format(tests=os.path.dirname(__file__), nth=nth, run=str(run))
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    assert len(entries(run)) > 3 or nth == 9
    got = load(run, optimizer=True)
    assert got.state["step"] == 2 and got.weights["embed.weight"][0, 0] == (1 if nth < 9 else 2)
    save(run, 3, **parts(3))
    assert entries(run) == ["last", "step_0000001", "step_0000002", "step_0000003"]
    assert load(run / "last").state["step"] == 2


def test_space_is_checked_before_writing(run, monkeypatch):
    save(run, 1, **parts())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1))
    with pytest.raises(ResourceError, match="MB left; free disk space"):
        save(run, 2, **parts())
    assert entries(run) == ["step_0000001"]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ResourceError, match="file.*choose a folder that can be written"):
        save(tmp_path / "file" / "run", 1, **parts())


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
def test_a_folder_that_cannot_be_written(run, monkeypatch, code):
    def refuse(self, *args, **kwargs):
        raise OSError(code, os.strerror(code), str(self))

    monkeypatch.setattr(checkpoint.Path, "mkdir", refuse)
    with pytest.raises(ResourceError, match=os.strerror(code)):
        save(run, 1, **parts())


# --- pointers and finding


def test_pointers(run):
    for step in (1, 2, 3):
        save(run, step, **parts())
    point(run, "best", 1)
    point(run, "last", 3)
    point(run, "best", 2)
    assert pointer(run / "best") == "step_0000002"
    assert find(run) == find(run / "best") == run / "step_0000002"
    assert find(run, prefer=("last", "best")) == run / "step_0000003"
    with pytest.raises(ValueError, match="wanted one of"):
        point(run, "../best", 1)
    moved = run.rename(run.parent / "moved")
    assert load(moved / "best").state["step"] == 2


def test_find_without_pointers_takes_the_newest(run):
    save(run, 9_999_999, **parts())
    save(run, 10_000_000, **parts())
    assert find(run) == run / "step_10000000"
    assert find(str(run / "step_9999999")) == run / "step_9999999"


def test_find_skips_a_dangling_pointer_of_a_run(run):
    save(run, 1, **parts())
    point(run, "best", 8)
    assert find(run) == run / "step_0000001"
    with pytest.raises(ModelFileError, match="points to step_0000008.*candidates: .*step_0000001"):
        find(run / "best")


def test_find_ignores_unfinished_folders(run):
    save(run, 1, **parts())
    shutil.copytree(run / "step_0000001", run / "step_0000002.tmp")
    assert find(run) == run / "step_0000001"


def test_find_says_what_is_near(run):
    save(run, 1, **parts())
    with pytest.raises(ModelFileError, match="near: step_0000001"):
        find(run / "step_0000002")
    with pytest.raises(ModelFileError, match="near: a rün with spaces"):
        find(run.parent / "a run with space")
    with pytest.raises(ModelFileError, match="holds no checkpoint.*candidates: .*step_0000001"):
        find(run.parent)
    with pytest.raises(ModelFileError, match="nor does the folder"):
        find(run / "no" / "where")
    with pytest.raises(ModelFileError, match="pass its folder"):
        find(run / "step_0000001" / "model.safetensors")


def test_find_refuses_other_files(tmp_path):
    (tmp_path / "old.pt").write_bytes(pickle.dumps({"a": 1}))
    with zipfile.ZipFile(tmp_path / "new.pt", "w") as archive:
        archive.writestr("data.pkl", b"x")
    (tmp_path / "empty").touch()
    for name in ("old.pt", "new.pt"):
        with pytest.raises(ModelFileError, match="pickle.*never loaded"):
            find(tmp_path / name)
    with pytest.raises(ModelFileError, match="wanted a checkpoint folder"):
        find(tmp_path / "empty")


def test_a_loop_of_links(tmp_path):
    (tmp_path / "best").symlink_to("best")
    with pytest.raises(ModelFileError):
        find(tmp_path / "best")


# --- pruning


def test_prune_keeps_the_newest_and_the_pointed(run):
    for step in range(1, 8):
        save(run, step, **parts())
    point(run, "best", 2)
    point(run, "last", 7)
    shutil.copytree(run / "step_0000001", run / "step_0000009.tmp")
    (run / "notes.tmp").write_text("mine")
    prune(run, keep=2)
    assert entries(run) == ["best", "last", "notes.tmp", "step_0000002", "step_0000006", "step_0000007"]
    prune(run, keep=0)
    assert entries(run) == ["best", "last", "notes.tmp", "step_0000002", "step_0000007"]
    assert load(run / "best").state["step"] == 2


def test_prune_of_nothing(run):
    save(run, 1, **parts())
    prune(run)
    assert entries(run) == ["step_0000001"]
    with pytest.raises(ResourceError):
        prune(run / "absent")
