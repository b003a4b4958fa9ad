"""How long training takes from random weights to a score: the median of several seeds.

    python benchmarks/speedrun.py --target 0.85 --data train.txt --val-data valid.txt --tokens 10600000

Every flag but --target, --seeds and --out is one of `ternary train`, which runs once per seed and stops at its first
evaluation (honest BPC on validation stories, every --eval-every steps) at or below the target. Without --target every
seed runs to the end of its budget, and the target is the median of what they reach: so recipes are compared.
The clock starts at the first step:
    wall_seconds      until the end of the evaluation that reached the target, other evaluations and saves included
    training_seconds  the part of it that was spent in steps
A run of two steps comes first, so that data is tokenised and kernels are compiled. Writes JSON into benchmarks/results
and prints a row of the leaderboard.
"""
import argparse
import json
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ternary.bench.measure import machine
from ternary.machine.heartbeat import say
from ternary.training.logbook import Logbook

SEED = 42
RESULTS = Path(__file__).parent / "results"


def train(flags: list[str], folder: Path) -> dict:
    """Run `ternary train` into `folder` -> its JSON. Its progress goes to stderr; SystemExit if it fails."""
    command = [sys.executable, "-m", "ternary", "train", *flags, "--save-dir", str(folder), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    return json.loads(done.stdout.splitlines()[-1])


def clocks(folder: Path) -> dict:
    """Seconds from the first step of a run to the end of its last evaluation, and of the steps alone, by its log."""
    log = Logbook(folder)
    start, laps, last = log.lines("start")[0], log.lines("train"), log.lines("eval")[-1]
    settings, spent, before = start["settings"], 0.0, 0
    for lap in laps:
        tokens = (lap["step"] - before) * settings["batch_size"] * settings["seq_len"]
        spent, before = spent + tokens / lap["tokens_per_second"], lap["step"]
    return {"wall_seconds": last["time"] - start["time"], "training_seconds": spent}


def speedrun(target: float | None, flags: list[str], seeds: int = 3) -> dict:
    """Train with each seed until the target, or to the end -> medians, and what every seed needed.

    A seed that missed the target has needed infinitely long: None, which is also the median of such a majority.
    """
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        say("compiling and preparing the data")
        train([*flags, "--steps", "2"], Path(folder) / "first")
        for seed in range(SEED, SEED + seeds):
            say(f"seed {seed}")
            into = Path(folder) / str(seed)
            result = train([*flags, "--seed", str(seed), *(["--target-bpc", str(target)] if target else [])], into)
            runs.append({"seed": seed, "reached": not target or result["val_bpc"] <= target, **clocks(into),
                         **{key: result[key] for key in ("val_bpc", "step", "tokens")}})
    medians = {key: median([run[key] if run["reached"] else None for run in runs])
               for key in ("wall_seconds", "training_seconds", "tokens")}
    given = f"--target {target:g} " if target else ""
    return {"command": f"python benchmarks/speedrun.py {given}--seeds {seeds} {shlex.join(flags)}",
            "date": time.strftime("%Y-%m-%d"), "target_bpc": target or median([run["val_bpc"] for run in runs]),
            **machine(), **medians, "runs": runs}


def median(values: list[float | None]) -> float | None:
    """With None for infinity."""
    middle = statistics.median_high([float("inf") if v is None else v for v in values])
    return None if middle == float("inf") else middle


def row(result: dict) -> str:
    """Of the table "Time to a score" in LEADERBOARD.md."""
    times = [f"{result[key]:,.0f}" if result[key] else "missed"
             for key in ("wall_seconds", "training_seconds", "tokens")]
    where = f"{result['machine']}, {result['threads']} threads, {result['isa']}"
    cells = [result["date"], result.get("commit", ""), where, f"`{result['command']}`", f"{result['target_bpc']:.4g}"]
    return f"| {' | '.join([*cells, *times])} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     allow_abbrev=False)
    parser.add_argument("--target", type=float, help="bits per character")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="JSON file [default: results/DATE-speedrun.json]")
    args, flags = parser.parse_known_args()
    result = speedrun(args.target, flags, args.seeds)
    out = args.out or RESULTS / f"{result['date']}-speedrun.json"
    out.write_text(json.dumps(result) + "\n")
    print(row(result))


if __name__ == "__main__":
    main()
