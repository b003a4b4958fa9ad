"""A pytest plugin for tests of whole runs: a small corpus, a tiny run, the command line here or in a process."""
import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numba
import pytest

TINY = "--steps 40 --batch 2 --seq-len 32 --vocab 512 --eval-every 10 --eval-stories 5 --threads 1".split()
USUAL = os.environ.get("TERNARY_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "ternary"


def stories(count: int = 300, seed: int = 1) -> list[str]:
    """Stories of 2 to 20 sentences over few words: a tiny model soon knows them."""
    pick = random.Random(seed).choice
    words = ("red big small old soft loud", "cat dog bird fox bear frog", "saw met liked helped lost found")
    quality, animal, verb = (w.split() for w in words)
    return [" ".join(f"The {pick(quality)} {pick(animal)} {pick(verb)} a {pick(quality)} {pick(animal)}."
                     for _ in range(pick(range(2, 21)))) for _ in range(count)]


def log(folder: Path, *kinds: str) -> list[dict]:
    """Lines of log.jsonl, numbers as the text that they are."""
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line, parse_float=str) for line in lines]
    return [e for e in entries if not kinds or e["kind"] in kinds]


def learned(folder: Path) -> list[tuple]:
    """What a run computes, step by step; what it does at which time is not in it."""
    return [(e["kind"], e["step"], e.get("loss"), e.get("lr"), e.get("grad_norm"), e.get("val_bpc"), e.get("text"))
            for e in log(folder, "train", "save", "eval", "sample")]


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        return json.loads(self.out.splitlines()[-1])


@pytest.fixture(scope="session")
def environment(tmp_path_factory) -> dict[str, str]:
    """With a cache of its own for data, and the usual one for compiled kernels."""
    cache, jit = tmp_path_factory.mktemp("cache"), Path(USUAL).expanduser() / "jit"
    jit.mkdir(parents=True, exist_ok=True)
    (cache / "jit").symlink_to(jit.absolute(), target_is_directory=True)
    kept = {k: v for k, v in os.environ.items() if k not in ("TERNARY_DEBUG", "NUMBA_NUM_THREADS")}
    return {**kept, "TERNARY_CACHE": str(cache)}


@pytest.fixture
def start(environment):
    """start(*args, **options of Popen) -> a process of `ternary`, killed at the end of the test."""
    processes = []

    def run(*args, env=None, **options) -> subprocess.Popen:
        command = [sys.executable, "-m", "ternary.cli.main", *map(str, args)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
        processes.append(subprocess.Popen(command, env=environment | (env or {}), **pipes))
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def shell(start):
    """shell(*args) -> Result of `ternary` in a process."""
    def run(*args, **options) -> Result:
        process = start(*args, **options)
        out, err = process.communicate(timeout=300)
        return Result(process.returncode, out, err)
    return run


@pytest.fixture
def here(environment, monkeypatch, capsys):
    """here(*args) -> Result of `ternary` in this process, whose number of threads is chosen already."""
    from ternary.cli.main import main
    monkeypatch.setenv("TERNARY_CACHE", environment["TERNARY_CACHE"])
    monkeypatch.delenv("TERNARY_DEBUG", raising=False)
    monkeypatch.setattr("ternary.threads.set_threads", lambda wanted=None: numba.config.NUMBA_NUM_THREADS)

    def run(*args) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(a) for a in args])
        return Result(stop.value.code, *capsys.readouterr())

    yield run
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "stories.txt"
    path.write_text("\n\n".join(stories()), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def finished(tmp_path_factory, corpus, environment) -> tuple[Path, dict]:
    """The folder of an undisturbed run, not to be changed, and what it printed."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    command = [sys.executable, "-m", "ternary.cli.main", "train", "--data", corpus, *TINY, "--save-dir", folder, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout.splitlines()[-1]) | {"stderr": done.stderr}
