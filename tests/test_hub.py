"""Data sets of the hub: one that refuses, hangs or says no, and the local cache."""
import json
import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sources import parquet, write

from ternary.errors import DataError, NetworkError
from ternary.text import hub as hub_module
from ternary.text.corpus import open_corpus


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
