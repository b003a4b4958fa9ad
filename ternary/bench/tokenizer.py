"""Speed and thrift of the tokenizer."""
import time
from collections.abc import Callable, Iterable

import numpy as np

from ternary.bench.measure import machine, peak_rss_mb
from ternary.errors import DataError, UsageError
from ternary.machine.heartbeat import say
from ternary.text.corpus import open_corpus
from ternary.text.tokenizer import FIRST_PIECE, SPECIALS, Tokenizer

HELD_OUT = 10                     # every so many-th story
REPEATS = 3


def bench_tokenizer(data: str = "fables", field: str | None = None, megabytes: float = 10.0,
                    vocab_size: int = 10000) -> dict:
    """Learn a vocabulary from the first `megabytes` of a corpus, and encode them.

    -> JSON of `ternary bench tokenizer`. Every tenth story is kept from learning: chars_per_token and
    byte_share (the tokens that are single bytes) are those of these stories. Speeds are the best of several,
    in UTF-8 bytes; encoding begins with a cold cache.
    """
    if not megabytes > 0:
        raise UsageError(f"--megabytes is {megabytes}; wanted above 0")
    texts = first(open_corpus(data, "train", field).stories(), megabytes * 1e6)
    held_out = texts[::HELD_OUT]
    learned = [text for k, text in enumerate(texts) if k % HELD_OUT]
    if not learned:
        raise DataError(f"{data} holds one story; two are needed, one to learn from and one to measure")
    say(f"{data}: {len(texts):,} stories, {size(texts):.2f} MB; learning {vocab_size} tokens")
    train_seconds, tokenizer = best(lambda: Tokenizer.train(learned, vocab_size))
    say("encoding")
    encode_seconds, _ = best(lambda: encode(Tokenizer(tokenizer.pieces, vocab_size), texts))
    ids = np.concatenate([tokenizer.encode_array(text) for text in held_out])
    return {"data": data, **machine(), "threads": 1, "stories": len(texts), "megabytes": size(texts),
            "vocab_size": vocab_size, "pieces": len(tokenizer.pieces),
            "train_mb_per_second": size(learned) / train_seconds,
            "encode_mb_per_second": size(texts) / encode_seconds,
            "chars_per_token": sum(map(len, held_out)) / len(ids),
            "byte_share": float(((ids >= SPECIALS) & (ids < FIRST_PIECE)).mean()),
            "peak_rss_mb": peak_rss_mb()}


def first(stories: Iterable[str], limit: float) -> list[str]:
    """The first stories, until they hold `limit` bytes or more."""
    texts, held = [], 0
    for story in stories:
        texts.append(story)
        held += len(story.encode("utf-8", "replace"))
        if held >= limit:
            break
    return texts


def size(texts: list[str]) -> float:
    """MB of UTF-8."""
    return sum(len(text.encode("utf-8", "replace")) for text in texts) / 1e6


def encode(tokenizer: Tokenizer, texts: list[str]) -> None:
    for _ in tokenizer.encode_arrays(texts):
        pass


def best(f: Callable) -> tuple[float, object]:
    """The fastest of REPEATS calls -> seconds, result"""
    runs = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        result = f()
        runs.append((time.perf_counter() - start, result))
    return min(runs, key=lambda run: run[0])
