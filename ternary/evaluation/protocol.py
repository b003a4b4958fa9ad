"""Bits per character of whole stories; the first token counts too (docs/evaluation.md)."""
import math
from collections.abc import Iterable
from functools import partial
from itertools import islice

import numpy as np

from ternary.autograd.pool import Pool
from ternary.autograd.tape import Tape, current_tape
from ternary.errors import DataError, UsageError
from ternary.machine.heartbeat import heartbeat
from ternary.machine.ranks import ALONE, World
from ternary.machine.workers import Workers, usual_workers
from ternary.models.lm import LM
from ternary.text.tokenizer import Tokenizer

ROWS = 4096                       # tokens of one forward pass; longer stories are scored in chunks of so many
POOL_LIMIT = 512 << 20            # bytes of buffers that are kept from one chunk to the next
PROTOCOLS = ("honest", "flashlm")


def pairs(text: str, tokenizer: Tokenizer, protocol: str) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of one story.

    honest: EOS, as between stories in training, then all tokens; EOS at the end is charged too. flashlm (of the
    published scripts): no EOS, the first token is free, at most 256 predictions, though all characters are counted.
    """
    ids = tokenizer.encode_array(text)
    if protocol == "flashlm":
        ids = ids[:257]
        return ids[:-1], ids[1:]
    eos = np.array([tokenizer.EOS], ids.dtype)
    return np.concatenate([eos, ids]), np.concatenate([ids, eos])


def story_nats(model: LM, sequences: list[tuple[np.ndarray, np.ndarray]], precision: str,
               workers: Workers | None = None) -> np.ndarray:
    """Nats of each story. Stories of like length run together, padded behind, which a causal model cannot see.

    Those of more than ROWS tokens run in chunks, with the state of the model carried over: memory does not grow with
    them.
    """
    nats, workers = np.zeros(len(sequences)), workers or usual_workers()
    lengths = [padded_length(len(x)) for x, _ in sequences]
    tapes = [Tape(precision, record=False) for _ in range(workers.count)]
    for tape in tapes:
        tape.packed = tapes[0].packed

    def score(group: list[int], length: int) -> None:
        """Stories of at most `length` tokens."""
        if length > ROWS:
            nats[group[0]] = long_nats(model, *sequences[group[0]])
            return
        x, y = np.zeros((2, max(1, ROWS // length), length), np.int32)
        for row, k in enumerate(group):
            n = len(sequences[k][0])
            x[row, :n], y[row, :n] = sequences[k]
        loss = model.nll(x, y)
        for row, k in enumerate(group):
            nats[k] = loss[row, :len(sequences[k][0])].sum(dtype=np.float64)

    def told() -> str:
        return f"scoring stories: {np.count_nonzero(nats):,} of {len(nats):,}"

    tasks = []
    for length in sorted(set(lengths), reverse=True):             # the longest first: workers end together
        members, batch = [k for k, n in enumerate(lengths) if n == length], max(1, ROWS // length)
        tasks += [partial(score, members[first:first + batch], length) for first in range(0, len(members), batch)]
    with heartbeat(told):
        workers.run(tasks, tapes)
    return nats


def padded_length(n: int) -> int:
    """The next power of two from 32 on: few lengths, so that buffers are used again."""
    return 1 << max(5, (n - 1).bit_length())


def long_nats(model: LM, inputs: np.ndarray, targets: np.ndarray) -> float:
    """Nats of one story, chunk by chunk."""
    state, total, tape = model.init_state(), 0.0, current_tape()
    for first in range(0, len(inputs), ROWS):
        n = min(ROWS, len(inputs) - first)
        x, y = np.zeros((2, 1, padded_length(n)), np.int32)
        x[0, :n], y[0, :n] = inputs[first:first + n], targets[first:first + n]
        total += model.nll(x, y, state)[0, :n].sum(dtype=np.float64)
        if tape.pool.taken > POOL_LIMIT:  # attention needs larger buffers for each chunk, and new ones for each size
            tape.pool = Pool()
    return total


def evaluate(model: LM, tokenizer: Tokenizer, stories: Iterable[str], limit: int | None = 500,
             precision: str = "fp32", protocol: str = "honest", workers: Workers | None = None,
             world: World = ALONE) -> dict:
    """Score the first `limit` stories -> the JSON of `ternary eval`. DataError if there is none.

    Each rank of `world` scores a part of them.
    """
    if protocol not in PROTOCOLS:
        raise UsageError(f"--protocol is {protocol!r}; use one of {', '.join(PROTOCOLS)}")
    texts = [t for t in map(str.strip, islice(stories, limit)) if t]
    if protocol == "flashlm":
        texts = [t for t in texts if len(t) > 50]
    sequences = [(t, pairs(t, tokenizer, protocol)) for t in texts]
    sequences = [(t, xy) for t, xy in sequences if len(xy[0])]
    if not sequences:
        raise DataError("no story to evaluate; want text of at least one token")
    texts, xy = [t for t, _ in sequences], [p for _, p in sequences]
    nats, own = np.zeros(len(xy)), slice(world.rank, None, world.size)
    nats[own] = story_nats(model, xy[own], precision, workers)
    world.all_reduce(nats)
    total, tokens, chars = float(nats.sum()), sum(len(x) for x, _ in xy), sum(map(len, texts))
    size = sum(len(t.encode()) for t in texts)
    loss, bits = total / tokens, total / math.log(2)
    label = protocol if protocol == "honest" else "flashlm (truncated at 256 predictions; not comparable)"
    return {"nats_per_token": loss, "perplexity": math.exp(min(loss, 700)), "bits_per_token": bits / tokens,
            "bpc": bits / chars, "bpb": bits / size, "tokens": tokens, "chars": chars, "stories": len(texts),
            "protocol": label}
