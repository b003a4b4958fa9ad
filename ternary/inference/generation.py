"""Generation: one token after the other, through the state of the model."""
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ternary.autograd.tape import Tape
from ternary.errors import UsageError
from ternary.inference.decoders import DECODERS, Decoder
from ternary.inference.decoders.base import Told
from ternary.inference.penalties import Penalties
from ternary.inference.sampling import Sampling
from ternary.inference.stops import StopStrings
from ternary.kernels.sample import sample
from ternary.models.lm import LM
from ternary.rng import generator
from ternary.schema import checked
from ternary.text.tokenizer import StreamDecoder, Tokenizer

if TYPE_CHECKING:                         # only who decodes by the compiled loop pays for its import
    from ternary.inference.compiled import CompiledDecoder, State
    from ternary.inference.context import Context

BURST = 32                                # tokens that the compiled loop draws before Python looks at them


class Engine:
    """A model ready to generate, with no limit to the context; where it attends, work and memory grow with the past.

    decoder: how tokens are chosen, a name of DECODERS; fields: of its config. compiled: by the compiled loop, where the
    model and the decoder have one; its first use compiles for a few seconds. approximate: see CompiledDecoder.
    """

    def __init__(self, model: LM, tokenizer: Tokenizer, decoder: str | None = None, compiled: bool = True,
                 approximate: bool = False, **fields: Any):
        self.model, self.tokenizer, self.approximate = model, tokenizer, approximate
        self.tape = Tape("fp32", record=False)        # holds the packed weights
        decoder_type = DECODERS.get(decoder) if decoder else Decoder
        checked(decoder_type.config_type, fields, decoder or "the plain decoder")
        self.decoder = decoder_type(model, tokenizer, self.tape, **fields)
        self.may_compile = compiled and not decoder
        self.generated = 0                    # tokens of the text that had one last
        ids = range(tokenizer.vocab_size)     # those that spell nothing are never drawn, but for the end of a story
        self.silent = np.array([i for i in ids if not tokenizer.token_bytes(i) and i != tokenizer.EOS], int)

    @cached_property
    def compiled(self) -> "CompiledDecoder | None":
        """The compiled form of the plain decoder, if there is one; made when it is first used."""
        found = None
        if self.may_compile:
            from ternary.inference.compiled import compiled_decoder
            found = compiled_decoder(self.decoder, self.approximate)
        if self.approximate and not found:
            raise UsageError("only compiled decoding can be approximate, and this decoder, or this model, has none; "
                             "leave --approximate out")
        return found

    def tokens(self, prompt: str = "", max_tokens: int = 256, sampling: Sampling | None = None,
               seed: int = 0, told: Told | None = None, context: "Context | None" = None) -> Generator[int, None, None]:
        """Token ids after `prompt` until EOS or `max_tokens`; the same seed gives the same tokens.

        told: hears how much of the prompt is read. context: a text that the prompt continues (see `new_context`); it
        moves on, whenever the iterator ends or is closed.
        """
        sampling, rng = sampling or Sampling(), generator(seed, "sample")
        text = self.tokenizer.encode(prompt)
        before = context.ids if context else [self.tokenizer.EOS]            # EOS: a story begins
        self.generated = 0
        if self.compiled and self.compiled.draws(sampling):
            yield from self.bursts(self.compiled, [before[-1], *text], max_tokens, sampling, rng, told, context)
            return
        decoder = self.compiled or self.decoder
        state = context.state if context else decoder.init_state()
        penalties = Penalties(sampling, self.model.config.vocab_size, [*before[1:], *text])
        ids, drawn = [before[-1], *text], np.zeros(1, np.int64)

        def draw(logits: np.ndarray) -> int:
            sample(logits, float(sampling.temperature), int(sampling.top_k), float(sampling.top_p),
                   float(sampling.min_p), rng.random(), drawn)
            return int(drawn[0])

        if context and self.compiled:
            ids = [self.begin(self.compiled, ids, state, told, context)]
        for count in range(1, max_tokens + 1):
            kept = context and context.state.copy()
            logits = penalties.applied(decoder.logits(np.array([ids]), state, told).astype(np.float32, copy=False))
            logits[self.silent], told = -np.inf, None
            token = decoder.choose(logits, state, draw)
            if token == self.tokenizer.EOS:
                if context and kept:
                    context.state = kept          # the end of the text is no part of it
                return
            penalties.add(token)
            ids, self.generated = [token], count
            if context:
                context.ids.append(token)
            yield token

    def new_context(self) -> "Context":
        """That of a text of which nothing has been read. UsageError if the model is not compiled."""
        if not self.compiled:
            raise UsageError("a state is kept of compiled models only; this decoder, or this model, has none")
        from ternary.inference.context import Context
        return Context([self.tokenizer.EOS], self.compiled.init_state())

    def bursts(self, decoder: "CompiledDecoder", ids: list[int], max_tokens: int, sampling: Sampling,
               rng: np.random.Generator, told: Told | None, context: "Context | None") -> Iterator[int]:
        """`tokens` of a decoder that draws by itself: several before Python looks at them."""
        state = context.state if context else decoder.init_state()
        last = self.begin(decoder, ids, state, told, context)
        done = 0                              # not self.generated: several texts may be under way
        while done < max_tokens:
            uniforms, kept = rng.random((min(BURST, max_tokens - done), 1)), context and state.copy()
            burst = decoder.generate(np.array([last]), state, sampling, self.silent, uniforms)[:, 0].tolist()
            taken = 0
            try:
                for token in burst:
                    if token == self.tokenizer.EOS:
                        return
                    taken += 1
                    self.generated = done + taken
                    yield token
            finally:
                if context and kept:
                    context.ids += burst[:taken]
                    if taken < len(burst):        # what it read beyond the end of the text is taken back
                        context.state = kept
                        if taken:
                            decoder.read(np.array([last, *burst][:taken]), kept)
            last, done = burst[-1], done + len(burst)

    def begin(self, decoder: "CompiledDecoder", ids: list[int], state: "State", told: Told | None = None,
              context: "Context | None" = None) -> int:
        """Read all of a prompt but its last token -> that one"""
        if ids[:-1]:
            decoder.read_prompt(np.array(ids[:-1]), state, told)
        if told:
            told(len(ids), len(ids))
        if context:
            context.ids += ids[1:]
        return ids[-1]

    def stream(self, prompt: str = "", max_tokens: int = 256, sampling: Sampling | None = None,
               seed: int = 0, told: Told | None = None, stop: Iterable[str] = (),
               context: "Context | None" = None) -> Iterator[str]:
        """The continuation as text, piece by piece; a piece may be "" while a character is incomplete, or while it
        may be the beginning of a stop string. The text ends before the first string of `stop`."""
        decoder, stops = StreamDecoder(self.tokenizer), StopStrings(stop)
        start, drawn, shown = context and context.copy(), list[int](), ""
        with closing(self.tokens(prompt, max_tokens, sampling, seed, told, context)) as tokens:
            for token in tokens:
                piece = stops.feed(decoder.feed(token))
                drawn.append(token)
                shown += piece
                yield piece
                if stops.found:
                    break
        if not stops.found:
            yield stops.feed(decoder.finish()) + stops.finish()
        elif context and start:
            self.keep(context, start, prompt, drawn, shown)

    def keep(self, context: "Context", start: "Context", prompt: str, drawn: list[int], shown: str) -> None:
        """Make `context` that of the prompt and what was shown, which ended before a stop string: in the middle of a
        token, perhaps. start: before the prompt."""
        assert self.compiled                          # which has made the context
        whole = len(drawn)
        while not shown.startswith(before := self.tokenizer.decode(drawn[:whole])):
            whole -= 1
        ids = [*self.tokenizer.encode(prompt), *drawn[:whole], *self.tokenizer.encode(shown[len(before):])]
        context.ids, context.state = start.ids, start.state
        self.begin(self.compiled, [start.ids[-1], *ids], start.state, None, context)

    def generate(self, prompt: str = "", max_tokens: int = 256, sampling: Sampling | None = None,
                 seed: int = 0, stop: Iterable[str] = ()) -> str:
        return "".join(self.stream(prompt, max_tokens, sampling, seed, stop=stop))

    def generate_many(self, prompts: list[str], max_tokens: int = 256, sampling: Sampling | None = None, seed: int = 0,
                      stop: Iterable[str] = (), threads: int = 1) -> list[str]:
        """[generate(prompt, max_tokens, sampling, seed + k, stop) for the k-th prompt], together where the model has a
        compiled form that draws with these settings. The threads share the texts."""
        if isinstance(prompts, str):
            raise UsageError(f"prompts is a text, {prompts[:20]!r}; wanted a list of texts")
        sampling, stop = sampling or Sampling(), tuple(stop)
        if self.compiled and self.compiled.draws(sampling):
            from ternary.inference.many import generate_many
            return generate_many(self, self.compiled, prompts, max_tokens, sampling, seed, stop, threads)
        return [self.generate(prompt, max_tokens, sampling, seed + k, stop) for k, prompt in enumerate(prompts)]
