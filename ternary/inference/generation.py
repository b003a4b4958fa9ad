"""Generation: one token after the other, through the state of the model."""
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ternary.autograd.tape import Tape
from ternary.inference.compiled import BURST, CompiledDecoder, plain_decoder
from ternary.inference.decoders import DECODERS, Decoder
from ternary.inference.decoders.base import Told
from ternary.inference.penalties import Penalties
from ternary.inference.sampling import Sampling
from ternary.inference.stops import StopStrings
from ternary.kernels.decode.program import CHUNK
from ternary.kernels.sample import sample
from ternary.models.lm import LM
from ternary.rng import generator
from ternary.schema import checked
from ternary.text.tokenizer import StreamDecoder, Tokenizer


class Engine:
    """A model ready to generate, with no limit to the context; where it attends, work and memory grow with the past.

    decoder: how tokens are chosen, a name of DECODERS; fields: of its config. compiled: by the compiled loop, where the
    model and the decoder have one; its first use compiles for a few seconds.
    """

    def __init__(self, model: LM, tokenizer: Tokenizer, decoder: str | None = None, compiled: bool = True,
                 **fields: Any):
        self.model, self.tokenizer = model, tokenizer
        self.tape = Tape("fp32", record=False)        # holds the packed weights
        decoder_type = DECODERS.get(decoder) if decoder else plain_decoder if compiled else Decoder
        checked(DECODERS.get(decoder).config_type if decoder else Decoder.config_type, fields,
                decoder or "the plain decoder")
        self.decoder = decoder_type(model, tokenizer, self.tape, **fields)
        self.generated = 0                    # tokens of the last text
        ids = range(tokenizer.vocab_size)     # those that spell nothing are never drawn, but for the end of a story
        self.silent = np.array([i for i in ids if not tokenizer.token_bytes(i) and i != tokenizer.EOS], int)

    def tokens(self, prompt: str = "", max_tokens: int = 256, sampling: Sampling | None = None,
               seed: int = 0, told: Told | None = None) -> Iterator[int]:
        """Token ids after `prompt` until EOS or `max_tokens`; the same seed gives the same tokens.

        told: hears how much of the prompt is read.
        """
        sampling, rng = sampling or Sampling(), generator(seed, "sample")
        ids = [self.tokenizer.EOS, *self.tokenizer.encode(prompt)]           # EOS: a story begins
        self.generated = 0
        if isinstance(self.decoder, CompiledDecoder) and self.decoder.draws(sampling):
            yield from self.bursts(self.decoder, ids, max_tokens, sampling, rng, told)
            return
        state, penalties = self.decoder.init_state(), Penalties(sampling, self.model.config.vocab_size, ids[1:])
        drawn = np.zeros(1, np.int64)

        def draw(logits: np.ndarray) -> int:
            sample(logits, float(sampling.temperature), int(sampling.top_k), float(sampling.top_p),
                   float(sampling.min_p), rng.random(), drawn)
            return int(drawn[0])

        for _ in range(max_tokens):
            logits = penalties.applied(self.decoder.logits(np.array([ids]), state, told).astype(np.float32, copy=False))
            logits[self.silent], told = -np.inf, None
            token = self.decoder.choose(logits, state, draw)
            if token == self.tokenizer.EOS:
                return
            penalties.add(token)
            ids, self.generated = [token], self.generated + 1
            yield token

    def bursts(self, decoder: CompiledDecoder, ids: list[int], max_tokens: int, sampling: Sampling,
               rng: np.random.Generator, told: Told | None) -> Iterator[int]:
        """`tokens` of a decoder that draws by itself: several before Python looks at them."""
        state = decoder.init_state()
        for first in range(0, len(ids) - 1, CHUNK):
            part = ids[first:min(first + CHUNK, len(ids) - 1)]
            decoder.read(np.array(part), state)
            if told:
                told(first + len(part), len(ids))
        if told:                                  # the last token is read by the first burst
            told(len(ids), len(ids))
        last = np.array(ids[-1:])
        while self.generated < max_tokens:
            uniforms = rng.random((min(BURST, max_tokens - self.generated), 1))
            burst = decoder.generate(last, state, sampling, self.silent, uniforms)
            for token in burst[:, 0].tolist():
                if token == self.tokenizer.EOS:
                    return
                self.generated += 1
                yield token
            last = burst[-1]

    def stream(self, prompt: str = "", max_tokens: int = 256, sampling: Sampling | None = None,
               seed: int = 0, told: Told | None = None, stop: Iterable[str] = ()) -> Iterator[str]:
        """The continuation as text, piece by piece; a piece may be "" while a character is incomplete, or while it
        may be the beginning of a stop string. The text ends before the first string of `stop`."""
        decoder, stops = StreamDecoder(self.tokenizer), StopStrings(stop)
        for token in self.tokens(prompt, max_tokens, sampling, seed, told):
            yield stops.feed(decoder.feed(token))
            if stops.found:
                return
        yield stops.feed(decoder.finish()) + stops.finish()

    def generate(self, prompt: str = "", max_tokens: int = 256, sampling: Sampling | None = None,
                 seed: int = 0, stop: Iterable[str] = ()) -> str:
        return "".join(self.stream(prompt, max_tokens, sampling, seed, stop=stop))
