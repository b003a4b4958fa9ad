"""Do two versions of the engine compute the same weights, bit for bit? Trains each model with both and compares.

    python benchmarks/same_weights.py OLD/bin/ternary NEW/bin/ternary [--steps 120] [--models ...] [--precisions ...]
                                      [--train="--vocab-sampling 0"]

OLD and NEW are the `ternary` commands of two installations on the same machine. A run of the same model, precision,
seed, batch and threads gives the same bits, so any difference comes from a change of the arithmetic. Where weights
differ, both curves of the training loss are printed, one value every ten steps.
"""
import argparse
import hashlib
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from safetensors.numpy import load_file

MODELS, PRECISIONS = ("bolt-small", "nova", "thunderbolt"), ("int8", "bf16", "fp32")


def train(command: str, model: str, precision: str, steps: int, batch_size: int, folder: Path,
          options: list[str]) -> Path:
    """Train on fables -> the folder of the last checkpoint. One already there, of the same settings, is used again."""
    if not (folder / "last").exists():
        subprocess.run([command, "train", "--model", model, "--precision", precision, "--steps", str(steps),
                        "--batch", str(batch_size), "--seq-len", "256", "--lr", "0.003", "--threads", "2",
                        "--data", "fables", "--eval-every", str(steps), "--eval-stories", "20",
                        "--save-dir", str(folder), *options],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder / "last"


def difference(a: Path, b: Path) -> dict:
    """How the weights of two checkpoints differ."""
    left, right = load_file(a / "model.safetensors"), load_file(b / "model.safetensors")
    if left.keys() != right.keys():
        return {"same": False, "names": sorted(left.keys() ^ right.keys())}
    worst = max(left, key=lambda name: abs(left[name].astype(float) - right[name]).max())
    digest = hashlib.sha256(b"".join(left[name].tobytes() for name in sorted(left))).hexdigest()[:16]
    same = all(left[name].tobytes() == right[name].tobytes() for name in left)
    return {"same": same, "sha256": digest, "largest_difference": float(abs(left[worst] - right[worst]).max())}


def curve(run: Path) -> list[float]:
    """The training loss of a run, as it was logged."""
    rows = map(json.loads, (run / "log.jsonl").read_text().splitlines())
    return [round(row["loss"], 4) for row in rows if row["kind"] == "train"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--precisions", nargs="+", default=PRECISIONS)
    parser.add_argument("--folder", type=Path, help="where the runs are kept, and found again")
    parser.add_argument("--train", default="", help="more options of `ternary train`, in one string, for both")
    given = parser.parse_args()
    folder, failed = given.folder or Path(tempfile.mkdtemp()), False
    for model in given.models:
        for precision in given.precisions:
            runs = [train(command, model, precision, given.steps, given.batch, folder / f"{side}-{model}-{precision}",
                          shlex.split(given.train))
                    for side, command in (("old", given.old), ("new", given.new))]
            row = {"model": model, "precision": precision, **difference(*runs)}
            if not row["same"]:
                failed, row["curves"] = True, [curve(run.parent) for run in runs]
            print(json.dumps(row), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
