"""The command line for tests, in this process or in another, and a tiny run that is made once."""
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tiny import SIZES, TINY, Result, stories

from ternary.machine.threads import set_threads

# no test fails because the machine is busy
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
set_threads()                     # as in the processes that tests start, so that they share compiled kernels
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
TERNARY = [sys.executable, "-m", "ternary"]
USUAL = Path(os.environ.get("TERNARY_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "ternary")
try:
    (USUAL.expanduser() / "jit").mkdir(parents=True, exist_ok=True)
except OSError:                   # a home that cannot be written
    os.environ["TERNARY_CACHE"] = tempfile.mkdtemp()
    USUAL = Path(os.environ["TERNARY_CACHE"])

# where the suite runs in the background of a script, Ctrl-C is ignored, and would be by every process it starts
signal.signal(signal.SIGINT, signal.default_int_handler)
if os.name == "posix":
    signal.signal(signal.SIGHUP, signal.SIG_DFL)         # ignored under nohup


@pytest.fixture(autouse=True)
def share_of_the_cores():
    """Kernels run on as many threads as there are cores for each worker of xdist: else they wait for each other."""
    import numba
    numba.set_num_threads(max(1, numba.config.NUMBA_NUM_THREADS // WORKERS))


@pytest.fixture
def all_cores(share_of_the_cores):
    import numba
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)


@pytest.fixture(scope="session")
def environment(tmp_path_factory) -> dict[str, str]:
    """With a cache of its own for data, and the usual one for compiled kernels."""
    cache, jit = tmp_path_factory.mktemp("cache"), USUAL.expanduser() / "jit"
    jit.mkdir(exist_ok=True)
    (cache / "jit").symlink_to(jit.absolute(), target_is_directory=True)
    kept = {k: v for k, v in os.environ.items() if k not in ("TERNARY_DEBUG", "NUMBA_NUM_THREADS")}
    return {**kept, "TERNARY_CACHE": str(cache)}


@pytest.fixture
def start(environment):
    """start(*args, **options of Popen) -> a process of `ternary`, killed at the end of the test."""
    processes = []

    def run(*args, env=None, **options) -> subprocess.Popen:
        command = [*TERNARY, *map(str, args)]
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
    import numba

    from ternary.cli.main import main
    monkeypatch.setenv("TERNARY_CACHE", environment["TERNARY_CACHE"])
    monkeypatch.delenv("TERNARY_DEBUG", raising=False)
    monkeypatch.setattr("ternary.machine.threads.set_threads", lambda wanted=None: numba.config.NUMBA_NUM_THREADS)

    def run(*args) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(a) for a in args])
        return Result(stop.value.code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "stories.txt"
    path.write_text("\n\n".join(stories()), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def finished(tmp_path_factory, corpus, environment) -> tuple[Path, dict]:
    """The folder of an undisturbed run, not to be changed, and what it printed."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    command = [*TERNARY, "train", "--data", corpus, *TINY, "--save-dir", folder, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout.splitlines()[-1]) | {"stderr": done.stderr}


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    """The working directory; every line is said anew."""
    from ternary.text.story import say
    monkeypatch.chdir(tmp_path)
    say.cache_clear()
    return tmp_path


@pytest.fixture
def config(corpus, tmp_path, here):
    """Of a tiny run by the Python interface."""
    from ternary.config import TrainConfig
    return TrainConfig(data=str(corpus), steps=40, batch_size=2, seq_len=32, vocab_size=512, eval_every=10,
                       eval_stories=5, threads=1, save_dir=str(tmp_path / "run"), set=SIZES)
