"""report.html of a run: one file without scripts or network, readable on a phone, rewritten at each evaluation."""
import os
import re
import shlex
import time
from html import escape
from pathlib import Path
from typing import Any

from ternary.report.svg import Line, chart

NUMBER = re.compile(r"[-+]?[\d,.]+(e-?\d+)?%?")
STYLE = """
:root { color-scheme: light dark; --ink: #1f2937; --paper: #fff; --rule: #d1d5db; --quiet: #6b7280 }
@media (prefers-color-scheme: dark) { :root { --ink: #e5e7eb; --paper: #111827; --rule: #374151; --quiet: #9ca3af } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto;
       max-width: 72rem; padding: 1rem; overflow-wrap: anywhere }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
.quiet { color: var(--quiet) }
.charts { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(19rem, 1fr)) }
.cards { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1rem 0 }
.card { border: 1px solid var(--rule); border-radius: .5rem; padding: .5rem .9rem }
.card b { display: block; font-size: 1.35rem }
svg { width: 100%; height: auto } svg text { font-size: 12px; fill: var(--quiet) } .grid { stroke: var(--rule) }
.legend span { display: inline-block; margin-right: 1rem; font-size: .85rem }
.legend i { display: inline-block; width: .8em; height: .8em; margin-right: .35em; border-radius: 2px }
table { border-collapse: collapse; font-size: .9rem } td, th { text-align: left; padding: .2rem .8rem .2rem 0;
  border-bottom: 1px solid var(--rule); vertical-align: top } td.n, th.n { text-align: right }
.wide { overflow-x: auto } pre { overflow-x: auto; padding: .6rem; border: 1px solid var(--rule); border-radius: .4rem }
figure { margin: 0 } figcaption { font-size: .9rem; font-weight: 600 } blockquote { margin: .3rem 0 1rem; }
"""


def table(rows: list[list[Any]], head: list[str] | None = None) -> str:
    """Numbers, and what is written as one, to the right."""
    def cell(value: Any, tag: str) -> str:
        number = NUMBER.fullmatch(str(value)) is not None
        return f"<{tag}{' class=n' if number else ''}>{escape(str(value))}</{tag}>"

    top = f"<tr>{''.join(cell(h, 'th') for h in head)}</tr>" if head else ""
    body = "".join(f"<tr>{''.join(cell(v, 'td') for v in row)}</tr>" for row in rows)
    return f'<div class="wide"><table>{top}{body}</table></div>'


def document(title: str, body: str) -> str:
    """A whole page; title is text, body is HTML."""
    return ('<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, '
            f'initial-scale=1"><title>{escape(title)}</title><style>{STYLE}</style><body>{body}</body></html>')


def is_report(path: Path) -> bool:
    """Whether a page was written by `document`."""
    with open(path, encoding="utf-8", errors="replace") as page:
        return STYLE[:60] in page.read(2000)


def replace(path: Path, text: str) -> None:
    """Write a file, whole or not at all."""
    fresh = path.with_name(path.name + ".tmp")
    fresh.write_text(text, encoding="utf-8", errors="backslashreplace")       # a path may hold bytes that are no text
    os.replace(fresh, path)


def column(entries: list[dict], key: str) -> list[float]:
    return [entry.get(key) for entry in entries]


def charts(log: dict[str, list[dict]], settings: dict) -> list[tuple[str, str]]:
    """(title, svg) of what the log holds."""
    train, evals = log["train"], log["eval"]
    each = settings["batch_size"] * settings["seq_len"]
    tokens, hours = [e["step"] * each for e in train], [e["seconds"] / 3600 for e in train]
    eval_tokens, eval_hours = [e["tokens"] for e in evals], [e["seconds"] / 3600 for e in evals]
    by_tokens, by_time = ("tokens", tokens, eval_tokens), ("hours", hours, eval_hours)
    drawn = [
        *(("Loss, nats per token", chart([Line("training", x, column(train, "loss"), faint=True),
                                          Line("validation", at, column(evals, "val_loss"), dots=True)],
                                         unit, "nats per token")) for unit, x, at in (by_tokens, by_time)),
        *(("Bits per character, validation",
           chart([Line("validation BPC", at, column(evals, "val_bpc"), dots=True)], unit, "BPC"))
          for unit, _, at in (by_tokens, by_time)),
        ("Tokens per second",
         chart([Line("tokens/s", hours, column(train, "tokens_per_second"))], "hours", "tokens/s", zero=True)),
        ("Gradient norm, before clipping",
         chart([Line("gradient norm", tokens, column(train, "grad_norm"))], "tokens", "norm", zero=True)),
        ("Learning rate", chart([Line("learning rate", tokens, column(train, "lr"))], "tokens", "rate", zero=True)),
        ("Share of weights that are 0", chart(zero_shares(evals), "tokens", "share of zeros", zero=True)),
    ]
    return [(title, svg) for title, svg in drawn if svg]


def zero_shares(evals: list[dict]) -> list[Line]:
    """Of the ternary matrices of each block, over time."""
    with_trits = [e for e in evals if e.get("trits")]
    blocks: dict[str, list[list[float]]] = {}
    for e in with_trits:
        seen: dict[str, list[float]] = {}
        for name, (_, zero, _) in e["trits"].items():
            seen.setdefault(".".join(name.split(".")[:2]), []).append(zero)
        for block, shares in seen.items():
            blocks.setdefault(block, []).append(sum(shares) / len(shares))
    tokens = [e["tokens"] for e in with_trits]
    return [Line(block, tokens, shares) for block, shares in blocks.items()]


def clock(seconds: float) -> str:
    """3725 -> 1:02:05"""
    minutes, second = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"


def samples(log: dict[str, list[dict]]) -> str:
    """The first sample, the newest, and some between: how the model learned to write."""
    sampled = [line for line in log["eval"] if line.get("sample")]
    picks = sorted({round(k * (len(sampled) - 1) / 4) for k in range(5)}) if sampled else []
    return "".join(f'<p class="quiet">step {e["step"]:,}</p><blockquote>{escape(e["sample"])}</blockquote>'
                   for e in (sampled[k] for k in reversed(picks)))


def trit_table(evals: list[dict]) -> str:
    """Shares of -1, 0 and +1 of every ternary matrix at the last evaluation."""
    trits = next((e["trits"] for e in reversed(evals) if e.get("trits")), {})
    rows = [[name, *(f"{share:.1%}" for share in shares)] for name, shares in trits.items()]
    return f"<h2>Ternary weights, last evaluation</h2>{table(rows, ['matrix', '-1', '0', '+1'])}" if rows else ""


def write_report(folder: Path, log: dict[str, list[dict]], resume: str) -> None:
    """Write folder/report.html, whole or not at all. log: the lines of log.jsonl by kind."""
    start = log["start"][-1]
    settings, train, evals = start["settings"], log["train"], log["eval"]
    best = min(evals, key=lambda e: e["val_bpc"], default=None)
    last = train[-1] if train else {"step": 0, "seconds": 0.0, "loss": float("nan"), "tokens_per_second": 0.0}
    known = best is not None and best.get("seen") is not None     # not by version 0.1
    cards = [("validation BPC, best", f"{best['val_bpc']:.4f}" if best else "-"),
             *([("of it trained on", f"{best['seen']:,} of {best['stories']:,} stories")] if known else []),
             ("training loss", f"{last['loss']:.3f}"), ("step", f"{last['step']:,}"),
             ("tokens", f"{last['step'] * settings['batch_size'] * settings['seq_len'] / 1e6:,.1f} M"),
             ("time", clock(last["seconds"])), ("tokens/s", f"{last['tokens_per_second']:,.0f}")]
    events = [[e["step"], e["text"]] for e in log["event"]]
    title = f"{settings['model']} on {', '.join(Path(source).name for source in settings['data'].split(','))}"
    figures = [f'<div class="card">{name}<b>{value}</b></div>' for name, value in cards]
    drawn = [f"<figure><figcaption>{name}</figcaption>{svg}</figure>" for name, svg in charts(log, settings)]
    commands = f"{resume}\nternary generate 'Once upon a time' --checkpoint {shlex.quote(str(folder))}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        (f'<p class="quiet">{escape(str(folder))}, {start["parameters"]:,} parameters, written '
         f'{time.strftime("%Y-%m-%d %H:%M")}</p>'),
        f'<div class="cards">{"".join(figures)}</div><div class="charts">{"".join(drawn)}</div>',
        f"<h2>Events</h2>{table(events, ['step', 'what happened'])}" if events else "",
        f"<h2>Samples</h2>{samples(log)}",
        trit_table(evals),
        f"<h2>Settings</h2>{table([[k, v] for k, v in settings.items() if v is not None])}",
        f"<h2>Machine and data</h2>{table([[k, v] for k, v in start.get('facts', {}).items()])}",
        f"<h2>Go on</h2><pre>{escape(commands)}</pre>",
    ]
    replace(folder / "report.html", document(title, "".join(parts)))
