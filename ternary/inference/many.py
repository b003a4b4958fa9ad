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
    Workers(count, 1).run([partial(generate_together, engine, decoder.for_thread(), texts[k::count], prompts[k::count],
                                   max_tokens, sampling) for k in range(count)])
    return [str(text) for text in texts]


def generate_together(engine: Engine, decoder: CompiledDecoder, texts: list[Text], prompts: list[str], max_tokens: int,
                      sampling: Sampling) -> None:
    """All texts, on one thread."""
    states = [decoder.init_state() for _ in texts]
    last = np.array([engine.begin(decoder, [engine.tokenizer.EOS, *engine.tokenizer.encode(prompt)], state)
                     for prompt, state in zip(prompts, states)])
    state, done = decoder.joined(states), 0
    while texts and done < max_tokens:
        steps = min(BURST, max_tokens - done)
        uniforms = np.stack([text.rng.random(steps) for text in texts], 1)
        drawn = decoder.generate(last, state, sampling, engine.silent, uniforms)
        going = np.array([text.extend(drawn[:, k].tolist()) for k, text in enumerate(texts)])
        state, last, done = decoder.selected(state, going), drawn[-1][going], done + steps
        texts = [text for text, goes in zip(texts, going) if goes]
