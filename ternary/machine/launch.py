"""Starts the ranks of a run, and starts them again without the one that was lost."""
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from itertools import groupby
from pathlib import Path
from threading import Thread
from typing import IO

from ternary.errors import UsageError
from ternary.machine.heartbeat import say
from ternary.machine.ranks import INSTALL, LAUNCHED, LOST, SILENT

SETTLED = {0, 1, 2, 3, 4, 5, 6, 7, 130, 143}      # exit codes that a restart does not change
KILLED = re.compile(r"PID (\d+) RUNNING AT (\S+)")                # mpiexec, of a rank that a signal ended
TALK = re.compile(r"=|YOUR APPLICATION TERM|This typically refers|Please see the FAQ|\[mpiexec@|\[proxy")
SMALL_SHM = 64 << 20              # bytes for each rank; MPICH fails with less
PATIENCE = 10.0                   # seconds that mpiexec has to end when a rank is lost


def mpiexec() -> str:
    """That of the wheel in this environment, or of the system. UsageError if there is none."""
    own = Path(sys.executable).with_name("mpiexec")
    found = str(own) if own.exists() else shutil.which("mpiexec")
    if not found or not importlib.util.find_spec("mpi4py"):
        raise UsageError(f"ranks need mpi4py and an mpiexec; {INSTALL}")
    return found


def places(path: Path) -> list[str]:
    """The host of each rank, from lines `host`, `host:4` or `host slots=4`; # begins a comment."""
    found: list[str] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        raise UsageError(f"--hosts {path} cannot be read ({error})") from None
    for line in filter(None, (line.partition("#")[0].strip() for line in lines)):
        match = re.fullmatch(r"([\w.-]+)(?:(?::|\s+slots=)([1-9]\d{0,3}))?", line)
        if not match:
            raise UsageError(f"--hosts {path}: {line!r}; wanted a host, and perhaps how many ranks: host:4")
        found += [match[1]] * int(match[2] or 1)
    if not found:
        raise UsageError(f"--hosts {path} names no host")
    return found


def launch(hosts: list[str], command: list[str], restarts: int) -> int:
    """Run `ternary COMMAND` with a rank for each host, "" being this machine -> the exit code."""
    resumes = any(word == "--resume" or word.startswith("--resume=") for word in command)
    resumed = command if resumes else [*command, "--resume", "auto"]
    for left in range(restarts, -1, -1):
        job = Job(hosts, command)
        code = job.wait()
        if job.lost is None and (code in SETTLED or job.stopped):
            return code
        what = job.why or f"mpiexec ended with code {code}"
        if not left or job.stopped:
            say(f"Error: {what}; to go on from the last checkpoint, start "
                f"{'the same command again' if resumes else 'it again with --resume auto'}")
            return LOST
        if job.lost is not None and len(hosts) > 1:
            hosts = hosts[:job.lost] + hosts[job.lost + 1:]
        hosts, command = [host for host in hosts if answers(host)] or [""], resumed
        say(f"{what}; going on from the last checkpoint with {len(hosts)} rank{'s' * (len(hosts) > 1)} "
            f"({left - 1} more restarts)")
    return LOST


def answers(host: str) -> bool:
    """Whether another machine can be reached as mpiexec will reach it."""
    shell = os.environ.get("HYDRA_LAUNCHER_EXEC", "ssh")
    try:
        return not host or subprocess.run([shell, host, "true"], stdin=subprocess.DEVNULL,  # noqa: S603
                                          stderr=subprocess.DEVNULL, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


class Job:
    """One mpiexec, whose output is passed on. lost: the rank that ended it, if known, and why."""

    def __init__(self, hosts: list[str], command: list[str]):
        self.lost: int | None = None
        self.why, self.stopped = "", False
        self.processes: list[list] = []           # host and process id of each rank
        together = ",".join(f"{host}:{len(list(same))}" for host, same in groupby(hosts))
        env = {**os.environ, LAUNCHED: "1"}
        if os.path.exists("/dev/shm") and shutil.disk_usage("/dev/shm").total < SMALL_SHM * len(hosts):  # noqa: S108
            env["MPIR_CVAR_NOLOCAL"] = "1"
        self.mpiexec = subprocess.Popen(  # noqa: S603
            [mpiexec(), *(["-hosts", together] if any(hosts) else []), "-n", str(len(hosts)), sys.executable, "-m",
             "ternary", *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env,
            text=True, errors="replace", start_new_session=True)
        self.readers = [Thread(target=self.pass_on, args=pair, daemon=True)
                        for pair in ((self.mpiexec.stdout, sys.stdout), (self.mpiexec.stderr, sys.stderr))]
        for reader in self.readers:
            reader.start()

    def wait(self) -> int:
        """Ctrl-C and SIGTERM let the ranks finish their step and save; a second one ends them."""
        try:
            code = self.mpiexec.wait()
        except KeyboardInterrupt:
            self.stopped = True
            self.mpiexec.send_signal(signal.SIGINT)
            try:
                code = self.mpiexec.wait()
            except KeyboardInterrupt:
                self.mpiexec.kill()
                code = self.mpiexec.wait()
        for reader in self.readers:
            reader.join(PATIENCE)
        return code

    def pass_on(self, source: IO[str], target: IO[str]) -> None:
        for line in source:
            if line.startswith(LAUNCHED):
                self.processes = [entry.split() for entry in line.split(";")[1:]]
            elif match := SILENT.search(line):
                self.lose(int(match[1]), match[0])
                Thread(target=self.end, daemon=True).start()
            elif match := KILLED.search(line):
                for rank, (process, host) in enumerate(self.processes):
                    if process == match[1] and host.split(".")[0] == match[2].split(".")[0]:
                        self.lose(rank, f"rank {rank} ({host}) was killed")
            elif not TALK.match(line):
                target.write(line)
                target.flush()

    def lose(self, rank: int, why: str) -> None:
        """The first one that is lost: mpiexec ends the others."""
        if self.lost is None:
            self.lost, self.why = rank, why

    def end(self) -> None:
        """A machine that is cut off does not let mpiexec end."""
        try:
            self.mpiexec.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.mpiexec.kill()
