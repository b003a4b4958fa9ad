"""The peer: the same model in PyTorch, in a process of its own."""
import json
import subprocess
from pathlib import Path

from ternary.bench.measure import CHECKOUT, peak_rss_mb, say
from ternary.errors import ResourceError, UsageError

SCRIPT = Path("benchmarks", "peers", "torch_bolt.py")
MODES = ("fp32", "bf16", "fp32-compile", "bf16-compile")
BATCH_SIZES = (2, 8, 16, 32)


def find_peer(name: str | None, python: str, model: str, seq_len: int, threads: int) -> "Peer | None":
    """The peer of a model, or None if none is wanted. UsageError if it cannot be had."""
    if name is None:
        return None
    if name != "torch":
        raise UsageError(f"--peer is {name!r}; the peer is torch")
    if model != "bolt-small":
        raise UsageError(f"--peer torch has no model {model!r}; use --model bolt-small")
    return Peer(python, seq_len, threads)


def find_script() -> Path:
    """benchmarks/peers/torch_bolt.py in the package's checkout, or in one around the working directory."""
    here = Path.cwd()
    for folder in (CHECKOUT, here, *here.parents):
        if (folder / SCRIPT).is_file():
            return folder / SCRIPT
    raise UsageError(f"--peer torch needs {SCRIPT.as_posix()}, which is not part of an installed package; "
                     "run this inside a checkout of the repository")


class Peer:
    """Runs the peer's script. UsageError if the script is missing, or torch for the interpreter `python`."""

    def __init__(self, python: str, seq_len: int, threads: int):
        self.command = [python, str(find_script()), "--json", "--seq-len", str(seq_len)]
        self.command += ["--threads", str(threads)]
        try:
            code, *_ = watched([python, "-c", "import torch"])
        except OSError as error:
            raise UsageError(f"--peer-python {python} cannot be run ({error.strerror}); "
                             "give the path of a Python that has torch") from None
        if code != 0:
            raise UsageError(f"--peer torch: {python} has no torch; install torch there, or name a Python "
                             "that has it with --peer-python")

    def run(self, mode: str, batch_size: int, seconds: float) -> dict:
        """What the script says, and peak_rss_mb of its process. ResourceError if it fails."""
        command = [*self.command, "--mode", mode, "--batch", str(batch_size), "--seconds", str(seconds)]
        code, out, err, peak = watched(command)
        if code != 0 or not out:
            why = err[-1] if err else f"exit code {code}"
            raise ResourceError(f"the peer failed in mode {mode} at batch {batch_size}: {why}")
        result = json.loads(out[-1])
        say(f"{result['peer']} {mode}, batch {batch_size}: {result['tokens_per_second']:,.0f} tokens/s")
        return {**result, "peak_rss_mb": peak}

    def search(self, seconds: float) -> list[dict]:
        """Short runs of all modes and batch sizes. A mode that fails is left; ResourceError if all do."""
        found, failure = [], None
        for mode in MODES:
            try:
                for batch_size in BATCH_SIZES:
                    found.append(self.run(mode, batch_size, seconds))
            except ResourceError as error:
                failure = error
                say(str(error))
        if not found:
            raise failure
        return found


def watched(command: list[str]) -> tuple[int, list[str], list[str], float | None]:
    """Exit code, lines of stdout and of stderr, and the most memory (MB) that a process was seen to hold."""
    peaks = []
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:  # noqa: S603
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
