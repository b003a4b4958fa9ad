"""The peer: the same model in PyTorch, in a process of its own."""
import json
import subprocess
from pathlib import Path

from ternary.bench.measure import CHECKOUT, peak_rss_mb, say
from ternary.errors import ResourceError, UsageError

SCRIPT = Path("benchmarks", "peers", "torch_bolt.py")
MODES = ("fp32", "bf16", "fp32-compile", "bf16-compile")
BATCH_SIZES = (2, 8, 16, 32)


def find_script() -> Path:
    """benchmarks/peers/torch_bolt.py of the checkout of the package, or of one around the current directory."""
    here = Path.cwd()
    for folder in (CHECKOUT, here, *here.parents):
        if (folder / SCRIPT).is_file():
            return folder / SCRIPT
    raise UsageError(f"--peer torch needs {SCRIPT.as_posix()}, which is not part of the installed package; "
                     "run this inside a checkout of the repository")


class Peer:
    """Runs the peer's script. UsageError if the script is missing, or torch in the interpreter `python`."""

    def __init__(self, python: str, seq_len: int, threads: int):
        self.command = [python, str(find_script()), "--seq-len", str(seq_len), "--threads", str(threads), "--json"]
        try:
            found = subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 0
        except OSError as error:
            raise UsageError(f"--peer-python {python} cannot be run ({error.strerror}); "
                             "give the path of a Python that has torch") from None
        if not found:
            raise UsageError(f"--peer torch: {python} has no torch; install torch, or name a Python that has it "
                             "with --peer-python")

    def run(self, mode: str, batch_size: int, seconds: float) -> dict:
        """The result of the script, with peak_rss_mb of its process. ResourceError if it fails."""
        command = [*self.command, "--mode", mode, "--batch", str(batch_size), "--seconds", str(seconds)]
        peak = 0.0
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                while True:
                    try:
                        out, err = process.communicate(timeout=0.5)
                        break
                    except subprocess.TimeoutExpired:
                        peak = max(peak, peak_rss_mb(process.pid) or 0)
            except BaseException:
                process.kill()
                raise
        lines = out.splitlines()
        if process.returncode != 0 or not lines:
            why = (err.splitlines() or [f"exit code {process.returncode}"])[-1]
            raise ResourceError(f"the peer failed in mode {mode} at batch {batch_size}: {why}")
        result = json.loads(lines[-1])
        say(f"{result['peer']} {mode}, batch {batch_size}: {result['tokens_per_second']:,.0f} tokens/s")
        return {**result, "peak_rss_mb": peak or None}

    def search(self, seconds: float) -> list[dict]:
        """Short runs of every mode and batch size; a mode that fails is said and left. ResourceError if all do."""
        found, failed = [], None
        for mode in MODES:
            try:
                for batch_size in BATCH_SIZES:
                    found.append(self.run(mode, batch_size, seconds))
            except ResourceError as error:
                failed = error
                say(str(error))
        if not found:
            raise failed
        return found
