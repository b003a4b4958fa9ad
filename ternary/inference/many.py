"""Several texts at once: a matrix that is read serves all of them."""
from collections.abc import Iterable
from functools import partial

import numpy as np

from ternary.inference.compiled import CompiledDecoder
from ternary.inference.generation import BURST, Engine
from ternary.inference.sampling import Sampling
from ternary.inference.stops import StopStrings
from ternary.machine.workers import Workers, most_workers
from ternary.rng import generator
from ternary.text.tokenizer import StreamDecoder

MEMORY = 256 << 20                # bytes of keys and values of a group of texts


class Text:
    """The continuation of one prompt so far."""

    def __init__(self, engine: Engine, seed: int, stop: Iterable[str]):
        self.rng, self.end = generator(seed, "sample"), engine.tokenizer.EOS
        self.decoder, self.stops = StreamDecoder(engine.tokenizer), StopStrings(stop)
        self.pieces: list[str] = []

    def extend(self, tokens: list[int]) -> bool:
        """Add tokens, up to the end of the text -> whether it goes on after them."""
        for token in tokens:
            if token == self.end:
                return False
            self.pieces.append(self.stops.feed(self.decoder.feed(token)))
            if self.stops.found:
                return False
        return True

    def __str__(self) -> str:
        rest = "" if self.stops.found else self.stops.feed(self.decoder.finish()) + self.stops.finish()
        return "".join(self.pieces) + rest


def generate_many(engine: Engine, decoder: CompiledDecoder, prompts: list[str], max_tokens: int, sampling: Sampling,
                  seed: int, stop: tuple[str, ...], threads: int) -> list[str]:
    """What engine.generate(prompts[k], max_tokens, sampling, seed + k, stop) returns, for all k, sooner."""
    count = min(most_workers(threads), len(prompts))
    if not count:
        return []
    texts = [Text(engine, seed + k, stop) for k in range(len(prompts))]
    ids = [[engine.tokenizer.EOS, *engine.tokenizer.encode(prompt)] for prompt in prompts]

    def share(own: range, decoder: CompiledDecoder) -> None:
        for group in groups(decoder, {k: len(ids[k]) + max_tokens for k in own}):
            generate_together(engine, decoder, [texts[k] for k in group], [ids[k] for k in group], max_tokens, sampling)
    Workers(count, 1).run([partial(share, range(k, len(prompts), count), decoder.for_thread()) for k in range(count)])
    return [str(text) for text in texts]


def groups(decoder: CompiledDecoder, tokens: dict[int, int]) -> list[list[int]]:
    """Which texts grow together: all, unless their keys and values take too much memory, as each has room for as many
    as the longest. tokens: that each text may come to."""
    found: list[list[int]] = [[]]
    for k in sorted(tokens, key=lambda k: tokens[k]):
        if found[-1] and decoder.cache_type.itemsize * decoder.cache_size(tokens[k]) * (len(found[-1]) + 1) > MEMORY:
            found.append([])
        found[-1].append(k)
    return found


def generate_together(engine: Engine, decoder: CompiledDecoder, texts: list[Text], prompts: list[list[int]],
                      max_tokens: int, sampling: Sampling) -> None:
    """All texts, on one thread. prompts: tokens."""
    states = [decoder.init_state() for _ in texts]
    last = np.array([engine.begin(decoder, prompt, state) for prompt, state in zip(prompts, states)])
    state, done = decoder.joined(states), 0
    while texts and done < max_tokens:
        steps = min(BURST, max_tokens - done)
        uniforms = np.stack([text.rng.random(steps) for text in texts], 1)
        drawn = decoder.generate(last, state, sampling, engine.silent, uniforms)
        going = np.array([text.extend(drawn[:, k].tolist()) for k, text in enumerate(texts)])
        state, last, done = decoder.selected(state, going), drawn[-1][going], done + steps
        texts = [text for text, goes in zip(texts, going) if goes]
