"""Every kind of damage to a checkpoint is named."""
import hashlib
import json
import os
import pickle

import pytest
from test_checkpoint import NAMES, parts

from ternary.checkpoint import format as checkpoint
from ternary.checkpoint.format import load, save
from ternary.errors import ModelFileError, ResourceError


@pytest.fixture
def run(tmp_path):
    return tmp_path / "run"


@pytest.fixture
def damaged(run):
    """Two steps; returns a function that rewrites one file of the second and loads it."""
    save(run, 1, **parts())
    folder = save(run, 2, **parts())

    def attempt(name, change):
        path = folder / name
        path.write_bytes(change(path.read_bytes()))
        with pytest.raises(ModelFileError) as caught:
            load(folder, optimizer=True)
        message = str(caught.value)
        assert str(path) in message and "use " in message and "step_0000001 instead" in message
        assert "\n" not in message
        return message

    return attempt


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cut", [0.1, 0.5, 0.99])
def test_truncated(damaged, name, cut):
    assert "truncated" in damaged(name, lambda data: data[: int(len(data) * cut)])


@pytest.mark.parametrize("name", NAMES)
def test_a_flipped_bit_anywhere(damaged, run, name):
    size = len((run / "step_0000002" / name).read_bytes())
    for at in range(0, size, 37):

        def flip(data, at=at):
            return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

        damaged(name, flip)
        path = run / "step_0000002" / name
        path.write_bytes(flip(path.read_bytes()))
    load(run / "step_0000002", optimizer=True)


def test_a_changed_weight_is_a_checksum_mismatch(damaged):
    assert "checksum mismatch" in damaged("model.safetensors", lambda data: data[:-1] + bytes([data[-1] ^ 1]))
    assert "checksum mismatch" in damaged("state.json", lambda data: data.replace(b"123", b"124"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "contents, said",
    [
        (b"", "zero bytes"),
        (bytes(1000), "zero bytes"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", "git lfs pull"),
        (b"\n<!DOCTYPE html><html>404</html>", "web page"),
        (b"<html><body>", "web page"),
        (pickle.dumps({"w": [1.0] * 9}), "pickle"),
        (b"PK\x03\x04" + bytes(50), "pickle"),
    ],
)
def test_foreign_contents(damaged, name, contents, said):
    assert said in damaged(name, lambda data: contents)


@pytest.mark.parametrize("name", NAMES)
def test_missing_files(run, name):
    folder = save(run, 1, **parts())
    (folder / name).unlink()
    with pytest.raises(ModelFileError, match=f"{name}: the file is missing; copy the checkpoint again"):
        load(folder, optimizer=True)


def resigned(folder, name, data):
    """Replace a file and its checksum, as another program would."""
    (folder / name).write_bytes(data)
    state = json.loads((folder / "state.json").read_text())
    checksums = state.pop("checksums") | {name: hashlib.sha256(data).hexdigest()}
    del checksums["state.json"]
    checksums["state.json"] = checkpoint._state_digest(state, checksums)
    (folder / "state.json").write_text(json.dumps(state | {"checksums": checksums}))


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 7 + b"\x7f" + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (200 << 20).to_bytes(8, "little") + b"{}",
        b"junk",
        *(
            len(h).to_bytes(8, "little") + h + bytes(8)
            for h in (
                b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,8]}}',
                b'{"a":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}}',
                b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
            )
        ),
    ],
)
def test_bad_tensor_headers_with_the_right_checksum(run, data):
    folder = save(run, 1, **parts())
    resigned(folder, "model.safetensors", data)
    with pytest.raises(ModelFileError, match="bad safetensors header"):
        load(folder)


@pytest.mark.parametrize("data", [b"[1]", b'"text"', b"null", b"[" * 100_000, b"\xff\xfe{}"])
def test_json_of_the_wrong_type_with_the_right_checksum(run, data):
    folder = save(run, 1, **parts())
    for name in ("config.json", "tokenizer.json"):
        resigned(folder, name, data)
        with pytest.raises(ModelFileError, match=name):
            load(folder)
        resigned(folder, name, b"{}")


@pytest.mark.parametrize(
    "text", ['{"checksums": {"state.json": ""}, "loss": NaN}', '{"checksums": []}', "{}", "[]"]
)
def test_a_state_without_its_checksum(run, text):
    folder = save(run, 1, **parts())
    (folder / "state.json").write_text(text)
    with pytest.raises(ModelFileError, match="state.json"):
        load(folder)


def test_json_of_absurd_size(run):
    folder = save(run, 1, **parts())
    os.truncate(folder / "config.json", 1 << 30)
    with pytest.raises(ModelFileError, match="more than"):
        load(folder)


def test_tensors_beyond_the_memory(run):
    folder = save(run, 1, **parts())
    os.truncate(folder / "model.safetensors", 1 << 42)
    with pytest.raises(ResourceError, match="memory"):
        load(folder)


def test_a_pipe_instead_of_a_file_does_not_block(run):
    folder = save(run, 1, **parts())
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")
    with pytest.raises(ModelFileError, match="not a regular file"):
        load(folder)
