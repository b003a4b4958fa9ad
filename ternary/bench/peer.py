"""The peer: the same work in PyTorch, JAX or llama.cpp, in a process of its own."""
import json
import math
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ternary.bench.measure import CHECKOUT, peak_rss_mb
from ternary.errors import ResourceError, UsageError
from ternary.machine.heartbeat import say

SCRIPTS = Path("benchmarks", "peers")
TRAINING = ("torch", "jax")       # modules that measure_NAME.py trains with
BATCH_SIZES = (2, 4, 8, 16, 32)
START = 8                         # a batch size near the best one of plain precisions
LAG = 2 / 3                       # a precision slower than this share of the other, both plain, gets no options
WARM_UP = 300                     # seconds that a mode may take to compile and warm up

# what keeps the peer to AVX2: ATen's own kernels, oneDNN, MKL, the compiler of torch.compile, and XLA
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "TORCHINDUCTOR_CPP_MARCH": "x86-64-v3", "XLA_FLAGS": "--xla_cpu_max_isa=AVX2"}


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

    def call(self, *arguments: object, limit: float | None = None) -> tuple[object, float | None]:
        """The JSON it prints last, and the most memory (MB) it was seen to hold.

        ResourceError if it fails or takes more than `limit` seconds.
        """
        code, out, err, peak = watched([*self.command, *map(str, arguments)], limit)
        if code != 0 or not out:
            # the last error of a traceback, which some libraries follow with advice
            named = [line for line in err if re.match(r"[\w.]+: ", line)] or err or [f"exit code {code}"]
            raise ResourceError(f"the peer failed ({' '.join(map(str, arguments))}): {named[-1]}")
        return json.loads(out[-1]), peak


class TrainingPeer(Peer):
    """measure_NAME.py for one model.

    stages: its precisions, then lists of options that a mode can have after one of each list before it.
    """

    def __init__(self, python: str, name: str, model: str, seq_len: int, threads: int):
        super().__init__(python, f"measure_{name}.py", "--model", model, "--seq-len", seq_len, "--threads", threads,
                         module=name)
        self.stages, _ = self.call("--list-modes")

    def run(self, mode: str, batch_size: int, seconds: float) -> dict:
        """What the script says, and peak_rss_mb of its process."""
        result, peak = self.call("--json", "--mode", mode, "--batch", batch_size, "--seconds", seconds,
                                 limit=WARM_UP + 2 * seconds)
        say(f"{result['peer']} {mode}, batch {batch_size}: {speed(result):,.0f} tokens/s")
        return {**result, "peak_rss_mb": peak}

    def search(self, seconds: float) -> list[dict]:
        """Short runs of the modes that can be the fastest. One that fails is skipped; ResourceError if all do.

        Compiling takes half a minute each time. So precisions without options come first, at several batch sizes. The
        first stage of options is tried with the faster one at batch sizes around its best, with the other one at its
        best only. Each later stage starts from the fastest mode of the one before.
        """
        found, failures = [], []

        def best(mode: str, sizes: tuple[int, ...], start: int) -> list[dict]:
            """The fastest run of a mode; none if it fails."""
            runs = []
            say(f"trying {mode}")
            try:
                for run in climb(lambda size: self.run(mode, size, seconds), sizes, start):
                    runs.append(run)
            except ResourceError as error:
                failures.append(error)
                say(f"{mode} is skipped: {error}")
            found.extend(runs)
            return [max(runs, key=speed)] if runs else []

        precisions, *stages = self.stages
        plain = sorted((run for mode in precisions for run in best(mode, BATCH_SIZES, START)), key=speed, reverse=True)

        def extended(bases: list[dict], options: list[str]) -> list[dict]:
            """The fastest of `bases` with one option more, or with several, each of which made it faster still."""
            ran = []
            for base in bases:
                sizes = BATCH_SIZES if base is plain[0] else (base["batch_size"],)
                ran += [(option, run) for option in options
                        for run in best(f"{base['mode']}-{option}", sizes, base["batch_size"])]
            if not ran:
                return []
            added, fastest = max(ran, key=lambda pair: speed(pair[1]))
            left = [option for option in options if option != added and option in dict(ran)]
            further = extended([fastest], left) if speed(fastest) > max(map(speed, bases)) else []
            return [max([fastest, *further], key=speed)]

        bases = [run for run in plain if speed(run) >= LAG * speed(plain[0])]
        for options in stages:
            bases = extended(bases, options)
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


def watched(command: list[str], limit: float | None = None) -> tuple[int, list[str], list[str], float | None]:
    """Exit code, lines of stdout and of stderr, and the most memory (MB) that a process was seen to hold.

    ResourceError after `limit` seconds.
    """
    peaks, end = [], time.monotonic() + (limit or math.inf)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env={**os.environ, **limits()}, **pipes) as process:  # noqa: S603
        try:
            while True:
                try:
                    out, err = process.communicate(timeout=0.5)
                    break
                except subprocess.TimeoutExpired:
                    peaks.append(peak_rss_mb(process.pid))
                    if time.monotonic() > end:
                        raise ResourceError(f"the peer was stopped after {limit:.0f} s") from None
        except BaseException:
            process.kill()
            raise
    return process.returncode, out.splitlines(), err.splitlines(), max(filter(None, peaks), default=None)
