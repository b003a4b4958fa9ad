"""Tokens per second of generation, one token at a time."""
import time

import numpy as np

from ternary.autograd.tape import Tape
from ternary.bench.measure import machine, peak_rss_mb
from ternary.checkpoint.load import restore
from ternary.errors import UsageError
from ternary.inference.decoders.base import read
from ternary.inference.generation import Sampling
from ternary.kernels.sample import sample
from ternary.machine.heartbeat import say
from ternary.models import MODELS
from ternary.models.lm import LM
from ternary.rng import generator

BATCH = 8
REPEATS = 5


def bench_decode(checkpoint: str | None = None, model: str | None = None, tokens: int = 256) -> dict:
    """Speed of the step form, of one sequence and of BATCH at once -> JSON of `ternary bench decode`.

    A checkpoint, or a new model by name; `tokens` per sequence. The best of several runs; tokens are drawn as
    `generate` draws them by default, which counts (sample_ms).
    """
    if checkpoint and model:
        raise UsageError("--checkpoint and --model each name a model; give one of them")
    if tokens < 1:
        raise UsageError(f"--tokens is {tokens}; wanted at least 1")
    if checkpoint:
        restored = restore(checkpoint)
        name, lm = restored.name, restored.model
    else:
        name = model or "bolt-small"
        lm = MODELS.get(name)()
    say(f"{name}: {tokens} tokens, {REPEATS} runs each of batch 1 and {BATCH}")
    (step, draw), (batch_step, batch_draw) = (best(lm, batch, tokens) for batch in (1, BATCH))
    return {"model": name, "checkpoint": checkpoint, "precision": "fp32", **machine(), "tokens": tokens,
            "tokens_per_second": tokens / (step + draw), "ms_per_token": (step + draw) / tokens * 1e3,
            "step_ms": step / tokens * 1e3, "sample_ms": draw / tokens * 1e3,
            "batch_size": BATCH, "batch_tokens_per_second": BATCH * tokens / (batch_step + batch_draw),
            "batch_step_ms": batch_step / tokens * 1e3, "batch_sample_ms": batch_draw / tokens * 1e3,
            "peak_rss_mb": peak_rss_mb()}


def best(model: LM, batch: int, tokens: int) -> tuple[float, float]:
    """Seconds in read() and in sample() of the fastest run."""
    generate(model, batch, 2)     # compiles
    return min((generate(model, batch, tokens) for _ in range(REPEATS)), key=sum)


def generate(model: LM, batch: int, tokens: int) -> tuple[float, float]:
    """Seconds in read() and in sample()."""
    s, rng, clock = Sampling(), generator(0, "bench"), time.perf_counter
    tape = Tape("fp32", record=False)
    state, current, drawn = model.init_state(batch), np.zeros(batch, np.int64), np.empty(1, np.int64)
    stepped = sampled = 0.0
    for _ in range(tokens):
        start = clock()
        logits = read(model, tape, current[:, None], state)
        middle = clock()
        for row in range(batch):
            sample(logits[row], s.temperature, s.top_k, s.top_p, s.min_p, rng.random(), drawn)
            current[row] = drawn[0]
        stepped, sampled = stepped + middle - start, sampled + clock() - middle
    return stepped, sampled
