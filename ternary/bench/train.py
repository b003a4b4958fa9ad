"""Tokens per second of whole training steps, alone or in turns with a peer."""
import sys
import time

import numpy as np

from ternary.bench.measure import chosen, machine, peak_rss_mb, say
from ternary.bench.peak import flops_per_token, peak_gflops
from ternary.bench.peer import Peer
from ternary.bench.profile import table, timed_kernels
from ternary.errors import UsageError
from ternary.models import entry
from ternary.rng import generator
from ternary.train.optimizer import AdamW
from ternary.train.trainer import PART, Trainer

BATCHES = 4                       # made beforehand, used in turn
LR = 1e-3
ROUNDS = 3


def zipf(rng: np.random.Generator, vocab: int, shape: tuple[int, ...]) -> np.ndarray:
    """Token ids with the frequencies of words: the k-th in proportion to 1 / k."""
    p = 1 / np.arange(1, vocab + 1)
    return rng.choice(vocab, shape, p=p / p.sum()).astype(np.int32)


class Steps:
    """Training steps of a new model on synthetic tokens, compiled and warm."""

    def __init__(self, name: str, batch_size: int, seq_len: int, precision: str):
        recipe, rng = entry(name), generator(0, "bench")
        self.model = recipe.model(recipe.config)
        self.trainer = Trainer(self.model, AdamW(self.model.parameters()), precision)
        self.tokens, self.done = batch_size * seq_len, 0
        drawn = [zipf(rng, recipe.config.vocab_size, (batch_size, seq_len + 1)) for _ in range(BATCHES)]
        self.batches = [tuple(map(np.ascontiguousarray, (t[:, :-1], t[:, 1:]))) for t in drawn]
        for _ in range(2):
            self.step()

    def step(self) -> float:
        """One update: quantise, pack, forward, backward, clip, AdamW -> seconds"""
        start = time.perf_counter()
        self.trainer.step(*self.batches[self.done % BATCHES], LR)
        self.done += 1
        return time.perf_counter() - start

    def window(self, seconds: float) -> list[float]:
        """The times of all steps that begin within `seconds`, at least one."""
        times = [self.step()]
        while sum(times) < seconds:
            times.append(self.step())
        return times


def bench_train(model: str = "bolt-small", batch_size: int = 32, seq_len: int = 256, seconds: float = 10.0,
                precision: str = "auto", peer: str | None = None, peer_python: str = sys.executable,
                profile: bool = False) -> dict:
    """Speed of full training steps -> JSON of `ternary bench train`.

    tokens_per_second is the mean over the window (with a peer: over all rounds), best_tokens_per_second that of
    the best step. gflops counts matrix products only (see flops_per_token) at the mean speed, peak_gflops is what
    the product kernels reach alone in this run, peak_share their quotient. peer "torch" runs the PyTorch model in
    its fastest mode and batch size in turns with ours; ratio is ours / theirs.
    """
    if batch_size < 1 or seq_len < 1 or not seconds > 0:
        raise UsageError(f"batch {batch_size} x {seq_len} for {seconds} seconds; all are at least 1, seconds above 0")
    precision, where = chosen(precision), machine()
    rival = find_peer(peer, peer_python, model, seq_len, where["threads"])
    say(f"{model}, {precision} on {where['threads']} threads ({where['isa']}): compiling and warming up")
    steps = Steps(model, batch_size, seq_len, precision)
    windows = [steps.window(seconds)]
    say(f"ours: {speed(steps, windows):,.0f} tokens/s")
    rows = min(batch_size, max(1, PART // seq_len)) * seq_len
    peak = peak_gflops(steps.model, rows, precision, seconds / 4)
    compared = {"peer": None, "ratio": None}
    if rival:
        windows, compared = in_turns(steps, rival, seconds, precision)
    profiled = {"profile": profile_steps(steps, seconds)} if profile else {}
    mean, flops = speed(steps, windows), flops_per_token(steps.model)
    return {"model": model, "precision": precision, **where, "batch_size": batch_size, "seq_len": seq_len,
            "steps": sum(map(len, windows)), "tokens_per_second": mean,
            "best_tokens_per_second": steps.tokens / min(map(min, windows)),
            "flops_per_token": flops, "gflops": mean * flops / 1e9, "peak_gflops": peak,
            "peak_share": mean * flops / 1e9 / peak, "peak_rss_mb": peak_rss_mb(), **compared, **profiled}


def speed(steps: Steps, windows: list[list[float]]) -> float:
    return steps.tokens * sum(map(len, windows)) / sum(map(sum, windows))


def find_peer(peer: str | None, python: str, model: str, seq_len: int, threads: int) -> Peer | None:
    if peer is None:
        return None
    if peer != "torch":
        raise UsageError(f"--peer is {peer!r}; the peer is torch")
    if model != "bolt-small":
        raise UsageError(f"--peer torch has no {model}; use --model bolt-small")
    return Peer(python, seq_len, threads)


def in_turns(steps: Steps, rival: Peer, seconds: float, precision: str) -> tuple[list[list[float]], dict]:
    """ROUNDS of a window of ours, then one of each peer -> our windows; peer, ratio and all rounds.

    The peer is the fastest setting of a short search. At fp32 its fastest eager fp32 setting takes turns too.
    """
    search = rival.search(min(seconds, 2.0))
    best = max(search, key=lambda run: run["tokens_per_second"])
    settings = {"peer": best}
    eager = [run for run in search if run["mode"] == "fp32"]
    if precision == "fp32" and eager:
        settings["fp32_eager"] = max(eager, key=lambda run: run["tokens_per_second"])
    windows, runs = [], {key: [] for key in settings}
    for turn in range(ROUNDS):
        steps.step()              # back in cache and in memory after the peer
        windows.append(steps.window(seconds))
        say(f"round {turn + 1} of {ROUNDS}: ours {speed(steps, windows[-1:]):,.0f} tokens/s")
        for key, setting in settings.items():
            runs[key].append(rival.run(setting["mode"], setting["batch_size"], seconds))
    ours = [speed(steps, [w]) for w in windows]
    found = {"rounds": ours, "search": [{k: run[k] for k in ("mode", "batch_size", "tokens_per_second")}
                                        for run in search]}
    for key, rounds in runs.items():
        theirs = [run["tokens_per_second"] for run in rounds]
        found[key] = {"name": rounds[0]["peer"], "mode": rounds[0]["mode"], "batch_size": rounds[0]["batch_size"],
                      "tokens_per_second": sum(theirs) / ROUNDS, "rounds": theirs,
                      "peak_rss_mb": max((run["peak_rss_mb"] or 0 for run in rounds)) or None}
        found["ratio" if key == "peer" else f"ratio_{key}"] = speed(steps, windows) / found[key]["tokens_per_second"]
    return windows, found


def profile_steps(steps: Steps, seconds: float) -> list[dict]:
    """Time per step of each kernel, over a window of its own."""
    with timed_kernels() as spent:
        times = steps.window(seconds)
    return table(spent, len(times), sum(times))
