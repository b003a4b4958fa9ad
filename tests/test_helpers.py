"""Helper processes run this package and nothing from the working directory, and a print does not break their pipes."""
import os
import signal
import subprocess
import sys
import time

import numpy
import pytest

import ternary
from ternary.errors import ResourceError
from ternary.machine import helpers
from ternary.text import vocabulary, workers
from ternary.text.tokenizer import Tokenizer
from ternary.text.workers import ALONE, Workers

TEXTS = [f"The {k} cats saw {k * 7 % 11} dogs." for k in range(300)]
REPORT = "import sys, numpy, ternary; print(ternary.__file__, numpy.__file__, *sys.argv[1:])"


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """A working directory whose modules end whoever imports them."""
    (tmp_path / "ternary" / "text").mkdir(parents=True)
    for name in ("numpy.py", "json.py", "regex.py", "ternary/__init__.py", "ternary/text/__init__.py"):
        (tmp_path / name).write_text("raise SystemExit('imported from the working directory')")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(vocabulary, "BATCH", 200)


def at_start(folder, monkeypatch, code):
    """Code that every new Python runs first."""
    (folder / "sitecustomize.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(folder))


class Patient(Workers):
    """Does not begin before its processes are ready."""

    def start(self):
        super().start()
        while self.idle.qsize() < self.wanted:
            assert any(process.poll() is None for process in self.started)
            time.sleep(0.01)


@pytest.mark.parametrize("entry", ["", "."])
def test_nothing_comes_from_the_working_directory(hostile, monkeypatch, entry):
    monkeypatch.setattr(sys, "path", [entry, str(hostile), *sys.path])
    code = REPORT.replace("sys.argv", "['', *sys.argv[1:]]")
    (hostile / "elsewhere").mkdir()
    module = hostile / "elsewhere" / "reporter.py"
    module.write_text(code)
    sys.path.append(str(module.parent))
    out = subprocess.run(helpers.command("reporter", "a b"), capture_output=True, text=True, check=True).stdout
    assert out.split() == [ternary.__file__, numpy.__file__, "a", "b"]


def test_a_removed_working_directory(tmp_path, monkeypatch):
    if os.name != "posix":
        pytest.skip("a folder in use cannot be removed")
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert subprocess.run(helpers.command("ternary.errors")).returncode == 0


@pytest.mark.parametrize("code", ["print('environment activated')", "import sys; sys.stdout.write('no line end')",
                                  "import os; os.write(1, b'straight to the pipe')"])
def test_what_prints_at_start_does_not_break_the_frames(hostile, small_batches, tmp_path_factory, monkeypatch, code):
    at_start(tmp_path_factory.mktemp("site"), monkeypatch, code)
    tokenizer = Tokenizer.train(TEXTS, 300)
    alone = list(Workers(1, tokenizer).results(TEXTS))
    with Patient(2, tokenizer) as both:
        monkeypatch.setattr(both, "work", lambda batch, work=both.work: work(batch) if not both.started else None)
        assert list(both.results(TEXTS)) == alone and len(alone) > ALONE


@pytest.mark.parametrize("code", ["import time; time.sleep(60)", "input()", "raise SystemExit(3)"])
def test_helpers_that_do_not_start_are_done_without(small_batches, tmp_path, monkeypatch, code):
    at_start(tmp_path, monkeypatch, code)
    with Workers(2) as both:
        assert list(both.results(TEXTS)) == list(Workers(1).results(TEXTS))
        assert len(both.started) == 2 and not both.ready


def test_without_a_python_to_start_this_process_does_the_work(small_batches, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with Workers(2) as both:
        assert list(both.results(TEXTS)) == list(Workers(1).results(TEXTS)) and not both.started


def test_a_helper_that_is_killed_at_work_is_an_error(small_batches):
    with Patient(2) as both, pytest.raises(ResourceError, match="was killed"):
        for number, _ in enumerate(both.results(TEXTS)):
            if number == ALONE:
                both.kill()


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_helper_that_hangs_at_work_leaves_the_signals_alone(tmp_path, number):
    """What holds the pipe open and never answers."""
    code = ("import sys, time\n"
            "from ternary.cli import main as cli\nfrom ternary.text import vocabulary, workers\n"
            "vocabulary.BATCH = 200\n"
            "start = workers.helpers.command\n"
            "hang = \"import sys, time; from ternary.machine.helpers import frames_in_and_out as f; kept = f(); \" \\\n"
            "    \"time.sleep(60)\"\n"
            "workers.helpers.command = lambda *_: [sys.executable, '-c', hang]\n"
            "def wait(self, start=workers.Workers.start):\n"
            "    start(self)\n"
            "    while not self.ready: time.sleep(0.01)\n"
            "    print('ready', flush=True)\n"
            "workers.Workers.start = wait\n"
            f"cli.main(['data', 'prepare', {str(tmp_path / 'a.txt')!r}, '--vocab', '300', '--processes', '2'])")
    (tmp_path / "a.txt").write_text("\n\n".join(TEXTS))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={**os.environ, "TERNARY_CACHE": str(tmp_path / "cache")})
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.2)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number and "Traceback" not in err, err


def test_the_modules_that_are_started_exist():
    assert workers.__name__ == "ternary.text.workers" and (helpers.PACKAGE / "text" / "workers.py").exists()
