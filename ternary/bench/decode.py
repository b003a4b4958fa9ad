"""Tokens per second of generation, and which share that is of what this machine can read."""
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from ternary.autograd.tape import Tape
from ternary.bench.measure import machine, peak_rss_mb
from ternary.bench.peer import Peer
from ternary.checkpoint.load import restore
from ternary.compiler.two_bit import PANEL
from ternary.errors import UsageError
from ternary.inference.compiled import CompiledDecoder, compiled_decoder
from ternary.inference.decoders.base import Decoder
from ternary.inference.sampling import Sampling
from ternary.kernels.decode.bandwidth import read_through
from ternary.kernels.sample import sample
from ternary.machine.hardware import usable_cores
from ternary.machine.heartbeat import say
from ternary.machine.workers import Workers, most_workers
from ternary.models import MODELS
from ternary.rng import generator
from ternary.text.tokenizer import FIRST_PIECE, Tokenizer
from ternary.training.micro_batches import even_cuts

STREAMS = 32
PROMPT = 1024                     # tokens
REPEATS = 5
ROUNDS = 3                        # with a peer
GREEDY = Sampling(temperature=0)


def bench_decode(checkpoint: str | None = None, model: str | None = None, tokens: int = 256, approximate: bool = False,
                 peer_model: str | None = None, peer_python: str = sys.executable) -> dict:
    """Speed of generation -> JSON of `ternary bench decode`.

    A checkpoint, or a new model by name; `tokens` per sequence, on one thread. The best of several runs. Tokens are
    drawn as `generate` draws them by default. approximate: see CompiledDecoder.
    general_tokens_per_second: of the model itself, op by op.
    bytes_per_token: of weights that each token reads; bandwidth: bytes per second of one thread that reads as many
    bytes over and over. peer_model: a GGUF file, which llama.cpp runs in turns with us, on one thread and on all; the
    ratios are to its faster one.
    """
    if checkpoint and model:
        raise UsageError("--checkpoint and --model each name a model; give one of them")
    rivals = [Peer(peer_python, "decode_llama.py", "--model", peer_model, "--threads", threads, "--tokens", tokens,
                   "--prompt", PROMPT, "--json", module="llama_cpp")
              for threads in sorted({1, usable_cores()[0]})] if peer_model else []
    if tokens < 1:
        raise UsageError(f"--tokens is {tokens}; wanted at least 1")
    if checkpoint:
        restored = restore(checkpoint)
        name, lm, tokenizer = restored.name, restored.model, restored.tokenizer
    else:
        name, tokenizer = model or "bolt-small", Tokenizer((), FIRST_PIECE)
        lm = MODELS.get(name)()
    say(f"{name}: {tokens} tokens, {REPEATS} runs of each form")
    tape = Tape("fp32", record=False)
    general = Decoder(lm, tokenizer, tape)
    decoder = compiled_decoder(general, approximate)
    result = {"model": name, "checkpoint": checkpoint, **machine(), "threads": 1, "tokens": tokens,
              "approximate": approximate, "compiled": decoder is not None}
    if decoder:
        size = decoder.bytes_per_token
        result |= {
            "tokens_per_second": speed(lambda: draw(decoder, 1, tokens), tokens),
            "greedy_tokens_per_second": speed(lambda: draw(decoder, 1, tokens, GREEDY), tokens),
            "streams": STREAMS, "streams_tokens_per_second": speed(lambda: draw(decoder, STREAMS, tokens),
                                                                   STREAMS * tokens),
            "streams_all_cores_tokens_per_second": on_all_cores(decoder, tokens),
            "prompt_tokens": PROMPT, "prompt_tokens_per_second": speed(lambda: read(decoder, PROMPT), PROMPT),
            "bytes_per_token": size, "bandwidth": (bandwidth := read_bandwidth(size))}
        result["share_of_bandwidth"] = size * result["greedy_tokens_per_second"] / bandwidth
        if rivals:
            result |= against(rivals, decoder, tokens)
    result["general_tokens_per_second"] = speed(lambda: step(general, tokens), tokens)
    return {**result, "peak_rss_mb": peak_rss_mb()}


def against(rivals: list[Peer], decoder: CompiledDecoder, tokens: int) -> dict:
    """ROUNDS in turns, each of one run of every rival and of ours -> means of both, and their ratios."""
    names, ours, theirs = ("tokens_per_second", "prompt_tokens_per_second"), [], []
    for _ in range(ROUNDS):
        ours.append((speed(lambda: draw(decoder, 1, tokens), tokens), speed(lambda: read(decoder, PROMPT), PROMPT)))
        found = [rival.call()[0] for rival in rivals]
        theirs.append([max(run[name] for run in found) for name in names])
        say(f"ours {ours[-1][0]:,.0f} tokens/s, prompt {ours[-1][1]:,.0f}; {found[0]['peer']} {theirs[-1][0]:,.0f}, "
            f"prompt {theirs[-1][1]:,.0f}")
    mine, other = np.mean(ours, 0), np.mean(theirs, 0)
    return {"peer": found[0]["peer"], "rounds": ROUNDS,
            **{f"{who}_{name}": float(x) for who, means in (("our_mean", mine), ("peer", other))
               for name, x in zip(names, means)},
            "ratio": float(mine[0] / other[0]), "prompt_ratio": float(mine[1] / other[1])}


def speed(run: Callable[[], None], tokens: int) -> float:
    """Tokens per second of the fastest run; one before them compiles."""
    run()
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return tokens / best


def draw(decoder: CompiledDecoder, streams: int, tokens: int, sampling: Sampling | None = None) -> None:
    """Begin stories; `streams` at once do not stop at the end of a story, nor does one that draws no EOS."""
    silent = np.array([decoder.tokenizer.EOS])
    decoder.generate(np.zeros(streams, np.int64), decoder.init_state(streams), sampling or Sampling(), silent,
                     generator(0, "bench").random((tokens, streams)))


def on_all_cores(decoder: CompiledDecoder, tokens: int) -> float:
    """Tokens per second of STREAMS, which the cores share."""
    count = min(STREAMS, most_workers(usable_cores()[0]))
    workers, parts = Workers(count, 1), even_cuts(STREAMS, count)
    tasks = [partial(draw, decoder.for_thread(), part.stop - part.start, tokens) for part in parts]
    return speed(lambda: workers.run(tasks), STREAMS * tokens)


def read(decoder: CompiledDecoder, tokens: int) -> None:
    decoder.read_prompt(generator(0, "bench").integers(0, decoder.head.vocab, tokens), decoder.init_state())


def step(decoder: Decoder, tokens: int) -> None:
    """Token by token, by the model itself."""
    s, rng, state, drawn = Sampling(), generator(0, "bench"), decoder.init_state(), np.zeros(1, np.int64)
    for _ in range(tokens):
        logits = decoder.logits(drawn[None], state)
        sample(logits, s.temperature, s.top_k, s.top_p, s.min_p, rng.random(), drawn)


def read_bandwidth(size: int, seconds: float = 0.05) -> float:
    """Bytes per second of one thread that reads so many bytes again and again."""
    a = np.ones(-(-size // (16 * PANEL)) * 4 * PANEL, np.float32)
    times = max(1, int(seconds * 20e9 / a.nbytes))
    return speed(lambda: read_through(a, times), a.nbytes * times)
