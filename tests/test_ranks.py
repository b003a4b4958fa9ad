"""Runs of several ranks: the losses of one process, errors with a name, and restarts when a rank is lost."""
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from tiny import SIZES, log

from ternary.config import TrainConfig
from ternary.errors import UsageError
from ternary.machine import launch
from ternary.machine.launch import mpiexec, places
from ternary.machine.ranks import LOST, World, rank_here
from ternary.training.plan import check_ranks

# four micro-batches, one of two sequences: uneven parts
RUN = ["--steps", "6", "--lr", "0.004", "--batch", "5", "--seq-len", "1100", "--vocab", "512", "--eval-every", "2",
       "--eval-stories", "7", "--threads", "1", "--set", f"dim={SIZES['dim']}", "--set", f"layers={SIZES['layers']}"]


@pytest.fixture
def ranks(environment, corpus, tmp_path):
    """ranks(n, *args) -> the log of evaluations of a run with n ranks, and what it printed; 0 for no mpiexec."""
    pytest.importorskip("mpi4py")

    def run(n, *args, folder="run"):
        command = [sys.executable, "-m", "ternary", "train", "--data", corpus, *RUN, "--save-dir", tmp_path / folder]
        start = [mpiexec(), "-n", n] if n else []
        done = subprocess.run([*map(str, (*start, *command, *args))], env=environment, capture_output=True, text=True,
                              timeout=300)
        assert done.returncode == 0, done.stderr
        return losses(tmp_path / folder), done
    return run


@pytest.fixture
def launched(start, corpus, tmp_path):
    """launched(n, *args) -> a process of `ternary launch`, and the folder of its run."""
    pytest.importorskip("mpi4py")

    def run(n, *args, options=()):
        folder = tmp_path / "launched"
        return start("launch", "-n", n, *options, "--", "train", "--data", corpus, *RUN, "--save-dir", folder,
                     *args), folder
    return run


def losses(folder):
    return [float(e[name]) for kind, name in (("train", "loss"), ("eval", "val_loss")) for e in log(folder, kind)]


def wait_for(process, folder, text):
    path = folder / "log.jsonl"
    while process.poll() is None and not (path.exists() and text in path.read_text()):
        time.sleep(0.01)


def processes(folder):
    """The ids of the ranks of a run."""
    listed = subprocess.run(["ps", "-ewwo", "pid,ppid,args"], capture_output=True, text=True).stdout.splitlines()
    mine = [line.split() for line in listed if f" {folder} " in f"{line} " and " train " in line]
    return sorted(int(fields[0]) for fields in mine if "launch" not in fields and "mpiexec" not in fields[2])


def test_parts_are_contiguous_and_differ_by_one_at_most():
    for count in range(12):
        for size in range(1, 6):
            worlds = [World() for _ in range(size)]
            for rank, world in enumerate(worlds):
                world.rank, world.size = rank, size
            parts = [world.part(count) for world in worlds]
            assert [k for part in parts for k in part] == list(range(count))
            assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_more_ranks_than_parts_of_a_batch_is_an_error():
    world = World()
    world.size = 3
    with pytest.raises(UsageError, match=r"16 x 256 has 2 parts .* too few for 3 ranks; .* --batch 24"):
        check_ranks(TrainConfig(batch_size=16, seq_len=256), world)
    check_ranks(TrainConfig(batch_size=24, seq_len=256), world)


def test_text_from_standard_input_is_refused():
    world = World()
    world.size = 2
    with pytest.raises(UsageError, match="standard input"):
        check_ranks(TrainConfig(data="-", seq_len=256, batch_size=64), world)


@pytest.mark.parametrize("n, precision", [(2, "fp32"), *(pytest.param(n, p, marks=pytest.mark.slow) for n, p in (
    (1, "fp32"), (2, "int8"), (3, "fp32"), (4, "fp32"), (3, "int8"), (4, "int8")))])
def test_losses_are_those_of_one_process(ranks, n, precision, tmp_path):
    alone, _ = ranks(0, "--precision", precision, folder="alone")
    together, done = ranks(n, "--precision", precision, "--json", folder="together")
    assert together == pytest.approx(alone, rel=3e-3 if precision == "int8" else 2e-4)
    assert len(done.stdout.splitlines()) == 1 and json.loads(done.stdout)["step"] == 6
    assert len(re.findall("validation BPC", done.stderr)) == 3            # one rank speaks
    one, several = ([float(e["waiting"]) for e in log(tmp_path / name, "train")] for name in ("alone", "together"))
    assert not any(one) and all(0 <= share < 1 for share in several) and (n == 1 or any(several))


@pytest.mark.slow
def test_a_run_goes_on_with_another_number_of_ranks(ranks):
    alone, _ = ranks(0, "--schedule", "constant", folder="alone")
    ranks(4, "--schedule", "constant", "--steps", "2")
    ranks(1, "--schedule", "constant", "--resume", "auto", "--steps", "4")
    moved, done = ranks(3, "--schedule", "constant", "--resume", "auto", "--steps", "6")
    assert "ranks 3 instead of 1" in done.stderr
    assert moved == pytest.approx(alone, rel=2e-3)


@pytest.mark.slow
def test_an_error_of_one_rank_has_its_name(environment, corpus, tmp_path):
    pytest.importorskip("mpi4py")
    ranks = []
    for folder, more in ((tmp_path / "a", ""), (tmp_path / "b", "\n\nOne more story.\n")):
        folder.mkdir()
        (folder / "stories.txt").write_text(corpus.read_text() + more)
        ranks.append(["-n", "1", "sh", "-c", f"cd {folder} && exec \"$@\"", "sh", sys.executable, "-m", "ternary",
                      "train", "--data", "stories.txt", *RUN, "--save-dir", "run"])
    done = subprocess.run([mpiexec(), *map(str, [*ranks[0], ":", *ranks[1]])], env=environment, capture_output=True,
                          text=True, timeout=300)
    assert done.returncode == 3
    assert re.search(r"Error: rank 1 \(\S+\): the text is not that of rank 0", done.stderr), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number, why", [("SIGKILL", r"rank \d \(.*\) was killed"),
                                         ("SIGSTOP", r"rank \d \(.*\) has given no sign of life for \d+ s")])
def test_a_lost_rank_is_named_and_the_others_go_on(launched, ranks, number, why):
    alone, _ = ranks(0, "--steps", "40", folder="alone")
    process, folder = launched(3, "--rank-timeout", "5", "--steps", "40", options=("--restarts", "2"))
    wait_for(process, folder, '"save", "step": 4,')
    os.kill(processes(folder)[1], getattr(signal, number))
    _, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert re.search(why + "; going on from the last checkpoint with 2 ranks", err), err
    assert losses(folder) == pytest.approx(alone, rel=1e-2)
    assert not processes(folder)


@pytest.mark.slow
@pytest.mark.parametrize("resume, restarted, advice", [
    ([], ["--resume", "auto"], "with --resume auto"), (["--resume", "run"], [], "the same command again"),
    (["--resume=run"], [], "the same command again")])
def test_a_restart_keeps_to_the_run(monkeypatch, capsys, resume, restarted, advice):
    commands = []

    class Killed:
        lost, stopped, why = 1, False, "rank 1 was killed"

        def __init__(self, hosts, command):
            commands.append(command)

        def wait(self):
            return 9
    monkeypatch.setattr(launch, "Job", Killed)
    assert launch.launch(["", ""], ["train", *resume], restarts=1) == LOST
    assert commands == [["train", *resume], ["train", *resume, *restarted]]
    assert advice in capsys.readouterr().err


def test_without_restarts_a_lost_rank_ends_the_job(launched):
    process, folder = launched(2, "--steps", "1000")
    wait_for(process, folder, '"save", "step": 2,')
    os.kill(processes(folder)[1], signal.SIGKILL)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 75 and re.search(r"Error: rank 1 \(.*\) was killed; .*--resume auto", err)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_launch_saves(launched, number):
    process, folder = launched(2, "--steps", "1000")
    wait_for(process, folder, '"eval", "step": 2,')
    process.send_signal(number)
    _, err = process.communicate(timeout=100)
    step = int(re.search(r"Error: interrupted; saved at step (\d+); continue with", err)[1])
    assert process.returncode == 130 and (folder / f"step_{step:07d}").is_dir()


@pytest.mark.parametrize("args, message", [
    (["--", "train"], "launch needs -n or --hosts"),
    (["-n", "2", "eval"], "launch runs `train`, not 'eval'"),
    (["-n", "2", "--hosts", "absent.txt", "--", "train"], "absent.txt cannot be read"),
])
def test_what_launch_refuses(here, args, message):
    result = here("launch", *args)
    assert result.code == 2 and message in result.err


def test_hosts_have_a_place_for_each_rank(tmp_path):
    path = tmp_path / "hosts"
    path.write_text("# machines\na:2\nb.example.org slots=1\n\n10.0.0.3\n")
    assert places(path) == ["a", "a", "b.example.org", "10.0.0.3"]
    for text, message in (("a b", "wanted a host"), ("a:0", "wanted a host"), ("", "names no host")):
        path.write_text(text)
        with pytest.raises(UsageError, match=message):
            places(path)


def test_one_process_of_a_cluster_needs_no_mpi(monkeypatch):
    for name, value in {"PMI_RANK": "0", "PMI_SIZE": "1"}.items():
        monkeypatch.setenv(name, value)
    assert rank_here() is None
    monkeypatch.setenv("PMI_SIZE", "2")
    assert rank_here() == 0
