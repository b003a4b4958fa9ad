"""Runs side by side, from their logs."""
from html import escape
from pathlib import Path

from ternary.config import MODEL_FLAGS
from ternary.errors import ModelFileError
from ternary.report.page import document, replace, table
from ternary.report.svg import Line, chart

SHOWN = ("model", "set", "data", "optimizer", "objective", "schedule", "batch_size", "seq_len", "lr", "precision",
         "vocab_size", "seed", "threads")


def summary(name: str, log: dict[str, list[dict]]) -> dict:
    """A row of `ternary compare`; name: a run's folder; seen: how many of the scored stories were trained on.
    ModelFileError if the log has no run."""
    if not log["start"]:
        if (Path(name) / "log.jsonl").exists():
            raise ModelFileError(f"the run in {name} ended before its first step; leave it out, or continue it with "
                                 f"ternary train --save-dir {name}")
        raise ModelFileError(f"{name} has no log.jsonl of a run; give folders of --save-dir")
    settings, train, evals = log["start"][-1]["settings"], log["train"], log["eval"]
    best = min(evals, key=lambda e: e["val_bpc"], default={})
    last = train[-1] if train else {}
    tokens = last.get("step", 0) * settings["batch_size"] * settings["seq_len"]
    return {"run": name, "best_bpc": best.get("val_bpc"), "seen": best.get("seen"), "stories": best.get("stories"),
            "best_step": best.get("step"), "train_loss": last.get("loss"),
            "step": last.get("step", 0), "tokens": tokens, "seconds": last.get("seconds", 0.0),
            "tokens_per_second": tokens / last["seconds"] if last.get("seconds") else None,
            **{key: settings.get(key) for key in SHOWN}, "set": model_settings(settings)}


def model_settings(settings: dict) -> str:
    """What --set was, such as "dim=64 layers=2"; version 0.1 had two settings of the model by name."""
    given = {**{key: settings.get(key) for key in MODEL_FLAGS}, **settings.get("set", {})}
    return " ".join(f"{key}={value}" for key, value in sorted(given.items()) if value is not None)


def differing(rows: list[dict]) -> list[dict]:
    """Without the settings in which all rows agree."""
    kept = [key for key in rows[0] if key not in SHOWN or len({str(row[key]) for row in rows}) > 1]
    return [{key: row[key] for key in kept} for row in rows]


def write_comparison(path: Path, logs: dict[str, dict[str, list[dict]]]) -> None:
    """A page like report.html with the curves of all runs."""
    rows = differing([summary(name, log) for name, log in logs.items()])
    evals = {name: log["eval"] for name, log in logs.items()}
    curves = {"over tokens": ("tokens", "tokens", 1), "over time": ("hours", "seconds", 3600)}
    drawn = []
    for title, (x_name, key, unit) in curves.items():
        lines = [Line(name, [e[key] / unit for e in log], [e["val_bpc"] for e in log], dots=True)
                 for name, log in evals.items()]
        drawn.append(f"<figure><figcaption>Validation BPC {title}</figcaption>{chart(lines, x_name, 'BPC')}</figure>")
    cells = [["" if v is None else f"{v:.4g}" if isinstance(v, float) else v for v in row.values()] for row in rows]
    title = " and ".join(logs)
    body = f'<h1>{escape(title)}</h1><div class="charts">{"".join(drawn)}</div>{table(cells, list(rows[0]))}'
    replace(path, document(title, body))
