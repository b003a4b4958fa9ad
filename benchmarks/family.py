"""Every model of the family at one equal budget, with the same text, tokenizer and optimizer.

    python benchmarks/family.py --data train.txt --val-data valid.txt --tokens 2000000 --folder runs/family
    python benchmarks/family.py --data train.txt --val-data valid.txt --minutes 5 --folder runs/family
    python benchmarks/family.py ... --models bolt-small nova --model my.py:Name

--tokens gives every model the same text. --minutes gives every model the same time: as many tokens as it reads in that
time at its own speed. The speed is that of the fastest ten steps of a short run. These runs come first and want a quiet
machine; what else runs later changes no score. A model of your own joins with --model; it has to pass `ternary audit`
first. Each run is `ternary train` with --vocab 4096 and the model's own learning rate, and is scored by `ternary eval`
on whole validation stories. The best five then run with more seeds. What is finished is kept in --folder: the same
command goes on where it was interrupted. Prints the table, best first, and writes it, with all runs, to
benchmarks/results/DATE-family-BUDGET.json and (with matplotlib) .png. With --page, it also goes into docs/family.md,
between the marks of its budget.
"""
import argparse
import json
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path

from ternary.bench.measure import machine
from ternary.machine.heartbeat import say
from ternary.models import MODELS

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[1] / "docs" / "family.md"
COMMON = ["--vocab", "4096", "--seq-len", "256", "--batch", "16", "--weight-decay", "0.1"]
SEED, SPEED_STEPS = 42, 30
PLOTTED = (("parameters", "million parameters", 1e6), ("tokens_per_second", "thousand tokens per second", 1e3),
           ("seconds", "minutes of training", 60))


def ternary(*arguments: str) -> dict:
    """The JSON of a command, whose progress goes to stderr; SystemExit if it fails."""
    done = subprocess.run([sys.executable, "-m", "ternary", *arguments, "--json"], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"failed: ternary {shlex.join(arguments)}")
    return json.loads(done.stdout.splitlines()[-1])


def flags_of(model: str, given: argparse.Namespace) -> list[str]:
    return ["--model", model, "--data", given.data, "--val-data", given.val_data, *COMMON, "--eval-every", "1000000"]


def log_of(folder: Path, kind: str) -> list[dict]:
    """Those records of a run's log."""
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [record for record in map(json.loads, lines) if record["kind"] == kind]


def speed(model: str, given: argparse.Namespace) -> float:
    """Tokens per second of the fastest ten steps of a short run, or what was kept of it."""
    folder = Path(given.folder) / "speed" / name_of(model)
    if not (folder / "last").exists():
        say(f"{model}, speed")
        ternary("train", *flags_of(model, given), "--steps", str(SPEED_STEPS), "--eval-stories", "1", "--keep", "1",
                "--save-dir", str(folder), "--resume", "auto")
    return max(record["tokens_per_second"] for record in log_of(folder, "train"))


def run(model: str, seed: int, given: argparse.Namespace) -> dict:
    """Train and score, or what was kept of it, with the model's speed."""
    folder = Path(given.folder) / budget_name(given) / f"{name_of(model)}-{seed}"
    kept, tokens_per_second = folder / "family.json", speed(model, given)
    if not kept.exists():
        tokens = given.tokens or round(tokens_per_second * 60 * given.minutes)
        kept.write_text(json.dumps(trained(model, seed, tokens, folder, given)), encoding="utf-8")
    row = json.loads(kept.read_text(encoding="utf-8"))
    return {**row, "tokens_per_second": tokens_per_second, "seconds": row["tokens"] / tokens_per_second}


def trained(model: str, seed: int, tokens: int, folder: Path, given: argparse.Namespace) -> dict:
    """Train and score."""
    say(f"{model}, seed {seed}: {tokens / 1e6:.2f} M tokens")
    ternary("train", *flags_of(model, given), "--tokens", str(tokens), "--seed", str(seed), "--eval-stories", "100",
            "--keep", "1", "--save-dir", str(folder), "--resume", "auto")
    outside = ["--model", model] if ":" in model else []
    score = ternary("eval", "--checkpoint", str(folder), "--data", given.val_data, "--stories", str(given.stories),
                    *outside)
    return {"model": model, "seed": seed, "parameters": log_of(folder, "start")[0]["parameters"], "tokens": tokens,
            **{key: score[key] for key in ("bpc", "nats_per_token", "stories", "seen")}}


def name_of(model: str) -> str:
    """Of a folder."""
    return model.replace("/", "_").replace(":", "_")


def budget_name(given: argparse.Namespace) -> str:
    return f"{given.tokens}-tokens" if given.tokens else f"{given.minutes:g}-minutes"


def summary(rows: list[dict]) -> list[dict]:
    """One row for each model, means over its seeds, best first."""
    found = []
    for model in dict.fromkeys(row["model"] for row in rows):
        of_model = [row for row in rows if row["model"] == model]
        scores = [row["bpc"] for row in of_model]
        found.append({"model": model, "parameters": of_model[0]["parameters"],
                      **{key: statistics.mean(row[key] for row in of_model)
                         for key in ("bpc", "tokens", "tokens_per_second", "seconds")},
                      "spread": max(scores) - min(scores) if len(scores) > 1 else None, "seeds": len(scores)})
    return sorted(found, key=lambda row: row["bpc"])


def table(rows: list[dict]) -> str:
    """Markdown."""
    lines = ["| model | parameters | BPC | seeds | tokens | tokens/s | minutes |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        spread = "" if row["spread"] is None else f" (spread {row['spread']:.3f})"
        lines.append(f"| {row['model']} | {row['parameters']:,} | {row['bpc']:.3f}{spread} | {row['seeds']} | "
                     f"{row['tokens'] / 1e6:.2f} M | {row['tokens_per_second']:,.0f} | {row['seconds'] / 60:.1f} |")
    return "\n".join(lines)


def write_page(given: argparse.Namespace, rows: list[dict], command: str, where: dict) -> None:
    """Replace what stands between the marks of this budget in docs/family.md."""
    begin, end = f"<!-- {budget_name(given)} -->", f"<!-- end of {budget_name(given)} -->"
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        sys.exit(f"{PAGE} has no lines {begin} and {end}; write them where the table belongs")
    commit = f" commit {where['commit']}," if "commit" in where else ""          # an archive of the sources has none
    about = (f"`{command}`, {where['threads']} threads of {where['machine']} ({where['isa']}),{commit} "
             f"{time.strftime('%Y-%m-%d')}.")
    PAGE.write_text(f"{before}{begin}\n{about}\n\n{table(rows)}\n{end}{after}", encoding="utf-8")


def plot(rows: list[dict], path: Path, title: str) -> None:
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    # the time may be that of all
    plotted = [of for of in PLOTTED if len({row[of[0]] for row in rows}) > 1] or PLOTTED[:1]
    figure, [axes] = plt.subplots(1, len(plotted), figsize=(20, 9), dpi=110, sharey=True, squeeze=False)
    for axis, (key, label, unit) in zip(axes, plotted):
        axis.plot([row[key] / unit for row in rows], [row["bpc"] for row in rows], "o", color="tab:blue")
        axis.set(xscale="log", xlabel=label)
        axis.margins(x=0.15)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("bits per character (lower is better)")
    figure.suptitle(title)
    figure.tight_layout()
    figure.canvas.draw()                          # now the places of points are known
    for axis, (key, _, unit) in zip(axes, plotted):
        write_names(axis, [(row[key] / unit, row["bpc"], row["model"].rpartition(":")[2]) for row in rows])
    figure.savefig(path)
    plt.close(figure)


def write_names(axis, points: list[tuple[float, float, str]]) -> None:
    """Beside its point, or as far above as no other name is."""
    to_pixels, height, width = axis.transData.transform, 12, 6.5               # of a letter, at 110 dots per inch
    taken: list[tuple[float, float, float]] = []
    for x, y, name in sorted(points, key=lambda point: point[1]):
        left, bottom = to_pixels((x, y))
        right, at = left + width * len(name), bottom
        while any(left < end and start < right and abs(at - other) < height for start, end, other in taken):
            at += 1
        taken.append((left, right, at))
        axis.annotate(name, (x, y), fontsize=7, xytext=(6, at - bottom - 4), textcoords="offset pixels",
                      arrowprops={"arrowstyle": "-", "lw": 0.4, "color": "gray"} if at > bottom + 4 else None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--val-data", required=True)
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument("--tokens", type=int)
    budget.add_argument("--minutes", type=float)
    parser.add_argument("--models", nargs="+", help="default: all")
    parser.add_argument("--model", action="append", default=[], help="also one of your own, my.py:Name; repeatable")
    parser.add_argument("--seeds", type=int, default=3, help="of the best --best models; the others have one")
    parser.add_argument("--best", type=int, default=5)
    parser.add_argument("--stories", type=int, default=500, help="validation stories of the score")
    parser.add_argument("--folder", default="runs/family")
    parser.add_argument("--page", action="store_true", help="write the table to docs/family.md")
    given = parser.parse_args()
    for model in given.model:
        report = ternary("audit", model)[0]
        if not report["passed"]:
            sys.exit(f"{model} does not pass the audit: {report['detail']}")
    models = [*(given.models or MODELS.names()), *given.model]
    for model in models:
        speed(model, given)
    rows = [run(model, SEED, given) for model in models]
    best = [row["model"] for row in summary(rows)[:given.best]]
    rows += [run(model, seed, given) for model in best for seed in range(SEED + 1, SEED + given.seeds)]
    found, date, where = summary(rows), time.strftime("%Y-%m-%d"), machine()
    command = f"python benchmarks/family.py {shlex.join(sys.argv[1:])}"
    path = RESULTS / f"{date}-family-{budget_name(given)}.json"
    path.write_text(json.dumps({"command": command, "date": date, **where, "models": found, "runs": rows}, indent=1)
                    + "\n", encoding="utf-8")
    if given.page:
        write_page(given, found, command, where)
    try:
        plot(found, path.with_suffix(".png"), f"{budget_name(given).replace('-', ' ')} each")
    except ImportError:
        say("no plot: it needs matplotlib")
    print(table(found))


if __name__ == "__main__":
    main()
