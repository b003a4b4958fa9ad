"""Tokens per second of whole training steps, alone or in turns with a peer."""
import sys
import time

import numba
import numpy as np

from ternary.bench.measure import chosen, keep_busy, machine, peak_rss_mb
from ternary.bench.peak import flops_per_token, peak_gflops
from ternary.bench.peer import TRAINING, TrainingPeer, limits, speed
from ternary.bench.profile import Profile, table
from ternary.compiler.backend import use_backend
from ternary.config import TrainConfig
from ternary.errors import UsageError
from ternary.machine.heartbeat import say
from ternary.machine.workers import Workers
from ternary.models import MODELS
from ternary.rng import generator
from ternary.training.micro_batches import micro_batches, plan_workers
from ternary.training.optimizers import OPTIMIZERS
from ternary.training.step import Trainer

BATCHES = 4                       # made beforehand, used in turn
LR = 1e-3
ROUNDS = 3
BATCH_SIZES = (8, 16, 32, 64)
SEARCH = 2.0                      # seconds of a short run, ours or the peer's


def zipf(rng: np.random.Generator, vocab: int, shape: tuple[int, ...]) -> np.ndarray:
    """Token ids with the frequencies of words: the k-th in proportion to 1 / k."""
    p = 1 / np.arange(1, vocab + 1)
    return rng.choice(vocab, shape, p=p / p.sum()).astype(np.int32)


class Steps:
    """Training steps of a new model on synthetic tokens, compiled and warm."""

    def __init__(self, name: str, batch_size: int, seq_len: int, precision: str, vocab_sampling: float = 0.0,
                 optimizer: str = "adamw", workers: Workers | None = None):
        rng = generator(0, "bench")
        self.model = MODELS.get(name)()
        mover = OPTIMIZERS.get(optimizer)(self.model.parameters(), precision=precision)
        threads = numba.get_num_threads()
        count = plan_workers(threads, batch_size, seq_len)
        workers = workers or Workers(count, threads // count)
        self.trainer, self.vocab_sampling = Trainer(self.model, mover, precision, workers=workers), vocab_sampling
        self.tokens, self.done, self.batches, self.cpu = batch_size * seq_len, 0, [], 0.0
        for _ in range(BATCHES):
            t = zipf(rng, self.model.config.vocab_size, (batch_size, seq_len + 1))
            self.batches.append((t[:, :-1].copy(), t[:, 1:].copy()))
        for _ in range(2):
            self.step()

    def step(self) -> float:
        """One update: quantise, pack, forward, backward, clip, optimizer -> seconds"""
        start = time.perf_counter()
        self.trainer.step(*self.batches[self.done % BATCHES], LR, self.vocab_sampling)
        self.done += 1
        return time.perf_counter() - start

    def window(self, seconds: float) -> list[float]:
        """The times of the steps that begin within `seconds`, at least one; their CPU time goes to `cpu`."""
        start, times = time.process_time(), [self.step()]
        while sum(times) < seconds:
            times.append(self.step())
        self.cpu += time.process_time() - start
        return times

    def speed(self, times: list[float]) -> float:
        """Mean tokens per second."""
        return self.tokens * len(times) / sum(times)


def bench_train(model: str = "bolt-small", batch_size: int | None = None, seq_len: int = 256,
                seconds: float | None = None, precision: str = "auto", peer: str | None = None,
                peer_python: str = sys.executable, profile: bool = False,
                vocab_sampling: float = TrainConfig.vocab_sampling, optimizer: str = "adamw", busy: int = 0) -> dict:
    """Speed of full training steps -> JSON of `ternary bench train`.

    batch_size None: the fastest of BATCH_SIZES in short runs; seconds None: 10, or 20 with a peer.
    tokens_per_second is the mean over `seconds` (with a peer: over all rounds), best_tokens_per_second
    that of the best step. gflops counts the matrix products (flops_per_token) at the mean speed, with those that
    vocab_sampling leaves out; peak_gflops is what the product kernels reach alone in this run; peak_share is their
    quotient. peer is the model in PyTorch ("torch") or
    JAX ("jax") in its fastest mode and batch size, in turns with ours; ratio is ours / theirs. cpu_share is
    the CPU time that the threads got: well below 1, the machine was busy and the numbers say little. With `busy`,
    the same again beside so many processes that each keep a core busy: a second row of the table beside_busy.
    """
    seconds = (20.0 if peer else 10.0) if seconds is None else seconds
    if (batch_size is not None and batch_size < 1) or seq_len < 1 or not seconds > 0:
        raise UsageError(f"--batch {batch_size}, --seq-len {seq_len}, --seconds {seconds}; all are above 0")
    if busy < 0:
        raise UsageError(f"--busy is {busy}; give the number of busy processes, 0 for none")
    if peer not in (None, *TRAINING):
        raise UsageError(f"--peer is {peer!r}; use {' or '.join(TRAINING)}")
    MODELS.get(model)             # before the peer is asked for it
    precision, where = chosen(precision), machine()
    rival = TrainingPeer(peer_python, peer, model, seq_len, where["threads"]) if peer else None
    say(f"{model}, {precision} on {where['threads']} threads ({where['isa']}): compiling and warming up")
    searched = {}
    if batch_size is None:
        searched["batch_search"] = [short_run(model, size, seq_len, precision, vocab_sampling, optimizer, seconds)
                                    for size in BATCH_SIZES]
        batch_size = max(searched["batch_search"], key=speed)["batch_size"]
    steps = Steps(model, batch_size, seq_len, precision, vocab_sampling, optimizer)
    rows = (micro_batches(batch_size, seq_len)[0].stop) * seq_len
    before = peak_gflops(steps.model, rows, precision, seconds / 8)
    if rival:
        times, compared = in_turns(steps, rival, seconds, precision)
    else:
        times, compared = steps.window(seconds), {"peer": None, "ratio": None}
    # again, in case other processes disturbed the first
    peak = max(before, peak_gflops(steps.model, rows, precision, seconds / 8))
    rss, cpu_share = peak_rss_mb(), steps.cpu / sum(times) / where["threads"]
    profiled = {"profile": profile_steps(steps, seconds)} if profile else {}
    mean, flops = steps.speed(times), flops_per_token(steps.model, seq_len)
    gflops = mean * flops / 1e9
    disturbed = {"beside_busy": beside_busy(steps, rival, compared["peer"], mean, seconds, busy)} if busy else {}
    return {"model": model, "precision": precision, "vocab_sampling": vocab_sampling, "optimizer": optimizer, **where,
            "batch_size": batch_size, "seq_len": seq_len, "steps": len(times),
            "cpu_share": cpu_share, "tokens_per_second": mean,
            "best_tokens_per_second": steps.tokens / min(times), "flops_per_token": flops, "gflops": gflops,
            "peak_gflops": peak, "peak_share": gflops / peak, "peak_rss_mb": rss, **compared, **searched, **disturbed,
            **profiled}


def short_run(model: str, batch_size: int, seq_len: int, precision: str, vocab_sampling: float, optimizer: str,
              seconds: float) -> dict:
    """Speed at one batch size."""
    steps = Steps(model, batch_size, seq_len, precision, vocab_sampling, optimizer)
    mean = steps.speed(steps.window(min(seconds, SEARCH)))
    say(f"batch {batch_size}: {mean:,.0f} tokens/s")
    return {"batch_size": batch_size, "tokens_per_second": mean}


def in_turns(steps: Steps, rival: TrainingPeer, seconds: float, precision: str) -> tuple[list[float], dict]:
    """ROUNDS of a window of ours, then one of theirs -> times of our steps; peer, ratio, rounds, search.

    The peer is the fastest setting of a short search. At fp32 its fastest fp32 setting without options is in it too.
    """
    search = rival.search(min(seconds, SEARCH))
    settings = {"peer": max(search, key=speed)}
    eager = [run for run in search if run["mode"] == "fp32"]
    if precision == "fp32" and eager:
        settings["fp32_eager"] = max(eager, key=speed)
    windows, compared = take_turns(steps, rival, settings, seconds)
    times = sum(windows, [])
    mean = steps.speed(times)
    ratios = {"ratio" if key == "peer" else f"ratio_{key}": mean / speed(peer) for key, peer in compared.items()}
    for peer, ratio in zip(compared.values(), ratios.values()):
        say(f"ours {mean:,.0f} tokens/s, {peer['name']} {peer['mode']} {speed(peer):,.0f}: ratio {ratio:.2f}")
    kept = ("mode", "batch_size", "tokens_per_second")
    return times, {**compared, **ratios, "peer_environment": limits(), "rounds": [steps.speed(w) for w in windows],
                   "search": [{key: run[key] for key in kept} for run in search]}


def take_turns(steps: Steps, rival: TrainingPeer | None, settings: dict[str, dict],
               seconds: float) -> tuple[list[list[float]], dict[str, dict]]:
    """ROUNDS of a window of ours, then a run of each setting -> times of our steps in each round, summaries."""
    windows, runs = [], {key: [] for key in settings}
    for turn in range(ROUNDS):
        steps.step()              # after the peer had the caches
        windows.append(steps.window(seconds))
        say(f"round {turn + 1} of {ROUNDS}: ours {steps.speed(windows[-1]):,.0f} tokens/s")
        ran = {}                  # the fastest of all may be the eager one
        for key, setting in settings.items():
            how = setting["mode"], setting["batch_size"]
            ran[how] = ran.get(how) or rival.run(*how, seconds)
            runs[key].append(ran[how])
    return windows, {key: summary(rounds) for key, rounds in runs.items()}


def beside_busy(steps: Steps, rival: TrainingPeer | None, peer: dict | None, mean: float, seconds: float,
                processes: int) -> list[dict]:
    """Speeds alone, which were measured before (`mean` and `peer`), and beside busy processes; one row each."""
    say(f"again, beside {processes} busy process{'es' * (processes > 1)}")
    with keep_busy(processes):
        windows, compared = take_turns(steps, rival, {"peer": peer} if peer else {}, seconds)
    rows = []
    for count, ours, theirs in (0, mean, peer), (processes, steps.speed(sum(windows, [])), compared.get("peer")):
        row = {"busy_processes": count, "tokens_per_second": ours, "share_of_quiet": ours / mean}
        if peer:
            row |= {"peer_tokens_per_second": speed(theirs), "peer_share_of_quiet": speed(theirs) / speed(peer),
                    "ratio": ours / speed(theirs)}
        rows.append(row)
    return rows


def summary(rounds: list[dict]) -> dict:
    """The mean of the rounds of one setting of the peer, and the rounds."""
    speeds = [speed(run) for run in rounds]
    return {"name": rounds[0]["peer"], "mode": rounds[0]["mode"], "batch_size": rounds[0]["batch_size"],
            "tokens_per_second": sum(speeds) / len(speeds), "rounds": speeds,
            "peak_rss_mb": max((run["peak_rss_mb"] for run in rounds if run["peak_rss_mb"]), default=None)}


def profile_steps(steps: Steps, seconds: float) -> list[dict]:
    """Time per step of each kernel, over a window of its own."""
    with use_backend(Profile()) as profile:
        times = steps.window(seconds)
    return table(profile.spent, len(times), sum(times) * steps.trainer.workers.count)
