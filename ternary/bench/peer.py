"""The peer: the same work in PyTorch or llama.cpp, in a process of its own."""
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from ternary.bench.measure import CHECKOUT, peak_rss_mb
from ternary.errors import ResourceError, UsageError
from ternary.machine.heartbeat import say

SCRIPTS = Path("benchmarks", "peers")
EAGER = ("fp32", "bf16")
BATCH_SIZES = (2, 4, 8, 16, 32)
START = 8                         # a batch size near the best one of eager modes
LAG = 2 / 3                       # a precision slower than this share of the other, both eager, is not compiled

# what keeps PyTorch to AVX2: ATen's own kernels, oneDNN, MKL, and the compiler of torch.compile
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "TORCHINDUCTOR_CPP_MARCH": "x86-64-v3"}


def limits() -> dict[str, str]:
    """The environment that holds the peer to the CPU path that TERNARY_ISA forces on us: AVX2 only."""
    return AVX2 if os.environ.get("TERNARY_ISA") == "avx2" else {}


def find_script(name: str) -> Path:
    """benchmarks/peers/NAME in the package's checkout, or in one around the working directory."""
    here, script = Path.cwd(), SCRIPTS / name
    for folder in (CHECKOUT, here, *here.parents):
        if (folder / script).is_file():
            return folder / script
    raise UsageError(f"--peer needs {script.as_posix()}, which is not part of an installed package; "
                     "run this inside a checkout of the repository")


class Peer:
    """A script of the peer. UsageError if that is missing, or the peer's module for the interpreter `python`."""

    def __init__(self, python: str, script: str, *arguments: object, module: str = "torch"):
        self.command = [python, str(find_script(script)), *map(str, arguments)]
        try:
            code, *_ = watched([python, "-c", f"import {module}"])
        except OSError as error:
            raise UsageError(f"--peer-python {python} cannot be run ({error.strerror}); "
                             f"give the path of a Python that has {module}") from None
        if code != 0:
            raise UsageError(f"--peer: {python} has no {module}; install {module} there, or name a Python "
                             "that has it with --peer-python")

    def call(self, *arguments: object) -> tuple[object, float | None]:
        """The JSON it prints last, and the most memory (MB) it was seen to hold. ResourceError if it fails."""
        code, out, err, peak = watched([*self.command, *map(str, arguments)])
        if code != 0 or not out:
            raise ResourceError(f"the peer failed ({' '.join(map(str, arguments))}): "
                                f"{err[-1] if err else f'exit code {code}'}")
        return json.loads(out[-1]), peak


class TrainingPeer(Peer):
    """measure_torch.py for one model."""

    def __init__(self, python: str, model: str, seq_len: int, threads: int):
        super().__init__(python, "measure_torch.py", "--model", model, "--seq-len", seq_len, "--threads", threads)
        self.modes, _ = self.call("--list-modes")

    def run(self, mode: str, batch_size: int, seconds: float) -> dict:
        """What the script says, and peak_rss_mb of its process."""
        result, peak = self.call("--json", "--mode", mode, "--batch", batch_size, "--seconds", seconds)
        say(f"{result['peer']} {mode}, batch {batch_size}: {speed(result):,.0f} tokens/s")
        return {**result, "peak_rss_mb": peak}

    def search(self, seconds: float) -> list[dict]:
        """Short runs of the settings that can be the fastest. A mode that fails is left; ResourceError if all do.

        Compiling takes half a minute each time. So eager modes come first, and the faster precision is compiled at
        batch sizes around its best, the other one at its best only; -lce is tried where compiled was fastest, and
        -tuned on the faster of these two.
        """
        found, failures = [], []

        def best(mode: str, sizes: tuple[int, ...], start: int) -> dict | None:
            runs = []
            try:
                for run in climb(lambda size: self.run(mode, size, seconds), sizes, start):
                    runs.append(run)
            except ResourceError as error:
                failures.append(error)
                say(str(error))
            found.extend(runs)
            return max(runs, key=speed, default=None)

        eager = sorted((run for mode in EAGER if (run := best(mode, BATCH_SIZES, START))), key=speed, reverse=True)
        compiled = []
        for run in eager:
            if speed(run) >= LAG * speed(eager[0]):
                size = run["batch_size"]
                compiled.append(best(f"{run['mode']}-compile", BATCH_SIZES if run is eager[0] else (size,), size))
        if fastest := max(filter(None, compiled), key=speed, default=None):
            size = fastest["batch_size"]
            for option in ("-lce", "-tuned"):
                mode = fastest["mode"] + option
                if mode in self.modes and (run := best(mode, (size,), size)):
                    fastest = max(fastest, run, key=speed)
        if not found:
            raise failures[0]
        return found


def climb(run: Callable[[int], dict], sizes: tuple[int, ...], start: int) -> Iterator[dict]:
    """run() at the size `start`, at larger ones while that is faster, else at smaller ones: speed has one peak."""
    first = best = run(start)
    yield first
    at = sizes.index(start)
    for side in (sizes[at + 1:], sizes[:at][::-1]):
        for size in side:
            yield (tried := run(size))
            if speed(tried) <= speed(best):
                break
            best = tried
        if best is not first:
            break


def speed(run: dict) -> float:
    return run["tokens_per_second"]


def watched(command: list[str]) -> tuple[int, list[str], list[str], float | None]:
    """Exit code, lines of stdout and of stderr, and the most memory (MB) that a process was seen to hold."""
    peaks = []
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env={**os.environ, **limits()}, **pipes) as process:  # noqa: S603
        try:
            while True:
                try:
                    out, err = process.communicate(timeout=0.5)
                    break
                except subprocess.TimeoutExpired:
                    peaks.append(peak_rss_mb(process.pid))
        except BaseException:
            process.kill()
            raise
    return process.returncode, out.splitlines(), err.splitlines(), max(filter(None, peaks), default=None)
